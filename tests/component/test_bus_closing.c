/*
 * Sockets that hold a stranger's descriptor, closed by real processes of their own. Their helper
 * must lie beside the program, so this one goes on in a folder of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "agent/bus/closing.h"
#include "policy/base/cleanup.h"
#include "policy/base/clock.h"
#include "tests/component/compiler_setup.h"

enum { USER = 1000, OTHER = 1001, PATIENCE_USEC = 20000000 };

/* A socket of ours with the writing end of a pipe in it, whose reading end tells when that has been
 * dropped. */
static int socket_with_descriptor(int *ret_reader)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr header;
	} control = { 0 };
	struct iovec io = { .iov_base = (void *) "x", .iov_len = 1 };
	struct msghdr m = { .msg_iov = &io,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	int pair[2], ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &ends[1], sizeof(int));
	assert_int_equal(sendmsg(pair[1], &m, 0), 1);
	(void) close(ends[1]);
	(void) close(pair[1]);
	*ret_reader = ends[0];
	return pair[0];
}

static bool is_dropped(int reader)
{
	struct pollfd p = { .fd = reader };

	return poll(&p, 1, 0) == 1 && (p.revents & POLLHUP);
}

static void run_until_empty(struct closing *c)
{
	for (uint64_t end = clock_boot_usec() + PATIENCE_USEC; c->n > 0 && clock_boot_usec() < end;)
		(void) sd_event_run(c->event, 100000);
	assert_int_equal(c->n, 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static size_t count_processes(const struct closing *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++)
		n += c->entries[i].pid > 0;
	return n;
}

static void test_a_process_drops_it(void **state)
{
	_cleanup_(sd_event_unrefp) sd_event *event = NULL;
	struct closing c;
	int reader, fd = socket_with_descriptor(&reader);

	(void) state;
	assert_int_equal(sd_event_new(&event), 0);
	closing_init(&c, event);
	closing_add(&c, fd, USER);
	assert_int_equal(closing_count(&c, USER), 1);
	assert_int_equal(closing_count(&c, OTHER), 0);
	run_until_empty(&c);
	assert_true(is_dropped(reader));
	(void) close(reader);
	closing_done(&c);
}

static void test_what_holds_none_is_closed_here(void **state)
{
	_cleanup_(sd_event_unrefp) sd_event *event = NULL;
	struct closing c;
	int pair[2];

	(void) state;
	assert_int_equal(sd_event_new(&event), 0);
	closing_init(&c, event);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(write(pair[1], "bytes", 5), 5);
	closing_add(&c, pair[0], USER);
	assert_int_equal(closing_count(&c, (uid_t) -1), 0);
	assert_int_equal(fcntl(pair[0], F_GETFD), -1);
	(void) close(pair[1]);
	closing_done(&c);
}

/* One more than may have a process waits for its turn; past CLOSING_FULL nobody else is let in. */
static void test_limits(void **state)
{
	_cleanup_(sd_event_unrefp) sd_event *event = NULL;
	sd_event_source *listener = NULL;
	int readers[CLOSING_FULL], ends[2], enabled;
	struct closing c;

	(void) state;
	assert_int_equal(sd_event_new(&event), 0);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_true(sd_event_add_io(event, &listener, ends[0], POLLIN, NULL, NULL) >= 0);
	closing_init(&c, event);
	for (size_t i = 0; i < CLOSING_FULL; i++) {
		closing_pause_if_full(&c, listener);
		assert_true(sd_event_source_get_enabled(listener, &enabled) > 0);
		closing_add(&c, socket_with_descriptor(&readers[i]), i % 2 ? USER : OTHER);
		assert_true(count_processes(&c) <= CLOSING_PROCESSES_MAX);
	}
	assert_int_equal(count_processes(&c), CLOSING_PROCESSES_MAX);
	assert_int_equal(closing_count(&c, USER), CLOSING_FULL / 2);
	closing_pause_if_full(&c, listener);
	assert_int_equal(sd_event_source_get_enabled(listener, &enabled), 0);
	run_until_empty(&c);
	assert_true(sd_event_source_get_enabled(listener, &enabled) > 0);
	for (size_t i = 0; i < CLOSING_FULL; i++) {
		assert_true(is_dropped(readers[i]));
		(void) close(readers[i]);
	}
	sd_event_source_unref(listener);
	(void) close(ends[0]);
	(void) close(ends[1]);
	closing_done(&c);
}

/* A helper that is not there is no reason to wait here. */
static void test_without_a_process_it_stays_open(void **state)
{
	_cleanup_(sd_event_unrefp) sd_event *event = NULL;
	struct closing c;
	int reader, fd = socket_with_descriptor(&reader);

	(void) state;
	assert_int_equal(rename("proscribe-inspector", "away"), 0);
	assert_int_equal(sd_event_new(&event), 0);
	closing_init(&c, event);
	closing_add(&c, fd, USER);
	assert_int_equal(rename("away", "proscribe-inspector"), 0);
	assert_int_equal(closing_count(&c, USER), 1);
	assert_false(is_dropped(reader));
	closing_done(&c);
	(void) close(fd);
	(void) close(reader);
}

int main(int argc, char *argv[])
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_process_drops_it),
		cmocka_unit_test(test_what_holds_none_is_closed_here),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_without_a_process_it_stays_open),
	};
	char folder[PATH_MAX], name[NAME_MAX + 1];

	(void) argc;
	if (move_to_folder("closing", argv) < 0 || own_place(folder, name) < 0 || chdir(folder) < 0)
		return 1;
	if (symlink("../../../proscribe-inspector", "proscribe-inspector") < 0 && errno != EEXIST)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
