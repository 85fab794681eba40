/*
 * Checks that hold for every kind of mapping and value: which keys, of which shape, how long.
 * Functions named schema_* return true when the value is right, and tell messages when not.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/source/message.h"
#include "policy/source/tree.h"

enum {
	SCHEMA_ID_MAX = 64, /* bytes */
	SCHEMA_URL_MAX = 2048,
	SCHEMA_PATH_MAX = 1024,
	SCHEMA_KEYS_MAX = 24, /* keys in a table; none of ours has more */
};

enum key_flags {
	KEY_TEXT = 1u << 0,
	KEY_LIST = 1u << 1,
	KEY_MAPPING = 1u << 2,
	KEY_REQUIRED = 1u << 3,
	KEY_LATER = 1u << 4, /* a word of the language that this version cannot act on: an error */
};

struct key {
	const char *name;
	unsigned flags;
};

struct schema {
	const char *what; /* "a rule" */
	const struct key *keys;
	size_t n;
};

/* Sorts the values of @n by the schema's keys: @values[i] is the one of key i, NULL where there is
 * none or none of the right shape. */
bool schema_mapping(const struct schema *s, const struct node *n, struct messages *m,
	const struct node *values[]);

/* A text of 1 to @max bytes. @lines: may have line breaks. Control characters are refused. */
bool schema_text(const struct node *n, struct messages *m, const char *what, size_t max, bool lines,
	const char **ret);
/* Letters, digits, '.', '_' and '-', beginning with a letter or digit. */
bool schema_id(const struct node *n, struct messages *m, const char *what, const char **ret);
/* An absolute http or https URL. */
bool schema_url(const struct node *n, struct messages *m, const char *what, const char **ret);
/* One of @words (by index); @what: "action". */
bool schema_word(const struct node *n, struct messages *m, const char *what,
	const char *const words[], size_t n_words, size_t *ret);
bool schema_bool(const struct node *n, struct messages *m, const char *what, bool *ret);
/* A whole number from @min to @max. */
bool schema_number(const struct node *n, struct messages *m, const char *what, uint64_t min,
	uint64_t max, uint64_t *ret);
/* "500ms" or "2s", from @min to @max. */
bool schema_duration(const struct node *n, struct messages *m, const char *what, uint64_t min_usec,
	uint64_t max_usec, uint64_t *ret_usec);
/* A path from the root without "//", "." and ".." in it; with @glob also "~/...". */
bool schema_path(
	const struct node *n, struct messages *m, const char *what, bool glob, const char **ret);
