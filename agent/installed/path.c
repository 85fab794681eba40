#include "agent/installed/path.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "agent/mountinfo.h"
#include "policy/base/cleanup.h"
#include "policy/base/text.h"

struct walk {
	int root, at; /* @at: the folder reached, this walk's own */
	struct stat top;
	unsigned n_links;
	char rest[2 * PATH_MAX];
};

bool path_is_guarded(const struct stat *st)
{
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return false;
	if (S_ISLNK(st->st_mode)) /* its mode says nothing; the folder's does */
		return true;
	return !(st->st_mode & S_IWOTH) && (!(st->st_mode & S_IWGRP) || st->st_gid == 0);
}

static int move(struct walk *w, int folder)
{
	struct stat st;

	if (folder < 0)
		return -errno;
	if (w->at >= 0)
		(void) close(w->at);
	w->at = folder;
	if (fstat(folder, &st) < 0)
		return -errno;
	return path_is_guarded(&st) ? 0 : -EPERM;
}

static int go_to_root(struct walk *w)
{
	return move(w, openat(w->root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
}

static int go_up(struct walk *w)
{
	struct stat st;

	if (fstat(w->at, &st) < 0)
		return -errno;
	if (st.st_dev == w->top.st_dev && st.st_ino == w->top.st_ino)
		return 0;
	return move(w, openat(w->at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC));
}

/* Puts what the link @fd says before what is left to walk. */
static int follow(struct walk *w, int fd)
{
	char target[PATH_MAX], rest[sizeof(w->rest)];
	ssize_t n;

	if (++w->n_links > PATH_LINKS_MAX)
		return -ELOOP;
	n = readlinkat(fd, "", target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	if ((size_t) snprintf(rest, sizeof(rest), "%s/%s", target, w->rest) >= sizeof(rest))
		return -ENAMETOOLONG;
	memcpy(w->rest, rest, sizeof(rest));
	return target[0] == '/' ? go_to_root(w) : 0;
}

/* Cuts the next name off the rest; NULL at the end. */
static const char *next_name(struct walk *w, char name[NAME_MAX + 1])
{
	char *begin = w->rest + strspn(w->rest, "/");
	size_t n = strcspn(begin, "/");

	if (n == 0 || n > NAME_MAX)
		return NULL;
	memcpy(name, begin, n);
	name[n] = '\0';
	memmove(w->rest, begin + n, strlen(begin + n) + 1);
	return name;
}

static bool is_last(const struct walk *w)
{
	return w->rest[strspn(w->rest, "/")] == '\0';
}

/* 0 also where it cannot be told. Asks no filesystem. */
static dev_t device_of(int fd)
{
	struct statx st;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &st) < 0)
		return 0;
	return makedev(st.stx_dev_major, st.stx_dev_minor);
}

/* Nothing is asked of what was opened by O_PATH, until it is sure that it will answer. */
static int open_step(int folder, const char *name, int flags)
{
	_cleanup_close_ int fd = openat(folder, name, flags | O_PATH | O_NOFOLLOW | O_CLOEXEC);
	dev_t device;

	if (fd < 0)
		return -errno;
	device = device_of(fd);
	if (device != device_of(folder) && mountinfo_may_hang(device))
		return -EREMOTE;
	return TAKE_FD(fd);
}

int path_open_below(int folder, const char *name)
{
	return open_step(folder, name, O_DIRECTORY);
}

/* One name. 1 with the descriptor asked for in *ret, 0 to go on, or a negative errno. */
static int step(struct walk *w, const char *name, int flags, int *ret)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r;

	if (strcmp(name, ".") == 0)
		return 0;
	if (strcmp(name, "..") == 0)
		return go_up(w);
	fd = open_step(w->at, name, 0);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode)) {
		r = path_is_guarded(&st) ? follow(w, fd) : -EPERM;
		return r;
	}
	if (S_ISDIR(st.st_mode))
		return move(w, TAKE_FD(fd));
	if (!is_last(w))
		return -ENOTDIR;
	r = openat(w->at, name, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (r < 0)
		return -errno;
	*ret = r;
	return 1;
}

static int walk(struct walk *w, int flags)
{
	char name[NAME_MAX + 1];
	int r = go_to_root(w), fd = -1;

	while (r == 0 && next_name(w, name))
		r = step(w, name, flags, &fd);
	if (r < 0)
		return r;
	if (r == 1)
		return fd;
	if (!is_last(w)) /* a name that is too long */
		return -ENAMETOOLONG;
	fd = openat(w->at, ".", flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int path_open(int root, const char *path, int flags)
{
	struct walk w = { .root = root, .at = -1 };
	int r;

	if (text_copy(w.rest, sizeof(w.rest), path) < 0)
		return -ENAMETOOLONG;
	if (fstat(root, &w.top) < 0)
		return -errno;
	r = walk(&w, flags);
	cleanup_closep(&w.at);
	return r;
}
