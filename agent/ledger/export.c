#include "agent/ledger/export.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <string.h>

#include "agent/ledger/ocsf.h"
#include "agent/ledger/plain.h"
#include "policy/base/clock.h"

enum column_type {
	COLUMN_TEXT,
	COLUMN_UNSIGNED,
	COLUMN_KNOWN, /* a number; -1, not known, leaves the cell empty */
	COLUMN_TIME,
};

/* New columns go to the end: scripts count them. */
static const struct {
	const char *name;
	enum column_type type;
	size_t offset;
} columns[] = {
#define COLUMN(name, type)                                 \
	{                                                  \
#name, type, offsetof(struct record, name) \
	}
	COLUMN(sequence, COLUMN_UNSIGNED),
	{ "time", COLUMN_TIME, offsetof(struct record, utc_nsec) },
	COLUMN(id, COLUMN_TEXT),
	COLUMN(kind, COLUMN_TEXT),
	COLUMN(outcome, COLUMN_TEXT),
	COLUMN(verdict, COLUMN_TEXT),
	COLUMN(evidence, COLUMN_TEXT),
	COLUMN(risk, COLUMN_TEXT),
	COLUMN(host, COLUMN_TEXT),
	COLUMN(uid, COLUMN_KNOWN),
	COLUMN(user, COLUMN_TEXT),
	COLUMN(login_uid, COLUMN_KNOWN),
	COLUMN(pid, COLUMN_KNOWN),
	COLUMN(parent, COLUMN_KNOWN),
	COLUMN(tty, COLUMN_TEXT),
	COLUMN(path, COLUMN_TEXT),
	COLUMN(device, COLUMN_UNSIGNED),
	COLUMN(inode, COLUMN_UNSIGNED),
	COLUMN(size, COLUMN_UNSIGNED),
	COLUMN(sha256, COLUMN_TEXT),
	COLUMN(purl, COLUMN_TEXT),
	COLUMN(version, COLUMN_TEXT),
	COLUMN(software_id, COLUMN_TEXT),
	COLUMN(software_name, COLUMN_TEXT),
	COLUMN(rules, COLUMN_TEXT),
	COLUMN(reason, COLUMN_TEXT),
	COLUMN(reference, COLUMN_TEXT),
	COLUMN(url, COLUMN_TEXT),
	COLUMN(alternative_name, COLUMN_TEXT),
	COLUMN(alternative_url, COLUMN_TEXT),
	COLUMN(policy_name, COLUMN_TEXT),
	COLUMN(policy_owner, COLUMN_TEXT),
	COLUMN(policy_contact, COLUMN_TEXT),
	COLUMN(policy_digest, COLUMN_TEXT),
	COLUMN(detail, COLUMN_TEXT),
	COLUMN(count, COLUMN_UNSIGNED),
#undef COLUMN
};

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

static int write_cell(FILE *f, enum column_type type, const void *value)
{
	char time[CLOCK_TEXT_SIZE];
	int64_t number;

	if (type == COLUMN_TEXT)
		return write_text(f, *(const char *const *) value);
	memcpy(&number, value, sizeof(number));
	if (type == COLUMN_TIME) {
		clock_format_utc(number, 9, time);
		(void) fputs(time, f);
	} else if (type == COLUMN_UNSIGNED) {
		(void) fprintf(f, "%" PRIu64, (uint64_t) number);
	} else if (number != -1) {
		(void) fprintf(f, "%" PRId64, number);
	}
	return 0;
}

static int write_row(FILE *f, const struct record *r)
{
	int e = 0;

	for (size_t i = 0; e >= 0 && i < ARRAY_SIZE(columns); i++) {
		if (i > 0)
			(void) fputc(',', f);
		e = write_cell(f, columns[i].type, (const char *) r + columns[i].offset);
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
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		(void) fprintf(f, "%s%s", i ? "," : "", columns[i].name);
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
