#include "agent/scan/child.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "policy/base/spawn.h"

enum {
	SEND_BUFFER_SIZE = 32 << 10
}; /* few files are under way at a time, each with a descriptor */

int child_start(struct child *c, const struct policy *p, uid_t uid, gid_t gid)
{
	char program[] = "proscribe-walker", uid_text[16], gid_text[16];
	char *const arguments[] = { program, uid_text, gid_text, NULL };
	_cleanup_close_ int ours = -1, theirs = -1;
	const int size = SEND_BUFFER_SIZE;
	struct spawn spawn = { .program = program, .n_fds = 2 };
	int pair[2], fds[2], r;

	(void) snprintf(uid_text, sizeof(uid_text), "%u", uid);
	(void) snprintf(gid_text, sizeof(gid_text), "%u", gid);
	if (uid != (uid_t) -1)
		spawn.arguments = arguments;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	ours = pair[0];
	theirs = pair[1];
	if (fcntl(ours, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	(void) setsockopt(theirs, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	fds[0] = theirs;
	fds[1] = policy_fd(p);
	spawn.fds = fds;
	c->pid = 0;
	r = spawn_helper(&spawn, &c->pid);
	if (r < 0)
		return r;
	c->socket = TAKE_FD(ours);
	return 0;
}

void child_kill(struct child *c)
{
	if (c->socket >= 0)
		(void) close(TAKE_FD(c->socket));
	if (c->pid > 0)
		(void) kill(c->pid, SIGKILL);
}

bool child_is_runnable(const struct child *c)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[32], line[256] = "";
	const char *name_end;

	(void) snprintf(path, sizeof(path), "/proc/%d/stat", (int) c->pid);
	f = fopen(path, "re");
	if (!f || !fgets(line, sizeof(line), f))
		return false;
	name_end = strrchr(line, ')');
	return name_end && strncmp(name_end, ") R", 3) == 0;
}

bool child_reaped(struct child *c)
{
	pid_t r = c->pid > 0 ? waitpid(c->pid, NULL, WNOHANG) : -1;

	if (c->pid > 0 && (r == c->pid || (r < 0 && errno == ECHILD)))
		c->pid = 0;
	return c->pid == 0;
}
