#include "agent/walker/message.h"

#include <string.h>

#include "policy/base/cleanup.h"
#include "policy/base/fd.h"

static const struct rule {
	uint8_t sender;
	uint8_t n_fds;
	uint8_t has_path;
} rules[_WALK_TYPE_MAX] = {
	[WALK_HELLO] = { WALK_FROM_WALKER, 0, 0 },
	[WALK_ROOT] = { WALK_FROM_AGENT, 0, 1 },
	[WALK_HOME] = { WALK_FROM_AGENT, 0, 1 },
	[WALK_KNOWN] = { WALK_FROM_AGENT, 0, 1 },
	[WALK_GO] = { WALK_FROM_AGENT, 0, 0 },
	[WALK_FILE] = { WALK_FROM_WALKER, 1, 1 },
	[WALK_ABSENT] = { WALK_FROM_WALKER, 0, 0 },
	[WALK_PROGRESS] = { WALK_FROM_WALKER, 0, 0 },
	[WALK_ROOT_DONE] = { WALK_FROM_WALKER, 0, 0 },
	[WALK_DONE] = { WALK_FROM_WALKER, 0, 0 },
};

static int is_legal(const struct walk_message *m, enum walk_sender from, size_t n_fds)
{
	const struct rule *rule = &rules[m->type < _WALK_TYPE_MAX ? m->type : 0];

	return m->type > 0 && m->type < _WALK_TYPE_MAX && rule->sender == from &&
		n_fds == rule->n_fds && memchr(m->path, '\0', sizeof(m->path)) &&
		(!rule->has_path || m->path[0] == '/');
}

int walk_receive(int socket, enum walk_sender from, struct walk_message *ret, int *ret_fd)
{
	size_t n_fds = 1;
	int fd = -1;
	ssize_t n = fd_receive(socket, ret, sizeof(*ret), &fd, &n_fds);

	if (n == -EMSGSIZE)
		return -EBADMSG;
	if (n == -ECONNRESET || (n == 0 && n_fds == 0))
		return -EPIPE;
	if (n < 0)
		return (int) n;
	if ((size_t) n != sizeof(*ret) || !is_legal(ret, from, n_fds)) {
		if (n_fds > 0)
			(void) close(fd);
		return -EBADMSG;
	}
	*ret_fd = n_fds > 0 ? fd : -1;
	return 0;
}

int walk_send(int socket, const struct walk_message *m, int fd)
{
	int r = fd_send(socket, m, sizeof(*m), &fd, fd >= 0 ? 1 : 0);

	return r == -ECONNRESET ? -EPIPE : r;
}
