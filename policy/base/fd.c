#include "policy/base/fd.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "policy/base/cleanup.h"

ssize_t fd_pread_full(int fd, void *buffer, size_t n, off_t offset)
{
	size_t done = 0;

	while (done < n) {
		ssize_t r = pread(fd, (char *) buffer + done, n - done, offset + (off_t) done);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			break;
		done += (size_t) r;
	}
	return (ssize_t) done;
}

int fd_write_full(int fd, const void *buffer, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t r = write(fd, (const char *) buffer + done, n - done);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		done += (size_t) r;
	}
	return 0;
}

int fd_sync_folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *folder = slash ? strndup(path, (size_t) (slash - path) + 1)
					    : strdup(".");
	_cleanup_close_ int fd = -1;

	if (!folder)
		return -ENOMEM;
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

int fd_read_file(int fd, size_t max, char **ret, size_t *ret_size)
{
	_cleanup_free_ char *text = NULL;
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size < 0 || (uint64_t) st.st_size > max)
		return -EFBIG;
	text = malloc((size_t) st.st_size + 1);
	if (!text)
		return -ENOMEM;
	n = fd_pread_full(fd, text, (size_t) st.st_size, 0);
	if (n < 0)
		return (int) n;
	text[n] = '\0';
	*ret = TAKE_PTR(text);
	*ret_size = (size_t) n;
	return 0;
}

int fd_send(int socket, const void *message, size_t size, const int fds[], size_t n_fds)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int) * FD_MESSAGE_FDS_MAX)];
	} control = { 0 };
	struct iovec io = { .iov_base = (void *) message, .iov_len = size };
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1 };
	ssize_t r;

	if (n_fds > FD_MESSAGE_FDS_MAX)
		return -EINVAL;
	if (n_fds > 0) {
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(&control.header), fds, sizeof(int) * n_fds);
	}
	do
		r = sendmsg(socket, &m, MSG_NOSIGNAL);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

static size_t take_fds(struct msghdr *m, int fds[FD_MESSAGE_FDS_MAX])
{
	size_t n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		size_t k;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		k = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds + n, CMSG_DATA(c), k * sizeof(int));
		n += k;
	}
	return n;
}

ssize_t fd_receive(int socket, void *message, size_t size, int fds[], size_t *n_fds)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int) * FD_MESSAGE_FDS_MAX)];
	} control;
	struct iovec io = { .iov_base = message, .iov_len = size };
	struct msghdr m = { .msg_iov = &io,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	int got[FD_MESSAGE_FDS_MAX];
	size_t n, room = n_fds ? *n_fds : 0;
	ssize_t r;

	do
		r = recvmsg(socket, &m, MSG_CMSG_CLOEXEC);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	n = take_fds(&m, got);
	if ((m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || n > room) {
		for (size_t i = 0; i < n; i++)
			(void) close(got[i]);
		return -EMSGSIZE;
	}
	if (n > 0)
		memcpy(fds, got, n * sizeof(int));
	if (n_fds)
		*n_fds = n;
	return r;
}
