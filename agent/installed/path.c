#include "agent/installed/path.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "agent/mountinfo.h"
#include "policy/base/cleanup.h"
#include "policy/base/clock.h"
#include "policy/base/text.h"

struct walk {
	int root, at; /* @at: the folder reached, this walk's own */
	struct path_status top, here;
	unsigned n_links;
	char rest[2 * PATH_MAX];
};

int path_status(int folder, const char *name, struct path_status *ret)
{
	struct statx st;

	if (statx(folder, name, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC,
		    STATX_BASIC_STATS | STATX_BTIME, &st) < 0)
		return -errno;
	*ret = (struct path_status){
		.mode = st.stx_mode,
		.uid = st.stx_uid,
		.gid = st.stx_gid,
		.size = st.stx_size,
		.file = { .device = makedev(st.stx_dev_major, st.stx_dev_minor),
			.inode = st.stx_ino },
	};
	if (st.stx_mask & STATX_BTIME)
		ret->file.born_nsec = st.stx_btime.tv_sec * NSEC_PER_SEC + st.stx_btime.tv_nsec;
	return 0;
}

bool path_is_guarded(const struct path_status *st)
{
	if (st->uid != 0 && st->uid != geteuid())
		return false;
	if (S_ISLNK(st->mode)) /* its mode says nothing; the folder's does */
		return true;
	return !(st->mode & S_IWOTH) && (!(st->mode & S_IWGRP) || st->gid == 0);
}

/* Nothing is asked of what was opened by O_PATH, until it is sure that it will answer. */
static int open_step(
	int folder, uint64_t device, const char *name, int flags, struct path_status *ret)
{
	_cleanup_close_ int fd = openat(folder, name, flags | O_PATH | O_NOFOLLOW | O_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	r = path_status(fd, "", ret);
	if (r < 0)
		return r;
	if (ret->file.device != device && mountinfo_may_hang(ret->file.device))
		return -EREMOTE;
	return TAKE_FD(fd);
}

int path_open_below(int folder, const char *name, struct path_status *ret)
{
	struct path_status here = { 0 }, below = { 0 };
	int r = path_status(folder, "", &here);

	r = r < 0 ? r : open_step(folder, here.file.device, name, O_DIRECTORY, &below);
	if (r >= 0)
		*ret = below;
	return r;
}

/* Takes @folder over. */
static int move(struct walk *w, int folder, const struct path_status *st)
{
	if (w->at >= 0)
		(void) close(w->at);
	w->at = folder;
	w->here = *st;
	return path_is_guarded(st) ? 0 : -EPERM;
}

static int go_to_root(struct walk *w)
{
	int fd = fcntl(w->root, F_DUPFD_CLOEXEC, 0);

	return fd < 0 ? -errno : move(w, fd, &w->top);
}

static int go_up(struct walk *w)
{
	struct path_status st = { 0 };
	int fd;

	if (w->here.file.device == w->top.file.device && w->here.file.inode == w->top.file.inode)
		return 0;
	fd = open_step(w->at, w->here.file.device, "..", O_DIRECTORY, &st);
	return fd < 0 ? fd : move(w, fd, &st);
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

/* One name. 1 with the descriptor asked for in *ret, 0 to go on, or a negative errno. */
static int step(struct walk *w, const char *name, int flags, int *ret)
{
	_cleanup_close_ int fd = -1;
	struct path_status st = { 0 };
	int r;

	if (strcmp(name, ".") == 0)
		return 0;
	if (strcmp(name, "..") == 0)
		return go_up(w);
	fd = open_step(w->at, w->here.file.device, name, 0, &st);
	if (fd < 0)
		return fd;
	if (S_ISLNK(st.mode))
		return path_is_guarded(&st) ? follow(w, fd) : -EPERM;
	if (S_ISDIR(st.mode))
		return move(w, TAKE_FD(fd), &st);
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
	r = path_status(root, "", &w.top);
	r = r ?: walk(&w, flags);
	cleanup_closep(&w.at);
	return r;
}
