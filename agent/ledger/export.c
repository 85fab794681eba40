#include "agent/ledger/export.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <string.h>

#include "agent/ledger/fields.h"
#include "agent/ledger/ocsf.h"
#include "agent/ledger/plain.h"
#include "policy/base/clock.h"

/* ---- CSV ---- */

static void write_quoted(FILE *f, const char *text)
{
	bool formula = strchr("=+-@", *text) != NULL; /* or "", which is never passed */

	if (!formula && !strpbrk(text, "\",\r\n")) {
		(void) fputs(text, f);
		return;
	}
	(void) fputc('"', f);
	if (formula)
		(void) fputc('\'', f);
	for (; *text; text++) {
		if (*text == '"')
			(void) fputc('"', f);
		(void) fputc(*text, f);
	}
	(void) fputc('"', f);
}

static int write_text(FILE *f, const char *text)
{
	_cleanup_free_ char *plain = NULL;
	int r;

	if (!text || !*text)
		return 0;
	r = plain_text(text, &plain);
	if (r < 0)
		return r;
	write_quoted(f, plain);
	return 0;
}

static int write_cell(FILE *f, const struct record *r, const struct record_field *field)
{
	char time[CLOCK_TEXT_SIZE];

	switch (field->kind) {
	case FIELD_TEXT:
	case FIELD_BYTES:
		return write_text(f, record_field_text(r, field));
	case FIELD_COUNT:
		if (record_field_count(r, field) != 0)
			(void) fprintf(f, "%" PRIu64, record_field_count(r, field));
		break;
	case FIELD_NUMBER:
		if (record_field_number(r, field) != -1)
			(void) fprintf(f, "%" PRId64, record_field_number(r, field));
		break;
	case FIELD_TIME:
		clock_format_utc(record_field_number(r, field), 9, time);
		(void) fputs(time, f);
		break;
	case _FIELD_KIND_MAX:
		break;
	}
	return 0;
}

static int write_row(FILE *f, const struct record *r)
{
	int e = 0;

	for (size_t i = 0; e >= 0 && i < ARRAY_SIZE(record_fields); i++) {
		if (i > 0)
			(void) fputc(',', f);
		e = write_cell(f, r, &record_fields[i]);
	}
	(void) fputs("\r\n", f);
	return e;
}

/* ---- JSON Lines ---- */

static int write_event(FILE *f, const struct record *r)
{
	_cleanup_free_ char *text = NULL;
	json_t *event;
	int e;

	e = ocsf_from_record(r, &event);
	if (e < 0)
		return e;
	text = json_dumps(event, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(event);
	if (!text)
		return -ENOMEM;
	(void) fputs(text, f);
	(void) fputc('\n', f);
	return 0;
}

static int result(FILE *f)
{
	return ferror(f) ? (errno ? -errno : -EIO) : 0;
}

int export_begin(FILE *f, enum export_format format)
{
	errno = 0;
	if (format != EXPORT_CSV)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(record_fields); i++)
		(void) fprintf(f, "%s%s", i ? "," : "", record_fields[i].name);
	(void) fputs("\r\n", f);
	return result(f);
}

int export_record(FILE *f, enum export_format format, const struct record *r)
{
	int e = -EINVAL;

	errno = 0;
	switch (format) {
	case EXPORT_CSV:
		e = write_row(f, r);
		break;
	case EXPORT_JSONL:
		e = write_event(f, r);
		break;
	case _EXPORT_FORMAT_MAX:
		break;
	}
	return e < 0 ? e : result(f);
}

int export_format_from_string(const char *s, enum export_format *ret)
{
	static const char *const names[_EXPORT_FORMAT_MAX] = {
		[EXPORT_CSV] = "csv",
		[EXPORT_JSONL] = "jsonl",
	};

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(s, names[i]) == 0) {
			*ret = i;
			return 0;
		}
	}
	return -EINVAL;
}
