/*
 * kill -9 at random moments: every record that was acknowledged is there afterwards, and the
 * numbers have no holes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "agent/ledger/ledger.h"
#include "agent/ledger/reader.h"
#include "policy/base/clock.h"
#include "policy/base/fd.h"

enum {
	KILLS = 120,
	KILL_AFTER_MAX_USEC = 15000,
	KILLS_OF_NEW_LEDGERS = 30,
	NEW_LEDGER_MAX_USEC = 4000,
	SEED = 20260703,
};

static char folder[] = "/tmp/test_ledger_kill.XXXXXX";
static char ledger[64];
static char writer[PATH_MAX];

static pid_t start_writer(int *ret_output)
{
	int ends[2];
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		(void) prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void) dup2(ends[1], STDOUT_FILENO);
		(void) close(ends[0]);
		(void) close(ends[1]);
		(void) execl(writer, writer, "append", ledger, (char *) NULL);
		_exit(127);
	}
	(void) close(ends[1]);
	*ret_output = ends[0];
	return child;
}

enum from {
	FROM_START, /* also while it opens or makes the ledger */
	FROM_FIRST_RECORD,
};

/* Lets it write for so long, kills it: the last number that it acknowledged, 0 for none. */
static uint64_t write_and_kill(unsigned usec, enum from from)
{
	struct timespec t = { .tv_nsec = (long) usec * 1000 };
	uint64_t last = 0, number;
	int output, status;
	pid_t child = start_writer(&output);

	if (from == FROM_FIRST_RECORD)
		assert_int_equal(read(output, &last, sizeof(last)), sizeof(last));
	(void) nanosleep(&t, NULL);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	if (!WIFSIGNALED(status))
		fail_msg("the writer ended by itself with status %d", WEXITSTATUS(status));
	while (read(output, &number, sizeof(number)) == sizeof(number)) {
		assert_true(number > last);
		last = number;
	}
	(void) close(output);
	return last;
}

/* Checks that the numbers after @after have no holes: the last one. */
static uint64_t last_after(uint64_t after)
{
	struct record_filter f = { .uid = -1, .after = after, .with_digests = true };
	_cleanup_(ledger_reader_closep) struct ledger_reader *r = NULL;
	struct record record;
	int e;

	e = ledger_reader_open(ledger, &r);
	if (e == -ENOENT)
		return 0;
	assert_int_equal(e, 0);
	assert_int_equal(ledger_reader_find(r, &f), 0);
	while ((e = ledger_reader_next(r, &record)) == 1) {
		assert_int_equal(record.sequence, ++after);
		assert_string_equal(record.path, "/opt/somewhere/with/a/path/of/usual/length");
	}
	assert_int_equal(e, 0);
	return after;
}

static unsigned random_below(unsigned n)
{
	return (unsigned) random() % n; /* NOLINT(cert-msc30-c): the same moments in each run */
}

static void acknowledged_records_survive(void **state)
{
	uint64_t last = 0;
	unsigned with_records = 0;

	(void) state;
	srandom(SEED);
	for (unsigned kills = 0; kills < KILLS; kills++) {
		uint64_t acknowledged = write_and_kill(random_below(KILL_AFTER_MAX_USEC),
			kills % 4 == 0 ? FROM_START : FROM_FIRST_RECORD);
		uint64_t found = last_after(last);

		if (found < acknowledged)
			fail_msg("kill %u: %llu acknowledged, the last one there is %llu", kills,
				(unsigned long long) acknowledged, (unsigned long long) found);
		with_records += acknowledged > 0;
		last = found;
	}
	assert_int_equal(last_after(0), last);
	print_message("%u of %d writers had written, %llu records\n", with_records, KILLS,
		(unsigned long long) last);
	assert_true(with_records >= KILLS * 3 / 4);
}

/* A ledger is there whole or not at all, whenever its making is interrupted. */
static void a_ledger_half_made_does_no_harm(void **state)
{
	static const char *const names[] = { "", "-wal", "-shm" };
	char path[80];

	(void) state;
	for (int i = 0; i < KILLS_OF_NEW_LEDGERS; i++) {
		uint64_t acknowledged;

		for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
			(void) snprintf(path, sizeof(path), "%s%s", ledger, names[k]);
			(void) unlink(path);
		}
		acknowledged = write_and_kill(random_below(NEW_LEDGER_MAX_USEC), FROM_START);
		assert_true(last_after(0) >= acknowledged);
		acknowledged = write_and_kill(KILL_AFTER_MAX_USEC, FROM_FIRST_RECORD);
		assert_true(last_after(0) >= acknowledged);
	}
}

static int set_up(void **state)
{
	char self[PATH_MAX / 2];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	(void) state;
	if (n < 0 || !mkdtemp(folder))
		return -1;
	self[n] = '\0';
	(void) snprintf(writer, sizeof(writer), "%s/tool_ledger_writer", dirname(self));
	(void) snprintf(ledger, sizeof(ledger), "%s/ledger.db", folder);
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
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(acknowledged_records_survive),
		cmocka_unit_test(a_ledger_half_made_does_no_harm),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
