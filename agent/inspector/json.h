/*
 * JSON metadata. jansson refuses what is not UTF-8, holds a NUL, repeats a key or nests deeper than
 * 2,048; the sandbox's address space bounds what a hostile file can make it build.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "policy/base/cleanup.h"

enum { JSON_SIZE_MAX = 1 << 20 };

#define _cleanup_json_ _cleanup_(json_decrefp)

/* The object that the text is, or NULL for anything else. A byte order mark in front is fine. */
json_t *json_read(const char *text, size_t n);

/* Copies a string member as field_copy() does; a missing one is empty, one of another type
 * -EBADMSG. */
int json_take(const json_t *object, const char *key, char *out, size_t size);
