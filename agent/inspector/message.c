/*
 * The table of what may be said, and its enforcement for both ends: proscribed's pool threads and
 * the inspector.
 */
#include "agent/inspector/message.h"

#include <sys/types.h>

#include "policy/base/cleanup.h"
#include "policy/base/fd.h"

static const struct rule {
	uint16_t size; /* exact; anything else ends the connection */
	uint8_t sender;
	uint8_t legal_in; /* bits of enum message_state */
	uint8_t fds_min, fds_max;
} rules[_MESSAGE_TYPE_MAX] = {
	[MESSAGE_HELLO] = { sizeof(struct message_hello), MESSAGE_FROM_INSPECTOR, MESSAGE_STARTING,
		0, 0 },
	[MESSAGE_INSPECT] = { sizeof(struct message_inspect), MESSAGE_FROM_AGENT, MESSAGE_READY, 1,
		MESSAGE_FDS_MAX },
	[MESSAGE_POLICY] = { sizeof(struct message_policy), MESSAGE_FROM_AGENT, MESSAGE_READY, 1,
		1 },
	[MESSAGE_PACKAGES] = { sizeof(struct message_packages), MESSAGE_FROM_AGENT, MESSAGE_READY,
		1, 2 },
	[MESSAGE_FOUND] = { sizeof(struct message_found), MESSAGE_FROM_INSPECTOR, MESSAGE_READING, 0,
		0 },
	[MESSAGE_FACTS] = { sizeof(struct message_facts), MESSAGE_FROM_INSPECTOR, MESSAGE_BUSY, 0,
		0 },
};

_Static_assert((int) MESSAGE_FDS_MAX <= (int) FD_MESSAGE_FDS_MAX, "descriptors fit one message");

static const struct rule *rule_for(uint32_t type)
{
	return type < _MESSAGE_TYPE_MAX && rules[type].size > 0 ? &rules[type] : NULL;
}

int message_receive(int socket, enum message_sender from, enum message_state state,
	union message *ret, int fds[MESSAGE_FDS_MAX], size_t *ret_n_fds)
{
	size_t n_fds = MESSAGE_FDS_MAX;
	const struct rule *rule;
	ssize_t n;

	n = fd_receive(socket, ret, sizeof(*ret), fds, &n_fds);
	if (n == -EMSGSIZE)
		return -EBADMSG;
	if (n == -ECONNRESET)
		return -EPIPE;
	if (n < 0)
		return (int) n;
	rule = (size_t) n >= sizeof(ret->type) ? rule_for(ret->type) : NULL;
	if (rule && rule->size == n && rule->sender == from && (rule->legal_in & state) &&
		n_fds >= rule->fds_min && n_fds <= rule->fds_max) {
		*ret_n_fds = n_fds;
		return 0;
	}
	for (size_t i = 0; i < n_fds; i++)
		(void) close(fds[i]);
	return n == 0 && n_fds == 0 ? -EPIPE : -EBADMSG;
}

int message_send(int socket, const union message *m, const int fds[], size_t n_fds)
{
	const struct rule *rule = rule_for(m->type);

	if (!rule || n_fds < rule->fds_min || n_fds > rule->fds_max)
		return -EINVAL;
	return fd_send(socket, m, rule->size, fds, n_fds);
}
