/*
 * What the gate meets in its tests: a pool, a recorder and a notifier that do as they are told, and
 * a scratch filesystem with programs on it. For one test program, which includes it once.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "agent/gate/gate.h"
#include "agent/installed/path.h"
#include "agent/installed/table.h"
#include "policy/base/clock.h"
#include "policy/base/fd.h"
#include "policy/image/builder.h"

enum {
	LIFETIME_SEC = 120,
	EVENTS_MAX = 4096,
	JOBS_MAX = 4096,
	TIMEOUT_USEC = 300000,
	INSPECTION_KEPT = 64, /* launches the gate keeps while it searches */
	SETTLE_USEC = 100000
}; /* until a file counts as not just written */

static char scratch[] = "/tmp/proscribe-gate.XXXXXX";

/* ---- the pool, the recorder and the notifier that the gate meets here ---- */

static struct {
	pthread_mutex_t lock;
	_Atomic bool hold;        /* keep jobs until they are let go */
	_Atomic bool hold_search; /* the same for searches only */
	_Atomic bool refuse;      /* pool_submit() says -ENOBUFS */
	_Atomic bool banned;      /* the files are of the banned package */
	_Atomic bool writer;      /* as if somebody had the file open for writing */
	_Atomic bool script;      /* the files are scripts, else programs */
	_Atomic uint32_t have;    /* bits of facts.have */
	_Atomic bool large; /* only a search after the answer finds out that they are banned */
	_Atomic off_t by_content;  /* banned is a file that has not '0' there; 0: see above */
	_Atomic int result;        /* of each job */
	_Atomic unsigned failures; /* only so many fail, the first ones; 0: all */
	_Atomic unsigned finished;
	unsigned jobs;
	struct job *kept[JOBS_MAX];
	unsigned n_kept;
	struct event *events[EVENTS_MAX];
	unsigned n_events, n_notices;
} world = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* The exit status that tool_exit_status carries in its file. */
static int status_of(int fd, off_t at)
{
	char c = '0';

	(void) !pread(fd, &c, 1, at);
	return c - '0';
}

static void finish(struct job *j)
{
	struct stat st;

	j->result = 0;
	if (world.result < 0 && (world.failures == 0 || world.finished < world.failures))
		j->result = world.result;
	j->leased = j->take_lease && fcntl(j->fd, F_SETLEASE, F_RDLCK) == 0;
	j->writer_present = world.writer || (j->take_lease && !j->leased && errno == EAGAIN);
	memset(&j->facts, 0, sizeof(j->facts));
	(void) fstat(j->fd, &st);
	j->facts.size = (uint64_t) st.st_size;
	j->facts.class = world.script ? FILE_CLASS_SCRIPT : FILE_CLASS_ELF;
	j->facts.have |= world.have;
	if (world.large && j->scan == SCAN_ANSWER) {
		j->facts.have |= FACTS_SCAN_LATER;
		j->facts.policy_id = policy_id(j->policy);
	} else if (world.banned || (world.by_content && status_of(j->fd, world.by_content) != 0)) {
		j->facts.n_packages = 1;
		j->facts.packages[0].type = PACKAGE_NPM;
		j->facts.packages[0].told = METADATA_PACKAGE_JSON;
		strcpy(j->facts.packages[0].name, "banned");
		strcpy(j->facts.packages[0].version, "2.0.0");
	}
	if (j->want_sha256) {
		j->facts.have |= FACTS_SHA256;
		memset(j->facts.sha256, 7, sizeof(j->facts.sha256));
	}
	world.finished++;
	j->done(j);
}

int pool_submit(struct pool *p, struct job *j)
{
	bool keep;

	(void) p;
	pthread_mutex_lock(&world.lock);
	if (world.refuse) {
		pthread_mutex_unlock(&world.lock);
		return -ENOBUFS;
	}
	world.jobs++;
	keep = world.hold || (world.hold_search && j->scan == SCAN_ALL);
	if (keep)
		world.kept[world.n_kept++] = j;
	pthread_mutex_unlock(&world.lock);
	if (!keep)
		finish(j);
	return 0;
}

void recorder_push(struct recorder *r, struct event *e)
{
	(void) r;
	pthread_mutex_lock(&world.lock);
	if (world.n_events < EVENTS_MAX)
		world.events[world.n_events++] = event_ref(e);
	pthread_mutex_unlock(&world.lock);
}

void notifier_push(struct notifier *n, struct event *e)
{
	(void) n;
	(void) e;
	pthread_mutex_lock(&world.lock);
	world.n_notices++;
	pthread_mutex_unlock(&world.lock);
}

static void let_go(void)
{
	pthread_mutex_lock(&world.lock);
	for (unsigned i = 0; i < world.n_kept; i++)
		finish(world.kept[i]);
	world.n_kept = 0;
	world.hold = world.hold_search = false;
	pthread_mutex_unlock(&world.lock);
}

/* Lets those go that are kept, and keeps the next ones. */
static void let_these_go(void)
{
	unsigned n;

	pthread_mutex_lock(&world.lock);
	n = world.n_kept;
	world.n_kept = 0;
	for (unsigned i = 0; i < n; i++)
		finish(world.kept[i]);
	pthread_mutex_unlock(&world.lock);
}

static unsigned jobs(void)
{
	unsigned n;

	pthread_mutex_lock(&world.lock);
	n = world.jobs;
	pthread_mutex_unlock(&world.lock);
	return n;
}

/* Waits until @n events were recorded; the last one, or NULL. */
static struct event *event_number(unsigned n)
{
	struct event *e = NULL;

	for (int i = 0; i < 3000 && !e; i++) {
		pthread_mutex_lock(&world.lock);
		if (world.n_events >= n)
			e = world.events[n - 1];
		pthread_mutex_unlock(&world.lock);
		if (!e)
			usleep(1000);
	}
	return e;
}

/* ---- the set-up ---- */

static struct policy *make_policy(enum action action, const struct signature *signature)
{
	_cleanup_(builder_freep) struct builder *b = NULL;
	const struct policy_software software = { .id = "banned", .name = "Banned", .vendor = "" };
	const struct policy_rule rule = { .id = "R-1",
		.reference = "",
		.url = "",
		.alternative_name = "",
		.alternative_url = "",
		.action = action,
		.unknown_version_matches = true };
	_cleanup_close_ int fd = memfd_create("policy", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct policy *p = NULL;
	uint32_t s, r, k;

	assert_int_equal(builder_new("test", "Test", "", &b), 0);
	assert_int_equal(builder_add_software(b, &software, &s), 0);
	assert_int_equal(builder_add_package(b, s, PACKAGE_NPM, "banned", NULL), 0);
	assert_int_equal(builder_add_rule(b, &rule, NULL, &s, 1, &r), 0);
	assert_int_equal(builder_add_reason(b, r, "en", "because"), 0);
	if (signature)
		assert_int_equal(builder_add_signature(b, signature, &k), 0);
	assert_int_equal(builder_write(b, fd), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW), 0);
	assert_int_equal(policy_open(fd, &p), 0);
	return p;
}

static void use_policy(struct gate *g, enum action action)
{
	struct policy *p = make_policy(action, NULL);

	assert_int_equal(gate_set_policy(g, p, NULL), 0);
	(void) policy_unref(p);
}

static void forget_world(void)
{
	for (unsigned i = 0; i < world.n_events; i++)
		(void) event_unref(world.events[i]);
	world.hold = world.hold_search = world.refuse = world.banned = world.writer = false;
	world.by_content = 0;
	world.result = 0;
	world.script = world.large = false;
	world.have = 0;
	world.failures = world.finished = world.jobs = world.n_kept = world.n_events =
		world.n_notices = 0;
}

static struct gate *start_gate(enum fail_mode fail_mode)
{
	struct gate_options o = { .notifier = (struct notifier *) &world,
		.fail_mode = fail_mode,
		.inspect_timeout_usec = TIMEOUT_USEC };
	struct gate *g = NULL;

	forget_world();
	assert_int_equal(gate_new(&o, &g), 0);
	assert_int_equal(gate_start(g), 0);
	use_policy(g, ACTION_BLOCK);
	assert_int_equal(gate_watch(g, scratch), 0);
	return g;
}

/* As the agent does it: the pool ends in between, and gives back what it has. */
static void stop_gate(struct gate *g)
{
	gate_halt(g);
	(void) gate_free(g);
}

/* A copy of a small program on the scratch filesystem; returns its path. */
static const char *program(const char *name, uid_t owner)
{
	static char path[256];
	char command[1024];

	(void) snprintf(path, sizeof(path), "%s/%s", scratch, name);
	(void) unlink(path);
	(void) snprintf(
		command, sizeof(command), "cp /bin/true %s && chown %u %s", path, owner, path);
	assert_int_equal(system(command), 0);
	return path;
}

static void write_status(const char *path, off_t at, int status)
{
	int fd = open(path, O_WRONLY);
	char c = (char) ('0' + status);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, &c, 1, at), 1);
	(void) close(fd);
}

/* A copy of tool_exit_status, and where in it the exit status stands. */
static off_t exit_program(const char *name, char path[256])
{
	static const char marker[] = "exit status: ";
	_cleanup_free_ char *text = NULL;
	char self[PATH_MAX], command[PATH_MAX + 600], *slash, *found;
	_cleanup_close_ int fd = -1;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	size_t size;

	assert_true(n > 0);
	self[n] = '\0';
	slash = strrchr(self, '/');
	(void) snprintf(path, 256, "%s/%s", scratch, name);
	(void) snprintf(command, sizeof(command), "cp %.*s/tool_exit_status %s && chown 1000 %s",
		(int) (slash - self), self, path, path);
	assert_int_equal(system(command), 0);
	fd = open(path, O_RDONLY);
	assert_int_equal(fd_read_file(fd, 64 << 20, &text, &size), 0);
	found = memmem(text, size, marker, sizeof(marker) - 1);
	assert_non_null(found);
	return found - text + (off_t) sizeof(marker) - 1;
}

/* In a child: while somebody has the gate's group open, the kernel goes on waiting for an answer,
 * also when the gate is gone. Those that wait must not be the ones that keep it open. */
static void leave_gate(void)
{
	(void) close_range(3, ~0U, 0);
}

/* What a shell would see: the program's exit status, or -errno of the failed exec. From a process
 * of its own, because the gate's own children are exempt. */
static int launch(const char *path)
{
	enum { EXEC_FAILED = 64 };
	char *argv[] = { (char *) path, NULL };
	int status, r;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		leave_gate();
		r = posix_spawn(&pid, path, NULL, NULL, argv, NULL);
		if (r != 0)
			_exit(EXEC_FAILED + r);
		(void) waitpid(pid, &status, 0);
		_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	r = WEXITSTATUS(status);
	return r > EXEC_FAILED && r < 128 ? EXEC_FAILED - r : r;
}

/* Begins to launch a program that sleeps, and returns who waits for it: ends with the
 * signal that ended the program, as its exit status. */
static pid_t launch_sleeper(const char *seconds)
{
	char path[256], command[600], *argv[] = { path, (char *) seconds, NULL };
	int status, r;
	pid_t pid;

	(void) snprintf(path, sizeof(path), "%s/sleeper", scratch);
	(void) snprintf(command, sizeof(command), "cp /bin/sleep %s && chown 1000 %s", path, path);
	assert_int_equal(system(command), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		leave_gate();
		r = posix_spawn(&pid, path, NULL, NULL, argv, NULL);
		(void) waitpid(pid, &status, 0);
		_exit(r == 0 && WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	}
	return pid;
}

static void *launch_thread(void *context)
{
	return (void *) (intptr_t) launch(context);
}
