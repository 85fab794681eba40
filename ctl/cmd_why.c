/*
 * proscribectl why ID
 */
#include <string.h>

#include "agent/ledger/id.h"
#include "ctl/json.h"
#include "ctl/records.h"

enum { LABEL_COLUMNS = 12 };

struct view {
	struct style style;
};

static void show(const struct view *v, const char *label, enum tint tint, const char *text)
{
	if (text && *text)
		print_labelled(stdout, &v->style, 0, LABEL_COLUMNS, label, tint, text);
}

static void show_joined(const struct view *v, const char *label, const char *one,
	const char *between, const char *two)
{
	_cleanup_free_ char *text = NULL;

	if (one && *one && two && *two && asprintf(&text, "%s%s%s", one, between, two) >= 0)
		show(v, label, TINT_NONE, text);
	else
		show(v, label, TINT_NONE, one && *one ? one : two);
}

static const struct {
	const char *outcome, *words;
	enum tint tint;
} outcomes[] = {
	{ "refused", "was refused", TINT_BAD },
	{ "stopped", "ran, was then found banned, and was stopped", TINT_BAD },
	{ "ran", "ran", TINT_WARN },
	{ "found", "lies here and is banned, whether it was ever started or not", TINT_BAD },
	{ "gone", "was found here and is gone", TINT_GOOD },
};

static const char *headline_of(const struct record *r)
{
	static const char *const headlines[][2] = { { "launch", "Launch" },
		{ "finding", "Finding" }, { "scan", "Scan" } };

	for (size_t i = 0; r->kind && i < ARRAY_SIZE(headlines); i++)
		if (strcmp(r->kind, headlines[i][0]) == 0)
			return headlines[i][1];
	return "Event";
}

static void show_headline(const struct view *v, const struct record *r)
{
	_cleanup_free_ char *text = NULL;
	const char *words = r->outcome ? r->outcome : "";
	const char *verdict = r->kind && strcmp(r->kind, "launch") == 0 && r->verdict ? r->verdict
										      : "";
	const char *detail = strcmp(verdict, "warn") == 0 ? ", with a warning"
		: strcmp(verdict, "unjudged") == 0        ? ": nobody could judge it in time"
							  : "";
	enum tint tint = TINT_BOLD;

	for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++)
		if (strcmp(outcomes[i].outcome, words) == 0) {
			words = outcomes[i].words;
			tint = outcomes[i].tint;
			break;
		}
	if (asprintf(&text, "%s%s", words, detail) >= 0)
		show(v, headline_of(r), tint, text);
}

static void show_who(const struct view *v, const struct record *r)
{
	_cleanup_free_ char *text = NULL;
	char time[PRINT_TIME_SIZE];

	print_time(r->utc_nsec, time);
	show(v, "When", TINT_NONE, time);
	if (r->uid >= 0 &&
		asprintf(&text, "%s (uid %lld)%s%s%s%s", r->user ? r->user : "?",
			(long long) r->uid, r->tty && *r->tty ? " at " : "", r->tty ? r->tty : "",
			r->host ? " on " : "", r->host ? r->host : "") >= 0)
		show(v, "Who", TINT_NONE, text);
}

static void show_why(const struct view *v, const struct record *r)
{
	show_joined(v, "Software", r->software_name, " ", r->version);
	show_joined(v, "Recognised", r->evidence, ": ", r->purl);
	show_joined(v, "Rule", r->rules, ", risk ", r->risk);
	show(v, "Reason", TINT_NONE, r->reason);
	show(v, "Reference", TINT_NONE, r->reference);
	show(v, "More", TINT_NONE, r->url);
	show_joined(v, "Instead", r->alternative_name, " ", r->alternative_url);
	show_joined(v, "Policy", r->policy_name, " of ", r->policy_owner);
	show(v, "Questions", TINT_NONE, r->policy_contact);
}

static void show_record(const struct view *v, const struct record *r)
{
	show(v, "Id", TINT_NONE, r->id);
	show_headline(v, r);
	show_who(v, r);
	show(v, "File", TINT_NONE, r->path);
	show(v, "sha256", TINT_DIM, r->sha256);
	show_why(v, r);
	show(v, "Detail", TINT_NONE, r->detail);
}

enum exit_code cmd_why(const struct arguments *a)
{
	_cleanup_(records_freep) struct records *records = NULL;
	struct record_filter f = { .uid = -1 };
	struct record record;
	char id[EVENT_ID_SIZE];
	struct view v;
	enum exit_code code;
	int r = event_id_parse(a->operands[0], id);

	if (r < 0) {
		complain("'%s' is no event id: one looks like 7K2M-Q4TX-9D3F", a->operands[0]);
		(void) fputs("Try 'proscribectl why --help'.\n", stderr);
		return EXIT_CODE_USAGE;
	}
	if (records_open(a, &records, &code) < 0)
		return code;
	f.id = id;
	r = records_find(records, &f);
	r = r < 0 ? r : records_next(records, &record);
	if (r < 0) {
		complain("cannot read the records: %s", records_error(records, r));
		return records_code(records);
	}
	if (r == 0) {
		complain("no event %s%s is on record", id, geteuid() == 0 ? "" : " of yours");
		return EXIT_CODE_FAILED;
	}
	if (a->given & OPTION_JSON) {
		_cleanup_json_ json_t *document = json_from_record(&record);

		(void) json_print(document);
		return EXIT_CODE_FINE;
	}
	print_style(stdout, &v.style);
	show_record(&v, &record);
	return EXIT_CODE_FINE;
}
