/*
 * usage: tool_ledger_writer append LEDGER         appends for ever; prints each acknowledged number
 *        tool_ledger_writer sample LEDGER         appends records of every kind and with every text
 *        tool_ledger_writer export LEDGER FORMAT  csv or jsonl, to standard output
 */
#include <inttypes.h>
#include <stdint.h>
#include <string.h>

#include "agent/ledger/export.h"
#include "agent/ledger/ledger.h"
#include "agent/ledger/reader.h"
#include "policy/base/fd.h"

enum { BATCH_MAX = 16 };

static int append_batch(struct ledger *l, size_t n, uint64_t *ret_last)
{
	struct event *events[BATCH_MAX] = { NULL };
	const char *names[BATCH_MAX] = { NULL };
	int r = 0;

	for (size_t i = 0; i < n && r >= 0; i++) {
		r = event_new(EVENT_LAUNCH, &events[i]);
		if (r >= 0) {
			events[i]->outcome = OUTCOME_REFUSED;
			events[i]->verdict = VERDICT_BLOCK;
			events[i]->path = strdup("/opt/somewhere/with/a/path/of/usual/length");
		}
	}
	if (r >= 0)
		r = ledger_append(l, "host", events, names, n, ret_last);
	for (size_t i = 0; i < n; i++)
		(void) event_unref(events[i]);
	return r;
}

static int append(const char *path)
{
	_cleanup_(ledger_closep) struct ledger *l = NULL;
	int r;

	r = ledger_open(path, &l);
	for (size_t round = 0; r >= 0; round++) {
		uint64_t last = 0;

		r = append_batch(l, 1 + round % BATCH_MAX, &last);
		if (r >= 0)
			r = fd_write_full(STDOUT_FILENO, &last, sizeof(last));
	}
	return r;
}

static int fill(struct event *e, unsigned n)
{
	static const char *const texts[] = { "/usr/bin/\xff\xfe \"quoted\", \\ and \n",
		"/plain/path", "=1+1", "/", "\xe4\xb8\xad\xe6\x96\x87", "x" };
	const char *text = texts[n % ARRAY_SIZE(texts)];
	char **fields[] = { &e->path, &e->purl, &e->version, &e->software_id, &e->software_name,
		&e->rules, &e->reason, &e->reference, &e->url, &e->alternative_name,
		&e->alternative_url, &e->policy_name, &e->policy_owner, &e->policy_contact,
		&e->detail };

	e->outcome = n / 3 % _OUTCOME_MAX;
	e->verdict = n / 2 % _VERDICT_MAX;
	e->evidence = n % _EVIDENCE_MAX;
	e->risk = n % _RISK_MAX;
	e->uid = n % 4 ? n : EVENT_UID_UNKNOWN;
	e->pid = n % 5 ? (pid_t) n : 0;
	e->parent = n % 3 ? 1 : 0;
	e->count = n;
	e->inode = n % 2 ? UINT64_MAX : 0;
	e->size = n % 7 ? n : UINT64_MAX;
	e->have_sha256 = n % 2;
	e->policy_digest[0] = (uint8_t) n;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		if ((n >> (i % 4)) % 3 == 0)
			continue;
		*fields[i] = strdup(text);
		if (!*fields[i])
			return -ENOMEM;
	}
	return 0;
}

static int sample(const char *path)
{
	_cleanup_(ledger_closep) struct ledger *l = NULL;
	int r;

	r = ledger_open(path, &l);
	for (unsigned n = 0; r >= 0 && n < 420; n++) {
		_cleanup_(event_unrefp) struct event *e = NULL;
		const char *name = n % 2 ? "alice" : NULL;
		uint64_t last;

		r = event_new(EVENT_LAUNCH + n % (_EVENT_KIND_MAX - 1), &e);
		if (r >= 0)
			r = fill(e, n);
		if (r >= 0)
			r = ledger_append(l, n % 9 ? "laptop" : NULL, &e, &name, 1, &last);
	}
	return r;
}

static int export(const char *path, const char *word)
{
	static const struct record_filter everything = { .uid = -1, .with_digests = true };
	_cleanup_(ledger_reader_closep) struct ledger_reader *reader = NULL;
	enum export_format format;
	struct record record;
	int r, found = 0;

	r = export_format_from_string(word, &format);
	if (r >= 0)
		r = ledger_reader_open(path, &reader);
	if (r >= 0)
		r = ledger_reader_find(reader, &everything);
	if (r >= 0)
		r = export_begin(stdout, format);
	while (r >= 0 && (found = ledger_reader_next(reader, &record)) == 1)
		r = export_record(stdout, format, &record);
	return r < 0 ? r : found;
}

int main(int argc, char *argv[])
{
	int r = -EINVAL;

	if (argc == 3 && strcmp(argv[1], "append") == 0)
		r = append(argv[2]);
	else if (argc == 3 && strcmp(argv[1], "sample") == 0)
		r = sample(argv[2]);
	else if (argc == 4 && strcmp(argv[1], "export") == 0)
		r = export(argv[2], argv[3]);
	if (r < 0)
		(void) fprintf(stderr, "tool_ledger_writer: %s\n", strerror(-r));
	return r < 0;
}
