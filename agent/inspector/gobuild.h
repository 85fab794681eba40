/*
 * What the Go linker writes into each program: the main module and its version.
 */
#pragma once

#include "agent/inspector/elf_dynamic.h"
#include "agent/inspector/range.h"
#include "policy/identity/facts.h"

enum {
	GOBUILD_SEARCH_MAX = 64 << 10, /* bytes searched for it, as Go's own tools do */
	GOBUILD_TEXT_MAX =
		64 << 10, /* bytes of its text that are read; the main module comes first */
};

/* Looks at the beginning of @place, a section or segment of @d, for the information. 1: *ret is the
 * main module; without one (as Debian builds) it is what the package path of the program begins
 * with, without a version. 0: nothing there. -EBADMSG: malformed, or past a limit; or a negative
 * errno of reading. */
int gobuild_read(const struct view *v, const struct elf_dynamic *d, const struct range *place,
	struct package *ret);
