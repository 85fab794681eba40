/*
 * agent/pool with real inspectors and with one that lies. The pool starts the inspector that lies
 * beside the running program, so this program first copies itself into a folder of its own, where
 * it can choose who that is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "agent/pool/client.h"
#include "agent/pool/pool.h"
#include "policy/base/clock.h"
#include "policy/base/text.h"

enum { NOBODY = 65534, WAIT_USEC = 20000000, MIXED_INSPECTIONS = 2000 };

static char home[PATH_MAX]; /* the folder of our own */

static const char *in_home(const char *name)
{
	static char path[PATH_MAX + NAME_MAX + 1];

	(void) snprintf(path, sizeof(path), "%s/%s", home, name);
	return path;
}

static void put_text(const char *name, const char *text)
{
	_cleanup_fclose_ FILE *f = fopen(in_home(name), "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
}

/* ---- who is the inspector ---- */

static void choose_inspector(const char *file)
{
	char path[PATH_MAX + NAME_MAX + 1];

	(void) unlink(in_home("proscribe-inspector"));
	if (!file)
		return;
	(void) text_copy(path, sizeof(path), in_home(file));
	assert_int_equal(link(path, in_home("proscribe-inspector")), 0);
}

static void choose_liar(const char *scenario)
{
	choose_inspector("liar");
	put_text("scenario", scenario);
}

static struct pool_options options(unsigned n)
{
	const unsigned id = geteuid() == 0 ? NOBODY : (unsigned) -1;

	return (struct pool_options){ .n_inspectors = n, .uid = id, .gid = id };
}

static struct pool *start(unsigned n)
{
	const struct pool_options o = options(n);
	struct pool *p = NULL;
	int r = pool_start(&o, &p);

	if (r < 0)
		fail_msg("the pool did not start: %s", strerror(-r));
	return p;
}

/* ---- jobs that count how often they are done ---- */

struct counted {
	struct job job;
	unsigned n_done;
};

static pthread_mutex_t done_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t done_cond = PTHREAD_COND_INITIALIZER;

static void on_done(struct job *j)
{
	struct counted *c = j->context;

	(void) pthread_mutex_lock(&done_lock);
	c->n_done++;
	(void) pthread_cond_broadcast(&done_cond);
	(void) pthread_mutex_unlock(&done_lock);
}

static void counted_init(struct counted *c, int fd)
{
	*c = (struct counted){ .job = { .fd = fd, .done = on_done, .context = c } };
}

static void wait_done(struct counted *c)
{
	struct timespec until;

	(void) clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_USEC / USEC_PER_SEC;
	(void) pthread_mutex_lock(&done_lock);
	while (c->n_done == 0)
		if (pthread_cond_timedwait(&done_cond, &done_lock, &until) == ETIMEDOUT)
			break;
	(void) pthread_mutex_unlock(&done_lock);
	assert_int_equal(c->n_done, 1);
}

static int run_job(struct pool *p, struct counted *c, int fd)
{
	counted_init(c, fd);
	assert_int_equal(pool_submit(p, &c->job), 0);
	wait_done(c);
	return c->job.result;
}

static int open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		fail_msg("%s: %s", path, strerror(errno));
	return fd;
}

static pid_t only_pid(struct pool *p)
{
	pid_t pids[2];

	for (uint64_t end = clock_boot_usec() + WAIT_USEC; clock_boot_usec() < end;) {
		if (pool_pids(p, pids, 2) == 1)
			return pids[0];
		(void) usleep(1000);
	}
	fail_msg("no inspector");
	return 0;
}

static void wait_busy(struct pool *p, unsigned n)
{
	struct pool_status s = { 0 };

	for (uint64_t end = clock_boot_usec() + WAIT_USEC; clock_boot_usec() < end;) {
		pool_status(p, &s);
		if (s.n_busy == n)
			return;
		(void) usleep(1000);
	}
	fail_msg("%u inspectors busy, expected %u", s.n_busy, n);
}

/* Nobody of ours is left, alive or dead. */
static void assert_no_children(void)
{
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* ---- tests ---- */

static void test_facts_of_real_files(void **state)
{
	_cleanup_(pool_stopp) struct pool *p = NULL;
	_cleanup_close_ int self = open_file("/proc/self/exe"), fd = -1;
	struct pool_status s;
	struct counted c;

	(void) state;
	choose_inspector("real");
	p = start(2);
	assert_int_equal(run_job(p, &c, self), 0);
	assert_int_equal(c.job.facts.class, FILE_CLASS_ELF);
	assert_string_equal(c.job.path, in_home("test_pool"));
	assert_false(c.job.leased || c.job.writer_present);
	assert_int_equal(c.job.facts.have & ~(uint32_t) FACTS_BUILD_ID, 0);

	(void) mkdir(in_home("node_modules"), 0755);
	(void) mkdir(in_home("node_modules/@a"), 0755);
	(void) mkdir(in_home("node_modules/@a/b"), 0755);
	put_text("node_modules/@a/b/package.json", "{\"name\":\"@a/b\",\"version\":\"2.1.91\"}");
	put_text("node_modules/@a/b/cli.js", "#!/usr/bin/env node\n");
	fd = open_file(in_home("node_modules/@a/b/cli.js"));
	counted_init(&c, fd);
	c.job.want_sha256 = true;
	assert_int_equal(pool_submit(p, &c.job), 0);
	wait_done(&c);
	assert_int_equal(c.job.result, 0);
	assert_int_equal(c.job.facts.class, FILE_CLASS_JS);
	assert_int_equal(c.job.facts.n_packages, 1);
	assert_string_equal(c.job.facts.packages[0].name, "@a/b");
	assert_string_equal(c.job.facts.packages[0].version, "2.1.91");
	assert_true(c.job.facts.have & FACTS_SHA256);

	/* Its name is gone: it still lay there, but no folder speaks for it now. */
	assert_int_equal(unlink(in_home("node_modules/@a/b/cli.js")), 0);
	assert_int_equal(run_job(p, &c, fd), 0);
	assert_string_equal(c.job.path, in_home("node_modules/@a/b/cli.js"));
	assert_int_equal(c.job.facts.n_packages, 0);
	pool_status(p, &s);
	assert_int_equal(s.jobs, 3);
	assert_int_equal(s.deaths, 0);
	assert_int_equal(s.n_busy, 0);
}

static void test_what_cannot_be_inspected(void **state)
{
	_cleanup_(pool_stopp) struct pool *p = NULL;
	_cleanup_close_ int folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct pool_status s;
	struct counted c;

	(void) state;
	choose_inspector("real");
	p = start(1);
	assert_int_equal(run_job(p, &c, folder), -EINVAL);
	assert_int_equal(run_job(p, &c, -1), -EBADF);
	pool_status(p, &s);
	assert_int_equal(s.deaths, 0);
}

static void test_lies(void **state)
{
	static const struct {
		const char *scenario;
		int want;
	} rows[] = {
		{ "greets twice", -EBADMSG },
		{ "answers another question", -EBADMSG },
		{ "knows a class that is none", -EBADMSG },
		{ "counts too many packages", -EBADMSG },
		{ "leaves a string open", -EBADMSG },
		{ "tells a digest nobody asked for", -EBADMSG },
		{ "tells a package without metadata", -EBADMSG },
		{ "refuses metadata it was not given", -EBADMSG },
		{ "fails with a positive error", -EBADMSG },
		{ "fails with facts", -EBADMSG },
		{ "answers with a request", -EBADMSG },
		{ "answers with an unknown type", -EBADMSG },
		{ "sends a descriptor along", -EBADMSG },
		{ "answers too briefly", -EBADMSG },
		{ "answers at too great length", -EBADMSG },
		{ "ends over a file", -EPIPE },
		{ "ends before it reads the question", -EPIPE },
	};
	_cleanup_close_ int fd = open_file("/proc/self/exe");

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(pool_stopp) struct pool *p = NULL;
		struct pool_status s;
		struct counted c;

		choose_liar(rows[i].scenario);
		p = start(1);
		for (unsigned n = 1; n <= 2; n++) {
			int r = run_job(p, &c, fd);

			pool_status(p, &s);
			if (r != rows[i].want || s.deaths < n)
				fail_msg("%s, time %u: result %d, %lu deaths", rows[i].scenario, n,
					r, (unsigned long) s.deaths);
		}
		/* The next one started may still be the liar, but the one after it is not. */
		choose_inspector("real");
		(void) run_job(p, &c, fd);
		if (run_job(p, &c, fd) != 0)
			fail_msg("%s: no recovery: %d", rows[i].scenario, c.job.result);
	}
	assert_no_children();
}

/* A second answer, or an end, between two questions costs no job its facts. */
static void test_speaking_out_of_turn(void **state)
{
	static const char *const scenarios[] = { "answers twice", "ends after an answer" };
	_cleanup_close_ int fd = open_file("/proc/self/exe");

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(scenarios); i++) {
		_cleanup_(pool_stopp) struct pool *p = NULL;
		struct pool_status s;
		struct counted c;

		choose_liar(scenarios[i]);
		p = start(1);
		for (int n = 0; n < 3; n++) {
			if (run_job(p, &c, fd) != 0)
				fail_msg("%s: job %d: %d", scenarios[i], n, c.job.result);
			(void) usleep(20000);
		}
		pool_status(p, &s);
		if (s.deaths < 2)
			fail_msg("%s: %lu deaths", scenarios[i], (unsigned long) s.deaths);
	}
}

static void test_refusals_to_start(void **state)
{
	static const struct {
		const char *scenario;
		int want;
	} rows[] = {
		{ "ends before its hello", -EPIPE },
		{ "could not enter its sandbox", -EPERM },
		{ "closes its socket and lingers", -EPIPE },
		{ "answers before its hello", -EBADMSG },
		{ "greets with another version", -EBADMSG },
		{ "greets with an unknown type", -EBADMSG },
		{ "greets too briefly", -EBADMSG },
	};
	struct pool_options o = options(2);
	struct pool *p = NULL;

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int r;

		choose_liar(rows[i].scenario);
		r = pool_start(&o, &p);
		if (r != rows[i].want || p)
			fail_msg("%s: %d, expected %d", rows[i].scenario, r, rows[i].want);
		assert_no_children();
	}
	choose_inspector(NULL);
	assert_int_equal(pool_start(&o, &p), -ENOENT);
	choose_inspector("real");
	o.n_inspectors = 0;
	assert_int_equal(pool_start(&o, &p), -EINVAL);
	o.n_inspectors = POOL_INSPECTORS_MAX + 1;
	assert_int_equal(pool_start(&o, &p), -EINVAL);
	if (geteuid() == 0) {
		o = (struct pool_options){ .n_inspectors = 1, .uid = (uid_t) -1 };
		o.gid = (gid_t) -1;
		assert_int_equal(pool_start(&o, &p), -EPERM);
	}
	assert_null(p);
	assert_no_children();
}

static void test_silence_has_an_end(void **state)
{
	const struct pool_options o = options(1);
	_cleanup_close_ int fd = open_file("/proc/self/exe");
	const struct metadata_list none = { 0 };
	struct client_request request = { .fd = fd, .path = "", .metadata = &none };
	struct client c;
	struct facts f;
	uint64_t begin;
	int error, stop[2];

	(void) state;
	choose_liar("never answers");
	assert_int_equal(pipe(stop), 0);
	assert_int_equal(client_start(&c, o.uid, o.gid, false, stop[0]), 0);
	begin = clock_boot_usec();
	assert_int_equal(client_inspect(&c, &request, 100000, &error, &f), -ETIMEDOUT);
	assert_in_range(clock_boot_usec() - begin, 100000, 2000000);
	client_stop(&c);
	assert_no_children();

	assert_int_equal(client_start(&c, o.uid, o.gid, false, stop[0]), 0);
	assert_int_equal(write(stop[1], "x", 1), 1);
	assert_int_equal(client_inspect(&c, &request, WAIT_USEC, &error, &f), -ESHUTDOWN);
	client_stop(&c);
	(void) close(stop[0]);
	(void) close(stop[1]);
}

/* Kills the inspector @usec after it was given a file it cannot have finished. */
static void kill_at(struct pool *p, int fd, useconds_t usec, bool stopped)
{
	const pid_t pid = only_pid(p);
	struct counted c;

	counted_init(&c, fd);
	c.job.want_sha256 = true;
	if (stopped)
		assert_int_equal(kill(pid, SIGSTOP), 0);
	assert_int_equal(pool_submit(p, &c.job), 0);
	wait_busy(p, 1);
	(void) usleep(usec);
	assert_int_equal(kill(pid, SIGKILL), 0);
	wait_done(&c);
	assert_int_equal(c.job.result, -EPIPE);
}

static void test_killed_at_every_point(void **state)
{
	struct pool *p;
	_cleanup_close_ int self = open_file("/proc/self/exe"), large = -1;
	struct pool_status s;
	struct counted c;

	(void) state;
	put_text("large", "x");
	assert_int_equal(truncate(in_home("large"), INT64_C(2) << 30), 0);
	large = open_file(in_home("large"));
	choose_inspector("real");
	p = start(1);
	kill_at(p, large, 0, true);      /* the question sent, or about to be */
	kill_at(p, large, 20000, true);  /* sent and not read */
	kill_at(p, large, 60000, false); /* in the middle of a digest */

	assert_int_equal(kill(only_pid(p), SIGKILL), 0); /* idle */
	(void) usleep(20000);
	assert_int_equal(run_job(p, &c, self), 0);
	pool_status(p, &s);
	assert_int_equal(s.deaths, 4);
	assert_int_equal(s.timeouts, 0);
	(void) pool_stop(p);
	assert_no_children();
}

static void test_storm_of_kills(void **state)
{
	enum { N_JOBS = 600 };
	static struct counted jobs[N_JOBS];
	struct pool *p;
	_cleanup_close_ int self = open_file("/proc/self/exe");
	unsigned n_died = 0;

	(void) state;
	choose_inspector("real");
	p = start(3);
	for (size_t i = 0; i < N_JOBS; i++) {
		pid_t pids[POOL_INSPECTORS_MAX];
		size_t n = pool_pids(p, pids, POOL_INSPECTORS_MAX);

		counted_init(&jobs[i], self);
		jobs[i].job.priority = i % 2 ? JOB_BACKGROUND : JOB_LAUNCH;
		jobs[i].job.want_sha256 = i % 3 == 0;
		assert_int_equal(pool_submit(p, &jobs[i].job), 0);
		if (i % 10 == 0 && n > 0)
			(void) kill(pids[i / 10 % n], SIGKILL);
		(void) usleep(200);
	}
	for (size_t i = 0; i < N_JOBS; i++) {
		wait_done(&jobs[i]);
		n_died += jobs[i].job.result == -EPIPE;
		if (jobs[i].job.result != 0 && jobs[i].job.result != -EPIPE)
			fail_msg("job %zu: %d", i, jobs[i].job.result);
	}
	(void) pool_stop(p);
	assert_in_range(n_died, 0, N_JOBS / 10);
	assert_no_children();
}

static void test_comes_back_when_it_can(void **state)
{
	_cleanup_(pool_stopp) struct pool *p = NULL;
	_cleanup_close_ int self = open_file("/proc/self/exe");
	struct pool_status s;
	struct counted c;

	(void) state;
	choose_inspector("real");
	p = start(1);
	choose_liar("ends before its hello");
	assert_int_equal(kill(only_pid(p), SIGKILL), 0);
	(void) usleep(20000);
	counted_init(&c, self);
	assert_int_equal(pool_submit(p, &c.job), 0);
	(void) usleep(600000);
	pool_status(p, &s);
	assert_in_range(s.deaths, 2, 12); /* tries again, ever more slowly */
	assert_int_equal(c.n_done, 0);
	choose_inspector("real");
	wait_done(&c);
	assert_int_equal(c.job.result, 0);
}

/* Whoever is traced and killed stays, to its parent, as if it could not be killed, until its tracer
 * ends: like one that waits for a filesystem that does not answer. */
static pid_t start_tracer(int *ret_socket)
{
	int pair[2];
	pid_t pid, victim;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void) close(pair[0]);
		while (read(pair[1], &victim, sizeof(victim)) == sizeof(victim)) {
			victim = ptrace(PTRACE_SEIZE, victim, NULL, NULL) < 0 ? 0 : victim;
			(void) !write(pair[1], &victim, sizeof(victim));
		}
		_exit(0);
	}
	(void) close(pair[1]);
	*ret_socket = pair[0];
	return pid;
}

static void lose(int tracer, pid_t pid)
{
	pid_t traced = pid;

	assert_int_equal(write(tracer, &traced, sizeof(traced)), sizeof(traced));
	assert_int_equal(read(tracer, &traced, sizeof(traced)), sizeof(traced));
	assert_int_equal(traced, pid);
	assert_int_equal(kill(pid, SIGKILL), 0);
}

static unsigned lost(struct pool *p)
{
	struct pool_status s;

	pool_status(p, &s);
	return s.lost;
}

/* Loses every inspector there is, and gives each thread a job with which to notice. */
static void lose_all(struct pool *p, int tracer, struct counted jobs[], unsigned n, int fd)
{
	pid_t pids[POOL_INSPECTORS_MAX];
	const unsigned before = lost(p);
	const uint64_t end = clock_boot_usec() + WAIT_USEC;
	size_t n_pids;

	(void) usleep(300000); /* those that are starting have started */
	n_pids = pool_pids(p, pids, POOL_INSPECTORS_MAX);
	for (size_t i = 0; i < n_pids; i++)
		lose(tracer, pids[i]);
	for (unsigned i = 0; i < n; i++) {
		counted_init(&jobs[i], fd);
		assert_int_equal(pool_submit(p, &jobs[i].job), 0);
	}
	while (lost(p) < before + n_pids && clock_boot_usec() < end)
		(void) usleep(10000);
	assert_int_equal(lost(p), before + n_pids);
}

static void test_inspectors_that_cannot_be_killed(void **state)
{
	enum { N = 8, ROUNDS = 3 };
	struct pool *p;
	_cleanup_close_ int self = open_file("/proc/self/exe"), tracer = -1;
	struct counted jobs[ROUNDS][N], *job = &jobs[0][0];
	const uint64_t begin = clock_boot_usec();
	pid_t pid, none;

	(void) state;
	_Static_assert(
		(ROUNDS - 1) * N == POOL_LOST_MAX, "the last round loses those past the limit");
	if (geteuid() != 0)
		skip();
	pid = start_tracer(&tracer);
	choose_inspector("real");
	p = start(N);
	for (unsigned i = 0; i < ROUNDS; i++) {
		lose_all(p, tracer, jobs[i], N, self);
		for (unsigned k = 0; i == 0 && k < N; k++)
			wait_done(&jobs[i][k]); /* by those that took their places */
	}
	(void) usleep(500000);
	assert_int_equal(pool_pids(p, &none, 1), 0);
	assert_in_range(lost(p), POOL_LOST_MAX, POOL_LOST_MAX + N - 1);
	assert_in_range(clock_boot_usec() - begin, 0, WAIT_USEC);

	(void) kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	for (unsigned i = 0; i < ROUNDS * N; i++)
		wait_done(&job[i]);
	assert_int_equal(lost(p), 0);
	(void) pool_stop(p);
	assert_no_children();
}

static void test_one_job_too_many(void **state)
{
	struct pool *p;
	struct counted *jobs = calloc(POOL_JOBS_MAX + 3, sizeof(*jobs));
	_cleanup_close_ int self = open_file("/proc/self/exe");
	const size_t last = POOL_JOBS_MAX + 1;
	uint64_t begin;

	(void) state;
	assert_non_null(jobs);
	for (size_t i = 0; i <= last + 1; i++)
		counted_init(&jobs[i], self);
	choose_inspector("real");
	p = start(1);
	assert_int_equal(kill(only_pid(p), SIGSTOP), 0);
	assert_int_equal(pool_submit(p, &jobs[0].job), 0);
	wait_busy(p, 1);
	for (size_t i = 1; i < last; i++)
		assert_int_equal(pool_submit(p, &jobs[i].job), 0);
	assert_int_equal(pool_submit(p, &jobs[last].job), -ENOBUFS);
	jobs[last + 1].job.priority = JOB_BACKGROUND; /* has a queue of its own */
	assert_int_equal(pool_submit(p, &jobs[last + 1].job), 0);

	begin = clock_boot_usec();
	(void) pool_stop(p);
	assert_in_range(clock_boot_usec() - begin, 0, 5000000);
	for (size_t i = 0; i <= last + 1; i++) {
		assert_int_equal(jobs[i].n_done, i != last);
		if (i != last)
			assert_int_equal(jobs[i].job.result, -ESHUTDOWN);
	}
	assert_no_children();
	free(jobs);
}

static void signal_all(struct pool *p, int number)
{
	pid_t pids[POOL_INSPECTORS_MAX];
	size_t n = pool_pids(p, pids, POOL_INSPECTORS_MAX);

	for (size_t i = 0; i < n; i++)
		assert_int_equal(kill(pids[i], number), 0);
}

static void test_background_leaves_room_for_a_launch(void **state)
{
	_cleanup_(pool_stopp) struct pool *p = NULL;
	_cleanup_close_ int self = open_file("/proc/self/exe");
	struct counted jobs[5];

	(void) state;
	choose_inspector("real");
	p = start(3);
	signal_all(p, SIGSTOP);
	for (size_t i = 0; i < ARRAY_SIZE(jobs); i++)
		counted_init(&jobs[i], self);
	for (size_t i = 0; i < 4; i++) {
		jobs[i].job.priority = JOB_BACKGROUND;
		assert_int_equal(pool_submit(p, &jobs[i].job), 0);
	}
	wait_busy(p, 2);
	(void) usleep(50000);
	wait_busy(p, 2);
	assert_int_equal(pool_submit(p, &jobs[4].job), 0);
	wait_busy(p, 3);
	signal_all(p, SIGCONT);
	for (size_t i = 0; i < ARRAY_SIZE(jobs); i++)
		wait_done(&jobs[i]);
}

static void test_lease(void **state)
{
	_cleanup_(pool_stopp) struct pool *p = NULL;
	_cleanup_close_ int fd = -1, writer = -1;
	struct counted c;

	(void) state;
	put_text("leased", "#!/bin/sh\n");
	fd = open_file(in_home("leased"));
	choose_inspector("real");
	p = start(1);
	counted_init(&c, fd);
	c.job.take_lease = true;
	assert_int_equal(pool_submit(p, &c.job), 0);
	wait_done(&c);
	assert_int_equal(c.job.result, 0);
	assert_true(c.job.leased && !c.job.writer_present);
	assert_int_equal(fcntl(fd, F_GETLEASE), F_RDLCK);

	/* Nobody but us holds it: giving it up lets a writer in at once. */
	assert_int_equal(fcntl(fd, F_SETLEASE, F_UNLCK), 0);
	writer = open(in_home("leased"), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(writer >= 0);
	counted_init(&c, fd);
	c.job.take_lease = true;
	assert_int_equal(pool_submit(p, &c.job), 0);
	wait_done(&c);
	assert_int_equal(c.job.result, 0);
	assert_true(!c.job.leased && c.job.writer_present);
}

static const char *deep_json(void)
{
	static char text[10000 + 32];
	char *p = stpcpy(text, "{\"name\":\"a\",\"x\":");

	memset(p, '[', 10000);
	return text;
}

static const char *wide_json(void)
{
	static char text[1 << 20];
	char *p = stpcpy(text, "{\"a\":[{}"), *end = text + sizeof(text) - 16;

	while (p < end)
		p = stpcpy(p, ",{}");
	(void) stpcpy(p, "]}");
	return text;
}

static void test_hostile_metadata(void **state)
{
	_cleanup_(pool_stopp) struct pool *p = NULL;
	const char *deep = deep_json(), *wide = wide_json();
	_cleanup_close_ int fd = -1;
	struct pool_status s;
	struct counted c;

	(void) state;
	(void) mkdir(in_home("node_modules"), 0755);
	(void) mkdir(in_home("node_modules/h"), 0755);
	put_text("node_modules/h/x", "#!/bin/sh\n");
	fd = open_file(in_home("node_modules/h/x"));
	choose_inspector("real");
	p = start(1);

	put_text("node_modules/h/package.json", deep);
	assert_int_equal(run_job(p, &c, fd), 0);
	assert_int_equal(c.job.facts.have, FACTS_INTERPRETER | FACTS_METADATA_REFUSED);
	/* Takes more memory to hold than the sandbox gives. */
	put_text("node_modules/h/package.json", wide);
	assert_int_equal(run_job(p, &c, fd), 0);
	put_text("node_modules/h/package.json", "{\"name\":\"\xff\"}");
	assert_int_equal(run_job(p, &c, fd), 0);
	assert_int_equal(c.job.facts.have, FACTS_INTERPRETER | FACTS_METADATA_REFUSED);
	assert_int_equal(truncate(in_home("node_modules/h/package.json"), 1 << 30), 0);
	assert_int_equal(run_job(p, &c, fd), 0);
	assert_int_equal(c.job.facts.have, FACTS_INTERPRETER | FACTS_METADATA_REFUSED);

	assert_int_equal(unlink(in_home("node_modules/h/package.json")), 0);
	assert_int_equal(mkfifo(in_home("node_modules/h/package.json"), 0600), 0);
	assert_int_equal(run_job(p, &c, fd), 0);
	assert_int_equal(c.job.facts.have, FACTS_INTERPRETER);
	pool_status(p, &s);
	assert_int_equal(s.deaths, 0);
	assert_int_equal(unlink(in_home("node_modules/h/package.json")), 0);
}

/* As many descriptors as one message can carry find room in the inspector. */
static void test_candidates_max(void **state)
{
	static const char *const folders[] = { "site-packages", "site-packages/tea",
		"site-packages/tea/1", "site-packages/tea/1/2", "site-packages/tea/1/2/3" };
	_cleanup_(pool_stopp) struct pool *p = NULL;
	_cleanup_close_ int fd = -1;
	char name[NAME_MAX];
	struct counted c;

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		assert_int_equal(mkdir(in_home(folders[i]), 0755), 0);
		(void) snprintf(name, sizeof(name), "%s/package.json", folders[i]);
		put_text(name, "{\"name\":\"tea\",\"version\":\"1.0.0\"}");
		(void) snprintf(name, sizeof(name), "site-packages/tea%zu-1.dist-info", i);
		assert_int_equal(mkdir(in_home(name), 0755), 0);
		(void) snprintf(name, sizeof(name), "site-packages/tea%zu-1.dist-info/METADATA", i);
		put_text(name, "Name: tea\nVersion: 1\n");
		(void) snprintf(name, sizeof(name), "site-packages/tea%zu-1.dist-info/RECORD", i);
		put_text(name, "tea/1/2/3/x,,\n");
	}
	put_text("site-packages/tea/1/2/3/x", "#!/bin/sh\n");
	fd = open_file(in_home("site-packages/tea/1/2/3/x"));
	choose_inspector("real");
	p = start(1);
	assert_int_equal(run_job(p, &c, fd), 0);
	assert_true(c.job.facts.n_packages > 0);
}

static long status_kb(pid_t pid, const char *key)
{
	char path[64], line[256];
	_cleanup_fclose_ FILE *f = NULL;

	(void) snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, key, strlen(key)) == 0)
			return strtol(line + strlen(key), NULL, 10);
	return -1;
}

static size_t count_fds(pid_t pid)
{
	char path[64];
	_cleanup_closedir_ DIR *d = NULL;
	size_t n = 0;

	(void) snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	d = opendir(path);
	if (!d) /* not dumpable: only root may look */
		return 0;
	while (readdir(d))
		n++;
	return n;
}

static void test_many_inspections_leave_nothing(void **state)
{
	_cleanup_(pool_stopp) struct pool *p = NULL;
	const char *wide = wide_json();
	_cleanup_close_ int plain = open_file("/proc/self/exe"), heavy = -1;
	size_t fds_before = 0, ours_before = 0;
	long before = 0;
	pid_t pid;

	(void) state;
	(void) mkdir(in_home("node_modules"), 0755);
	(void) mkdir(in_home("node_modules/w"), 0755);
	put_text("node_modules/w/package.json", wide);
	put_text("node_modules/w/x", "#!/bin/sh\n");
	heavy = open_file(in_home("node_modules/w/x"));
	choose_inspector("real");
	p = start(1);
	pid = only_pid(p);
	for (int i = 0; i < MIXED_INSPECTIONS; i++) {
		struct counted c;

		counted_init(&c, i % 100 ? plain : heavy);
		c.job.want_sha256 = i % 10 == 0;
		assert_int_equal(pool_submit(p, &c.job), 0);
		wait_done(&c);
		assert_int_equal(c.job.result, 0);
		if (i == 200) {
			before = status_kb(pid, "VmRSS:");
			fds_before = count_fds(pid);
			ours_before = count_fds(getpid());
		}
	}
	assert_int_equal(only_pid(p), pid);
	assert_int_equal(count_fds(pid), fds_before);
	assert_int_equal(count_fds(getpid()), ours_before);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	if (status_kb(pid, "VmRSS:") > before + 512)
		fail_msg("grew from %ld kB to %ld kB", before, status_kb(pid, "VmRSS:"));
#else
	(void) before;
#endif
}

/* ---- the folder of our own ---- */

static void copy(const char *from, const char *to)
{
	_cleanup_close_ int in = open_file(from);
	_cleanup_close_ int out = open(in_home(to), O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	ssize_t n;

	assert_true(out >= 0);
	while ((n = sendfile(out, in, NULL, 1 << 20)) > 0)
		;
	assert_int_equal(n, 0);
}

/* Runs a copy of this program in the folder and tidies up behind it. */
static int run_at_home(void)
{
	char self[PATH_MAX] = "", path[PATH_MAX + 64], *arguments[] = { "test_pool", home, NULL },
	     *rm[] = { "rm", "-rf", home, NULL };
	int status = -1;
	pid_t pid;

	(void) text_copy(home, sizeof(home), "/tmp/proscribe-pool.XXXXXX");
	if (!mkdtemp(home) || readlink("/proc/self/exe", self, sizeof(self) - 1) <= 0)
		return 1;
	copy(self, "test_pool");
	(void) dirname(self);
	(void) snprintf(path, sizeof(path), "%s/tool_liar", self);
	copy(path, "liar");
	(void) snprintf(path, sizeof(path), "%s/../../proscribe-inspector", self);
	copy(path, "real");
	pid = fork();
	if (pid == 0) {
		(void) execv(in_home("test_pool"), arguments);
		_exit(1);
	}
	(void) waitpid(pid, &status, 0);
	pid = fork();
	if (pid == 0) {
		(void) execvp("rm", rm);
		_exit(1);
	}
	(void) waitpid(pid, NULL, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_facts_of_real_files),
		cmocka_unit_test(test_what_cannot_be_inspected),
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_speaking_out_of_turn),
		cmocka_unit_test(test_refusals_to_start),
		cmocka_unit_test(test_silence_has_an_end),
		cmocka_unit_test(test_killed_at_every_point),
		cmocka_unit_test(test_storm_of_kills),
		cmocka_unit_test(test_comes_back_when_it_can),
		cmocka_unit_test(test_inspectors_that_cannot_be_killed),
		cmocka_unit_test(test_one_job_too_many),
		cmocka_unit_test(test_background_leaves_room_for_a_launch),
		cmocka_unit_test(test_lease),
		cmocka_unit_test(test_hostile_metadata),
		cmocka_unit_test(test_candidates_max),
		cmocka_unit_test(test_many_inspections_leave_nothing),
	};

	if (argc < 2)
		return run_at_home();
	(void) snprintf(home, sizeof(home), "%s", argv[1]);
	(void) signal(SIGIO, SIG_IGN);
	return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
