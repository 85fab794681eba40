/*
 * When the next run is due, and what a report says of a run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <string.h>

#include "agent/update/durable.h"
#include "agent/update/outcome.h"
#include "policy/base/cleanup.h"
#include "policy/base/clock.h"

#define MINUTE   (60 * NSEC_PER_SEC)
#define INTERVAL (15 * MINUTE)
#define NOW      (INT64_C(1795000000) * NSEC_PER_SEC)

static const struct update_settings settings = {
	.repository = "https://list.example.com/",
	.interval_usec = INTERVAL / 1000,
};

static void pauses(void **state)
{
	static const struct {
		uint32_t failures; /* before this one */
		int64_t most;
	} rows[] = {
		{ 0, INTERVAL },
		{ 1, 2 * INTERVAL },
		{ 2, 4 * INTERVAL },
		{ 3, 4 * INTERVAL },
		{ 1000000, 4 * INTERVAL },
		{ UINT32_MAX, 4 * INTERVAL },
	};
	const struct tuf_error e = { .error = -EHOSTUNREACH, .text = "nobody answered" };
	const struct run_result result = { 0 };

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct update_report last = { .failures = rows[i].failures }, r;
		int64_t least = INT64_MAX, most = 0;

		for (int n = 0; n < 200; n++) {
			int64_t pause;

			outcome_make(&last, &settings, &result, &e, NOW, &r);
			assert_true(update_report_valid(&r));
			pause = r.next_utc_nsec - NOW;
			least = pause < least ? pause : least;
			most = pause > most ? pause : most;
		}
		if (least < rows[i].most / 2 || most > rows[i].most ||
			most - least < rows[i].most / 4)
			fail_msg("after %u failures: %lld to %lld s", rows[i].failures,
				(long long) (least / NSEC_PER_SEC),
				(long long) (most / NSEC_PER_SEC));
	}
}

static void success_after_failures(void **state)
{
	const struct update_report last = { .failures = 7, .succeeded_utc_nsec = 1 };
	const struct run_result result = { .requests = 2, .bytes = 500 };
	const struct tuf_error none = { 0 };
	struct update_report r;

	(void) state;
	outcome_make(&last, &settings, &result, &none, NOW, &r);
	assert_true(update_report_valid(&r));
	assert_int_equal(r.failures, 0);
	assert_int_equal(r.succeeded_utc_nsec, NOW);
	assert_int_equal(r.next_utc_nsec, NOW + INTERVAL);
	assert_int_equal(r.requests, 2);
	assert_string_equal(r.repository, "https://list.example.com/");
}

/* Whatever a file is called, and however long a message is. */
static void texts_of_any_kind(void **state)
{
	const struct update_report last = { .succeeded_utc_nsec = 5 };
	const struct run_result result = { 0 };
	struct tuf_error e = { .error = -EBADMSG };
	struct update_report r;

	(void) state;
	memset(e.role, 'r', TUF_ROLE_MAX);
	memset(e.file, 'f', TUF_FILE_MAX);
	(void) snprintf(e.text, sizeof(e.text), "\x1b[31m \xff \xe6\xbc\xa2");
	outcome_make(&last, &settings, &result, &e, NOW, &r);
	assert_true(update_report_valid(&r));
	assert_int_equal(strlen(r.role), UPDATE_ROLE_SIZE - 1);
	assert_int_equal(strlen(r.file), UPDATE_FILE_SIZE - 1);
	assert_null(strchr(r.message, '\x1b'));
	assert_int_equal(r.succeeded_utc_nsec, 5);
	e = (struct tuf_error){ .error = -ENOSPC };
	outcome_make(&last, &settings, &result, &e, NOW, &r);
	assert_true(update_report_valid(&r));
}

static void due(void **state)
{
	static const struct {
		const char *name;
		uint64_t magic;
		int64_t next;
		bool want;
	} rows[] = {
		{ "no run before", 0, NOW + INTERVAL, true },
		{ "long due", UPDATE_REPORT_MAGIC, NOW - MINUTE, true },
		{ "due now", UPDATE_REPORT_MAGIC, NOW, true },
		{ "due in a minute: timers are not exact", UPDATE_REPORT_MAGIC, NOW + MINUTE,
			true },
		{ "due in two minutes", UPDATE_REPORT_MAGIC, NOW + 2 * MINUTE, false },
		{ "due after the longest pause", UPDATE_REPORT_MAGIC, NOW + 4 * INTERVAL, false },
		{ "due later than that: the clock went back", UPDATE_REPORT_MAGIC,
			NOW + 4 * INTERVAL + 2 * MINUTE, true },
		{ "never", UPDATE_REPORT_MAGIC, INT64_MAX, true },
		{ "not known", UPDATE_REPORT_MAGIC, 0, true },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct update_report last = { .magic = rows[i].magic,
			.next_utc_nsec = rows[i].next };

		if (outcome_is_due(&last, INTERVAL / 1000, NOW) != rows[i].want)
			fail_msg("%s: expected %s", rows[i].name, rows[i].want ? "due" : "not due");
	}
}

static void clocks(void **state)
{
	const struct update_report last = { .succeeded_utc_nsec = NOW }, none = { 0 };

	(void) state;
	assert_false(outcome_clock_is_behind(&none, NOW));
	assert_false(outcome_clock_is_behind(&last, NOW + 1));
	assert_false(outcome_clock_is_behind(&last, NOW - 5 * MINUTE));
	assert_true(outcome_clock_is_behind(&last, NOW - 5 * MINUTE - 1));
}

static void reports_on_disk(void **state)
{
	char folder[] = "/tmp/proscribe-outcome-XXXXXX";
	struct update_report r = { .magic = UPDATE_REPORT_MAGIC, .ended_utc_nsec = 1 }, back;
	int fd;

	(void) state;
	assert_non_null(mkdtemp(folder));
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	outcome_load(fd, &back);
	assert_int_equal(back.magic, 0);
	assert_int_equal(outcome_save(fd, &r), 0);
	outcome_load(fd, &back);
	assert_memory_equal(&back, &r, sizeof(r));
	for (size_t n = 0; n < sizeof(r); n += 97) { /* cut short: as if there was none */
		assert_int_equal(durable_write(fd, UPDATE_REPORT_FILE, &r, n), 0);
		outcome_load(fd, &back);
		assert_int_equal(back.magic, 0);
	}
	r.error = 1;
	assert_int_equal(outcome_save(fd, &r), 0);
	outcome_load(fd, &back);
	assert_int_equal(back.magic, 0);
	assert_int_equal(unlinkat(fd, UPDATE_REPORT_FILE, 0), 0);
	(void) close(fd);
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pauses),
		cmocka_unit_test(success_after_failures),
		cmocka_unit_test(texts_of_any_kind),
		cmocka_unit_test(due),
		cmocka_unit_test(clocks),
		cmocka_unit_test(reports_on_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
