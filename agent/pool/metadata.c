/*
 * Walks upwards by descriptor in folders that an employee may own and change meanwhile: no symbolic
 * link is followed, no other filesystem entered, nothing but a regular file handed on, and nothing
 * waited for. What is found is a hint, so a walk that cannot go on simply ends.
 */
#include "agent/pool/metadata.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include "policy/base/cleanup.h"
#include "policy/base/text.h"

/* One name at a time, which every kernel and every system call filter can do: openat2(2) is newer
 * than fanotify's launch events, and service managers take it away. */
static int open_folder(const char *path)
{
	_cleanup_close_ int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char copy[PATH_MAX], *rest = copy, *name;
	int next;

	if (fd < 0)
		return -errno;
	if (text_copy(copy, sizeof(copy), path) < 0)
		return -ENAMETOOLONG;
	while ((name = strsep(&rest, "/"))) {
		if (!*name)
			continue;
		next = openat(fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0)
			return -errno;
		(void) close(fd);
		fd = next;
	}
	return TAKE_FD(fd);
}

/* O_NONBLOCK: a FIFO, or a file somebody holds a write lease on, must not hold us up. */
static int open_candidate(int folder)
{
	_cleanup_close_ int fd = openat(
		folder, "package.json", O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -EINVAL;
	return TAKE_FD(fd);
}

static bool holds(int folder, const char *name, const struct stat *st)
{
	struct stat found;

	return fstatat(folder, name, &found, AT_SYMLINK_NOFOLLOW) == 0 &&
		found.st_dev == st->st_dev && found.st_ino == st->st_ino;
}

static bool is_on(int folder, dev_t device)
{
	struct stat st;

	return fstat(folder, &st) == 0 && st.st_dev == device;
}

/* Cuts the last component off @path; returns it, or NULL at the root. */
static const char *cut_name(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash || slash[1] == '\0')
		return NULL;
	*slash = '\0';
	return slash + 1;
}

/* Does the folder @path end a package: node_modules/name, node_modules/@scope/name or
 * node_modules itself? What lies above belongs to somebody else. */
static bool is_package_end(const char *path)
{
	char copy[PATH_MAX];
	const char *name;

	if (text_copy(copy, sizeof(copy), path) < 0)
		return true;
	name = cut_name(copy);
	if (!name || strcmp(name, "node_modules") == 0)
		return true;
	name = cut_name(copy);
	if (name && name[0] == '@')
		name = cut_name(copy);
	return name && strcmp(name, "node_modules") == 0;
}

static int go_up(int folder, char *path)
{
	if (!cut_name(path))
		return -ENOENT;
	return openat(folder, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

void metadata_close(struct metadata_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		(void) close(l->fds[i]);
	l->n = 0;
}

void metadata_open(const char *path, const struct stat *st, struct metadata_list *ret)
{
	_cleanup_close_ int folder = -1;
	char copy[PATH_MAX];
	const char *name;

	ret->n = 0;
	if (path[0] != '/' || text_copy(copy, sizeof(copy), path) < 0)
		return;
	name = cut_name(copy);
	if (!name)
		return;
	folder = open_folder(copy);
	if (folder < 0 || !holds(folder, name, st))
		return;
	for (int level = 0; level < METADATA_LEVELS_MAX && is_on(folder, st->st_dev); level++) {
		int up, fd = open_candidate(folder);

		if (fd >= 0) {
			ret->kinds[ret->n] = METADATA_PACKAGE_JSON;
			ret->fds[ret->n++] = fd;
		}
		if (ret->n == METADATA_OF_A_KIND_MAX || is_package_end(copy))
			break;
		up = go_up(folder, copy);
		if (up < 0)
			break;
		(void) close(folder);
		folder = up;
	}
}
