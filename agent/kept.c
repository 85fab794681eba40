#include "agent/kept.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "policy/base/fd.h"
#include "policy/source/wire.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U
#endif

enum { KEPT_BLOCK_SIZE = 256 << 10 };

/* @generation 0: the newest. NULL when there is no memory. */
static char *path_of(const char *path, unsigned generation)
{
	char *text;
	int n = generation == 0 ? asprintf(&text, "%s", path)
				: asprintf(&text, "%s.%u", path, generation);

	return n < 0 ? NULL : text;
}

/* A kept image, open for reading. -EPERM: somebody else could have written it. */
static int open_kept(const char *path, unsigned generation, int *ret)
{
	_cleanup_free_ char *name = path_of(path, generation);
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (!name)
		return -ENOMEM;
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return -EPERM;
	if ((uint64_t) st.st_size > WIRE_IMAGE_MAX)
		return -EFBIG;
	*ret = TAKE_FD(fd);
	return 0;
}

static int copy_file(int from, int to)
{
	off_t offset = 0;
	struct stat st;

	if (fstat(from, &st) < 0)
		return -errno;
	while (offset < st.st_size) {
		ssize_t n = sendfile(to, from, &offset, (size_t) (st.st_size - offset));

		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO;
	}
	return 0;
}

/* 1 or 0. The digests in two images' headers make this short when they are different. */
static int same_content(int a, int b)
{
	_cleanup_free_ char *block = malloc(KEPT_BLOCK_SIZE), *other = malloc(KEPT_BLOCK_SIZE);
	off_t offset = 0;
	ssize_t n, m;

	if (!block || !other)
		return -ENOMEM;
	do {
		n = fd_pread_full(a, block, KEPT_BLOCK_SIZE, offset);
		m = fd_pread_full(b, other, KEPT_BLOCK_SIZE, offset);
		if (n < 0 || m < 0)
			return n < 0 ? (int) n : (int) m;
		if (n != m || memcmp(block, other, (size_t) n) != 0)
			return 0;
		offset += n;
	} while (n > 0);
	return 1;
}

/* What cannot be read is not the same: it is replaced. */
static bool is_newest(const char *path, int image_fd)
{
	_cleanup_close_ int fd = -1;

	return open_kept(path, 0, &fd) == 0 && same_content(fd, image_fd) == 1;
}

static int write_new(const char *name, int image_fd)
{
	_cleanup_close_ int fd = -1;
	int r;

	if (unlink(name) < 0 && errno != ENOENT)
		return -errno;
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	r = copy_file(image_fd, fd);
	return r == 0 && fsync(fd) < 0 ? -errno : r;
}

/* Each one a generation older, as far as there is no gap; the oldest goes. */
static int make_room(const char *path)
{
	unsigned free_at = 0;
	int r = 0;

	for (; free_at < KEPT_IMAGES - 1; free_at++) {
		_cleanup_free_ char *name = path_of(path, free_at);

		if (!name)
			return -ENOMEM;
		if (access(name, F_OK) < 0)
			break;
	}
	for (; free_at > 0 && r == 0; free_at--) {
		_cleanup_free_ char *from = path_of(path, free_at - 1);
		_cleanup_free_ char *to = path_of(path, free_at);

		if (!from || !to)
			return -ENOMEM;
		r = rename(from, to) < 0 ? -errno : 0;
	}
	return r;
}

int kept_save(const char *path, int image_fd)
{
	_cleanup_free_ char *fresh = NULL;
	int r;

	if (is_newest(path, image_fd))
		return fd_sync_folder_of(path);
	if (asprintf(&fresh, "%s.new", path) < 0)
		return -ENOMEM;
	r = write_new(fresh, image_fd);
	if (r == 0)
		r = make_room(path);
	if (r == 0 && rename(fresh, path) < 0)
		r = -errno;
	if (r < 0) {
		(void) unlink(fresh);
		return r;
	}
	return fd_sync_folder_of(path);
}

/* In memory and sealed, as the compiler's is. It also means that a disk that fails later on, or a
 * file that is cut short, takes nothing away from under a look-up. */
static int sealed_copy(int from, int *ret)
{
	const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	_cleanup_close_ int fd = memfd_create("policy", flags | MFD_NOEXEC_SEAL);
	int r;

	if (fd < 0 && errno == EINVAL) /* before Linux 6.3 */
		fd = memfd_create("policy", flags);
	if (fd < 0)
		return -errno;
	r = copy_file(from, fd);
	if (r < 0)
		return r;
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return -errno;
	*ret = TAKE_FD(fd);
	return 0;
}

static int load_one(const char *path, unsigned generation, struct policy **ret)
{
	_cleanup_close_ int file = -1, copy = -1;
	int r = open_kept(path, generation, &file);

	r = r < 0 ? r : sealed_copy(file, &copy);
	return r < 0 ? r : policy_open(copy, ret);
}

int kept_load(const char *path, struct policy **ret)
{
	for (unsigned i = 0; i < KEPT_IMAGES; i++)
		if (load_one(path, i, ret) == 0)
			return 0;
	return -ENOENT;
}
