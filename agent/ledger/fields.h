/*
 * The fields of a record by name: one list for all who carry records as key and value (the bus,
 * proscribectl's JSON). The names are part of the documented output: append, never rename.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "agent/ledger/reader.h"

enum field_kind {
	FIELD_TEXT,   /* const char *, UTF-8 */
	FIELD_BYTES,  /* const char *, any bytes but NUL */
	FIELD_COUNT,  /* uint64_t; 0: does not apply */
	FIELD_NUMBER, /* int64_t; -1: unknown */
	FIELD_TIME,   /* int64_t, nanoseconds UTC; carried as RFC 3339 with nine digits */
	_FIELD_KIND_MAX,
};

struct record_field {
	const char *name;
	enum field_kind kind;
	size_t offset; /* in struct record */
};

enum { RECORD_FIELDS_N = 36 };
extern const struct record_field record_fields[RECORD_FIELDS_N];

const char *record_field_text(
	const struct record *r, const struct record_field *f); /* may be NULL */
uint64_t record_field_count(const struct record *r, const struct record_field *f);
int64_t record_field_number(const struct record *r, const struct record_field *f);
