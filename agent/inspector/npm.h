/*
 * npm's package.json: name and version, and nothing else of it.
 */
#pragma once

#include <stddef.h>

#include "policy/identity/facts.h"

enum { NPM_METADATA_SIZE_MAX = 1 << 20 };

/* Reads a package.json of @n bytes. 1: *ret is a package with a name, and a version ("" when it has
 * none). 0: well-formed, but names no package. -EBADMSG: malformed, or past a limit. */
int npm_parse(const char *text, size_t n, struct package *ret);
/* The same for a descriptor; -EFBIG for a file past NPM_METADATA_SIZE_MAX, -EINVAL for what is not
 * a regular file, or a negative errno of reading. */
int npm_read(int fd, struct package *ret);

/* What to do once before the sandbox is entered: jansson wants a random seed from a file. */
void npm_prepare(void);
