/*
 * compiler_run() and settings_load() with real processes: the sealed image, the sandbox around the
 * real compiler, and compilers that lie, break down or hang.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "policy/base/clock.h"
#include "policy/base/fd.h"
#include "policy/base/spawn.h"
#include "policy/image/policy.h"
#include "policy/source/compiler.h"
#include "policy/source/wire.h"
#include "tests/component/compiler_setup.h"

static const char good[] = "proscribe: 1\npolicy: {name: test, owner: me}\n"
			   "software: [{id: a, name: A, is: [{purl: pkg:npm/a}]}]\n"
			   "rules: [{id: R, software: a, reason: No., action: block}]\n";

struct fixture {
	char folder[64];
};

static void put(const char *folder, const char *name, const char *text)
{
	char path[PATH_MAX];
	FILE *f;

	(void) snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "we");
	assert_non_null(f);
	(void) fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static int set_up(void **state)
{
	struct fixture *x = calloc(1, sizeof(*x));

	if (!x)
		return -1;
	strcpy(x->folder, "/tmp/proscribe-compiler-XXXXXX");
	if (!mkdtemp(x->folder) || choose_compiler(NULL) < 0)
		return -1;
	put(x->folder, "policy.yaml", good);
	*state = x;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *x = *state;
	char path[PATH_MAX + 32];

	(void) snprintf(path, sizeof(path), "%s/policy.yaml", x->folder);
	(void) unlink(path);
	(void) rmdir(x->folder);
	free(x);
	return 0;
}

static void test_a_policy_becomes_a_sealed_image(void **state)
{
	struct fixture *x = *state;
	struct compiled c;
	struct policy *p;
	struct policy_info info;

	assert_int_equal(compiler_run(x->folder, 0, &c), 0);
	assert_string_equal(c.messages, "");
	assert_int_equal(c.n_errors, 0);
	assert_int_equal(fcntl(c.image_fd, F_GET_SEALS) & 0xf,
		F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	assert_int_equal(write(c.image_fd, "x", 1), -1);
	assert_int_equal(errno, EPERM);
	assert_true(mmap(NULL, 1, PROT_WRITE, MAP_SHARED, c.image_fd, 0) == MAP_FAILED);
	assert_true(fcntl(c.image_fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(policy_open(c.image_fd, &p), 0);
	policy_info(p, &info);
	assert_string_equal(info.name, "test");
	policy_unref(p);
	compiled_done(&c);
	assert_int_equal(c.image_fd, -1);
}

static void test_a_wrong_policy_becomes_messages(void **state)
{
	struct fixture *x = *state;
	struct compiled c;

	put(x->folder, "policy.yaml", "proscribe: 1\npolcy: {}\n");
	assert_int_equal(compiler_run(x->folder, 0, &c), 0);
	assert_int_equal(c.n_errors, 1);
	assert_int_equal(c.image_fd, -1);
	assert_non_null(strstr(c.messages, "policy.yaml:2:1: error: unknown key 'polcy'"));
	compiled_done(&c);
}

static void test_settings_are_read(void **state)
{
	struct fixture *x = *state;
	struct settings s, before;
	char path[128], *messages;

	(void) snprintf(path, sizeof(path), "%s/policy.yaml", x->folder);
	put(x->folder, "policy.yaml", "fail_mode: deny\n");
	assert_int_equal(settings_load(path, &s, &messages), 0);
	assert_int_equal(s.fail_mode, FAIL_MODE_DENY);
	free(messages);
	before = s;
	put(x->folder, "policy.yaml", "fail_mode: open\n");
	assert_int_equal(settings_load(path, &s, &messages), -EINVAL);
	assert_memory_equal(&s, &before, sizeof(s));
	assert_non_null(strstr(messages, "/policy.yaml:1:12: error: fail_mode must be"));
	free(messages);
	if (geteuid() == 0) {
		assert_int_equal(chmod(path, 0666), 0);
		assert_int_equal(settings_load(path, &s, &messages), -EPERM);
		assert_non_null(strstr(messages, "chmod go-w"));
		free(messages);
	}
	assert_int_equal(unlink(path), 0);
	assert_int_equal(settings_load(path, &s, &messages), 0);
	assert_int_equal(s.fail_mode, FAIL_MODE_ALLOW);
	assert_string_equal(messages, "");
	free(messages);
}

static const struct {
	const char *mode;
	int result;
	const char *said;
} broken[] = {
	{ "silent exit", -EPIPE, "ended before it had answered" },
	{ "exit", -EPIPE, "ended before it had answered" },
	{ "sigsys", -EPIPE, "did something its sandbox forbids and was killed" },
	{ "segv", -EPIPE, "was killed by signal 11" },
	{ "result first", -EPROTO, "gave an answer that makes no sense" },
	{ "cut result", -EPROTO, "gave an answer that makes no sense" },
	{ "long result", -EPROTO, "gave an answer that makes no sense" },
	{ "descriptor", -EPROTO, "gave an answer that makes no sense" },
	{ "wrong size", -EPROTO, "gave an answer that makes no sense" },
	{ "errors and an image", -EPROTO, "gave an answer that makes no sense" },
	{ "no image and no errors", -EPROTO, "gave an answer that makes no sense" },
	{ "positive error", -EPROTO, "gave an answer that makes no sense" },
	{ "flood", -EPROTO, "gave an answer that makes no sense" },
	{ "no memory", -ENOMEM, "needs more memory than it may have" },
	{ "garbage", -EBADMSG, "made a policy that cannot be read" },
	{ "no image", -EBADMSG, "made a policy that cannot be read" },
	{ "mapped", -EBUSY, "made a policy that cannot be read" },
};

static void test_a_compiler_that_breaks_down_or_lies_is_told_of(void **state)
{
	struct fixture *x = *state;

	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		struct compiled c;
		int r;

		assert_int_equal(choose_compiler(broken[i].mode), 0);
		r = compiler_run(x->folder, 0, &c);
		if (r != broken[i].result || !strstr(c.messages, broken[i].said))
			fail_msg("%s: returned %d, said %s", broken[i].mode, r, c.messages);
		if (c.image_fd >= 0 || strncmp(c.messages, "error: proscribe-compiler ", 26) != 0)
			fail_msg("%s: gave %d, said %s", broken[i].mode, c.image_fd, c.messages);
		compiled_done(&c);
	}
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void test_messages_of_a_hostile_compiler_are_escaped(void **state)
{
	struct fixture *x = *state;
	struct compiled c;

	assert_int_equal(choose_compiler("escape"), 0);
	assert_int_equal(compiler_run(x->folder, 0, &c), 0);
	assert_string_equal(c.messages, "p: error: \\x1b[2J\\xff\n");
	compiled_done(&c);
}

static void test_a_compiler_that_is_not_there_is_told_of(void **state)
{
	char path[PATH_MAX + 64], name[NAME_MAX + 1];
	struct fixture *x = *state;
	struct compiled c;

	if (access(LIBEXECDIR "/proscribe-compiler", X_OK) == 0)
		skip();
	assert_int_equal(own_place(path, name), 0);
	strcat(path, "/proscribe-compiler");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(compiler_run(x->folder, 0, &c), -ENOENT);
	assert_non_null(strstr(c.messages, "is not installed beside this program"));
	compiled_done(&c);
}

/* The real compiler on a socket of ours, past its first word. */
static pid_t start_real(int *ret_socket)
{
	struct timeval patience = { .tv_sec = 30 };
	union wire m;
	int pair[2];
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(
		setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	assert_int_equal(spawn_helper(&(struct spawn){ .program = "proscribe-compiler",
					      .fds = &pair[1],
					      .n_fds = 1 },
				 &pid),
		0);
	close(pair[1]);
	assert_int_equal(wire_receive(pair[0], WIRE_READY, &m, NULL), 0);
	*ret_socket = pair[0];
	return pid;
}

static int status_of(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void expect_line(const char *text, const char *line)
{
	if (!strstr(text, line))
		fail_msg("no '%s' in:\n%s", line, text);
}

static void test_it_reads_nothing_outside_its_sandbox(void **state)
{
	char path[64], text[8192];
	size_t n;
	int socket;
	pid_t pid = start_real(&socket);
	FILE *f;

	(void) state;
	(void) snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	(void) fclose(f);
	expect_line(text, "\nSeccomp:\t2\n");
	expect_line(text, "\nNoNewPrivs:\t1\n");
	expect_line(text, "\nCapPrm:\t0000000000000000\n");
	expect_line(text, "\nCapEff:\t0000000000000000\n");
	if (geteuid() == 0)
		assert_null(strstr(text, "\nUid:\t0\t"));
	close(socket);
	assert_true(WIFEXITED(status_of(pid)));
}

static const struct {
	const char *name;
	union wire message;
	size_t size, n_fds;
} hostile[] = {
	{ "nothing known", { .type = 77 }, 4, 0 },
	{ "an empty message", { .type = 0 }, 1, 0 },
	{ "a BEGIN cut short", { .begin = { WIRE_BEGIN, WIRE_POLICY, 0 } }, 8, 2 },
	{ "a BEGIN too long", { .begin = { WIRE_BEGIN, WIRE_POLICY, 0 } }, 16, 2 },
	{ "a BEGIN without descriptors", { .begin = { WIRE_BEGIN, WIRE_POLICY, 0 } }, 12, 0 },
	{ "a BEGIN with one too few", { .begin = { WIRE_BEGIN, WIRE_POLICY, 0 } }, 12, 1 },
	{ "a BEGIN with one too many", { .begin = { WIRE_BEGIN, WIRE_POLICY, 0 } }, 12, 3 },
	{ "a FILE before BEGIN", { .file = { WIRE_FILE, "x" } }, sizeof(struct wire_file), 1 },
	{ "a RESULT", { .result = { .type = WIRE_RESULT } }, sizeof(struct wire_result), 0 },
	{ "another kind", { .begin = { WIRE_BEGIN, _WIRE_KIND_MAX, 0 } }, 12, 2 },
	{ "a file too many", { .begin = { WIRE_BEGIN, WIRE_POLICY, POLICY_ALL_FILES_MAX + 1 } }, 12,
		2 },
	{ "settings without a file", { .begin = { WIRE_BEGIN, WIRE_SETTINGS, 0 } }, 12, 2 },
};

static void test_it_ends_at_the_first_message_that_breaks_the_rules(void **state)
{
	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
		union wire m;
		int socket, status, fds[3];
		pid_t pid = start_real(&socket);

		for (size_t k = 0; k < 3; k++)
			fds[k] = memfd_create("test", MFD_CLOEXEC);
		assert_int_equal(fd_send(socket, &hostile[i].message, hostile[i].size, fds,
					 hostile[i].n_fds),
			0);
		if (wire_receive(socket, WIRE_RESULT, &m, NULL) == 0 && m.result.error >= 0)
			fail_msg("%s: answered", hostile[i].name);
		close(socket);
		status = status_of(pid);
		if (!WIFEXITED(status))
			fail_msg("%s: ended with %x", hostile[i].name, status);
		for (size_t k = 0; k < 3; k++)
			close(fds[k]);
	}
}

/* What a policy folder never holds, the other side might still send. */
static void test_it_ends_at_a_file_too_many_of_a_kind(void **state)
{
	static const struct {
		const char *name;
		uint32_t max;
	} cases[] = {
		{ POLICY_LISTS "a.txt", POLICY_FILES_MAX },
		{ POLICY_SIGNATURES "a.yar", 2 * POLICY_FILES_MAX },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		union wire m = { .begin = { WIRE_BEGIN, WIRE_POLICY, cases[i].max + 1 } };
		int socket, status, r = 0, fds[2];
		pid_t pid = start_real(&socket);

		for (size_t k = 0; k < ARRAY_SIZE(fds); k++)
			fds[k] = memfd_create("test", MFD_CLOEXEC);
		assert_int_equal(wire_send(socket, &m, fds), 0);
		memset(&m, 0, sizeof(m));
		m.type = WIRE_FILE;
		strcpy(m.file.name, cases[i].name);
		for (uint32_t k = 0; k <= cases[i].max && r == 0; k++)
			r = wire_send(socket, &m, fds);
		if (wire_receive(socket, WIRE_RESULT, &m, NULL) == 0)
			fail_msg("%s: answered", cases[i].name);
		close(socket);
		status = status_of(pid);
		if (!WIFEXITED(status) || WEXITSTATUS(status) == 0)
			fail_msg("%s: ended with %x", cases[i].name, status);
		close(fds[0]);
		close(fds[1]);
	}
}

static void test_no_descriptor_stays_open(void **state)
{
	struct fixture *x = *state;
	struct compiled c;
	int before = dup(0), after;

	close(before);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(compiler_run(x->folder, 0, &c), 0);
		compiled_done(&c);
	}
	after = dup(0);
	close(after);
	assert_int_equal(after, before);
}

int main(int argc, char *argv[])
{
#define ROW(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		ROW(test_a_policy_becomes_a_sealed_image),
		ROW(test_a_wrong_policy_becomes_messages),
		ROW(test_settings_are_read),
		ROW(test_a_compiler_that_breaks_down_or_lies_is_told_of),
		ROW(test_messages_of_a_hostile_compiler_are_escaped),
		ROW(test_a_compiler_that_is_not_there_is_told_of),
		ROW(test_it_reads_nothing_outside_its_sandbox),
		ROW(test_it_ends_at_the_first_message_that_breaks_the_rules),
		ROW(test_it_ends_at_a_file_too_many_of_a_kind),
		ROW(test_no_descriptor_stays_open),
	};

	(void) argc;
	if (move_to_folder("in-compiler", argv) < 0)
		return 1;
	return cmocka_run_group_tests_name("compiler", tests, NULL, NULL);
}
