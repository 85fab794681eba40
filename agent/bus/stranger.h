/*
 * Bytes from a socket at whose other end is any local user, and nothing but bytes: a descriptor may
 * be of a file whose server never answers, and whoever drops the last reference to such a file may
 * wait for that server for ever, beyond any signal. So none is ever taken off the socket: what
 * brings one stays in the socket's queue, and who closes the socket must be able to wait.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/* For a listening socket, or one that was accepted from it, before anything is read. Where the
 * kernel can (Linux 6.16), it refuses to send us descriptors from here on. */
void stranger_prepare(int fd);
/* Never waits. What was read, 0 at the end of the stream, -EAGAIN, -EBADRQC when what comes next
 * brings a descriptor, or another negative errno. */
ssize_t stranger_read(int fd, void *buffer, size_t size);
/* Ends the connection and discards what it still holds. 0: the socket may be closed. -EBADRQC: it
 * holds a descriptor, and closing it may wait. */
int stranger_end(int fd);
