#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/notice/limit.h"
#include "agent/notice/notice.h"
#include "policy/base/clock.h"

#define INTERVAL (NOTICE_INTERVAL_SEC * USEC_PER_SEC)
#define START    (1000 * USEC_PER_SEC)

static enum limit_answer ask(struct limit *l, uint32_t device, enum outcome outcome, uint64_t now)
{
	struct event e = { .kind = EVENT_LAUNCH, .outcome = outcome, .tty_device = device };
	struct limit_terminal forgotten;

	return limit_ask(l, &e, now, &forgotten);
}

static void test_a_burst_then_one_each_interval(void **state)
{
	struct limit l = { 0 };
	struct limit_terminal t;
	uint64_t wait;

	(void) state;
	for (unsigned i = 0; i < NOTICE_BURST; i++)
		assert_int_equal(ask(&l, 7, OUTCOME_REFUSED, START), LIMIT_WRITE);
	assert_false(limit_due(&l, START, &t, &wait));
	assert_true(wait == UINT64_MAX);

	assert_int_equal(ask(&l, 7, OUTCOME_REFUSED, START + 1), LIMIT_HOLD);
	assert_int_equal(ask(&l, 7, OUTCOME_RAN, START + 2), LIMIT_HOLD);
	assert_int_equal(ask(&l, 7, OUTCOME_STOPPED, START + 3), LIMIT_HOLD);
	assert_int_equal(ask(&l, 8, OUTCOME_REFUSED, START + 3), LIMIT_WRITE);
	assert_false(limit_due(&l, START + 3, &t, &wait));
	assert_true(wait == INTERVAL - 3);

	assert_true(limit_due(&l, START + INTERVAL, &t, &wait));
	assert_int_equal(t.device, 7);
	assert_int_equal(t.n_refused, 2);
	assert_int_equal(t.n_other, 1);
	assert_false(limit_due(&l, START + INTERVAL, &t, &wait));
	assert_int_equal(ask(&l, 7, OUTCOME_REFUSED, START + INTERVAL), LIMIT_HOLD);
	assert_true(limit_due(&l, START + 2 * INTERVAL, &t, &wait));
	assert_int_equal(t.n_refused, 1);
	assert_int_equal(ask(&l, 7, OUTCOME_REFUSED, START + 3 * INTERVAL), LIMIT_WRITE);
}

static void test_credit_ends_at_the_burst(void **state)
{
	struct limit l = { 0 };

	(void) state;
	assert_int_equal(ask(&l, 7, OUTCOME_REFUSED, START), LIMIT_WRITE);
	for (unsigned i = 0; i < NOTICE_BURST; i++)
		assert_int_equal(ask(&l, 7, OUTCOME_REFUSED, START + 1000 * INTERVAL), LIMIT_WRITE);
	assert_int_equal(ask(&l, 7, OUTCOME_REFUSED, START + 1000 * INTERVAL), LIMIT_HOLD);
}

static void test_a_clock_that_stands_still_or_goes_back(void **state)
{
	struct limit l = { 0 };
	struct limit_terminal t;
	uint64_t wait;

	(void) state;
	for (unsigned i = 0; i < NOTICE_BURST; i++)
		assert_int_equal(ask(&l, 7, OUTCOME_REFUSED, START), LIMIT_WRITE);
	assert_int_equal(ask(&l, 7, OUTCOME_REFUSED, START - 5), LIMIT_HOLD);
	assert_false(limit_due(&l, START - 5, &t, &wait));
	assert_true(wait == INTERVAL + 5);
}

static void test_one_terminal_more_than_is_remembered(void **state)
{
	struct event e = { .kind = EVENT_LAUNCH, .outcome = OUTCOME_REFUSED };
	struct limit_terminal forgotten;
	struct limit l = { 0 };

	(void) state;
	for (uint32_t i = 1; i <= NOTICE_TERMINALS_MAX; i++)
		for (unsigned k = 0; k <= NOTICE_BURST; k++)
			(void) ask(&l, i, OUTCOME_REFUSED, START + i);
	(void) ask(&l, 1, OUTCOME_REFUSED, START + 1000); /* now 2 is the quietest */

	e.tty_device = NOTICE_TERMINALS_MAX + 1;
	assert_int_equal(limit_ask(&l, &e, START + 1001, &forgotten), LIMIT_WRITE);
	assert_int_equal(forgotten.device, 2);
	assert_int_equal(forgotten.n_refused, 1);
	e.tty_device = 1;
	assert_int_equal(limit_ask(&l, &e, START + 1002, &forgotten), LIMIT_HOLD);
	assert_int_equal(forgotten.device, 0);
}

static void test_the_summary_goes_to_the_owner_last_seen(void **state)
{
	struct event e = { .kind = EVENT_LAUNCH,
		.outcome = OUTCOME_REFUSED,
		.tty_device = 7,
		.uid = 1000,
		.login_uid = 1000,
		.tty = "pts/3" };
	struct limit_terminal t;
	struct limit l = { 0 };
	uint64_t wait;

	(void) state;
	for (unsigned i = 0; i < NOTICE_BURST + 1; i++)
		(void) limit_ask(&l, &e, START, &t);
	e.uid = 1001;
	e.login_uid = EVENT_UID_UNKNOWN;
	(void) limit_ask(&l, &e, START, &t);
	assert_true(limit_due(&l, START + INTERVAL, &t, &wait));
	assert_int_equal(t.uid, 1001);
	assert_true(t.login_uid == EVENT_UID_UNKNOWN);
	assert_string_equal(t.tty, "pts/3");
}

static void test_draining_takes_each_summary_once(void **state)
{
	struct limit_terminal t;
	struct limit l = { 0 };
	unsigned n = 0;

	(void) state;
	for (uint32_t i = 1; i <= 5; i++)
		for (unsigned k = 0; k < NOTICE_BURST + i; k++)
			(void) ask(&l, i, OUTCOME_REFUSED, START);
	while (limit_drain(&l, &t)) {
		assert_int_equal(t.n_refused, t.device);
		n++;
	}
	assert_int_equal(n, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_burst_then_one_each_interval),
		cmocka_unit_test(test_credit_ends_at_the_burst),
		cmocka_unit_test(test_a_clock_that_stands_still_or_goes_back),
		cmocka_unit_test(test_one_terminal_more_than_is_remembered),
		cmocka_unit_test(test_the_summary_goes_to_the_owner_last_seen),
		cmocka_unit_test(test_draining_takes_each_summary_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
