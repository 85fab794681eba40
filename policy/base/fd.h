/*
 * File descriptors: whole reads and writes, and messages that carry descriptors.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Reads until @n bytes or end of file at @offset. Returns the number read, or a negative errno. */
ssize_t fd_pread_full(int fd, void *buffer, size_t n, off_t offset);
/* Writes all @n bytes: 0 or a negative errno. */
int fd_write_full(int fd, const void *buffer, size_t n);

/* Makes a new or another name durable: syncs the folder that @path lies in. 0 or a negative errno.
 */
int fd_sync_folder_of(const char *path);

/* Reads a whole file of at most @max bytes; *ret (a NUL is added behind) belongs to the caller.
 * -EFBIG when it is larger. A file that grows while it is read counts as its first @max bytes do.
 */
int fd_read_file(int fd, size_t max, char **ret, size_t *ret_size);

enum { FD_MESSAGE_FDS_MAX = 16 };

/* One SOCK_SEQPACKET message with @n_fds descriptors (borrowed). 0 or a negative errno. */
int fd_send(int socket, const void *message, size_t size, const int fds[], size_t n_fds);
/* One message of at most @size bytes; descriptors arrive close-on-exec and belong to the caller.
 * Returns the size, 0 at end of stream, or a negative errno: -EMSGSIZE when message or descriptors
 * were cut (all received descriptors are closed then), -EAGAIN as recvmsg(2). */
ssize_t fd_receive(int socket, void *message, size_t size, int fds[], size_t *n_fds);
