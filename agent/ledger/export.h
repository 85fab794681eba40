/*
 * Records for the outside world: CSV (RFC 4180, one header line, the columns of fields.h in their
 * order, an empty cell for what is not known) for people with a spreadsheet, and JSON Lines (one
 * OCSF event per line, see ocsf.h) for machines. Every text in both is as plain_text() makes it.
 */
#pragma once

#include <stdio.h>

#include "agent/ledger/reader.h"

enum export_format {
	EXPORT_CSV,
	EXPORT_JSONL,
	_EXPORT_FORMAT_MAX,
};

/* What comes before the first record. 0, or the negative errno of writing. */
int export_begin(FILE *f, enum export_format format);
/* One record. In CSV a text that a spreadsheet would take for a formula gets a ' in front. */
int export_record(FILE *f, enum export_format format, const struct record *r);

/* "csv", "jsonl": 0, or -EINVAL. */
int export_format_from_string(const char *s, enum export_format *ret);
