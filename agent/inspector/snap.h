/*
 * meta/snap.yaml of a snap.
 */
#pragma once

#include <stddef.h>

#include "policy/identity/facts.h"

enum {
	SNAP_SIZE_MAX = 256 << 10,
	SNAP_NESTING_MAX = 32,
};

/* 1: *ret is "snap/NAME", with a version or "". 0: well-formed, but names nothing. -EBADMSG:
 * malformed, or past a limit; -ENOMEM. */
int snap_parse(const char *text, size_t n, struct package *ret);
