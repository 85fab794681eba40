/*
 * agent/ledger: what is written is read again byte for byte, in order, without holes; nothing that
 * is not a ledger is ever touched; nothing in one ever changes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "agent/ledger/ledger.h"
#include "agent/ledger/reader.h"
#include "policy/base/fd.h"

enum {
	PATH_SIZE = 256,
	SKIPPED = 77,
	NOBODY = 65534,
};

struct place {
	char folder[64], path[PATH_SIZE];
};

static void in_folder(const struct place *p, const char *name, char out[PATH_SIZE])
{
	(void) snprintf(out, PATH_SIZE, "%s/%s", p->folder, name);
}

static int place_new(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	if (!p)
		return -1;
	(void) snprintf(p->folder, sizeof(p->folder), "/tmp/test_ledger.XXXXXX");
	if (!mkdtemp(p->folder))
		return -1;
	in_folder(p, "ledger.db", p->path);
	*state = p;
	return 0;
}

static int place_done(void **state)
{
	struct place *p = *state;
	char command[PATH_SIZE];

	(void) snprintf(command, sizeof(command), "rm -rf '%s'", p->folder);
	(void) !system(command); /* NOLINT(cert-env33-c): our own folder's name */
	free(p);
	return 0;
}

static struct event *launch(int n, uid_t uid)
{
	struct event *e;
	char path[64];

	assert_int_equal(event_new(EVENT_LAUNCH, &e), 0);
	(void) snprintf(path, sizeof(path), "/opt/tool-%d", n);
	e->path = strdup(path);
	e->outcome = OUTCOME_REFUSED;
	e->verdict = VERDICT_BLOCK;
	e->uid = uid;
	e->utc_nsec = n;
	return e;
}

/* Appends @n launches by users 0, 1, 2, 0, ... numbered from @first. */
static void append_launches(struct ledger *l, int first, size_t n, uint64_t want_last)
{
	struct event *events[300];
	const char *names[300] = { NULL };
	uint64_t last = 0;

	for (size_t i = 0; i < n; i++)
		events[i] = launch(first + (int) i, (uid_t) ((first + (int) i) % 3));
	assert_int_equal(ledger_append(l, "host", events, names, n, &last), 0);
	assert_int_equal(last, want_last);
	for (size_t i = 0; i < n; i++)
		(void) event_unref(events[i]);
}

static struct ledger *open_ledger(const struct place *p)
{
	struct ledger *l = NULL;

	assert_int_equal(ledger_open(p->path, &l), 0);
	return l;
}

static const struct record_filter everything = { .uid = -1, .with_digests = true };

static size_t count_records(struct ledger_reader *r, const struct record_filter *f)
{
	struct record record;
	uint64_t before = 0;
	size_t n = 0;
	int e;

	assert_int_equal(ledger_reader_find(r, f), 0);
	while ((e = ledger_reader_next(r, &record)) == 1) {
		assert_true(record.sequence > before);
		before = record.sequence;
		n++;
	}
	assert_int_equal(e, 0);
	assert_int_equal(ledger_reader_next(r, &record), 0);
	return n;
}

static struct event *full_event(void)
{
	struct event *e;

	assert_int_equal(event_new(EVENT_LAUNCH, &e), 0);
	*e = (struct event){
		.references = 1,
		.kind = EVENT_LAUNCH,
		.outcome = OUTCOME_STOPPED,
		.verdict = VERDICT_BLOCK,
		.evidence = EVIDENCE_SHA256,
		.risk = RISK_CRITICAL,
		.id = "7K2M-Q4TX-9D3F",
		.utc_nsec = INT64_C(1783036800123456789),
		.uid = 1000,
		.login_uid = 1001,
		.pid = 4711,
		.parent = 815,
		.tty = "pts/3",
		.path = strdup("/tmp/\xff\n'\"; DROP TABLE record;--"),
		.device = UINT64_MAX,
		.inode = UINT64_C(1) << 63,
		.size = 236000000,
		.sha256 = { 0xa8, 0x1f },
		.have_sha256 = 1,
		.purl = strdup("pkg:npm/x@1"),
		.version = strdup("1"),
		.software_id = strdup("x"),
		.software_name = strdup("X \xe4\xb8\xad"),
		.rules = strdup("R1,R2"),
		.reason = strdup("because"),
		.reference = strdup("SEC-1"),
		.url = strdup("https://u.example"),
		.alternative_name = strdup("Y"),
		.alternative_url = strdup("https://y.example"),
		.policy_name = strdup("p"),
		.policy_owner = strdup("o"),
		.policy_contact = strdup("c"),
		.policy_digest = { 1, 2 },
		.detail = strdup("d"),
		.count = 5,
	};
	return e;
}

static void check_full(const struct record *r)
{
	assert_int_equal(r->sequence, 1);
	assert_string_equal(r->id, "7K2M-Q4TX-9D3F");
	assert_string_equal(r->kind, "launch");
	assert_string_equal(r->outcome, "stopped");
	assert_string_equal(r->verdict, "block");
	assert_string_equal(r->evidence, "sha256");
	assert_string_equal(r->risk, "critical");
	assert_string_equal(r->host, "host");
	assert_string_equal(r->user, "alice");
	assert_string_equal(r->tty, "pts/3");
	assert_true(r->utc_nsec == INT64_C(1783036800123456789));
	assert_int_equal(r->uid, 1000);
	assert_int_equal(r->login_uid, 1001);
	assert_int_equal(r->pid, 4711);
	assert_int_equal(r->parent, 815);
	assert_string_equal(r->path, "/tmp/\xff\n'\"; DROP TABLE record;--");
	assert_true(r->device == UINT64_MAX);
	assert_true(r->inode == UINT64_C(1) << 63);
	assert_int_equal(r->size, 236000000);
	assert_int_equal(strlen(r->sha256), 64);
	assert_int_equal(strncmp(r->sha256, "a81f0000", 8), 0);
	assert_string_equal(r->purl, "pkg:npm/x@1");
	assert_string_equal(r->version, "1");
	assert_string_equal(r->software_id, "x");
	assert_string_equal(r->software_name, "X \xe4\xb8\xad");
	assert_string_equal(r->rules, "R1,R2");
	assert_string_equal(r->reason, "because");
	assert_string_equal(r->reference, "SEC-1");
	assert_string_equal(r->url, "https://u.example");
	assert_string_equal(r->alternative_name, "Y");
	assert_string_equal(r->alternative_url, "https://y.example");
	assert_string_equal(r->policy_name, "p");
	assert_string_equal(r->policy_owner, "o");
	assert_string_equal(r->policy_contact, "c");
	assert_int_equal(strncmp(r->policy_digest, "01020000", 8), 0);
	assert_string_equal(r->detail, "d");
	assert_int_equal(r->count, 5);
}

static void every_field_comes_back(void **state)
{
	struct place *p = *state;
	_cleanup_(ledger_closep) struct ledger *l = open_ledger(p);
	_cleanup_(ledger_reader_closep) struct ledger_reader *r = NULL;
	struct event *events[] = { full_event(), NULL };
	const char *names[] = { "alice", NULL };
	struct record record;
	uint64_t last = 0;

	assert_int_equal(event_new(EVENT_GAP, &events[1]), 0);
	assert_int_equal(ledger_append(l, "host", events, names, 2, &last), 0);
	assert_int_equal(last, 2);
	assert_int_equal(ledger_reader_open(p->path, &r), 0);
	assert_int_equal(ledger_reader_find(r, &everything), 0);
	assert_int_equal(ledger_reader_next(r, &record), 1);
	check_full(&record);
	assert_int_equal(ledger_reader_next(r, &record), 1);
	assert_string_equal(record.kind, "gap");
	assert_int_equal(record.uid, -1);
	assert_int_equal(record.login_uid, -1);
	assert_int_equal(record.pid, -1);
	assert_int_equal(record.parent, -1);
	assert_null(record.user);
	assert_null(record.verdict);
	assert_null(record.evidence);
	assert_null(record.risk);
	assert_null(record.tty);
	assert_null(record.path);
	assert_null(record.sha256);
	assert_null(record.policy_digest);
	assert_int_equal(ledger_reader_next(r, &record), 0);
	(void) event_unref(events[0]);
	(void) event_unref(events[1]);
}

static void a_later_digest_joins_its_launch(void **state)
{
	struct place *p = *state;
	_cleanup_(ledger_closep) struct ledger *l = open_ledger(p);
	_cleanup_(ledger_reader_closep) struct ledger_reader *r = NULL;
	struct record_filter f = { .uid = -1 };
	struct event *events[] = { launch(1, 0), launch(2, 0), NULL };
	const char *names[3] = { NULL };
	struct record record;
	uint64_t last;

	assert_int_equal(event_new(EVENT_DIGEST, &events[2]), 0);
	memcpy(events[2]->id, events[0]->id, EVENT_ID_SIZE);
	memset(events[2]->sha256, 0xab, SHA256_SIZE);
	events[2]->have_sha256 = 1;
	assert_int_equal(ledger_append(l, "host", events, names, 3, &last), 0);

	assert_int_equal(ledger_reader_open(p->path, &r), 0);
	assert_int_equal(ledger_reader_find(r, &f), 0);
	assert_int_equal(ledger_reader_next(r, &record), 1);
	assert_non_null(record.sha256);
	assert_int_equal(strncmp(record.sha256, "ababab", 6), 0);
	assert_int_equal(ledger_reader_next(r, &record), 1);
	assert_null(record.sha256);
	assert_int_equal(ledger_reader_next(r, &record), 0);
	assert_int_equal(count_records(r, &everything), 3);
	f.id = events[0]->id;
	assert_int_equal(count_records(r, &f), 1);
	f.with_digests = true;
	assert_int_equal(count_records(r, &f), 2);
	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		(void) event_unref(events[i]);
}

static void filters_choose(void **state)
{
	static const struct {
		const char *name;
		struct record_filter filter;
		size_t want;
	} cases[] = {
		{ "everything", { .uid = -1 }, 300 },
		{ "after the tenth", { .uid = -1, .after = 10 }, 290 },
		{ "after the last", { .uid = -1, .after = 300 }, 0 },
		{ "after what is not there yet", { .uid = -1, .after = 1000 }, 0 },
		{ "since a time", { .uid = -1, .since_nsec = 250 }, 51 },
		{ "of one user", { .uid = 2 }, 100 },
		{ "of a user without records", { .uid = 3 }, 0 },
		{ "the last one", { .uid = -1, .last = 1 }, 1 },
		{ "the last 33: more than a page", { .uid = -1, .last = 33 }, 33 },
		{ "the last 1000 of 300", { .uid = -1, .last = 1000 }, 300 },
		{ "the last two of a user", { .uid = 1, .last = 2 }, 2 },
		{ "the last of a user without records", { .uid = 3, .last = 2 }, 0 },
		{ "an id nobody has", { .uid = -1, .id = "0000-0000-0000" }, 0 },
		{ "all at once", { .uid = 0, .after = 30, .since_nsec = 61, .last = 50 }, 50 },
	};
	struct place *p = *state;
	_cleanup_(ledger_closep) struct ledger *l = open_ledger(p);
	_cleanup_(ledger_reader_closep) struct ledger_reader *r = NULL;

	append_launches(l, 1, 300, 300);
	assert_int_equal(ledger_reader_open(p->path, &r), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t n = count_records(r, &cases[i].filter);

		if (n != cases[i].want)
			fail_msg("%s: %zu records, expected %zu", cases[i].name, n, cases[i].want);
	}
	assert_int_equal(
		ledger_reader_find(r, &(struct record_filter){ .uid = -1, .last = UINT64_MAX }),
		-EINVAL);
}

/* The reader copies a page and lets go: the writer's log must not grow behind a slow reader. */
static void a_slow_reader_holds_nobody_up(void **state)
{
	struct place *p = *state;
	_cleanup_(ledger_closep) struct ledger *l = open_ledger(p);
	_cleanup_(ledger_reader_closep) struct ledger_reader *r = NULL;
	char log[PATH_SIZE];
	struct record record;
	struct stat st;

	append_launches(l, 1, 200, 200);
	assert_int_equal(ledger_reader_open(p->path, &r), 0);
	assert_int_equal(ledger_reader_find(r, &everything), 0);
	assert_int_equal(ledger_reader_next(r, &record), 1);
	for (int i = 1; i <= 40; i++)
		append_launches(l, 200 * i + 1, 200, 200 * (uint64_t) i + 200);
	in_folder(p, "ledger.db-wal", log);
	assert_int_equal(stat(log, &st), 0);
	if (st.st_size > 2 * 1024 * 1024)
		fail_msg("the log has grown to %lld bytes", (long long) st.st_size);
	for (uint64_t n = 2; n <= 200; n++) {
		assert_int_equal(ledger_reader_next(r, &record), 1);
		assert_int_equal(record.sequence, n);
	}
	/* What came after the search began is not part of it. */
	assert_int_equal(ledger_reader_next(r, &record), 0);
	assert_int_equal(count_records(r, &everything), 41 * 200);
}

static void a_ledger_goes_on_where_it_ended(void **state)
{
	struct place *p = *state;
	_cleanup_(ledger_reader_closep) struct ledger_reader *r = NULL;
	struct stat st;

	for (int i = 0; i < 5; i++) {
		_cleanup_(ledger_closep) struct ledger *l = open_ledger(p);

		append_launches(l, 1, 10, 10 * ((uint64_t) i + 1));
	}
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(ledger_reader_open(p->path, &r), 0);
	assert_int_equal(count_records(r, &everything), 50);
}

static void nothing_in_it_changes(void **state)
{
	static const struct {
		const char *name, *sql;
	} cases[] = {
		{ "update", "UPDATE record SET path = 'x' WHERE sequence = 1" },
		{ "delete", "DELETE FROM record WHERE sequence = 2" },
		{ "delete the last", "DELETE FROM record WHERE sequence = 3" },
		{ "delete all", "DELETE FROM record" },
		{ "replace",
			"INSERT OR REPLACE INTO record (sequence, kind, id, utc_nsec, device, "
			"inode, size, count) VALUES (2, 'launch', 'x', 0, 0, 0, 0, 0)" },
		{ "leave a hole",
			"INSERT INTO record (sequence, kind, id, utc_nsec, device, inode, "
			"size, count) VALUES (5, 'launch', 'x', 0, 0, 0, 0, 0)" },
		{ "no number",
			"INSERT INTO record (kind, id, utc_nsec, device, inode, size, count) "
			"VALUES ('launch', 'x', 0, 0, 0, 0, 0)" },
		{ "the wrong type",
			"INSERT INTO record (sequence, kind, id, utc_nsec, device, "
			"inode, size, count) VALUES (4, 'launch', 'x', 'noon', 0, 0, "
			"0, 0)" },
	};
	struct place *p = *state;
	_cleanup_(ledger_closep) struct ledger *l = open_ledger(p);
	sqlite3 *db = NULL;

	append_launches(l, 1, 3, 3);
	assert_int_equal(sqlite3_open_v2(p->path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (sqlite3_exec(db, cases[i].sql, NULL, NULL, NULL) == SQLITE_OK)
			fail_msg("%s: went through", cases[i].name);
	(void) sqlite3_close(db);
	append_launches(l, 1, 1, 4);
}

/* ---- what is not a ledger ---- */

static void write_file(const char *path, const void *bytes, size_t n)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_full(fd, bytes, n), 0);
}

static char *contents(const char *path, size_t *ret_size)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *bytes = NULL;

	assert_true(fd >= 0);
	assert_int_equal(fd_read_file(fd, 1 << 24, &bytes, ret_size), 0);
	return bytes;
}

static size_t files_in(const char *folder)
{
	_cleanup_closedir_ DIR *d = opendir(folder);
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	return n - 2;
}

static void make_database(const char *path, const char *sql)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	(void) sqlite3_close(db);
}

static void refused_untouched(const char *name, struct place *p, int want)
{
	_cleanup_(ledger_closep) struct ledger *l = NULL;
	_cleanup_(ledger_reader_closep) struct ledger_reader *r = NULL;
	_cleanup_free_ char *before = NULL, *after = NULL;
	size_t n_before = 0, n_after = 0, files = files_in(p->folder);
	int writer, reader;

	before = contents(p->path, &n_before);
	writer = ledger_open(p->path, &l);
	reader = ledger_reader_open(p->path, &r);
	after = contents(p->path, &n_after);
	if (writer != want || reader != want)
		fail_msg("%s: writer %d, reader %d, expected %d", name, writer, reader, want);
	if (n_before != n_after || memcmp(before, after, n_before) != 0)
		fail_msg("%s: the file was changed", name);
	if (files_in(p->folder) != files)
		fail_msg("%s: files were made beside it", name);
	assert_int_equal(unlink(p->path), 0);
}

static void strangers_are_left_alone(void **state)
{
	struct place *p = *state;
	unsigned char noise[8192];

	srandom(1);
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (unsigned char) random(); /* NOLINT(cert-msc30-c) */
	write_file(p->path, noise, sizeof(noise));
	refused_untouched("random bytes", p, -EUCLEAN);
	write_file(p->path, "", 0);
	refused_untouched("an empty file", p, -EUCLEAN);
	write_file(p->path, "SQLite format 3", 16);
	refused_untouched("cut off in the header", p, -EUCLEAN);
	make_database(p->path, "CREATE TABLE other (x); INSERT INTO other VALUES (1);");
	refused_untouched("somebody else's database", p, -EUCLEAN);
	make_database(p->path,
		"PRAGMA application_id = 0x50725363; PRAGMA user_version = 2; "
		"CREATE TABLE record (x);");
	refused_untouched("a ledger of another version", p, -EUCLEAN);
	make_database(p->path,
		"PRAGMA application_id = 0x50725363; PRAGMA user_version = 1; "
		"CREATE TABLE other (x);");
	refused_untouched("the right marks without the table", p, -EUCLEAN);
}

static void not_even_files(void **state)
{
	struct place *p = *state;
	struct ledger *l = NULL;
	struct ledger_reader *r = NULL;
	char other[PATH_SIZE];

	assert_int_equal(ledger_reader_open(p->path, &r), -ENOENT);
	assert_int_equal(mkdir(p->path, 0700), 0);
	assert_int_equal(ledger_open(p->path, &l), -EISDIR);
	assert_int_equal(ledger_reader_open(p->path, &r), -EISDIR);
	assert_int_equal(rmdir(p->path), 0);
	assert_int_equal(mkfifo(p->path, 0600), 0);
	assert_int_equal(ledger_open(p->path, &l), -EUCLEAN);
	assert_int_equal(unlink(p->path), 0);
	in_folder(p, "elsewhere", other);
	assert_int_equal(symlink(other, p->path), 0);
	assert_int_equal(ledger_open(p->path, &l), -ELOOP);
	assert_int_equal(unlink(p->path), 0);
	assert_int_equal(ledger_open("/nonexistent/folder/ledger.db", &l), -ENOENT);
	assert_null(l);
	assert_null(r);
}

static void damage_inside_is_told(void **state)
{
	struct place *p = *state;
	_cleanup_free_ char *bytes = NULL;
	_cleanup_(ledger_reader_closep) struct ledger_reader *r = NULL;
	struct ledger *l = open_ledger(p);
	struct record record;
	size_t n = 0;
	int e;

	for (int i = 0; i < 10; i++)
		append_launches(l, 1, 200, 200 * ((uint64_t) i + 1));
	(void) ledger_close(l);
	bytes = contents(p->path, &n);
	assert_true(n > 20 * 4096);
	memset(bytes + 4096, 0x5a, n - 4096);
	write_file(p->path, bytes, n);
	e = ledger_reader_open(p->path, &r);
	if (e >= 0)
		e = ledger_reader_find(r, &everything);
	while (e >= 0 && (e = ledger_reader_next(r, &record)) > 0)
		;
	assert_int_equal(e, -EUCLEAN);
	l = NULL;
	e = ledger_open(p->path, &l);
	if (e >= 0) {
		struct event *event = launch(1, 0);
		const char *name = NULL;
		uint64_t last;

		e = ledger_append(l, "host", &event, &name, 1, &last);
		(void) event_unref(event);
		(void) ledger_close(l);
	}
	assert_int_equal(e, -EUCLEAN);
}

static void a_removed_file_is_noticed(void **state)
{
	struct place *p = *state;
	_cleanup_(ledger_closep) struct ledger *l = open_ledger(p);
	struct event *e = launch(1, 0);
	const char *name = NULL;
	uint64_t last;

	append_launches(l, 1, 3, 3);
	assert_int_equal(unlink(p->path), 0);
	assert_int_equal(ledger_append(l, "host", &e, &name, 1, &last), -ESTALE);
	(void) ledger_close(TAKE_PTR(l));
	/* The log of the old one, still there, must not come to life in the new one. */
	l = open_ledger(p);
	append_launches(l, 1, 1, 1);
	(void) event_unref(e);
}

/* Runs @check in a child that has lost its privileges. */
static int as_nobody(int (*check)(struct place *p), struct place *p)
{
	int status = -1;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		if (setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0)
			_exit(SKIPPED);
		_exit(check(p));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int refused_with_eacces(struct place *p)
{
	struct ledger *l = NULL;
	struct ledger_reader *r = NULL;

	return ledger_open(p->path, &l) == -EACCES && ledger_reader_open(p->path, &r) == -EACCES
		? 0
		: 1;
}

static int reads_but_does_not_write(struct place *p)
{
	_cleanup_(ledger_reader_closep) struct ledger_reader *r = NULL;
	struct ledger *l = NULL;

	if (ledger_open(p->path, &l) != -EACCES)
		return 1;
	if (ledger_reader_open(p->path, &r) != 0)
		return 2;
	return count_records(r, &everything) == 3 ? 0 : 3;
}

static void others_get_a_clear_answer(void **state)
{
	static const char *const names[] = { "ledger.db", "ledger.db-wal", "ledger.db-shm" };
	struct place *p = *state;
	struct ledger *l;
	char path[PATH_SIZE];

	if (geteuid() != 0)
		skip(); /* needs root: to become somebody else */
	l = open_ledger(p);
	append_launches(l, 1, 3, 3);
	assert_int_equal(chmod(p->folder, 0755), 0);
	assert_int_equal(as_nobody(refused_with_eacces, p), 0);
	for (int stopped = 0; stopped < 2; stopped++) {
		for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
			in_folder(p, names[i], path);
			assert_int_equal(chmod(path, 0644), 0);
		}
		assert_int_equal(as_nobody(reads_but_does_not_write, p), 0);
		l = ledger_close(l);
	}
}

int main(void)
{
#define IN_PLACE(f) cmocka_unit_test_setup_teardown(f, place_new, place_done)
	const struct CMUnitTest tests[] = {
		IN_PLACE(every_field_comes_back),
		IN_PLACE(a_later_digest_joins_its_launch),
		IN_PLACE(filters_choose),
		IN_PLACE(a_slow_reader_holds_nobody_up),
		IN_PLACE(a_ledger_goes_on_where_it_ended),
		IN_PLACE(nothing_in_it_changes),
		IN_PLACE(strangers_are_left_alone),
		IN_PLACE(not_even_files),
		IN_PLACE(damage_inside_is_told),
		IN_PLACE(a_removed_file_is_noticed),
		IN_PLACE(others_get_a_clear_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
