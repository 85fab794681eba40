#include "policy/base/spawn.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#include "policy/base/cleanup.h"
#include "policy/base/clock.h"

enum { REAP_TICK_USEC = 20000 };

int spawn_find(const char *program, char *out)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n > 0) {
		self[n] = '\0';
		slash = strrchr(self, '/');
		if (slash &&
			(size_t) snprintf(out, PATH_MAX, "%.*s/%s", (int) (slash - self), self,
				program) < PATH_MAX &&
			access(out, X_OK) == 0)
			return 0;
	}
	(void) snprintf(out, PATH_MAX, "%s/%s", LIBEXECDIR, program);
	if (access(out, X_OK) == 0)
		return 0;
	(void) snprintf(out, PATH_MAX, "%s/%s", SBINDIR, program);
	return access(out, X_OK) < 0 ? -errno : 0;
}

static void file_actions_destroyp(posix_spawn_file_actions_t *a)
{
	(void) posix_spawn_file_actions_destroy(a);
}

static void attributes_destroyp(posix_spawnattr_t *a)
{
	(void) posix_spawnattr_destroy(a);
}

/* dup2() onto a number that is still to be copied would lose it, so every fd goes above the range
 * first. The copies are close-on-exec; closefrom ends whatever else there is before the exec. */
static int plan_fds(posix_spawn_file_actions_t *actions, const struct spawn *s, int high[])
{
	int r = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

	r = r ?: posix_spawn_file_actions_addopen(actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	for (size_t i = 0; i < s->n_fds && r == 0; i++) {
		high[i] = fcntl(s->fds[i], F_DUPFD_CLOEXEC, SPAWN_FIRST_FD + SPAWN_FDS_MAX);
		if (high[i] < 0)
			return -errno;
		r = posix_spawn_file_actions_adddup2(actions, high[i], SPAWN_FIRST_FD + (int) i);
	}
	r = r ?: posix_spawn_file_actions_addclosefrom_np(actions, SPAWN_FIRST_FD + (int) s->n_fds);
	return -r;
}

static int plan_signals(posix_spawnattr_t *attributes)
{
	sigset_t none, all;
	int r;

	sigemptyset(&none);
	sigfillset(&all);
	r = posix_spawnattr_setsigmask(attributes, &none);
	r = r ?: posix_spawnattr_setsigdefault(attributes, &all);
	r = r
		?: posix_spawnattr_setflags(
			   attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	return -r;
}

int spawn_helper(const struct spawn *s, pid_t *ret_pid)
{
	_cleanup_(file_actions_destroyp) posix_spawn_file_actions_t actions;
	_cleanup_(attributes_destroyp) posix_spawnattr_t attributes;
	char path[PATH_MAX], journal[256];
	char *name[] = { (char *) s->program, NULL }, *environment[] = { NULL, NULL };
	const char *stream = getenv("JOURNAL_STREAM");
	int high[SPAWN_FDS_MAX], r;

	if (s->n_fds > SPAWN_FDS_MAX)
		return -EINVAL;
	for (size_t i = 0; i < SPAWN_FDS_MAX; i++)
		high[i] = -1;
	(void) posix_spawn_file_actions_init(&actions);
	(void) posix_spawnattr_init(&attributes);
	r = spawn_find(s->program, path);
	r = r < 0 ? r : plan_fds(&actions, s, high);
	r = r < 0 ? r : plan_signals(&attributes);
	if (r == 0) {
		if (stream && snprintf(journal, sizeof(journal), "JOURNAL_STREAM=%s", stream) > 0)
			environment[0] = journal;
		r = -posix_spawn(ret_pid, path, &actions, &attributes,
			s->arguments ? s->arguments : name, environment);
	}
	for (size_t i = 0; i < s->n_fds; i++)
		if (high[i] >= 0)
			(void) close(high[i]);
	return r;
}

/* Until the process of @pidfd (closed and -1 once it has told) ends, or for a tick without one. */
static void wait_a_while(int *pidfd, uint64_t usec)
{
	struct pollfd end = { .fd = *pidfd, .events = POLLIN };

	if (*pidfd < 0 && usec > REAP_TICK_USEC)
		usec = REAP_TICK_USEC;
	/* It tells as soon as the process has ended, which may be before it can be reaped. */
	if (poll(&end, 1, (int) ((usec + USEC_PER_MSEC - 1) / USEC_PER_MSEC)) > 0) {
		cleanup_closep(pidfd);
		*pidfd = -1;
	}
}

int spawn_reap(pid_t pid, uint64_t timeout_usec, int *ret_status)
{
	const uint64_t deadline = clock_boot_usec() + timeout_usec;
	_cleanup_close_ int pidfd = pidfd_open(pid, 0);

	for (;;) {
		uint64_t now = clock_boot_usec();
		int status;
		pid_t p = waitpid(pid, &status, WNOHANG);

		if (p == pid) {
			if (ret_status)
				*ret_status = status;
			return 0;
		}
		if (p < 0 && errno != EINTR)
			return -errno;
		if (now >= deadline)
			return -ETIMEDOUT;
		wait_a_while(&pidfd, deadline - now);
	}
}
