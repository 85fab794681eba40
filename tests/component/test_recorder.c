/*
 * The recorder with real threads against what goes wrong on real machines: a full disk, a ledger
 * that is none, a journald that hangs. Runs in a mount namespace of its own when root, with a /run
 * of its own for a journald of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include "agent/ledger/ledger.h"
#include "agent/ledger/reader.h"
#include "agent/ledger/recorder.h"
#include "policy/base/clock.h"
#include "policy/base/fd.h"

enum {
	PATIENCE_MSEC = 20000,
	STOP_USEC = 20000000,
	PUSHERS = 4,
	PUSHES = 700, /* of each: together less than the queue holds */
	DISK_SIZE = 1024 * 1024,
	DATAGRAM_MAX = 65536,
};

static char folder[] = "/tmp/test_recorder.XXXXXX";
static char ledger[64];
static int have_namespace;

static void nap(void)
{
	(void) nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
}

/* Waits until the recorder's status is as @is_so says. */
static struct recorder_status wait_for(struct recorder *r,
	int (*is_so)(const struct recorder_status *, uint64_t), uint64_t argument)
{
	struct recorder_status s = { 0 };

	for (int msec = 0; msec < PATIENCE_MSEC; msec += 5) {
		recorder_status(r, &s);
		if (is_so(&s, argument))
			return s;
		nap();
	}
	fail_msg("waited in vain: appended %llu, dropped %llu, error %d",
		(unsigned long long) s.appended, (unsigned long long) s.dropped, s.error);
	return s;
}

static int appended_is(const struct recorder_status *s, uint64_t n)
{
	return s->error == 0 && s->appended >= n;
}

static int error_is(const struct recorder_status *s, uint64_t error)
{
	return s->error == -(int) error && (error == 0 || s->error_since_nsec > 0);
}

static int journal_drops(const struct recorder_status *s, uint64_t n)
{
	return s->journal_dropped >= n;
}

static struct recorder *start(const char *path)
{
	const struct recorder_options o = { .ledger_path = path, .host = "host" };
	struct recorder *r = NULL;

	assert_int_equal(recorder_start(&o, &r), 0);
	return r;
}

static void push_one(struct recorder *r, const char *path, uint64_t number)
{
	struct event *e;

	assert_int_equal(event_new(EVENT_LAUNCH, &e), 0);
	e->outcome = OUTCOME_REFUSED;
	e->verdict = VERDICT_BLOCK;
	e->uid = 0;
	e->size = number;
	e->path = strdup(path);
	e->software_name = strdup("Claude Code");
	e->version = strdup("2.1.91");
	e->rules = strdup("HRS-2026-014");
	recorder_push(r, e);
	(void) event_unref(e);
}

static void push_many(struct recorder *r, uint64_t first, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		push_one(r, "/opt/tool", first + i);
}

/* What the ledger says: its records in order, and the losses it admits. */
struct tally {
	uint64_t launches, gaps, lost, gap_at, last_number;
};

static struct tally read_ledger(const char *path)
{
	static const struct record_filter everything = { .uid = -1, .with_digests = true };
	_cleanup_(ledger_reader_closep) struct ledger_reader *reader = NULL;
	struct tally t = { 0 };
	struct record record;
	uint64_t sequence = 0;
	int e;

	assert_int_equal(ledger_reader_open(path, &reader), 0);
	assert_int_equal(ledger_reader_find(reader, &everything), 0);
	while ((e = ledger_reader_next(reader, &record)) == 1) {
		assert_int_equal(record.sequence, ++sequence);
		if (strcmp(record.kind, "gap") == 0) {
			t.gaps++;
			t.lost += record.count;
			t.gap_at = record.sequence;
			assert_non_null(record.detail);
			continue;
		}
		t.launches++;
		if (record.size <= t.last_number)
			fail_msg("number %llu comes after %llu", (unsigned long long) record.size,
				(unsigned long long) t.last_number);
		t.last_number = record.size;
		assert_string_equal(record.user, "root");
	}
	assert_int_equal(e, 0);
	return t;
}

/* ---- the usual ---- */

struct heard {
	uint64_t n, last;
};

static void on_appended(struct event *e, uint64_t sequence, void *context)
{
	struct heard *h = context;

	(void) e;
	h->n++;
	if (sequence == h->last + 1)
		h->last = sequence;
}

static void stopping_writes_what_is_queued(void **state)
{
	struct heard heard = { 0 };
	const struct recorder_options o = {
		.ledger_path = ledger,
		.host = "host",
		.appended = on_appended,
		.context = &heard,
	};
	struct recorder *r = NULL;
	struct tally t;

	(void) state;
	assert_int_equal(recorder_start(&o, &r), 0);
	push_many(r, 1, 3000);
	assert_null(recorder_stop(r, STOP_USEC));
	t = read_ledger(ledger);
	assert_int_equal(t.launches, 3000);
	assert_int_equal(t.gaps, 0);
	assert_int_equal(heard.n, 3000);
	assert_int_equal(heard.last, 3000);
	assert_null(recorder_stop(NULL, 0));
}

static void *push_some(void *argument)
{
	push_many(argument, 1, PUSHES);
	return NULL;
}

static void any_thread_may_push(void **state)
{
	struct recorder *r = start(ledger);
	struct recorder_status s;
	pthread_t threads[PUSHERS];

	(void) state;
	for (size_t i = 0; i < PUSHERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, push_some, r), 0);
	for (size_t i = 0; i < PUSHERS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	s = wait_for(r, appended_is, (uint64_t) PUSHERS * PUSHES);
	assert_int_equal(s.last_sequence, PUSHERS * PUSHES);
	assert_int_equal(s.dropped, 0);
	(void) recorder_stop(r, STOP_USEC);
}

/* ---- ledgers that do not work ---- */

static void a_stranger_in_its_place_is_waited_out(void **state)
{
	char noise[4096], after[4096];
	struct recorder *r;
	struct tally t;
	int fd;

	(void) state;
	memset(noise, 'x', sizeof(noise));
	fd = open(ledger, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(fd_write_full(fd, noise, sizeof(noise)), 0);
	r = start(ledger);
	(void) wait_for(r, error_is, EUCLEAN);
	push_many(r, 1, 10);
	nap();
	assert_int_equal(fd_pread_full(fd, after, sizeof(after), 0), sizeof(after));
	assert_memory_equal(noise, after, sizeof(noise));
	(void) close(fd);
	assert_int_equal(unlink(ledger), 0);
	(void) wait_for(r, appended_is, 10);
	(void) recorder_stop(r, STOP_USEC);
	t = read_ledger(ledger);
	assert_int_equal(t.launches, 10);
	assert_int_equal(t.gaps, 0);
}

static void what_is_lost_is_counted_in_its_place(void **state)
{
	const uint64_t pushed = RECORDER_QUEUE_MAX + RECORDER_HELD_MAX + 5000;
	char missing[80], path[96];
	struct recorder_status s;
	struct recorder *r;
	struct tally t;

	(void) state;
	(void) snprintf(missing, sizeof(missing), "%s/later", folder);
	(void) snprintf(path, sizeof(path), "%s/ledger.db", missing);
	r = start(path);
	s = wait_for(r, error_is, ENOENT);
	assert_int_equal(s.appended, 0);
	/* Slowly at first, so that the recorder has taken what it holds before the queue fills. */
	for (uint64_t n = 0; n < RECORDER_HELD_MAX; n += 1024) {
		push_many(r, n + 1, 1024);
		for (int i = 0; i < 20; i++)
			nap();
	}
	push_many(r, RECORDER_HELD_MAX + 1, pushed - RECORDER_HELD_MAX);
	recorder_status(r, &s);
	assert_int_equal(s.dropped, 5000);
	assert_int_equal(mkdir(missing, 0700), 0);
	s = wait_for(r, appended_is, pushed - s.dropped + 1);
	push_many(r, pushed + 1, 5);
	(void) wait_for(r, appended_is, pushed - s.dropped + 6);
	(void) recorder_stop(r, STOP_USEC);
	t = read_ledger(path);
	assert_int_equal(t.gaps, 1);
	assert_int_equal(t.lost, s.dropped);
	assert_int_equal(t.launches + t.lost, pushed + 5);
	assert_int_equal(t.last_number, pushed + 5);
	/* Behind everything that was pushed before the loss, before everything that came after. */
	assert_int_equal(t.gap_at, t.launches + 1 - 5);
}

static void a_removed_ledger_is_admitted(void **state)
{
	struct recorder *r = start(ledger);
	struct tally t;

	(void) state;
	push_many(r, 1, 5);
	(void) wait_for(r, appended_is, 5);
	assert_int_equal(unlink(ledger), 0);
	push_many(r, 6, 5);
	(void) wait_for(r, error_is, ESTALE);
	(void) wait_for(r, appended_is, 11);
	(void) recorder_stop(r, STOP_USEC);
	t = read_ledger(ledger);
	assert_int_equal(t.gaps, 1);
	assert_int_equal(t.lost, 0);
	assert_int_equal(t.gap_at, 1);
	assert_int_equal(t.launches, 5);
}

static void a_hopeless_ledger_does_not_delay_the_end(void **state)
{
	struct recorder *r = start("/nonexistent/ledger.db");
	uint64_t before;

	(void) state;
	push_many(r, 1, 100);
	before = clock_boot_usec();
	(void) recorder_stop(r, STOP_USEC);
	assert_true(clock_boot_usec() - before < 5 * USEC_PER_SEC);
}

/* Takes all the room there is on the disk, but for what the ledger has already. */
static void fill_disk(const char *path)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	static const char block[1024];

	assert_true(fd >= 0);
	while (write(fd, block, sizeof(block)) > 0)
		;
	assert_int_equal(errno, ENOSPC);
}

static void a_full_disk_loses_only_what_it_counts(void **state)
{
	char disk[80], path[96], filler[96], options[32];
	uint64_t pushed = 100;
	struct recorder_status s;
	struct recorder *r;
	struct tally t;

	(void) state;
	if (!have_namespace) {
		print_message("needs root: to mount a small disk\n");
		skip();
	}
	(void) snprintf(disk, sizeof(disk), "%s/disk", folder);
	(void) snprintf(path, sizeof(path), "%s/ledger.db", disk);
	(void) snprintf(filler, sizeof(filler), "%s/filler", disk);
	(void) snprintf(options, sizeof(options), "size=%d", DISK_SIZE);
	assert_int_equal(mkdir(disk, 0700), 0);
	assert_int_equal(mount("small", disk, "tmpfs", 0, options), 0);
	r = start(path);
	push_many(r, 1, pushed);
	(void) wait_for(r, appended_is, pushed);
	fill_disk(filler);
	for (; pushed < 3000; pushed += 100)
		push_many(r, pushed + 1, 100);
	s = wait_for(r, error_is, ENOSPC);
	push_many(r, pushed + 1, RECORDER_QUEUE_MAX + RECORDER_HELD_MAX);
	pushed += RECORDER_QUEUE_MAX + RECORDER_HELD_MAX;
	recorder_status(r, &s);
	assert_int_equal(s.error, -ENOSPC);
	assert_int_equal(mount("small", disk, "tmpfs", MS_REMOUNT, "size=64m"), 0);
	assert_int_equal(unlink(filler), 0);
	(void) wait_for(r, appended_is, pushed - s.dropped + (s.dropped > 0));
	(void) recorder_stop(r, STOP_USEC);
	t = read_ledger(path);
	assert_true(s.dropped > 0);
	assert_int_equal(t.lost, s.dropped);
	assert_int_equal(t.gaps, 1);
	assert_int_equal(t.launches + t.lost, pushed);
	assert_int_equal(umount2(disk, MNT_DETACH), 0);
}

/* ---- journald ---- */

static int fake_journald(void)
{
	static const struct sockaddr_un address = { AF_UNIX, "/run/systemd/journal/socket" };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	(void) unlink(address.sun_path);
	assert_int_equal(bind(fd, (const struct sockaddr *) &address, sizeof(address)), 0);
	return fd;
}

/* The next entry as text; NULL when none comes. */
static const char *next_entry(int fd)
{
	static char text[DATAGRAM_MAX];

	for (int msec = 0; msec < PATIENCE_MSEC; msec += 5) {
		ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

		if (n > 0) {
			text[n] = '\0';
			return text;
		}
		nap();
	}
	return NULL;
}

/* The value of a field, which ends with the line. */
static const char *value_of(const char *entry, const char *field)
{
	static char value[4096];
	size_t n = strlen(field);

	for (; entry; entry = strchr(entry, '\n') ? strchr(entry, '\n') + 1 : NULL) {
		if (strncmp(entry, field, n) != 0 || entry[n] != '=')
			continue;
		(void) snprintf(value, sizeof(value), "%.*s", (int) strcspn(entry + n + 1, "\n"),
			entry + n + 1);
		return value;
	}
	return "(none)";
}

/* Does the catalog, which explains the ids to people, know this one? */
static void assert_in_catalog(const char *id)
{
	_cleanup_close_ int fd = open("packaging/journal/proscribe.catalog", O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *catalog = NULL;
	char line[64];
	size_t n;

	assert_true(fd >= 0);
	assert_int_equal(fd_read_file(fd, 1 << 20, &catalog, &n), 0);
	(void) snprintf(line, sizeof(line), "-- %s\n", id);
	if (!strstr(catalog, line))
		fail_msg("the catalog does not explain %s", id);
}

static void a_refusal_is_a_journal_entry(void **state)
{
	struct recorder *r;
	const char *entry;
	int fd;

	(void) state;
	if (!have_namespace) {
		print_message("needs root: for a /run of its own\n");
		skip();
	}
	fd = fake_journald();
	r = start(ledger);
	push_one(r, "/opt/\033[2Jevil\nPRIORITY=0\nX=\xff", 1);
	entry = next_entry(fd);
	assert_non_null(entry);
	assert_string_equal(value_of(entry, "MESSAGE_ID"), "fa6dca7dbb1b44a68fed2cab55815723");
	assert_string_equal(value_of(entry, "PRIORITY"), "4");
	assert_string_equal(value_of(entry, "PROSCRIBE_OUTCOME"), "refused");
	assert_string_equal(value_of(entry, "PROSCRIBE_SEQUENCE"), "1");
	assert_string_equal(value_of(entry, "PROSCRIBE_RULE"), "HRS-2026-014");
	assert_string_equal(value_of(entry, "PROSCRIBE_VERSION"), "2.1.91");
	assert_string_equal(value_of(entry, "PROSCRIBE_USER"), "root");
	assert_string_equal(value_of(entry, "PROSCRIBE_UID"), "0");
	assert_int_equal(strlen(value_of(entry, "PROSCRIBE_EVENT_ID")), EVENT_ID_SIZE - 1);
	assert_string_equal(
		value_of(entry, "PROSCRIBE_PATH"), "/opt/\\x1b[2Jevil\\x0aPRIORITY=0\\x0aX=\\xff");
	assert_null(strchr(entry, '\033'));
	(void) recorder_stop(r, STOP_USEC);
	(void) close(fd);
}

static void each_entry_is_explained(void **state)
{
	static const struct {
		enum event_kind kind;
		enum outcome outcome;
		enum verdict verdict;
		const char *priority;
	} cases[] = {
		{ EVENT_LAUNCH, OUTCOME_REFUSED, VERDICT_BLOCK, "4" },
		{ EVENT_LAUNCH, OUTCOME_STOPPED, VERDICT_BLOCK, "4" },
		{ EVENT_LAUNCH, OUTCOME_RAN, VERDICT_UNJUDGED, "4" },
		{ EVENT_LAUNCH, OUTCOME_RAN, VERDICT_WARN, "5" },
		{ EVENT_POLICY, OUTCOME_APPLIED, VERDICT_UNJUDGED, "5" },
		{ EVENT_POLICY, OUTCOME_REJECTED, VERDICT_UNJUDGED, "3" },
		{ EVENT_POLICY, OUTCOME_STALE, VERDICT_UNJUDGED, "4" },
		{ EVENT_AGENT, OUTCOME_APPLIED, VERDICT_UNJUDGED, "6" },
		{ EVENT_AGENT, OUTCOME_ENDED, VERDICT_UNJUDGED, "6" },
		{ EVENT_GAP, OUTCOME_NONE, VERDICT_UNJUDGED, "3" },
	};
	struct recorder *r;
	int fd;

	(void) state;
	if (!have_namespace) {
		print_message("needs root: for a /run of its own\n");
		skip();
	}
	fd = fake_journald();
	r = start(ledger);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct event *e;
		const char *entry;

		assert_int_equal(event_new(cases[i].kind, &e), 0);
		e->outcome = cases[i].outcome;
		e->verdict = cases[i].verdict;
		recorder_push(r, e);
		entry = next_entry(fd);
		assert_non_null(entry);
		assert_string_equal(value_of(entry, "PROSCRIBE_EVENT_ID"), e->id);
		assert_string_equal(value_of(entry, "PRIORITY"), cases[i].priority);
		assert_in_catalog(value_of(entry, "MESSAGE_ID"));
		(void) event_unref(e);
	}
	(void) recorder_stop(r, STOP_USEC);
	(void) close(fd);
}

static int compare_usec(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;

	return (x > y) - (x < y);
}

static void a_hanging_journald_delays_nothing(void **state)
{
	enum { N = 3000, OFTEN_USEC = 5000, STOP_MAX_USEC = 3000000 };
	static uint64_t took[N];
	struct recorder_status s;
	struct recorder *r;
	uint64_t before;
	int fd;

	(void) state;
	if (!have_namespace) {
		print_message("needs root: for a /run of its own\n");
		skip();
	}
	fd = fake_journald(); /* nobody reads: sendmsg(2) blocks once some entries wait */
	r = start(ledger);
	for (size_t i = 0; i < N; i++) {
		before = clock_boot_usec();
		push_one(r, "/opt/tool", i + 1);
		took[i] = clock_boot_usec() - before;
	}
	(void) wait_for(r, appended_is, N);
	s = wait_for(r, journal_drops, 1);
	assert_int_equal(s.dropped, 0);
	qsort(took, N, sizeof(took[0]), compare_usec);
	print_message("recorder_push: median %llu us, p99 %llu us, longest %llu us\n",
		(unsigned long long) took[N / 2], (unsigned long long) took[N * 99 / 100],
		(unsigned long long) took[N - 1]);
	if (took[N * 999 / 1000] > OFTEN_USEC)
		fail_msg("one push of a thousand took %llu us",
			(unsigned long long) took[N * 999 / 1000]);
	before = clock_boot_usec();
	(void) recorder_stop(r, USEC_PER_SEC);
	assert_true(clock_boot_usec() - before < STOP_MAX_USEC);
	assert_int_equal(read_ledger(ledger).launches, N);
	(void) close(fd);
}

/* ---- */

static int enter_namespace(void)
{
	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0)
		return 0;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("run", "/run", "tmpfs", 0, "mode=0755") < 0)
		return 0;
	return mkdir("/run/systemd", 0755) == 0 && mkdir("/run/systemd/journal", 0755) == 0;
}

static int remove_ledger(void **state)
{
	static const char *const names[] = { "", "-wal", "-shm" };
	char path[80];

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		(void) snprintf(path, sizeof(path), "%s%s", ledger, names[i]);
		(void) unlink(path);
	}
	return 0;
}

static int set_up(void **state)
{
	(void) state;
	if (!mkdtemp(folder))
		return -1;
	(void) snprintf(ledger, sizeof(ledger), "%s/ledger.db", folder);
	have_namespace = enter_namespace();
	return 0;
}

static int tear_down(void **state)
{
	char command[64];

	(void) state;
	(void) snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command); /* NOLINT(cert-env33-c): our own folder's name */
}

int main(void)
{
#define FRESH(f) cmocka_unit_test_teardown(f, remove_ledger)
	const struct CMUnitTest tests[] = {
		FRESH(stopping_writes_what_is_queued),
		FRESH(any_thread_may_push),
		FRESH(a_stranger_in_its_place_is_waited_out),
		FRESH(what_is_lost_is_counted_in_its_place),
		FRESH(a_removed_ledger_is_admitted),
		FRESH(a_hopeless_ledger_does_not_delay_the_end),
		FRESH(a_full_disk_loses_only_what_it_counts),
		FRESH(a_refusal_is_a_journal_entry),
		FRESH(each_entry_is_explained),
		FRESH(a_hanging_journald_delays_nothing),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
