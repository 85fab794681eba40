/*
 * agent/scan with the real walker and inspector, and with walkers that break a rule or hang: each
 * ends the scan as incomplete and nothing else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "agent/scan/scan.h"
#include "agent/verdict/verdict.h"
#include "policy/base/clock.h"
#include "tests/component/compiler_setup.h"
#include "tests/support/listed_policy.h"

enum { NOBODY = 65534, PATIENCE_USEC = 40000000 };

static char home[PATH_MAX], root[128];
static sd_event *event;
static struct policy *policy;

static const char *in(const char *folder, const char *name)
{
	static char paths[2][2 * PATH_MAX];
	static unsigned turn;
	char *path = paths[turn++ % 2];

	(void) snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

/* NULL: the real one. */
static void choose_walker(const char *way)
{
	int fd;

	(void) unlink(in(home, "proscribe-walker"));
	if (!way) {
		assert_int_equal(
			symlink("../../../proscribe-walker", in(home, "proscribe-walker")), 0);
		return;
	}
	assert_int_equal(link(in(home, "../tool_lost_walker"), in(home, "proscribe-walker")), 0);
	fd = open(in(home, "walk"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0 && write(fd, way, strlen(way)) == (ssize_t) strlen(way));
	(void) close(fd);
}

static void decide(const struct policy *p, int fd, const char *path, struct facts *f,
	struct decision *ret, void *context)
{
	(void) fd;
	(void) context;
	verdict_decide(p, f, path, NULL, ret);
}

static struct scan *start(unsigned silence_sec, uint32_t n_parts)
{
	const char *const paths[] = { root };
	const unsigned id = geteuid() == 0 ? NOBODY : (unsigned) -1;
	struct scan_options o = { .event = event,
		.policy = policy,
		.uid = id,
		.gid = id,
		.silence_sec = silence_sec,
		.decide = decide };
	struct scan *s = NULL;

	assert_int_equal(resume_init(&o.resume, paths, 1), 0);
	o.resume.n_parts = n_parts;
	assert_int_equal(scan_start(&o, &s), 0);
	resume_done(&o.resume);
	return s;
}

/* Until it has ended and nothing of it is left. */
static void wait_for(struct scan *s, struct scan_status *ret)
{
	uint64_t deadline = clock_boot_usec() + PATIENCE_USEC;

	do {
		assert_true(sd_event_run(event, 50000) >= 0);
		scan_status(s, ret);
		assert_true(clock_boot_usec() < deadline);
	} while (ret->running || !scan_is_over(s));
}

static void file(const char *name, size_t size, mode_t mode)
{
	int fd = open(in(root, name), O_WRONLY | O_CREAT | O_CLOEXEC, mode);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t) size), 0);
	(void) close(fd);
}

static pid_t a_child_called(const char *name)
{
	_cleanup_closedir_ DIR *all = opendir("/proc");
	struct dirent *d;

	assert_non_null(all);
	while ((d = readdir(all))) {
		char path[300], text[512] = "", comm[64];
		_cleanup_fclose_ FILE *f = NULL;
		int parent;

		(void) snprintf(path, sizeof(path), "/proc/%s/stat", d->d_name);
		f = fopen(path, "re");
		if (f && fgets(text, sizeof(text), f) &&
			sscanf(text, "%*d (%63[^)]) %*c %d", comm, &parent) == 2 &&
			parent == getpid() && strncmp(comm, name, strlen(comm)) == 0)
			return (pid_t) strtol(d->d_name, NULL, 10);
	}
	return 0;
}

/* ---- tests ---- */

static void finds_what_a_rule_speaks_of(void **state)
{
	for (uint32_t parts = 1; parts <= RESUME_PARTS_MAX; parts++) {
		struct scan *s;
		struct scan_status status;

		(void) state;
		choose_walker(NULL);
		s = start(0, parts);
		wait_for(s, &status);
		assert_true(status.complete);
		assert_int_equal(status.n_found, 2);
		assert_int_equal(status.counts.files, 4);
		assert_int_equal(status.counts.folders, 2);
		assert_int_equal(status.uninspected, 0);
		assert_int_equal(scan_found(s, 0)->kind, EVENT_FINDING);
		assert_int_equal(scan_found(s, 0)->have_sha256, 1);
		assert_true(strstr(scan_found(s, 0)->path, "/banned-"));
		scan_free(s);
	}
}

static void walkers_that_break_rules_end_the_scan(void **state)
{
	static const char *const ways[] = { "does not say hello", "says hello twice",
		"is somewhere else", "is done before it began", "answers what nobody asked",
		"misses what nobody asked for", "gives orders", "says too little", "says too much",
		"hands over nothing", "hands over what is not due", "has a path without an end" };

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		struct scan_status status;
		struct scan *s;

		choose_walker(ways[i]);
		s = start(0, 1);
		wait_for(s, &status);
		if (status.complete || !strstr(status.detail, "The walker broke its protocol"))
			fail_msg("a walker that %s: %s", ways[i], status.detail);
		assert_int_equal(status.n_found, 0);
		scan_free(s);
	}
}

static void what_is_no_file_is_not_looked_into(void **state)
{
	struct scan_status status;
	struct scan *s;

	(void) state;
	choose_walker("hands over a socket");
	s = start(0, 1);
	wait_for(s, &status);
	assert_true(status.complete);
	assert_int_equal(status.inspected + status.uninspected, 0);
	scan_free(s);
}

static void a_walker_that_dies_or_is_missing(void **state)
{
	const char *const paths[] = { root };
	struct scan_options o = { .event = event,
		.policy = policy,
		.uid = (uid_t) -1,
		.gid = (gid_t) -1,
		.decide = decide };
	struct scan_status status;
	struct scan *s;

	(void) state;
	choose_walker("dies");
	s = start(0, 1);
	wait_for(s, &status);
	assert_false(status.complete);
	assert_non_null(strstr(status.detail, "The walker died"));
	scan_free(s);
	(void) unlink(in(home, "proscribe-walker"));
	assert_int_equal(resume_init(&o.resume, paths, 1), 0);
	assert_int_equal(scan_start(&o, &s), -ENOENT);
	resume_done(&o.resume);
}

/* As one does that waits for a filesystem which does not answer. */
static void a_walker_that_hangs_is_given_up(void **state)
{
	struct scan_status status;
	struct scan *s;

	(void) state;
	choose_walker("says nothing more");
	s = start(1, 1);
	wait_for(s, &status);
	assert_false(status.complete);
	assert_non_null(strstr(status.detail, "does not answer"));
	assert_int_equal(a_child_called("proscribe-walker"), 0);
	scan_free(s);
}

static void inspectors_that_die_are_counted(void **state)
{
	struct scan_status status;
	struct scan *s;
	pid_t inspector;

	(void) state;
	choose_walker(NULL);
	s = start(0, 1);
	do
		assert_true(sd_event_run(event, 1000) >= 0);
	while ((inspector = a_child_called("proscribe-inspector")) == 0 && !scan_is_over(s));
	if (inspector > 0)
		(void) kill(inspector, SIGKILL);
	wait_for(s, &status);
	assert_true(status.complete);
	assert_true(status.n_found + status.uninspected >= 2);
	scan_free(s);
}

static void it_can_be_stopped_at_any_time(void **state)
{
	(void) state;
	choose_walker(NULL);
	for (int turns = 0; turns < 40; turns += 3) {
		_cleanup_free_ char *note = NULL;
		struct resume resume = { 0 };
		struct scan_status status;
		struct scan *s = start(0, 2);

		for (int i = 0; i < turns; i++)
			assert_true(sd_event_run(event, 1000) >= 0);
		scan_stop(s);
		scan_stop(s);
		assert_int_equal(scan_state(s, &note), 0);
		assert_int_equal(resume_parse(note, &resume), 0);
		resume_done(&resume);
		if (turns % 2)
			wait_for(s, &status);
		scan_free(s);
	}
}

/* ---- around them ---- */

static int make_root(void **state)
{
	const char *folder = getenv("TMPDIR");

	(void) state;
	(void) snprintf(root, sizeof(root), "%s/scan-XXXXXX", folder ? folder : "/tmp");
	if (!mkdtemp(root) || chmod(root, 0755) < 0 || mkdir(in(root, "d"), 0755) < 0)
		return -1;
	file("banned-1", 10, 0644);
	file("other", 10, 0755);
	file("d/banned-2", 0, 0600);
	file("d/text", 100, 0644);
	return 0;
}

static int remove_root(void **state)
{
	static const char *const names[] = { "banned-1", "other", "d/banned-2", "d/text" };

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		(void) unlink(in(root, names[i]));
	(void) rmdir(in(root, "d"));
	return rmdir(root);
}

static int prepare(void **state)
{
	char name[NAME_MAX + 1];

	(void) state;
	if (own_place(home, name) < 0 || sd_event_new(&event) < 0)
		return -1;
	(void) unlink(in(home, "proscribe-inspector"));
	if (symlink("../../../proscribe-inspector", in(home, "proscribe-inspector")) < 0)
		return -1;
	policy = listed_policy(LISTED_PATH);
	return policy ? 0 : -1;
}

static int clear(void **state)
{
	(void) state;
	policy = policy_unref(policy);
	event = sd_event_unref(event);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_root, remove_root)

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		TEST(finds_what_a_rule_speaks_of),
		TEST(walkers_that_break_rules_end_the_scan),
		TEST(what_is_no_file_is_not_looked_into),
		TEST(a_walker_that_dies_or_is_missing),
		TEST(a_walker_that_hangs_is_given_up),
		TEST(inspectors_that_die_are_counted),
		TEST(it_can_be_stopped_at_any_time),
	};

	(void) argc;
	if (move_to_folder("scan", argv) < 0)
		return 99;
	return cmocka_run_group_tests(tests, prepare, clear);
}
