#include "policy/source/folder.h"

#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/base/text.h"

#define FOLDER_MAIN_FILE   "policy.yaml"
#define FOLDER_SAMPLE_FILE "/usr/share/proscribe/examples/monitor/policy.yaml"

/* The files that a policy is made of. */
struct kind {
	const char *folder; /* in the policy's; "": that one itself */
	const char *suffix;
	off_t size_max;
};

static const struct kind kinds[] = {
	{ "", ".yaml", POLICY_FILE_SIZE_MAX },
	{ POLICY_SIGNATURES, ".yar", POLICY_FILE_SIZE_MAX },
	{ POLICY_LISTS, ".txt", POLICY_LIST_SIZE_MAX },
};

enum {
	FOLDER_MESSAGE_MAX = 8192,
	FOLDER_FILE_FLAGS = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY
};

void folder_done(struct folder *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->files[i].name);
		(void) close(f->files[i].fd);
	}
	free(f->message);
	*f = (struct folder){ 0 };
}

char *folder_message(const char *format, ...)
{
	_cleanup_free_ char *text = NULL, *escaped = NULL;
	char *line;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vasprintf(&text, format, ap);
	va_end(ap);
	if (n < 0) {
		text = NULL;
		return NULL;
	}
	escaped = malloc(FOLDER_MESSAGE_MAX);
	if (!escaped)
		return NULL;
	text_escape(text, escaped, FOLDER_MESSAGE_MAX);
	return asprintf(&line, "error: %s\n", escaped) < 0 ? NULL : line;
}

/* Keeps @message and returns @r. */
static int fail(struct folder *f, int r, char *message)
{
	free(f->message);
	f->message = message;
	return r;
}

static int check_owner(struct folder *f, const struct stat *st, const char *path)
{
	bool foreign = st->st_uid != 0, open_to_others = st->st_mode & (S_IWGRP | S_IWOTH);

	if (!foreign && !open_to_others)
		return 0;
	if (foreign)
		return fail(f, -EPERM,
			folder_message("%s belongs to user %u, who could change it; run: "
				       "chown root:root '%s'%s%s%s",
				path, st->st_uid, path, open_to_others ? " && chmod go-w '" : "",
				open_to_others ? path : "", open_to_others ? "'" : ""));
	return fail(f, -EPERM,
		folder_message(
			"%s can be written by others than root (mode %04o), who could change "
			"it; run: chmod go-w '%s'",
			path, st->st_mode & 07777, path));
}

/* A sticky folder on the way, such as /tmp, is good enough: what root owns in it only root can move
 * away, and the walk goes on from that very folder. As the policy folder itself it is not, because
 * anyone may put a further file into it. */
static int check_folder(struct folder *f, const struct stat *st, const char *path, bool last)
{
	if (!last && st->st_uid == 0 && (st->st_mode & S_ISVTX))
		return 0;
	return check_owner(f, st, path);
}

static int complain_open(struct folder *f, int r, const char *path)
{
	if (r == -ELOOP)
		return fail(f, r,
			folder_message("%s is a symbolic link, and links are not followed; name "
				       "what it points to",
				path));
	if (r == -ENOTDIR)
		return fail(f, r,
			folder_message(
				"%s is not a folder; a policy is a folder with " FOLDER_MAIN_FILE
				" in it",
				path));
	return fail(f, r, folder_message("cannot open %s: %s", path, strerror(-r)));
}

static int complain_missing(struct folder *f, const char *path)
{
	return fail(f, -ENOENT,
		folder_message("there is no policy in %s; to install the sample list, which blocks "
			       "nothing, run: install -D -m 644 " FOLDER_SAMPLE_FILE
			       " '%s/" FOLDER_MAIN_FILE "'",
			path, path));
}

/* Opens one part of a path and checks it. O_NOFOLLOW and O_DIRECTORY together tell a link by
 * ENOTDIR, so it is looked at first. */
static int descend(struct folder *f, int *fd, const char *name, const char *path, bool last)
{
	struct stat st;
	int next;

	if (fstatat(*fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode))
		return -ELOOP;
	next = openat(*fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (next < 0)
		return -errno;
	(void) close(*fd);
	*fd = next;
	return fstat(next, &st) < 0 ? -errno : check_folder(f, &st, path, last);
}

static char *absolute(const char *path)
{
	_cleanup_free_ char *cwd = NULL;
	char *whole;

	if (*path == '/')
		return strdup(path);
	cwd = getcwd(NULL, 0);
	return !cwd || asprintf(&whole, "%s/%s", cwd, path) < 0 ? NULL : whole;
}

/* Walks down from the root, so that what is checked is what is used. Each '/' of the path becomes
 * its end for a moment: that is the path so far. */
static int open_trusted(struct folder *f, const char *path, int *ret)
{
	_cleanup_close_ int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ char *whole = absolute(path);
	char *name = whole;
	struct stat st;
	int r;

	if (!whole)
		return -ENOMEM;
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	r = check_owner(f, &st, "/");
	while (r == 0 && *(name += strspn(name, "/"))) {
		char *end = name + strcspn(name, "/"), cut = *end;

		*end = '\0';
		r = descend(f, &fd, name, whole, !cut || !end[1 + strspn(end + 1, "/")]);
		if (r < 0 && r != -EPERM && r != -ENOENT)
			return complain_open(f, r, whole);
		*end = cut;
		name = end;
	}
	if (r == 0)
		*ret = TAKE_FD(fd);
	return r;
}

static int open_folder(struct folder *f, const char *path, bool root_owned, int *ret)
{
	int r;

	if (root_owned) {
		r = open_trusted(f, path, ret);
	} else {
		*ret = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = *ret < 0 ? -errno : 0;
	}
	if (r == -ENOENT)
		return complain_missing(f, path);
	return r < 0 && !f->message ? complain_open(f, r, path) : r;
}

static int check_file(
	struct folder *f, const struct stat *st, off_t size_max, const char *path, bool root_owned)
{
	if (S_ISLNK(st->st_mode))
		return complain_open(f, -ELOOP, path);
	if (!S_ISREG(st->st_mode))
		return fail(f, -EINVAL,
			folder_message("%s is not a regular file, so it is not read", path));
	if (st->st_size > size_max)
		return fail(f, -EFBIG,
			folder_message("%s is larger than %jd MiB; split it into several files",
				path, (intmax_t) size_max >> 20));
	return root_owned ? check_owner(f, st, path) : 0;
}

/* Looks before it opens (to open a device can do something), does not wait (a FIFO would), and
 * looks again at what it got. */
static int add_file(struct folder *f, int folder, const char *name, off_t size_max,
	const char *path, const char *shown, bool root_owned)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r;

	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return complain_open(f, -errno, path);
	r = check_file(f, &st, size_max, path, root_owned);
	if (r < 0)
		return r;
	fd = openat(folder, name, FOLDER_FILE_FLAGS | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0)
		return complain_open(f, -errno, path);
	r = check_file(f, &st, size_max, path, root_owned);
	if (r < 0)
		return r;
	f->files[f->n].name = strdup(shown);
	if (!f->files[f->n].name)
		return -ENOMEM;
	f->files[f->n++].fd = TAKE_FD(fd);
	return 0;
}

static bool has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), k = strlen(suffix);

	return name[0] != '.' && n > k && !strcmp(name + n - k, suffix);
}

static void names_free(char **names)
{
	for (size_t i = 0; i <= POLICY_FILES_MAX; i++)
		free(names[i]);
}

/* policy.yaml comes first: it is what a reader looks at first. */
static int by_name(const void *x, const void *y)
{
	const char *a = *(char *const *) x, *b = *(char *const *) y;
	int main_file = !strcmp(b, FOLDER_MAIN_FILE) - !strcmp(a, FOLDER_MAIN_FILE);

	return main_file ?: strcmp(a, b);
}

static int list_names(
	int folder, const char *suffix, char *names[POLICY_FILES_MAX + 1], size_t *ret)
{
	_cleanup_closedir_ DIR *d = NULL;
	const struct dirent *e;
	int copy = fcntl(folder, F_DUPFD_CLOEXEC, 0);
	size_t n = 0;

	d = copy < 0 ? NULL : fdopendir(copy);
	if (!d) {
		int r = -errno;

		if (copy >= 0)
			(void) close(copy);
		return r;
	}
	while ((errno = 0, e = readdir(d))) {
		if (!has_suffix(e->d_name, suffix))
			continue;
		if (n > POLICY_FILES_MAX)
			break;
		names[n] = strdup(e->d_name);
		if (!names[n++])
			return -ENOMEM;
	}
	if (errno > 0)
		return -errno;
	qsort(names, n, sizeof(*names), by_name);
	*ret = n;
	return 0;
}

/* @folder: of this kind, at @path. Returns how many there are. */
static int add_kind(struct folder *f, const struct kind *kind, int folder, const char *path,
	bool root_owned, char **names)
{
	size_t n = 0;
	int r = list_names(folder, kind->suffix, names, &n);

	if (r < 0)
		return complain_open(f, r, path);
	if (n > POLICY_FILES_MAX)
		return fail(f, -E2BIG,
			folder_message("%s holds more than %d files named *%s", path,
				POLICY_FILES_MAX, kind->suffix));
	for (size_t i = 0; i < n && r == 0; i++) {
		_cleanup_free_ char *whole = NULL, *shown = NULL;

		if (asprintf(&whole, "%s/%s", path, names[i]) < 0 ||
			asprintf(&shown, "%s%s", kind->folder, names[i]) < 0)
			return -ENOMEM;
		r = add_file(f, folder, names[i], kind->size_max, whole, shown, root_owned);
	}
	return r < 0 ? r : (int) n;
}

static int add_files(
	struct folder *f, const struct kind *kind, int folder, const char *path, bool root_owned)
{
	char *names[POLICY_FILES_MAX + 1] = { NULL };
	int r = add_kind(f, kind, folder, path, root_owned, names);

	names_free(names);
	return r;
}

/* A folder within the policy's, if it is there. It is held to what the policy's is. */
static int add_subfolder(
	struct folder *f, const struct kind *kind, int folder, const char *path, bool root_owned)
{
	_cleanup_free_ char *whole = NULL, *name = strdup(kind->folder);
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (!name || asprintf(&whole, "%s/%s", path, kind->folder) < 0)
		return -ENOMEM;
	name[strlen(name) - 1] = whole[strlen(whole) - 1] = '\0';
	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : complain_open(f, -errno, whole);
	if (S_ISLNK(st.st_mode))
		return complain_open(f, -ELOOP, whole);
	fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return errno == ENOTDIR
			? fail(f, -ENOTDIR, folder_message("%s is not a folder", whole))
			: complain_open(f, -errno, whole);
	if (root_owned && check_owner(f, &st, whole) < 0)
		return -EPERM;
	return add_files(f, kind, fd, whole, root_owned);
}

int folder_open(const char *path, bool root_owned, struct folder *ret)
{
	_cleanup_close_ int folder = -1;
	int r;

	*ret = (struct folder){ 0 };
	r = open_folder(ret, path, root_owned, &folder);
	if (r < 0)
		return r;
	r = add_files(ret, &kinds[0], folder, path, root_owned);
	if (r == 0)
		return complain_missing(ret, path);
	for (size_t i = 1; i < ARRAY_SIZE(kinds) && r >= 0; i++)
		r = add_subfolder(ret, &kinds[i], folder, path, root_owned);
	return r < 0 ? r : 0;
}

int folder_open_file(const char *path, bool root_owned, struct folder *ret)
{
	*ret = (struct folder){ 0 };
	return add_file(ret, AT_FDCWD, path, POLICY_FILE_SIZE_MAX, path, path, root_owned);
}

int folder_open_trusted(const char *path, uint64_t size_max, struct folder *ret)
{
	_cleanup_free_ char *whole = absolute(path), *parent = whole ? strdup(whole) : NULL;
	_cleanup_close_ int fd = -1;
	char *slash = parent ? strrchr(parent, '/') : NULL;
	int r;

	*ret = (struct folder){ 0 };
	if (!slash)
		return -ENOMEM;
	slash[1] = '\0';
	r = open_trusted(ret, parent, &fd);
	if (r == 0)
		r = add_file(
			ret, fd, strrchr(whole, '/') + 1, (off_t) size_max, whole, whole, true);
	return r < 0 && !ret->message ? complain_open(ret, r, whole) : r;
}
