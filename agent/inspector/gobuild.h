/*
 * What the Go linker writes into each program: the main module and its version.
 */
#pragma once

#include "agent/inspector/range.h"
#include "agent/inspector/view.h"
#include "policy/identity/facts.h"

enum {
	GOBUILD_SEARCH_MAX = 64 << 10, /* bytes searched for it, as Go's own tools do */
	GOBUILD_TEXT_MAX =
		64 << 10, /* bytes of its text that are read; the main module comes first */
};

/* Looks at the beginning of @place, a section or segment, for the information that Go 1.18 and
 * later write inline. 1: *ret is the main module; without one (as Debian builds) it is what the
 * package path of the program begins with, without a version. 0: nothing there, or an older Go.
 * -EBADMSG: malformed, or past a limit; or a negative errno of reading. */
int gobuild_read(const struct view *v, const struct range *place, struct package *ret);
