/*
 * Members of JSON objects in metadata files, each taken with a check of what it is. A failure is
 * told with the member, where it stands, what it is and what was expected there.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "policy/trust/error.h"

/* The file, and the part of it that is being read; all borrowed. */
struct reading {
	const char *role, *file;
	struct tuf_error *e;
	const char *part, *name; /* "target", "a/b.txt"; NULL: the file as a whole */
};

/* -EBADMSG: `target "a/b.txt" ` and what @format says. */
int reading_fail(const struct reading *rd, const char *format, ...) _printf_(2, 3);
/* -EBADMSG: `"length" of target "a/b.txt" is missing, expected a whole number`. @value may be NULL.
 */
int member_refuse(
	const struct reading *rd, const char *key, const json_t *value, const char *expected);

/* 0 or -EBADMSG. What is returned is borrowed from @object. */
int member_string(
	const struct reading *rd, const json_t *object, const char *key, const char **ret);
int member_object(
	const struct reading *rd, const json_t *object, const char *key, const json_t **ret);
int member_array(
	const struct reading *rd, const json_t *object, const char *key, const json_t **ret);
int member_integer(const struct reading *rd, const json_t *object, const char *key, int64_t min,
	int64_t max, int64_t *ret);
int member_bool(const struct reading *rd, const json_t *object, const char *key, bool *ret);
/* 64 lower-case hexadecimal digits. */
bool member_is_keyid(const char *s);
