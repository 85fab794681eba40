/*
 * Runs in proscribed, on the main loop.
 */
#include "agent/bus/stranger.h"

#include <stdint.h>
#include <sys/socket.h>

#include "policy/base/cleanup.h"

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

enum { DISCARD_SIZE = 16 << 10 };

void stranger_prepare(int fd)
{
	(void) setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &(int){ 0 }, sizeof(int));
	/* Else the kernel drops a byte sent with MSG_OOB while it looks for the next one, and with
	 * it the descriptor that it brought. */
	(void) setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &(int){ 1 }, sizeof(int));
}

/* Looking leaves the queue its references. The kernel never joins bytes behind a descriptor to
 * those that brought it, so what was seen without one is there to be read without one. */
static ssize_t look(int fd, void *buffer, size_t size)
{
	struct iovec io = { .iov_base = buffer, .iov_len = size };
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1 };
	ssize_t n;

	do
		n = recvmsg(fd, &m, MSG_PEEK | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return m.msg_flags & MSG_CTRUNC ? -EBADRQC : n;
}

ssize_t stranger_read(int fd, void *buffer, size_t size)
{
	ssize_t n = look(fd, buffer, size);

	if (n <= 0)
		return n;
	n = recv(fd, buffer, (size_t) n, MSG_DONTWAIT);
	return n < 0 ? -errno : n;
}

int stranger_end(int fd)
{
	uint8_t discarded[DISCARD_SIZE];
	ssize_t n;

	(void) shutdown(fd, SHUT_RDWR); /* nothing more comes */
	while ((n = stranger_read(fd, discarded, sizeof(discarded))) > 0 || n == -EINTR)
		;
	return n == -EBADRQC ? -EBADRQC : 0;
}
