/*
 * agent/gate/hold: how long files stay open past their answer, and how many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent/gate/state.h"

static struct gate *gate_without_kernel(void)
{
	struct gate *g = calloc(1, sizeof(*g));

	assert_non_null(g);
	g->group = -1; /* marks cannot be made, which holding a file does not depend on */
	return g;
}

static int new_file(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void a_file_is_held_for_its_time(void **state)
{
	static const struct {
		const char *name;
		uint64_t now;
		bool open;
	} cases[] = {
		{ "at once", 1000, true },
		{ "while launches may rely on it", 1000 + GATE_GUARD_USEC - 1, true },
		{ "for the launches that began before", 1000 + GATE_GUARD_USEC, true },
		{ "until just before its time", 1000 + GATE_HOLD_USEC - 1, true },
		{ "no longer", 1000 + GATE_HOLD_USEC, false },
	};
	struct gate *g = gate_without_kernel();
	int fd = new_file();

	(void) state;
	assert_true(hold_next_usec(g) == UINT64_MAX);
	assert_int_equal(hold_file(g, fd, true, 1000), 1000 + GATE_GUARD_USEC);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		hold_release(g, cases[i].now);
		if (is_open(fd) != cases[i].open)
			fail_msg("%s: %s", cases[i].name, cases[i].open ? "closed" : "still open");
	}
	assert_true(hold_next_usec(g) == UINT64_MAX);
	free(g);
}

static void the_next_thing_to_do_is_known(void **state)
{
	struct gate *g = gate_without_kernel();

	(void) state;
	(void) hold_file(g, new_file(), false, 1000);
	(void) hold_file(g, new_file(), false, 1500);
	assert_int_equal(hold_next_usec(g), 1000 + GATE_GUARD_USEC);
	hold_release(g, 1000 + GATE_GUARD_USEC);
	assert_int_equal(hold_next_usec(g), 1500 + GATE_GUARD_USEC);
	hold_release(g, 1500 + GATE_GUARD_USEC);
	assert_int_equal(hold_next_usec(g), 1000 + GATE_HOLD_USEC);
	hold_release(g, UINT64_MAX);
	assert_int_equal(g->n_held, 0);
	free(g);
}

static void one_file_too_many_lets_the_oldest_go(void **state)
{
	struct gate *g = gate_without_kernel();
	int oldest = new_file(), fds[GATE_HELD_MAX];

	(void) state;
	(void) hold_file(g, oldest, false, 1);
	for (size_t i = 0; i < GATE_HELD_MAX; i++) {
		fds[i] = new_file();
		assert_int_equal(is_open(oldest), 1);
		(void) hold_file(g, fds[i], false, 2 + i);
		if (i < GATE_HELD_MAX - 1)
			assert_true(is_open(oldest));
	}
	assert_false(is_open(oldest));
	assert_int_equal(g->n_held, GATE_HELD_MAX);
	for (size_t i = 0; i < GATE_HELD_MAX; i++)
		assert_true(is_open(fds[i]));
	hold_release(g, UINT64_MAX);
	for (size_t i = 0; i < GATE_HELD_MAX; i++)
		assert_false(is_open(fds[i]));
	free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_held_for_its_time),
		cmocka_unit_test(the_next_thing_to_do_is_known),
		cmocka_unit_test(one_file_too_many_lets_the_oldest_go),
	};

	struct rlimit limit = { .rlim_cur = GATE_HELD_MAX * 2, .rlim_max = GATE_HELD_MAX * 2 };

	if (setrlimit(RLIMIT_NOFILE, &limit) < 0) {
		print_message("SKIP: needs %d descriptors\n", GATE_HELD_MAX * 2);
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
