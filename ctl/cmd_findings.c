/*
 * proscribectl findings: what scans have found, with since when and until when it lay there.
 */
#include <string.h>

#include "agent/ledger/inventory.h"
#include "ctl/json.h"
#include "ctl/records.h"
#include "policy/base/clock.h"

static const struct table_column columns[] = {
	{ .header = "STATUS", .least = 7 },
	{ .header = "FIRST SEEN", .least = 16, .droppable = true },
	{ .header = "LAST SEEN", .least = 16, .droppable = true },
	{ .header = "SOFTWARE", .least = 12 },
	{ .header = "VERSION", .least = 7 },
	{ .header = "RULE", .least = 8, .droppable = true },
	{ .header = "PATH", .least = 20, .keep_end = true },
};

static bool is_shown(const struct arguments *a, const struct finding_entry *e)
{
	return e->gone_nsec == 0 || (a->given & OPTION_ALL);
}

/* To the minute. */
static void short_time(int64_t utc_nsec, char out[PRINT_TIME_SIZE])
{
	print_time(utc_nsec, out);
	out[16] = '\0';
}

static int print_table(const struct arguments *a, const struct inventory *i)
{
	_cleanup_(table_freep) struct table *t = NULL;
	struct style style;
	int r = table_new(columns, ARRAY_SIZE(columns), &t);

	for (size_t k = 0; k < inventory_n(i) && r >= 0; k++) {
		const struct finding_entry *e = inventory_entry(i, k);
		char first[PRINT_TIME_SIZE], last[PRINT_TIME_SIZE];
		const char *cells[] = { e->gone_nsec ? "gone" : "present", first, last,
			e->software_name, e->version, e->rules, e->path };

		if (!is_shown(a, e))
			continue;
		short_time(e->first_nsec, first);
		short_time(e->last_nsec, last);
		r = table_add(t, e->gone_nsec ? TINT_DIM : TINT_NONE, cells);
	}
	print_style(stdout, &style);
	return r < 0 ? r : table_print(t, stdout, &style, 0);
}

static void set_time(json_t *o, const char *key, int64_t utc_nsec)
{
	char text[CLOCK_TEXT_SIZE];

	if (utc_nsec == 0)
		return;
	clock_format_utc(utc_nsec, 9, text);
	(void) json_object_set_new(o, key, json_string(text));
}

static json_t *entry_to_json(const struct finding_entry *e)
{
	const struct record r = {
		.id = e->id,
		.path = e->path,
		.software_id = e->software_id,
		.software_name = e->software_name,
		.version = e->version,
		.purl = e->purl,
		.rules = e->rules,
		.verdict = e->verdict,
		.evidence = e->evidence,
		.sha256 = e->sha256,
		.detail = e->detail,
		.uid = e->uid,
		.login_uid = -1,
		.pid = -1,
		.parent = -1,
	};
	json_t *o = json_from_record(&r);

	if (!o)
		return NULL;
	(void) json_object_del(o, "time");
	(void) json_object_set_new(o, "status", json_string(e->gone_nsec ? "gone" : "present"));
	set_time(o, "first_seen", e->first_nsec);
	set_time(o, "last_seen", e->last_nsec);
	set_time(o, "gone", e->gone_nsec);
	return o;
}

static int print_json(const struct arguments *a, const struct inventory *i, size_t n_present)
{
	_cleanup_json_ json_t *list = json_array(), *document = NULL;

	for (size_t k = 0; k < inventory_n(i); k++)
		if (is_shown(a, inventory_entry(i, k)))
			(void) json_array_append_new(list, entry_to_json(inventory_entry(i, k)));
	document = json_pack("{s:I, s:O}", "present", (json_int_t) n_present, "findings", list);
	return document ? json_print(document) : -ENOMEM;
}

static int read_all(struct records *records, struct inventory *i)
{
	const struct record_filter f = { .uid = -1, .of_scans = true };
	struct record record;
	int r = records_find(records, &f);

	while (r >= 0 && (r = records_next(records, &record)) > 0)
		r = inventory_add(i, &record);
	return r;
}

static size_t count_present(const struct inventory *i)
{
	size_t n = 0;

	for (size_t k = 0; k < inventory_n(i); k++)
		n += inventory_entry(i, k)->gone_nsec == 0;
	return n;
}

enum exit_code cmd_findings(const struct arguments *a)
{
	_cleanup_(inventory_freep) struct inventory *i = NULL;
	_cleanup_(records_freep) struct records *records = NULL;
	enum exit_code code;
	size_t n_present;
	int r;

	if (records_open(a, &records, &code) < 0)
		return code;
	r = inventory_new(&i);
	r = r < 0 ? r : read_all(records, i);
	if (r < 0) {
		complain("cannot read the findings: %s", records_error(records, r));
		return records_code(records);
	}
	n_present = count_present(i);
	if (a->given & OPTION_JSON)
		(void) print_json(a, i, n_present);
	else if (n_present > 0 || ((a->given & OPTION_ALL) && inventory_n(i) > 0))
		(void) print_table(a, i);
	else
		(void) fputs("No scan has found anything that is still there.\n", stderr);
	if (inventory_dropped(i) > 0)
		complain("the oldest %llu findings are not shown; they are in the log",
			(unsigned long long) inventory_dropped(i));
	return n_present > 0 ? EXIT_CODE_BANNED : EXIT_CODE_FINE;
}
