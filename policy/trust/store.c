#include "policy/trust/store.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "policy/base/fd.h"

static int folder_load(void *context, const char *name, size_t max, char **ret, size_t *ret_size)
{
	const int *folder = context;
	_cleanup_close_ int fd = -1;
	struct stat st;

	fd = openat(*folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ELOOP;
	return fd_read_file(fd, max, ret, ret_size);
}

/* The name that a half written file has. */
static int name_new(const char *name, char out[NAME_MAX + 1])
{
	int n = snprintf(out, NAME_MAX + 1, ".%s.new", name);

	return n < 0 || n > NAME_MAX ? -ENAMETOOLONG : 0;
}

static int write_new(int folder, const char *name, const void *bytes, size_t size)
{
	_cleanup_close_ int fd = -1;
	int r;

	if (unlinkat(folder, name, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	r = fd_write_full(fd, bytes, size);
	if (r < 0)
		return r;
	return fsync(fd) < 0 ? -errno : 0;
}

/* The new file is on the disk before it gets its name, and the name before anything that builds on
 * it is written: a power cut leaves the old or the new file, and never a newer timestamp beside an
 * older root. */
static int folder_save(void *context, const char *name, const void *bytes, size_t size)
{
	const int *folder = context;
	char new[NAME_MAX + 1];
	int r;

	r = name_new(name, new);
	if (r < 0)
		return r;
	r = write_new(*folder, new, bytes, size);
	if (r == 0 && renameat(*folder, new, *folder, name) < 0)
		r = -errno;
	if (r < 0) {
		(void) unlinkat(*folder, new, 0);
		return r;
	}
	return fsync(*folder) < 0 ? -errno : 0;
}

static int folder_remove(void *context, const char *name)
{
	const int *folder = context;

	if (unlinkat(*folder, name, 0) < 0)
		return errno == ENOENT ? 0 : -errno;
	return fsync(*folder) < 0 ? -errno : 0;
}

void tuf_folder_store(const int *folder_fd, struct tuf_store *ret)
{
	*ret = (struct tuf_store){
		.load = folder_load,
		.save = folder_save,
		.remove = folder_remove,
		.context = (void *) folder_fd,
	};
}
