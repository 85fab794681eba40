/*
 * The notifier against real pseudo-terminals: what arrives, what must not, and that no terminal
 * holds it up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>

#include "agent/notice/limit.h"
#include "agent/notice/notice.h"
#include "agent/notice/terminal.h"
#include "policy/base/clock.h"

enum { QUIET_MSEC = 300, READ_MAX = 65536 };

struct terminal {
	int master, slave;
	char name[EVENT_TTY_MAX + 1];
	uint32_t device;
	uid_t owner;
};

static struct terminal terminal_new(unsigned short columns)
{
	struct winsize size = { .ws_col = columns, .ws_row = 24 };
	struct terminal t = { 0 };
	char path[64];
	struct stat st;

	assert_int_equal(openpty(&t.master, &t.slave, path, NULL, &size), 0);
	assert_int_equal(fstat(t.slave, &st), 0);
	assert_int_equal(strncmp(path, "/dev/", 5), 0);
	(void) snprintf(t.name, sizeof(t.name), "%.*s", EVENT_TTY_MAX, path + 5);
	t.device = (uint32_t) st.st_rdev;
	t.owner = st.st_uid;
	return t;
}

static void terminal_done(struct terminal *t)
{
	(void) close(t->slave);
	(void) close(t->master);
}

/* What the terminal shows until it has been quiet for a while. */
static const char *shown(const struct terminal *t)
{
	static char text[READ_MAX];
	size_t n = 0;
	struct pollfd p = { .fd = t->master, .events = POLLIN };

	while (n + 1 < sizeof(text) && poll(&p, 1, QUIET_MSEC) > 0 && (p.revents & POLLIN)) {
		ssize_t r = read(t->master, text + n, sizeof(text) - 1 - n);

		if (r <= 0)
			break;
		n += (size_t) r;
	}
	text[n] = '\0';
	return text;
}

static struct event *refusal(const struct terminal *t)
{
	struct event *e = NULL;

	assert_int_equal(event_new(EVENT_LAUNCH, &e), 0);
	e->outcome = OUTCOME_REFUSED;
	e->verdict = VERDICT_BLOCK;
	e->uid = t->owner;
	e->login_uid = EVENT_UID_UNKNOWN;
	e->software_name = strdup("Claude Code");
	e->reason = strdup("Added to the list of high-risk software.");
	e->tty_device = t->device;
	memcpy(e->tty, t->name, sizeof(e->tty));
	return e;
}

static void push(struct notifier *n, const struct terminal *t)
{
	struct event *e = refusal(t);

	notifier_push(n, e);
	(void) event_unref(e);
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}

static void test_a_notice_in_the_width_of_the_terminal(void **state)
{
	struct terminal narrow = terminal_new(40), wide = terminal_new(100);
	struct notifier *n = NULL;
	const char *text;

	(void) state;
	assert_int_equal(notifier_start(&n), 0);
	push(n, &narrow);
	text = shown(&narrow);
	assert_int_equal(strncmp(text, "\r", 1), 0);
	assert_non_null(strstr(text, "Claude Code was not started."));
	assert_non_null(strstr(text, "Why: Added to the list of high-risk\r"));
	push(n, &wide);
	assert_non_null(strstr(shown(&wide), "Added to the list of high-risk software.\r"));
	assert_string_equal(shown(&narrow), "");
	assert_null(notifier_stop(n));
	terminal_done(&narrow);
	terminal_done(&wide);
}

static void test_which_terminals_are_written_to(void **state)
{
	static const struct {
		const char *name;
		int uid_off, login_off; /* from the owner; -1: unknown */
		int device_off;
		const char *tty; /* NULL: the right one */
		int want;
	} cases[] = {
		{ "the user's own", 0, -1, 0, NULL, 0 },
		{ "root's launch on the terminal of who logged in", 7, 0, 0, NULL, 0 },
		{ "that of another user", 7, 8, 0, NULL, -EPERM },
		{ "nobody known", -1, -1, 0, NULL, -EPERM },
		{ "another device under the name", 0, 0, 1, NULL, -ENODEV },
		{ "no such terminal", 0, 0, 0, "pts/999999", -ENOENT },
		{ "no name", 0, 0, 0, "", -EINVAL },
		{ "the multiplexer", 0, 0, 0, "ptmx", -EINVAL },
		{ "the multiplexer beside the terminals", 0, 0, 0, "pts/ptmx", -EINVAL },
		{ "one's own terminal, whichever it is", 0, 0, 0, "tty", -EINVAL },
		{ "a way out of the folder", 0, 0, 0, "pts/../null", -EINVAL },
		{ "a way down", 0, 0, 0, "tty/0", -EINVAL },
		{ "a doubled slash", 0, 0, 0, "pts//0", -EINVAL },
		{ "an absolute path", 0, 0, 0, "/dev/null", -EINVAL },
		{ "a disk", 0, 0, 0, "sda1", -EINVAL },
		{ "a lower-case tail", 0, 0, 0, "ttyprintk0", -EINVAL },
		{ "a sign", 0, 0, 0, "pts/-1", -EINVAL },
	};
	struct terminal t = terminal_new(80);

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uid_t uid = cases[i].uid_off < 0 ? EVENT_UID_UNKNOWN
						 : t.owner + (uid_t) cases[i].uid_off;
		uid_t login = cases[i].login_off < 0 ? EVENT_UID_UNKNOWN
						     : t.owner + (uid_t) cases[i].login_off;
		_cleanup_close_ int fd = -1;
		unsigned columns = 0;
		int r = terminal_open(cases[i].tty ? cases[i].tty : t.name,
			t.device + (uint32_t) cases[i].device_off, uid, login, &fd, &columns);

		if (r != cases[i].want)
			fail_msg("%s: got %d, wanted %d", cases[i].name, r, cases[i].want);
		if (r < 0 && fd != -1)
			fail_msg("%s: a descriptor in spite of the error", cases[i].name);
		if (r == 0)
			assert_int_equal(columns, 80);
	}
	terminal_done(&t);
}

static void test_nothing_for_a_terminal_of_nobody(void **state)
{
	struct terminal t = terminal_new(80);
	struct notifier *n = NULL;
	struct event *e = refusal(&t);

	(void) state;
	assert_int_equal(notifier_start(&n), 0);
	e->uid = e->login_uid = t.owner + 1;
	notifier_push(n, e);
	(void) event_unref(e);
	e = refusal(&t);
	e->tty_device = 0;
	notifier_push(n, e);
	(void) event_unref(e);
	e = refusal(&t);
	e->outcome = OUTCOME_RAN;
	e->verdict = VERDICT_LOG;
	notifier_push(n, e);
	(void) event_unref(e);
	assert_string_equal(shown(&t), "");
	assert_null(notifier_stop(n));
	terminal_done(&t);
}

static void test_a_storm_is_summed_up(void **state)
{
	struct terminal t = terminal_new(80);
	struct notifier *n = NULL;
	const char *text;

	(void) state;
	assert_int_equal(notifier_start(&n), 0);
	for (unsigned i = 0; i < NOTICE_BURST + 12; i++)
		push(n, &t);
	text = shown(&t);
	assert_int_equal(count(text, "was not started."), NOTICE_BURST);
	assert_int_equal(count(text, "more launches"), 0);
	assert_null(notifier_stop(n));
	text = shown(&t);
	assert_non_null(strstr(text, "12 more launches were not started; see proscribectl log\r"));
	assert_int_equal(count(text, "was not started."), 0);
	terminal_done(&t);
}

static void test_the_summary_comes_by_itself(void **state)
{
	struct terminal t = terminal_new(80);
	struct pollfd p = { .fd = t.master, .events = POLLIN };
	struct notifier *n = NULL;

	(void) state;
	assert_int_equal(notifier_start(&n), 0);
	for (unsigned i = 0; i < NOTICE_BURST + 1; i++)
		push(n, &t);
	(void) shown(&t);
	assert_int_equal(poll(&p, 1, (NOTICE_INTERVAL_SEC + 5) * 1000), 1);
	assert_non_null(strstr(shown(&t), "1 more launch was not started; see proscribectl log\r"));
	assert_null(notifier_stop(n));
	terminal_done(&t);
}

static uint64_t msec_since(uint64_t start_usec)
{
	return (clock_boot_usec() - start_usec) / USEC_PER_MSEC;
}

static void test_a_stopped_terminal_holds_nobody_up(void **state)
{
	struct terminal held = terminal_new(80), other = terminal_new(80);
	struct notifier *n = NULL;
	uint64_t start;

	(void) state;
	assert_int_equal(tcflow(held.slave, TCOOFF), 0); /* what Ctrl-S does */
	assert_int_equal(notifier_start(&n), 0);
	push(n, &held);
	push(n, &other);
	assert_non_null(strstr(shown(&other), "Claude Code was not started."));
	for (unsigned i = 0; i < NOTICE_BURST + 3; i++)
		push(n, &held);
	start = clock_boot_usec();
	assert_null(notifier_stop(n));
	if (msec_since(start) > 5000)
		fail_msg("stopping took %llu ms", (unsigned long long) msec_since(start));
	assert_int_equal(tcflow(held.slave, TCOON), 0);
	assert_string_equal(shown(&held), "");
	terminal_done(&held);
	terminal_done(&other);
}

static void test_a_terminal_nobody_reads_takes_what_it_can(void **state)
{
	static char flood[READ_MAX];
	struct terminal t = terminal_new(80);
	_cleanup_close_ int fd = -1;
	uint64_t start = clock_boot_usec();
	unsigned columns, i;
	int r = 0;

	(void) state;
	memset(flood, 'x', sizeof(flood));
	assert_int_equal(terminal_open(t.name, t.device, t.owner, t.owner, &fd, &columns), 0);
	for (i = 0; i < 100 && r == 0; i++)
		r = terminal_write(fd, flood, sizeof(flood));
	assert_int_equal(r, -EAGAIN);
	assert_true(msec_since(start) < 5000);
	terminal_done(&t);
}

/* Reads the terminal's screen from a moment later on, until it is closed. */
static void *read_later(void *argument)
{
	const int *master = argument;
	static char screen[READ_MAX];

	(void) usleep(30000);
	while (read(*master, screen, sizeof(screen)) > 0)
		;
	return NULL;
}

static void test_a_terminal_that_is_busy_for_a_moment(void **state)
{
	static char flood[READ_MAX];
	struct terminal t = terminal_new(80);
	_cleanup_close_ int fd = -1;
	unsigned columns, i;
	pthread_t reader;
	int r = 0;

	(void) state;
	memset(flood, 'x', sizeof(flood));
	assert_int_equal(terminal_open(t.name, t.device, t.owner, t.owner, &fd, &columns), 0);
	for (i = 0; i < 100 && r == 0; i++)
		r = terminal_write(fd, flood, sizeof(flood));
	assert_int_equal(r, -EAGAIN);
	assert_int_equal(pthread_create(&reader, NULL, read_later, &t.master), 0);
	assert_int_equal(terminal_write(fd, flood, sizeof(flood)), 0);
	assert_int_equal(pthread_cancel(reader), 0);
	assert_int_equal(pthread_join(reader, NULL), 0);
	terminal_done(&t);
}

static void test_a_terminal_that_went_away(void **state)
{
	struct terminal t = terminal_new(80);
	struct notifier *n = NULL;
	_cleanup_close_ int fd = -1;
	unsigned columns;

	(void) state;
	assert_int_equal(terminal_open(t.name, t.device, t.owner, t.owner, &fd, &columns), 0);
	(void) close(t.master);
	t.master = -1;
	assert_int_equal(terminal_write(fd, "x", 1), -EIO);
	assert_int_equal(notifier_start(&n), 0);
	push(n, &t);
	assert_null(notifier_stop(n));
	terminal_done(&t);
}

static void test_it_takes_no_controlling_terminal(void **state)
{
	struct terminal t = terminal_new(80);
	pid_t pid;
	int status;

	(void) state;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		_cleanup_close_ int fd = -1;
		unsigned columns;

		(void) setsid();
		if (terminal_open(t.name, t.device, t.owner, t.owner, &fd, &columns) < 0)
			_exit(2);
		_exit(open("/dev/tty", O_RDWR | O_CLOEXEC) >= 0 ? 1 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	terminal_done(&t);
}

/* More terminals than are remembered, each past its burst: nothing is lost but the rest of a
 * notice that a full terminal did not take. */
static void test_more_terminals_than_are_remembered(void **state)
{
	enum { N = NOTICE_TERMINALS_MAX + 1 };
	struct terminal t[N];
	struct notifier *n = NULL;

	(void) state;
	assert_int_equal(notifier_start(&n), 0);
	for (size_t i = 0; i < N; i++) {
		t[i] = terminal_new(80);
		for (unsigned k = 0; k < NOTICE_BURST + 2; k++)
			push(n, &t[i]);
		if (i % 16 == 15)
			(void) poll(NULL, 0, 50); /* the queue holds NOTICE_QUEUE_MAX */
	}
	assert_null(notifier_stop(n));
	for (size_t i = 0; i < N; i++) {
		char text[READ_MAX];
		ssize_t r = read(t[i].master, text, sizeof(text) - 1);

		if (r <= 0)
			fail_msg("terminal %zu got nothing", i);
		text[r] = '\0';
		if (count(text, "was not started.") < 1)
			fail_msg("terminal %zu got no notice", i);
		terminal_done(&t[i]);
	}
}

static void test_a_full_queue_drops(void **state)
{
	struct terminal t = terminal_new(80);
	struct notifier *n = NULL;
	uint64_t start;

	(void) state;
	assert_int_equal(notifier_start(&n), 0);
	start = clock_boot_usec();
	for (unsigned i = 0; i < 20 * NOTICE_QUEUE_MAX; i++)
		push(n, &t);
	assert_true(msec_since(start) < 10000);
	assert_null(notifier_stop(n));
	assert_true(count(shown(&t), "was not started.") >= 1);
	terminal_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_notice_in_the_width_of_the_terminal),
		cmocka_unit_test(test_which_terminals_are_written_to),
		cmocka_unit_test(test_nothing_for_a_terminal_of_nobody),
		cmocka_unit_test(test_a_storm_is_summed_up),
		cmocka_unit_test(test_the_summary_comes_by_itself),
		cmocka_unit_test(test_a_stopped_terminal_holds_nobody_up),
		cmocka_unit_test(test_a_terminal_nobody_reads_takes_what_it_can),
		cmocka_unit_test(test_a_terminal_that_is_busy_for_a_moment),
		cmocka_unit_test(test_a_terminal_that_went_away),
		cmocka_unit_test(test_it_takes_no_controlling_terminal),
		cmocka_unit_test(test_more_terminals_than_are_remembered),
		cmocka_unit_test(test_a_full_queue_drops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
