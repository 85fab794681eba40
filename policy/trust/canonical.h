/*
 * JSON as TUF has it: read strictly, and written in the canonical form that is signed (OLPC
 * canonical JSON as python-securesystemslib writes it): no white space, keys sorted by code point,
 * only " and \ escaped, everything else as raw UTF-8 (control characters too), integers only.
 */
#pragma once

#include <stddef.h>

#include <jansson.h>

#include "policy/base/cleanup.h"

enum {
	CANONICAL_DEPTH_MAX = 64,       /* objects and arrays within each other */
	CANONICAL_VALUES_MAX = 1 << 19, /* in one document: bounds the memory that reading takes */
};

#define _cleanup_json_ _cleanup_(json_decrefp)

/* Reads one JSON value and nothing behind it: -EBADMSG with why in @why (may be NULL, @size bytes)
 * for anything but strict UTF-8 JSON, for repeated keys and past either limit. */
int canonical_load(const void *bytes, size_t n, char *why, size_t size, json_t **ret);

/* *ret (owned, a NUL behind it) is the canonical form. -EBADMSG: holds a real number, or nests too
 * deep. */
int canonical_encode(const json_t *value, char **ret, size_t *ret_size);
