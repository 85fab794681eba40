/*
 * Metadata of installed Python packages (PyPA's core metadata, and RECORD of wheels).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "policy/identity/facts.h"

enum {
	PYTHON_METADATA_SIZE_MAX = 1 << 20,
	PYTHON_RECORD_SIZE_MAX = 4 << 20,
};

/* Reads METADATA or PKG-INFO. 1: *ret is a package with its name in normal form, and a version (""
 * when it has none). -EBADMSG: malformed, without a name, or past a limit. */
int python_parse(const char *text, size_t n, struct package *ret);

/* Does a RECORD list the program at the absolute path @program, as a file of its folder of packages
 * or as a script of the bin/ that belongs to it? */
bool python_record_lists(const char *text, size_t n, const char *program);

/* For packages without a RECORD: is the program, or what it lies under, named as the package? */
bool python_is_named_after(const struct package *p, const char *program);
