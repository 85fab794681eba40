/*
 * Runs in proscribed, on the main loop. The client is any local user.
 */
#include "agent/bus/pump.h"

#include <linux/sockios.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "agent/bus/frame.h"

/* One direction. At most one chunk is under way; its descriptors travel with its first byte. */
struct flow {
	int from, to;        /* borrowed */
	bool past_begin;     /* the chunk that ended the authentication has gone */
	struct frame *frame; /* NULL: what goes out is ours and needs no watching */
	uint8_t chunk[PUMP_CHUNK];
	size_t start, end;
	int fds[FRAME_FDS_MAX];
	size_t n_fds;
};

struct pump {
	int client_fd, inner_fd;
	sd_event_source *client_source, *inner_source;
	/* sd-bus reads ahead while it authenticates: a message that it gets together with BEGIN
	 * would lie in its buffer unseen until the next one comes. So nothing follows BEGIN before
	 * that has been read. */
	sd_event_source *settle_source;
	bool settled;
	struct frame frame;
	struct flow in, out;
};

enum { PUMP_CONTROL_FDS = 16 }; /* descriptors taken off the socket at once, to be counted */

static void flow_close_fds(struct flow *f)
{
	while (f->n_fds > 0)
		(void) close(f->fds[--f->n_fds]);
}

/* Descriptors past the limit are closed here; a cut control message closes the rest in the kernel.
 * Returns how many came. */
static size_t flow_take_fds(struct flow *f, struct msghdr *m)
{
	size_t came = m->msg_flags & MSG_CTRUNC ? FRAME_FDS_MAX + 1 : 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			if (f->n_fds < FRAME_FDS_MAX)
				f->fds[f->n_fds++] = fd;
			else
				(void) close(fd);
		}
		came += n;
	}
	return came;
}

/* 1: something came, 0: nothing now, negative errno: this connection is over. */
static int flow_read(struct flow *f)
{
	union {
		char bytes[CMSG_SPACE(PUMP_CONTROL_FDS * sizeof(int))];
		struct cmsghdr align;
	} control;
	size_t want = f->frame ? frame_need(f->frame) : sizeof(f->chunk);
	struct iovec iov = { f->chunk, want < sizeof(f->chunk) ? want : sizeof(f->chunk) };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes) };
	ssize_t n = recvmsg(f->from, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	size_t came;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	came = flow_take_fds(f, &m);
	if (n == 0)
		return -ECONNRESET;
	f->start = 0;
	f->end = (size_t) n;
	if (f->frame) {
		int r = frame_feed(f->frame, f->chunk, (size_t) n, came);

		if (r < 0)
			return r;
	}
	return 1;
}

/* 1: all of it went, 0: the other side takes no more now, negative errno: over. */
static int flow_write(struct flow *f)
{
	union {
		char bytes[CMSG_SPACE(FRAME_FDS_MAX * sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec iov = { f->chunk + f->start, f->end - f->start };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (f->n_fds > 0) {
		m.msg_control = control.bytes;
		m.msg_controllen = CMSG_SPACE(f->n_fds * sizeof(int));
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(f->n_fds * sizeof(int));
		memcpy(CMSG_DATA(&control.align), f->fds, f->n_fds * sizeof(int));
	}
	n = sendmsg(f->to, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	flow_close_fds(f);
	f->start += (size_t) n;
	return f->start == f->end;
}

enum { FLOW_ROUNDS = 64 }; /* chunks carried before other clients get their turn */

static int flow_run(struct flow *f)
{
	for (int i = 0; i < FLOW_ROUNDS; i++) {
		int r = f->start == f->end ? flow_read(f) : 1;

		if (r == 1)
			r = flow_write(f);
		if (r <= 0)
			return r;
		if (f->frame && f->frame->begun && !f->past_begin) {
			f->past_begin = true;
			return 0;
		}
	}
	return 0;
}

void pump_hang_up(struct pump *p)
{
	p->client_source = sd_event_source_disable_unref(p->client_source);
	p->inner_source = sd_event_source_disable_unref(p->inner_source);
	p->settle_source = sd_event_source_disable_unref(p->settle_source);
	flow_close_fds(&p->in);
	flow_close_fds(&p->out);
	cleanup_closep(&p->client_fd);
	cleanup_closep(&p->inner_fd);
	p->client_fd = p->inner_fd = -1;
}

/* Wait for readers only while a chunk is held up, for input only while none is. */
static uint32_t wanted(const struct flow *from_here, const struct flow *to_here)
{
	return (from_here->start == from_here->end ? EPOLLIN : 0) |
		(to_here->start < to_here->end ? EPOLLOUT : 0);
}

static bool inner_has_read_all(const struct pump *p)
{
	int unread = 0;

	return ioctl(p->inner_fd, SIOCOUTQ, &unread) < 0 || unread == 0;
}

/* 0, or a negative errno when the connection is over. */
static int run_in(struct pump *p)
{
	int r;

	if (p->frame.begun && !p->settled && p->in.start == p->in.end) {
		if (!inner_has_read_all(p)) {
			(void) sd_event_source_set_enabled(p->settle_source, SD_EVENT_ONESHOT);
			return 0;
		}
		p->settled = true;
	}
	r = flow_run(&p->in);
	if (r >= 0 && p->frame.begun && !p->settled)
		(void) sd_event_source_set_enabled(p->settle_source, SD_EVENT_ONESHOT);
	return r;
}

static void run(struct pump *p, uint32_t revents)
{
	/* What sd-bus said last still goes out when the client has stopped talking. */
	int out = flow_run(&p->out), in = run_in(p);
	bool settling = p->frame.begun && !p->settled;
	uint32_t client = wanted(&p->in, &p->out) & ~(settling ? (uint32_t) EPOLLIN : 0);

	if (in < 0 || out < 0 || (revents & EPOLLERR) ||
		/* A hang-up is reported whatever the mask: one that must wait would spin. */
		((revents & EPOLLHUP) && !(client & EPOLLIN) && !settling)) {
		pump_hang_up(p);
		return;
	}
	(void) sd_event_source_set_io_events(p->client_source, client);
	(void) sd_event_source_set_io_events(p->inner_source, wanted(&p->out, &p->in));
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	(void) source;
	(void) fd;
	run(userdata, revents);
	return 0;
}

static int on_settle(sd_event_source *source, void *userdata)
{
	(void) source;
	run(userdata, 0);
	return 0;
}

int pump_new(sd_event *event, int client_fd, struct pump **ret, int *ret_inner_fd)
{
	_cleanup_close_ int client = client_fd, outer = -1;
	_cleanup_(pump_freep) struct pump *p = calloc(1, sizeof(*p));
	int pair[2], r;

	if (!p)
		return -ENOMEM;
	p->client_fd = p->inner_fd = -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return -errno;
	outer = pair[1];
	p->inner_fd = pair[0];
	p->client_fd = TAKE_FD(client);
	p->in.from = p->out.to = p->client_fd;
	p->in.to = p->out.from = p->inner_fd;
	p->in.frame = &p->frame;
	r = sd_event_add_io(event, &p->client_source, p->client_fd, EPOLLIN, on_io, p);
	if (r < 0)
		return r;
	r = sd_event_add_io(event, &p->inner_source, p->inner_fd, EPOLLIN, on_io, p);
	if (r < 0)
		return r;
	r = sd_event_add_defer(event, &p->settle_source, on_settle, p);
	if (r < 0)
		return r;
	(void) sd_event_source_set_enabled(p->settle_source, SD_EVENT_OFF);
	/* After sd-bus, whose reading is what it waits for. */
	r = sd_event_source_set_priority(p->settle_source, SD_EVENT_PRIORITY_NORMAL + 1);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(p);
	*ret_inner_fd = TAKE_FD(outer);
	return 0;
}

struct pump *pump_free(struct pump *p)
{
	if (!p)
		return NULL;
	if (p->client_fd >= 0)
		(void) flow_run(&p->out); /* an answer just given */
	pump_hang_up(p);
	free(p);
	return NULL;
}
