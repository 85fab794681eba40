/*
 * proscribectl log: one record, one line (two on a narrow terminal), printed as it is read, however
 * many there are.
 */
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>

#include "agent/ledger/id.h"
#include "ctl/json.h"
#include "ctl/records.h"
#include "policy/base/text.h"

enum {
	LOG_LAST_DEFAULT = 50,
	FOLLOW_POLL_MSEC = 500,
	NARROW_COLUMNS = 72,
	ID_COLUMNS = EVENT_ID_SIZE - 1,
	TIME_COLUMNS = 19,
	OUTCOME_COLUMNS = 10,
	USER_COLUMNS = 10,
};

struct view {
	struct style style;
	bool json, lines; /* lines: one JSON document per record instead of one for all */
	json_t *records;
	uint64_t shown, last_sequence;
};

static bool is_kind(const struct record *r, const char *kind)
{
	return r->kind && strcmp(r->kind, kind) == 0;
}

static enum tint tint_of(const struct record *r)
{
	const char *outcome = r->outcome ? r->outcome : "";

	if (strcmp(outcome, "refused") == 0 || strcmp(outcome, "stopped") == 0 ||
		strcmp(outcome, "rejected") == 0 || strcmp(outcome, "found") == 0)
		return TINT_BAD;
	return is_kind(r, "gap") || strcmp(outcome, "incomplete") == 0 ||
			strcmp(outcome, "stale") == 0
		? TINT_WARN
		: TINT_NONE;
}

static char *what_of(const struct record *r)
{
	const char *version = r->version ? r->version : "";
	char *text = NULL;
	int n;

	if (is_kind(r, "launch") || is_kind(r, "finding"))
		n = asprintf(&text, "%s%s%s%s%s", r->path ? r->path : "?",
			r->software_name ? "  " : "", r->software_name ? r->software_name : "",
			*version ? " " : "", version);
	else if (is_kind(r, "scan"))
		n = asprintf(&text, "scan of %s: %s", r->path ? r->path : "?",
			r->detail ? r->detail : "");
	else if (is_kind(r, "gap"))
		n = asprintf(&text, "%llu records lost%s%s", (unsigned long long) r->count,
			r->detail ? ": " : "", r->detail ? r->detail : "");
	else
		n = asprintf(&text, "%s%s%s", r->kind ? r->kind : "?",
			r->detail || r->policy_name ? ": " : "",
			r->detail                ? r->detail
				: r->policy_name ? r->policy_name
						 : "");
	return n < 0 ? NULL : text;
}

static void user_of(const struct record *r, char *out, size_t size)
{
	if (r->user)
		(void) snprintf(out, size, "%s", r->user);
	else if (r->uid >= 0)
		(void) snprintf(out, size, "%lld", (long long) r->uid);
	else
		(void) snprintf(out, size, "-");
}

/* Columns on a terminal are cut to fit; elsewhere the text stays whole. */
static void print_cell(const struct style *s, enum tint tint, const char *text, unsigned columns,
	bool keep_end, bool last)
{
	_cleanup_free_ char *cut = print_cut(text, s->columns ? columns : UINT16_MAX, keep_end);
	size_t n;

	if (!cut)
		return;
	print_text(stdout, s, tint, cut);
	n = text_columns(cut);
	if (!last)
		(void) printf("%*s", (int) (n < columns ? columns - n : 0) + 2, "");
}

static void print_wide(const struct view *v, const struct record *r, const char *what)
{
	const struct style *s = &v->style;
	unsigned taken = TIME_COLUMNS + OUTCOME_COLUMNS + USER_COLUMNS + ID_COLUMNS + 4 * 2;
	char time[PRINT_TIME_SIZE], user[64];

	print_time(r->utc_nsec, time);
	user_of(r, user, sizeof(user));
	print_cell(s, TINT_NONE, time, TIME_COLUMNS, false, false);
	print_cell(s, tint_of(r), r->outcome ? r->outcome : "-", OUTCOME_COLUMNS, false, false);
	print_cell(s, TINT_NONE, user, USER_COLUMNS, false, false);
	print_cell(s, TINT_NONE, r->id ? r->id : "", ID_COLUMNS, false, false);
	print_cell(s, TINT_NONE, what, s->columns > taken ? s->columns - taken : 1, true, true);
	(void) putchar('\n');
}

/* "07-03 12:04  refused   7K2M-Q4TX-9D3F", and what it was below. */
static void print_narrow(const struct view *v, const struct record *r, const char *what)
{
	const struct style *s = &v->style;
	char time[PRINT_TIME_SIZE];

	print_time(r->utc_nsec, time);
	time[16] = '\0'; /* without the seconds, and below without the year */
	print_cell(s, TINT_NONE, time + 5, 11, false, false);
	print_cell(s, tint_of(r), r->outcome ? r->outcome : "-", OUTCOME_COLUMNS, false, false);
	print_cell(s, TINT_NONE, r->id ? r->id : "", ID_COLUMNS, false, true);
	(void) fputs("\n  ", stdout);
	print_cell(s, TINT_NONE, what, s->columns - 2, true, true);
	(void) putchar('\n');
}

static int show(struct view *v, const struct record *r)
{
	_cleanup_free_ char *what = NULL;

	v->last_sequence = r->sequence;
	v->shown++;
	if (v->json) {
		json_t *o = json_from_record(r);

		if (!o)
			return -ENOMEM;
		if (!v->lines)
			return json_array_append_new(v->records, o) < 0 ? -ENOMEM : 0;
		(void) json_dumpf(o, stdout, JSON_COMPACT);
		(void) putchar('\n');
		json_decref(o);
		return 0;
	}
	what = what_of(r);
	if (!what)
		return -ENOMEM;
	if (v->style.columns > 0 && v->style.columns < NARROW_COLUMNS)
		print_narrow(v, r, what);
	else
		print_wide(v, r, what);
	return 0;
}

static int show_all(struct view *v, struct records *records, const struct record_filter *f)
{
	struct record record;
	int r = records_find(records, f);

	while (r >= 0 && !ferror(stdout) && (r = records_next(records, &record)) > 0)
		r = show(v, &record);
	return r < 0 ? r : 0;
}

/* 1: somebody asked us to end, or nobody reads any more. A pipe without a reader is noticed now,
 * not at the next record, which may come next week. */
static int pause_or_end(int signals)
{
	struct pollfd fds[] = { { signals, POLLIN, 0 }, { STDOUT_FILENO, 0, 0 } };
	int n = poll(fds, ARRAY_SIZE(fds), FOLLOW_POLL_MSEC);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	return fds[0].revents || (fds[1].revents & (POLLERR | POLLNVAL));
}

static int follow(struct view *v, struct records *records, struct record_filter *f)
{
	_cleanup_close_ int signals = -1;
	sigset_t set;
	int r = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	(void) sigprocmask(SIG_BLOCK, &set, NULL);
	signals = signalfd(-1, &set, SFD_CLOEXEC);
	if (signals < 0)
		return -errno;
	f->last = 0;
	while (r == 0) {
		if (fflush(stdout) != 0)
			return 0; /* main() says so */
		r = pause_or_end(signals);
		if (r != 0)
			break;
		f->after = v->last_sequence;
		if (v->style.columns > 0)
			print_style(stdout, &v->style); /* windows change */
		r = show_all(v, records, f);
	}
	return r < 0 ? r : 0;
}

/* The end of what is there: where following begins when nothing passed the filter. */
static int find_end(struct records *records, uint64_t *ret)
{
	struct record_filter f = { .uid = -1, .last = 1 };
	struct record record;
	int r = records_find(records, &f);

	r = r < 0 ? r : records_next(records, &record);
	if (r > 0)
		*ret = record.sequence;
	return r < 0 ? r : 0;
}

static enum exit_code run(const struct arguments *a, struct view *v, struct records *records)
{
	struct record_filter f = { .since_nsec = a->since_nsec, .uid = -1, .last = a->number };
	int r;

	if (!(a->given & (OPTION_NUMBER | OPTION_SINCE)))
		f.last = LOG_LAST_DEFAULT;
	r = show_all(v, records, &f);
	if (r >= 0 && (a->given & OPTION_FOLLOW)) {
		if (v->shown == 0)
			r = find_end(records, &v->last_sequence);
		r = r < 0 ? r : follow(v, records, &f);
	}
	if (r < 0) {
		(void) fflush(stdout);
		complain("cannot read the records: %s", records_error(records, r));
		return records_code(records);
	}
	if (v->json && !v->lines) {
		_cleanup_json_ json_t *document = json_pack("{s:O}", "records", v->records);

		(void) json_print(document);
	} else if (v->shown == 0 && !v->json && !(a->given & OPTION_FOLLOW)) {
		(void) fputs("Nothing is on record.\n", stderr);
	}
	return EXIT_CODE_FINE;
}

enum exit_code cmd_log(const struct arguments *a)
{
	_cleanup_(records_freep) struct records *records = NULL;
	struct view v = { .json = a->given & OPTION_JSON, .lines = (a->given & OPTION_FOLLOW) };
	enum exit_code code;

	if (records_open(a, &records, &code) < 0)
		return code;
	print_style(stdout, &v.style);
	v.records = json_array();
	code = run(a, &v, records);
	json_decref(v.records);
	return code;
}
