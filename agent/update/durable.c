#include "agent/update/durable.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/base/cleanup.h"
#include "policy/base/fd.h"

enum { FOLDER_MODE = 0750, FILE_MODE = 0640 };

int durable_folder(int at, const char *name, int *ret_fd)
{
	int fd;

	if (mkdirat(at, name, FOLDER_MODE) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

int durable_write(int at, const char *name, const void *bytes, size_t n)
{
	_cleanup_close_ int fd = -1;
	char other[NAME_MAX + 1];
	int r;

	if ((size_t) snprintf(other, sizeof(other), ".%s.new", name) >= sizeof(other))
		return -ENAMETOOLONG;
	fd = openat(at, other, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
	if (fd < 0)
		return -errno;
	r = fd_write_full(fd, bytes, n);
	if (r < 0)
		return r;
	if (fsync(fd) < 0 || renameat(at, other, at, name) < 0)
		return -errno;
	return fsync(at) < 0 ? -errno : 0;
}

int durable_read(int at, const char *name, size_t max, char **ret, size_t *ret_size)
{
	_cleanup_close_ int fd = openat(at, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	return fd < 0 ? -errno : fd_read_file(fd, max, ret, ret_size);
}

/* ---- trees ---- */

static bool is_dot(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static DIR *open_list(int at, const char *name)
{
	_cleanup_close_ int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (d)
		(void) TAKE_FD(fd);
	return d;
}

/* Does @file with each file in a tree, and @folder with each folder after what is in it. */
static int walk(int at, const char *name, unsigned depth, int (*file)(int at, const char *name),
	int (*folder)(int at, const char *name))
{
	_cleanup_closedir_ DIR *d = NULL;
	struct dirent *entry;
	int r = 0;

	if (depth > DURABLE_DEPTH_MAX)
		return -ELOOP;
	d = open_list(at, name);
	if (!d)
		return -errno;
	while (r == 0 && (errno = 0, entry = readdir(d))) {
		struct stat st;

		if (is_dot(entry->d_name))
			continue;
		if (fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return -errno;
		r = S_ISDIR(st.st_mode) ? walk(dirfd(d), entry->d_name, depth + 1, file, folder)
					: file(dirfd(d), entry->d_name);
	}
	if (r == 0 && errno != 0)
		return -errno;
	return r ?: folder(at, name);
}

static int remove_file(int at, const char *name)
{
	return unlinkat(at, name, 0) < 0 ? -errno : 0;
}

static int remove_folder(int at, const char *name)
{
	return unlinkat(at, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

int durable_remove(int at, const char *name)
{
	int r = walk(at, name, 0, remove_file, remove_folder);

	return r == -ENOENT ? 0 : r;
}

static int leave_file(int at, const char *name)
{
	(void) at;
	(void) name;
	return 0;
}

static int sync_folder(int at, const char *name)
{
	_cleanup_close_ int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

int durable_sync(int at, const char *name)
{
	return walk(at, name, 0, leave_file, sync_folder);
}

int durable_check_path(const char *path)
{
	unsigned depth = 0;

	if (strlen(path) >= PATH_MAX)
		return -ENAMETOOLONG;
	for (const char *s = path;; s++) {
		const size_t n = strcspn(s, "/");

		if (n == 0 || (n == 1 && s[0] == '.') || (n == 2 && s[0] == '.' && s[1] == '.'))
			return -EINVAL;
		if (n > NAME_MAX)
			return -ENAMETOOLONG;
		s += n;
		if (!*s)
			return 0;
		if (++depth > DURABLE_DEPTH_MAX)
			return -ENAMETOOLONG;
	}
}

int durable_make_parents(int at, const char *path)
{
	char part[PATH_MAX];
	int r = durable_check_path(path);

	if (r < 0)
		return r;
	(void) snprintf(part, sizeof(part), "%s", path);
	for (char *slash = strchr(part, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdirat(at, part, FOLDER_MODE) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return 0;
}
