/*
 * Names as they stand in URLs, and repository files from a folder. Whoever fills the folder may be
 * hostile: nothing but regular files below it is read, and never more of one than was asked for.
 */
#include "policy/trust/transport.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/base/cleanup.h"
#include "policy/base/fd.h"

static int is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		c == '-' || c == '.' || c == '_' || c == '~';
}

int tuf_quote(const char *name, int keep_slash, char *out, size_t size)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t n = 0;

	for (; *name; name++) {
		unsigned char c = (unsigned char) *name;
		int plain = is_unreserved(*name) || (keep_slash && c == '/');

		if (n + (plain ? 1 : 3) >= size)
			return -ENAMETOOLONG;
		if (plain) {
			out[n++] = *name;
			continue;
		}
		out[n++] = '%';
		out[n++] = digits[c >> 4];
		out[n++] = digits[c & 15];
	}
	if (n >= size)
		return -ENAMETOOLONG;
	out[n] = '\0';
	return 0;
}

/* ---- a folder ---- */

/* The next part of *@path in @out, and *@path behind it: 1, or 0 when it was the last one. */
static int next_part(const char **path, char *out, size_t size)
{
	size_t n = strcspn(*path, "/");
	int more = (*path)[n] == '/';

	if (n == 0 || n >= size)
		return -ENOENT;
	memcpy(out, *path, n);
	out[n] = '\0';
	if (strcmp(out, ".") == 0 || strcmp(out, "..") == 0)
		return -ENOENT;
	*path += n + (size_t) more;
	return more;
}

static int open_below(int folder_fd, const char *path)
{
	_cleanup_close_ int at = -1;
	char part[NAME_MAX + 1];
	int fd, r;

	while ((r = next_part(&path, part, sizeof(part))) > 0) {
		fd = openat(at < 0 ? folder_fd : at, part,
			O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		if (at >= 0)
			(void) close(at);
		at = fd;
	}
	if (r < 0)
		return r;
	fd = openat(at < 0 ? folder_fd : at, part,
		O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int folder_fetch(void *context, const char *path, size_t max, char **ret, size_t *ret_size,
	struct tuf_error *e)
{
	const int *folder_fd = context;
	_cleanup_close_ int fd = open_below(*folder_fd, path);
	struct stat st;
	int r;

	if (fd == -ELOOP || fd == -ENOTDIR || fd == -ENXIO)
		return tuf_fail(e, -ENOENT, NULL, path, "is no regular file in the folder");
	if (fd == -ENOENT || fd == -ENAMETOOLONG)
		return tuf_fail(e, -ENOENT, NULL, path, "is not in the folder");
	if (fd < 0)
		return tuf_fail(e, fd, NULL, path, "could not be opened: %s", strerrordesc_np(-fd));
	if (fstat(fd, &st) < 0)
		return tuf_fail(e, -errno, NULL, path, "could not be read: %m");
	if (!S_ISREG(st.st_mode))
		return tuf_fail(e, -ENOENT, NULL, path, "is no regular file in the folder");
	r = fd_read_file(fd, max, ret, ret_size);
	if (r == -EFBIG)
		return tuf_fail(e, r, NULL, path, "has %lld bytes, expected %zu at most",
			(long long) st.st_size, max);
	if (r < 0)
		return tuf_fail(e, r, NULL, path, "could not be read: %s", strerrordesc_np(-r));
	return 0;
}

void tuf_folder_transport(const int *folder_fd, struct tuf_transport *ret)
{
	*ret = (struct tuf_transport){ .fetch = folder_fetch, .context = (void *) folder_fd };
}
