#include "agent/update/mirror.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "agent/update/digest.h"
#include "agent/update/durable.h"
#include "agent/update/report.h"
#include "policy/base/fd.h"

#define NEXT UPDATE_MIRROR ".new"

enum { PATH_SIZE = TUF_FILE_MAX + 64, FILE_MODE = 0640 };

struct mirror {
	int state; /* borrowed */
	int fd;    /* of NEXT */
};

int mirror_new(int state, struct mirror **ret)
{
	_cleanup_(mirror_freep) struct mirror *m = malloc(sizeof(*m));
	int r;

	if (!m)
		return -ENOMEM;
	*m = (struct mirror){ .state = state, .fd = -1 };
	r = durable_remove(state, NEXT);
	r = r ?: durable_folder(state, NEXT, &m->fd);
	r = r ?: durable_make_parents(m->fd, MIRROR_METADATA "x");
	r = r ?: durable_make_parents(m->fd, MIRROR_TARGETS "x");
	if (r < 0)
		return r;
	*ret = TAKE_PTR(m);
	return 0;
}

struct mirror *mirror_free(struct mirror *m)
{
	if (!m)
		return NULL;
	if (m->fd >= 0) {
		(void) close(m->fd);
		(void) durable_remove(m->state, NEXT);
	}
	free(m);
	return NULL;
}

int mirror_add(struct mirror *m, const char *path, const void *bytes, size_t n)
{
	_cleanup_close_ int fd = -1;
	int r = durable_make_parents(m->fd, path);

	if (r < 0)
		return r;
	fd = openat(m->fd, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
	if (fd < 0)
		return -errno;
	r = fd_write_full(fd, bytes, n);
	return r < 0 ? r : fsync(fd) < 0 ? -errno : 0;
}

int mirror_link(struct mirror *m, const char *path, int from, const char *name)
{
	int r = durable_make_parents(m->fd, path);

	if (r < 0)
		return r;
	return linkat(from, name, m->fd, path, 0) < 0 ? -errno : 0;
}

int mirror_keep(struct mirror *m, const char *path)
{
	char now[PATH_SIZE];

	if ((size_t) snprintf(now, sizeof(now), UPDATE_MIRROR "/%s", path) >= sizeof(now))
		return -ENAMETOOLONG;
	return mirror_link(m, path, m->state, now);
}

static int swap(int state)
{
	if (renameat2(state, NEXT, state, UPDATE_MIRROR, RENAME_EXCHANGE) == 0)
		return 0;
	if (errno != ENOENT)
		return -errno;
	return renameat(state, NEXT, state, UPDATE_MIRROR) < 0 ? -errno : 0; /* the first one */
}

int mirror_use(struct mirror *m)
{
	_cleanup_close_ int lock = openat(
		m->state, UPDATE_LOCK_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
	int r = durable_sync(m->state, NEXT);

	if (r < 0)
		return r;
	if (lock < 0)
		return -errno;
	while (flock(lock, LOCK_EX) < 0)
		if (errno != EINTR)
			return -errno;
	r = swap(m->state);
	if (r == 0 && fsync(m->state) < 0)
		r = -errno;
	if (r < 0)
		return r;
	cleanup_closep(&m->fd);
	m->fd = -1;
	return durable_remove(m->state, NEXT);
}

static int open_in_use(int state, const char *path)
{
	char now[PATH_SIZE];

	if ((size_t) snprintf(now, sizeof(now), UPDATE_MIRROR "/%s", path) >= sizeof(now))
		return -ENAMETOOLONG;
	return openat(state, now, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

bool mirror_has(int state, const char *path, const struct tuf_fileinfo *info, bool content)
{
	_cleanup_close_ int fd = open_in_use(state, path);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	if (info && info->has_length && (uint64_t) st.st_size != info->length)
		return false;
	return !content || (info && digest_of_file(fd, info) == 0);
}

bool mirror_is(int state, const char *path, const void *bytes, size_t n)
{
	_cleanup_close_ int fd = open_in_use(state, path);
	_cleanup_free_ char *now = NULL;
	size_t size;

	return fd >= 0 && fd_read_file(fd, n, &now, &size) == 0 && size == n &&
		memcmp(now, bytes, n) == 0;
}
