/*
 * What the agent takes from proscribe-update: every field of a report is checked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "agent/update/report.h"
#include "policy/base/cleanup.h"

static struct update_report good(void)
{
	struct update_report r = {
		.magic = UPDATE_REPORT_MAGIC,
		.ended_utc_nsec = 2,
		.succeeded_utc_nsec = 1,
		.next_utc_nsec = 3,
		.error = -EKEYREJECTED,
		.failures = 1,
		.repository = "https://list.example.com/",
		.role = "targets",
		.file = "3.targets.json",
		.message = "has 1 valid signature, expected 2",
	};

	return r;
}

static struct update_report success(void)
{
	struct update_report r = good();

	r.error = 0;
	r.failures = 0;
	memset(r.message, 0, sizeof(r.message));
	return r;
}

static void reports(void **state)
{
	struct update_report r[20];
	struct {
		const char *name;
		bool want;
	} rows[ARRAY_SIZE(r)];
	size_t n = 0;

	(void) state;
#define ROW(sentence, wanted, from, change) \
	do {                                \
		r[n] = from();              \
		change;                     \
		rows[n].name = sentence;    \
		rows[n++].want = wanted;    \
	} while (0)
	ROW("a run that failed", true, good, (void) 0);
	ROW("a run that got to its end", true, success, (void) 0);
	ROW("another magic", false, good, r[n].magic++);
	ROW("all zero", false, good, memset(&r[n], 0, sizeof(r[n])));
	ROW("ended before 1970", false, good, r[n].ended_utc_nsec = -1);
	ROW("succeeded before 1970", false, good, r[n].succeeded_utc_nsec = -1);
	ROW("next before 1970", false, good, r[n].next_utc_nsec = -1);
	ROW("no run has succeeded yet", true, good, r[n].succeeded_utc_nsec = 0);
	ROW("a positive error", false, good, r[n].error = 1);
	ROW("the largest errno", true, good, r[n].error = -UPDATE_ERROR_MAX);
	ROW("past the largest errno", false, good, r[n].error = -UPDATE_ERROR_MAX - 1);
	ROW("an error without a message", false, good,
		memset(r[n].message, 0, sizeof(r[n].message)));
	ROW("an error without a failure", false, good, r[n].failures = 0);
	ROW("a message without an error", false, success, r[n].message[0] = 'x');
	ROW("a failure without an error", false, success, r[n].failures = 1);
	ROW("a repository without an end", false, good,
		memset(r[n].repository, 'x', sizeof(r[n].repository)));
	ROW("a role that is no UTF-8", false, good, r[n].role[1] = '\xff');
	ROW("something behind a file's name", false, good, r[n].file[UPDATE_FILE_SIZE - 1] = 'x');
	ROW("the longest message", true, good, memset(r[n].message, 'x', UPDATE_TEXT_SIZE - 1));
	ROW("a message without an end", false, good, memset(r[n].message, 'x', UPDATE_TEXT_SIZE));
	for (size_t i = 0; i < n; i++)
		if (update_report_valid(&r[i]) != rows[i].want)
			fail_msg("%s: expected %s", rows[i].name,
				rows[i].want ? "valid" : "refused");
	assert_int_equal(n, ARRAY_SIZE(r));
}

/* It is written and read as it lies in memory. */
static void nothing_between_the_fields(void **state)
{
	(void) state;
	assert_int_equal(sizeof(struct update_report),
		offsetof(struct update_report, message) + UPDATE_TEXT_SIZE);
	assert_int_equal(offsetof(struct update_report, repository), 7 * 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reports),
		cmocka_unit_test(nothing_between_the_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
