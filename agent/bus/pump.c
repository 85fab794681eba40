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
#include "agent/bus/stranger.h"

enum { PUMP_FDS_MAX = 4 }; /* with one chunk from sd-bus; it sends one at a time */

/* One direction. At most one chunk is under way; a descriptor travels with its first byte. */
struct flow {
	int from, to; /* borrowed */
	/* 1: something came, 0: nothing now, negative errno: this connection is over. */
	int (*read)(struct flow *f, size_t want);
	bool past_begin; /* the chunk that ended the authentication has gone */
	struct frame frame;
	uint8_t chunk[PUMP_CHUNK];
	size_t start, end;
	int fds[PUMP_FDS_MAX];
	size_t n_fds;
};

struct pump {
	int client_fd; /* borrowed */
	int inner_fd;
	sd_event_source *client_source, *inner_source;
	/* sd-bus reads ahead while it authenticates: a message that it gets together with BEGIN
	 * would lie in its buffer unseen until the next one comes. So nothing follows BEGIN before
	 * that has been read. */
	sd_event_source *settle_source;
	bool settled;
	struct flow in, out;
};

static void flow_close_fds(struct flow *f)
{
	while (f->n_fds > 0)
		(void) close(f->fds[--f->n_fds]);
}

/* From the client: bytes only. */
static int read_stranger(struct flow *f, size_t want)
{
	ssize_t n = stranger_read(f->from, f->chunk, want);

	if (n == -EAGAIN || n == -EINTR)
		return 0;
	f->end = n > 0 ? (size_t) n : 0;
	return n < 0 ? (int) n : n == 0 ? -ECONNRESET : 1;
}

static void flow_take_fds(struct flow *f, struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		f->n_fds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(f->fds, CMSG_DATA(c), f->n_fds * sizeof(int));
	}
}

/* From sd-bus: what this process sends itself. */
static int read_inner(struct flow *f, size_t want)
{
	union {
		char bytes[CMSG_SPACE(PUMP_FDS_MAX * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { f->chunk, want };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes) };
	ssize_t n = recvmsg(f->from, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	flow_take_fds(f, &m);
	f->end = (size_t) n;
	return n == 0 ? -ECONNRESET : 1;
}

static int flow_read(struct flow *f)
{
	size_t want = frame_need(&f->frame);
	int r;

	f->start = f->end = 0;
	r = f->read(f, want < sizeof(f->chunk) ? want : sizeof(f->chunk));
	if (r == 1 && frame_feed(&f->frame, f->chunk, f->end) < 0)
		return -EBADMSG;
	return r;
}

/* 1: all of it went, 0: the other side takes no more now, negative errno: over. */
static int flow_write(struct flow *f)
{
	union {
		char bytes[CMSG_SPACE(PUMP_FDS_MAX * sizeof(int))];
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
		if (f->frame.begun && !f->past_begin && !f->frame.from_agent) {
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
	cleanup_closep(&p->inner_fd);
	p->inner_fd = -1;
	(void) shutdown(p->client_fd, SHUT_RDWR);
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

	if (p->in.frame.begun && !p->settled && p->in.start == p->in.end) {
		if (!inner_has_read_all(p)) {
			(void) sd_event_source_set_enabled(p->settle_source, SD_EVENT_ONESHOT);
			return 0;
		}
		p->settled = true;
	}
	r = flow_run(&p->in);
	if (r >= 0 && p->in.frame.begun && !p->settled)
		(void) sd_event_source_set_enabled(p->settle_source, SD_EVENT_ONESHOT);
	return r;
}

static void run(struct pump *p, uint32_t revents)
{
	/* What sd-bus said last still goes out when the client has stopped talking. */
	int out = flow_run(&p->out), in = run_in(p);
	bool settling = p->in.frame.begun && !p->settled;
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
	_cleanup_close_ int outer = -1;
	_cleanup_(pump_freep) struct pump *p = calloc(1, sizeof(*p));
	int pair[2], r;

	if (!p)
		return -ENOMEM;
	p->inner_fd = -1;
	p->client_fd = client_fd;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return -errno;
	outer = pair[1];
	p->inner_fd = pair[0];
	p->in.from = p->out.to = p->client_fd;
	p->in.to = p->out.from = p->inner_fd;
	p->in.read = read_stranger;
	p->out.read = read_inner;
	p->out.frame.from_agent = 1;
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
	if (p->inner_fd >= 0)
		(void) flow_run(&p->out); /* an answer just given */
	pump_hang_up(p);
	free(p);
	return NULL;
}
