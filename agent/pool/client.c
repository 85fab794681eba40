/*
 * Runs on proscribed's pool threads. The inspector at the other end has read hostile bytes: it is
 * believed only within message.h's table and what facts_valid() and the request leave possible.
 */
#include "agent/pool/client.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "policy/base/cleanup.h"
#include "policy/base/clock.h"
#include "policy/base/spawn.h"
#include "policy/base/text.h"

_Static_assert((int) METADATA_MAX <= (int) MESSAGE_METADATA_MAX, "candidates fit one message");

enum {
	START_TIMEOUT_USEC = 10000000,
	/* One that gives way to everybody may get no processor for long. */
	START_IDLE_TIMEOUT_USEC = 120000000,
	END_TIMEOUT_USEC = 1000000,
	ERRNO_MAX = 4095
};

static int spawn_inspector(uid_t uid, gid_t gid, bool idle, int socket, pid_t *ret)
{
	char program[] = "proscribe-inspector", option[] = "--idle", uid_text[16], gid_text[16];
	char *arguments[5] = { program };
	const struct spawn spawn = {
		.program = program, .arguments = arguments, .fds = &socket, .n_fds = 1
	};
	size_t n = 1;

	if (idle)
		arguments[n++] = option;
	if (uid != (uid_t) -1) {
		arguments[n++] = uid_text;
		arguments[n++] = gid_text;
	}
	(void) snprintf(uid_text, sizeof(uid_text), "%u", uid);
	(void) snprintf(gid_text, sizeof(gid_text), "%u", gid);
	return spawn_helper(&spawn, ret);
}

int client_wait(const struct client *c, uint64_t deadline_usec)
{
	struct pollfd fds[] = { { .fd = c->socket, .events = POLLIN },
		{ .fd = c->stop_fd, .events = POLLIN } };

	for (;;) {
		uint64_t now = clock_boot_usec();
		int r;

		if (now >= deadline_usec)
			return -ETIMEDOUT;
		r = poll(fds, ARRAY_SIZE(fds),
			(int) ((deadline_usec - now + USEC_PER_MSEC - 1) / USEC_PER_MSEC));
		if (r < 0 && errno != EINTR)
			return -errno;
		if (r > 0 && fds[0].revents)
			return 0;
		if (r > 0)
			return -ESHUTDOWN;
	}
}

static int receive(const struct client *c, enum message_state state, uint64_t deadline_usec,
	union message *ret)
{
	int fds[MESSAGE_FDS_MAX], r;
	size_t n_fds;

	r = client_wait(c, deadline_usec);
	if (r < 0)
		return r;
	return message_receive(c->socket, MESSAGE_FROM_INSPECTOR, state, ret, fds, &n_fds);
}

/* An inspector that ended before its HELLO says by its exit status whether the sandbox was why. One
 * that merely closed its socket is ended here; a status once given, SIGKILL does not change. */
static int why_it_ended(struct client *c)
{
	int status;

	(void) kill(c->pid, SIGKILL);
	if (spawn_reap(c->pid, END_TIMEOUT_USEC, &status) < 0)
		return -EPIPE;
	c->pid = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SANDBOX)
		return -EPERM;
	return -EPIPE;
}

int client_start(struct client *c, uid_t uid, gid_t gid, bool idle, int stop_fd)
{
	_cleanup_close_ int theirs = -1;
	union message m;
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	theirs = pair[1];
	*c = (struct client){ .socket = pair[0], .stop_fd = stop_fd };
	r = spawn_inspector(uid, gid, idle, theirs, &c->pid);
	if (r < 0) {
		c->pid = 0;
		client_stop(c);
		return r;
	}
	(void) close(TAKE_FD(theirs));
	r = receive(c, MESSAGE_STARTING,
		clock_boot_usec() + (idle ? START_IDLE_TIMEOUT_USEC : START_TIMEOUT_USEC), &m);
	if (r == 0 && m.hello.version != MESSAGE_VERSION)
		r = -EBADMSG;
	/* It has another uid now: without CAP_KILL we could not end it, which had better show here.
	 */
	if (r == 0 && kill(c->pid, 0) < 0)
		r = -errno;
	if (r == -EPIPE)
		r = why_it_ended(c);
	if (r < 0)
		client_stop(c);
	return r;
}

void client_stop(struct client *c)
{
	if (c->socket >= 0)
		(void) close(c->socket);
	if (c->pid > 0) {
		(void) kill(c->pid, SIGKILL);
		if (spawn_reap(c->pid, END_TIMEOUT_USEC, NULL) == -ETIMEDOUT)
			c->lost = c->pid;
	}
	c->socket = -1;
	c->pid = 0;
}

bool client_is_idle(const struct client *c)
{
	struct pollfd fd = { .fd = c->socket, .events = POLLIN };

	return c->pid > 0 && poll(&fd, 1, 0) == 0;
}

/* Claims that this request cannot have led to. */
static bool is_plausible(const struct client *c, const struct message_facts *m, uint64_t id,
	const struct client_request *request)
{
	if (m->id != id || m->error > 0 || m->error < -ERRNO_MAX || !facts_valid(&m->facts))
		return false;
	if (m->error < 0) /* then facts_valid() has seen to the rest */
		return m->facts.size == 0 && m->facts.class == 0 && m->facts.have == 0 &&
			m->facts.payload_size == 0 && m->facts.n_packages == 0 &&
			m->facts.policy_id == 0;
	if ((m->facts.have & FACTS_SHA256) && !request->want_sha256)
		return false;
	if ((m->facts.have & FACTS_METADATA_REFUSED) && request->metadata->n == 0)
		return false;
	return m->facts.policy_id == 0 ||
		(request->scan != SCAN_NONE && m->facts.policy_id == c->policy_id);
}

/* The inspector gets the signatures of a policy once, with the first request that wants them. */
static int send_policy(struct client *c, const struct policy *p)
{
	union message m = { .policy = { .type = MESSAGE_POLICY } };
	struct policy_signatures signatures;
	int fd, r;

	if (policy_id(p) == c->policy_id)
		return 0;
	policy_signatures(p, &signatures);
	m.policy.policy_id = policy_id(p);
	m.policy.n_signatures = signatures.n;
	m.policy.signatures_offset = signatures.offset;
	m.policy.rules_offset = signatures.rules_offset;
	m.policy.rules_size = signatures.rules_size;
	fd = policy_fd(p);
	r = message_send(c->socket, &m, &fd, 1);
	if (r == 0)
		c->policy_id = policy_id(p);
	return r == -ECONNRESET ? -EPIPE : r;
}

int client_inspect(struct client *c, const struct client_request *request, uint64_t timeout_usec,
	int *ret_error, struct facts *ret)
{
	const uint64_t deadline = clock_boot_usec() + timeout_usec, id = ++c->last_id;
	const struct metadata_list *metadata = request->metadata;
	union message m = { .inspect = { MESSAGE_INSPECT, request->want_sha256, id,
				    .scan = request->scan } };
	int fds[MESSAGE_FDS_MAX], r;

	r = request->scan == SCAN_NONE ? 0 : send_policy(c, request->policy);
	if (r < 0)
		return r;
	fds[0] = request->fd;
	memcpy(fds + 1, metadata->fds, metadata->n * sizeof(int));
	memcpy(m.inspect.metadata, metadata->kinds, metadata->n);
	(void) text_copy(m.inspect.path, sizeof(m.inspect.path), request->path);
	r = message_send(c->socket, &m, fds, 1 + metadata->n);
	if (r < 0)
		return r == -ECONNRESET ? -EPIPE : r;
	r = receive(c, MESSAGE_BUSY, deadline, &m);
	if (r < 0)
		return r;
	if (!is_plausible(c, &m.facts, id, request))
		return -EBADMSG;
	*ret_error = m.facts.error;
	if (m.facts.error == 0)
		*ret = m.facts.facts;
	return 0;
}
