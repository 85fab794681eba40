/*
 * Runs in proscribed, on the main loop.
 */
#include "agent/bus/closing.h"

#include <assert.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "agent/bus/stranger.h"
#include "policy/base/cleanup.h"
#include "policy/base/ids.h"
#include "policy/base/spawn.h"

static void hand_over(struct closing *c, struct closing_entry *e);

/* A process has ended. Those that got none get one now. */
static int on_end(sd_event_source *source, int pidfd, uint32_t events, void *userdata)
{
	struct closing *c = userdata;

	(void) pidfd;
	(void) events;
	for (size_t i = 0; i < c->n; i++)
		if (c->entries[i].end == source && waitpid(c->entries[i].pid, NULL, WNOHANG) != 0) {
			sd_event_source_disable_unref(source);
			c->entries[i] = c->entries[--c->n];
			break;
		}
	for (size_t i = 0; i < c->n; i++)
		hand_over(c, &c->entries[i]);
	if (c->paused && c->n < CLOSING_FULL) {
		(void) sd_event_source_set_enabled(c->paused, SD_EVENT_ON);
		c->paused = NULL;
	}
	return 0;
}

/* An inspector that is never asked anything: it holds what it was started with until the other end
 * of its own socket is closed, and then ends. */
static int start_process(const struct closing *c, int fd, int control, pid_t *ret)
{
	char program[] = "proscribe-inspector", uid[16], gid[16];
	char *const arguments[] = { program, c->child_uid == (uid_t) -1 ? NULL : uid, gid, NULL };
	const int fds[] = { control, fd };
	const struct spawn s = {
		.program = program, .arguments = arguments, .fds = fds, .n_fds = ARRAY_SIZE(fds)
	};

	(void) snprintf(uid, sizeof(uid), "%u", c->child_uid);
	(void) snprintf(gid, sizeof(gid), "%u", c->child_gid);
	return spawn_helper(&s, ret);
}

static int watch_end(struct closing *c, struct closing_entry *e)
{
	_cleanup_close_ int pidfd = pidfd_open(e->pid, 0);
	int r = pidfd < 0 ? -errno : sd_event_add_io(c->event, &e->end, pidfd, EPOLLIN, on_end, c);

	if (r >= 0 && sd_event_source_set_io_fd_own(e->end, true) >= 0)
		(void) TAKE_FD(pidfd);
	return r;
}

static void hand_over(struct closing *c, struct closing_entry *e)
{
	_cleanup_close_ int ours = -1, theirs = -1;
	size_t n_processes = 0;
	int pair[2];

	for (size_t i = 0; i < c->n; i++)
		n_processes += c->entries[i].pid > 0;
	if (e->pid > 0 || n_processes == CLOSING_PROCESSES_MAX ||
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return;
	ours = pair[0];
	theirs = pair[1];
	if (start_process(c, e->fd, theirs, &e->pid) < 0) {
		e->pid = 0;
		return;
	}
	(void) close(TAKE_FD(e->fd)); /* first: the process must be the last to close it */
	(void) close(TAKE_FD(ours));  /* the sign to end */
	(void) watch_end(c, e);       /* unwatched, it counts as long as this process lives */
}

void closing_init(struct closing *c, sd_event *event)
{
	*c = (struct closing){ .event = event, .child_uid = (uid_t) -1, .child_gid = (gid_t) -1 };
	if (geteuid() == 0)
		ids_unprivileged(&c->child_uid, &c->child_gid);
}

void closing_done(struct closing *c)
{
	for (size_t i = 0; i < c->n; i++)
		sd_event_source_disable_unref(c->entries[i].end);
	c->n = 0;
}

void closing_add(struct closing *c, int fd, uid_t uid)
{
	if (stranger_end(fd) == 0) {
		(void) close(fd);
		return;
	}
	assert(c->n < CLOSING_MAX);
	c->entries[c->n] = (struct closing_entry){ .fd = fd, .uid = uid };
	hand_over(c, &c->entries[c->n++]);
}

size_t closing_count(const struct closing *c, uid_t uid)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++)
		n += uid == (uid_t) -1 || c->entries[i].uid == uid;
	return n;
}

void closing_pause_if_full(struct closing *c, sd_event_source *source)
{
	if (c->n < CLOSING_FULL)
		return;
	(void) sd_event_source_set_enabled(source, SD_EVENT_OFF);
	c->paused = source;
}
