/*
 * Bytes and nothing but bytes from a socket, also on a kernel that cannot refuse descriptors: these
 * sockets have not been through stranger_prepare() unless a test says so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/bus/stranger.h"
#include "policy/base/cleanup.h"

struct pair {
	int ours, theirs, pipe[2];
};

static void pair_done(struct pair *p)
{
	(void) close(p->ours);
	(void) close(p->theirs);
	(void) close(p->pipe[0]);
	(void) close(p->pipe[1]);
}

static struct pair pair_new(void)
{
	struct pair p;
	int sockets[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
	assert_int_equal(pipe(p.pipe), 0);
	p.ours = sockets[0];
	p.theirs = sockets[1];
	return p;
}

static ssize_t send_fd(const struct pair *p, const char *text, int flags)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr header;
	} control = { 0 };
	struct iovec io = { .iov_base = (void *) text, .iov_len = strlen(text) };
	struct msghdr m = { .msg_iov = &io,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &p->pipe[1], sizeof(int));
	return sendmsg(p->theirs, &m, flags | MSG_NOSIGNAL);
}

/* Is the pipe's writing end, closed here, still open in a queue? */
static bool is_held(const struct pair *p)
{
	char byte;

	return recv(p->ours, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

static void test_bytes(void **state)
{
	_cleanup_(pair_done) struct pair p = pair_new();
	char buffer[8] = "";

	(void) state;
	assert_int_equal(stranger_read(p.ours, buffer, sizeof(buffer)), -EAGAIN);
	assert_int_equal(write(p.theirs, "hello there", 11), 11);
	assert_int_equal(stranger_read(p.ours, buffer, sizeof(buffer)), 8);
	assert_memory_equal(buffer, "hello th", 8);
	assert_int_equal(stranger_read(p.ours, buffer, sizeof(buffer)), 3);
	assert_int_equal(stranger_end(p.ours), 0);
	assert_int_equal(stranger_read(p.ours, buffer, sizeof(buffer)), 0);
	assert_int_equal(send(p.theirs, "x", 1, MSG_NOSIGNAL), -1);
	assert_int_equal(errno, EPIPE);
}

static void test_what_brings_a_descriptor_stays(void **state)
{
	static const struct {
		const char *name, *before, *with;
		int flags;
	} cases[] = {
		{ "with the first bytes", "", "hello", 0 },
		{ "behind other bytes", "hello", "there", 0 },
		{ "behind more than is read at once", "hello, and good day", "there", 0 },
		{ "out of band", "", "x", MSG_OOB },
		{ "out of band, behind other bytes", "hello", "there", MSG_OOB },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(pair_done) struct pair p = pair_new();
		size_t want = strlen(cases[i].before), got = 0;
		char buffer[8];
		ssize_t n;

		(void) setsockopt(p.ours, SOL_SOCKET, SO_OOBINLINE, &(int){ 1 }, sizeof(int));
		assert_int_equal(write(p.theirs, cases[i].before, want), want);
		assert_int_equal(send_fd(&p, cases[i].with, cases[i].flags),
			(ssize_t) strlen(cases[i].with));
		while ((n = stranger_read(p.ours, buffer, sizeof(buffer))) > 0)
			got += (size_t) n;
		if (n != -EBADRQC)
			fail_msg("%s: %zd", cases[i].name, n);
		if (got > want + (cases[i].flags ? strlen(cases[i].with) - 1 : 0))
			fail_msg("%s: %zu bytes were read", cases[i].name, got);
		assert_int_equal(stranger_end(p.ours), -EBADRQC);
		assert_true(is_held(&p));
	}
}

static void test_an_ended_connection_is_emptied(void **state)
{
	_cleanup_(pair_done) struct pair p = pair_new();
	uint8_t bytes[50000] = { 0 };

	(void) state;
	assert_int_equal(write(p.theirs, bytes, sizeof(bytes)), sizeof(bytes));
	assert_int_equal(stranger_end(p.ours), 0);
	assert_false(is_held(&p));
	assert_int_equal(send_fd(&p, "x", 0), -1);
}

/* On a kernel that can, the sender is told. */
static void test_prepared(void **state)
{
	_cleanup_(pair_done) struct pair p = pair_new();
	char buffer[8];

	(void) state;
	stranger_prepare(p.ours);
	if (send_fd(&p, "x", 0) < 0)
		assert_int_equal(errno, EPERM);
	else
		assert_int_equal(stranger_read(p.ours, buffer, sizeof(buffer)), -EBADRQC);
	assert_int_equal(send(p.theirs, "y", 1, 0), 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_what_brings_a_descriptor_stays),
		cmocka_unit_test(test_an_ended_connection_is_emptied),
		cmocka_unit_test(test_prepared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
