#include "agent/pool/directory.h"

#include <fcntl.h>
#include <string.h>

#include "policy/base/cleanup.h"
#include "policy/base/text.h"

/* One name at a time, which every kernel and every system call filter can do: openat2(2) is newer
 * than fanotify's launch events, and service managers take it away. */
int directory_open(const char *path)
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
		next = directory_open_below(fd, name);
		if (next < 0)
			return next;
		(void) close(fd);
		fd = next;
	}
	return TAKE_FD(fd);
}

int directory_open_below(int folder, const char *name)
{
	int fd = openat(folder, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* O_NONBLOCK: a FIFO, or a file somebody holds a write lease on, must not hold us up. */
int directory_open_file(int folder, const char *name)
{
	_cleanup_close_ int fd = openat(
		folder, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -EINVAL;
	return TAKE_FD(fd);
}

bool directory_holds(int folder, const char *name, const struct stat *st)
{
	struct stat found;

	return fstatat(folder, name, &found, AT_SYMLINK_NOFOLLOW) == 0 &&
		found.st_dev == st->st_dev && found.st_ino == st->st_ino;
}

bool directory_is_on(int folder, dev_t device)
{
	struct stat st;

	return fstat(folder, &st) == 0 && st.st_dev == device;
}

static bool is_better(const struct pick *a, const char *name, int score)
{
	return a->score != score ? a->score > score : strcmp(a->name, name) < 0;
}

static void pick(struct picks *p, const char *name, int score)
{
	size_t at = p->n;

	p->seen++;
	while (at > 0 && !is_better(&p->best[at - 1], name, score))
		at--;
	if (at == DIRECTORY_PICKS_MAX)
		return;
	if (p->n < DIRECTORY_PICKS_MAX)
		p->n++;
	memmove(&p->best[at + 1], &p->best[at], (p->n - at - 1) * sizeof(p->best[0]));
	p->best[at].score = score;
	(void) text_copy(p->best[at].name, sizeof(p->best[at].name), name);
}

void directory_pick(int folder, int (*score)(const char *name, const void *context),
	const void *context, struct picks *ret)
{
	_cleanup_closedir_ DIR *stream = NULL;
	const struct dirent *entry;
	int fd = openat(folder, ".", O_RDONLY | O_NONBLOCK | O_DIRECTORY | O_CLOEXEC);

	ret->n = ret->seen = 0;
	stream = fd < 0 ? NULL : fdopendir(fd);
	if (!stream) {
		if (fd >= 0)
			(void) close(fd);
		return;
	}
	for (size_t i = 0; i < DIRECTORY_NAMES_MAX && (entry = readdir(stream)); i++) {
		int worth = score(entry->d_name, context);

		if (worth > 0)
			pick(ret, entry->d_name, worth);
	}
}
