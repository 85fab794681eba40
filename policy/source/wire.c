#include "policy/source/wire.h"

#include <string.h>

#include "policy/base/cleanup.h"
#include "policy/base/fd.h"

static const struct {
	size_t size;
	size_t n_fds;
} rows[_WIRE_TYPE_MAX] = {
	[WIRE_READY] = { sizeof(struct wire_ready), 0 },
	[WIRE_BEGIN] = { sizeof(struct wire_begin), 2 },
	[WIRE_TRUST] = { sizeof(struct wire_trust), 3 },
	[WIRE_FILE] = { sizeof(struct wire_file), 1 },
	[WIRE_TRUSTED] = { sizeof(struct wire_trusted), 0 },
	[WIRE_RESULT] = { sizeof(struct wire_result), 0 },
};

int wire_send(int socket, const union wire *message, const int fds[])
{
	return fd_send(socket, message, rows[message->type].size, fds, rows[message->type].n_fds);
}

int wire_receive(int socket, enum wire_type type, union wire *ret, int fds[])
{
	union wire message;
	int got[WIRE_FDS_MAX];
	size_t n_fds = WIRE_FDS_MAX;
	ssize_t n = fd_receive(socket, &message, sizeof(message), got, &n_fds);

	if (n == 0 || n == -ECONNRESET)
		return -EPIPE;
	if (n < 0)
		return n == -EMSGSIZE ? -EPROTO : (int) n;
	if ((size_t) n != rows[type].size || message.type != type || n_fds != rows[type].n_fds) {
		for (size_t i = 0; i < n_fds; i++)
			(void) close(got[i]);
		return -EPROTO;
	}
	*ret = message;
	if (n_fds > 0)
		memcpy(fds, got, n_fds * sizeof(int));
	return 0;
}
