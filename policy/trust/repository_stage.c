/*
 * New repositories. Runs in proscribectl.
 */
#include "policy/trust/repository_stage.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/trust/repository_folder.h"

#define STAGE_FOLDER ".proscribe-init"

static const char *const folders[] = { "metadata", "keys", "targets", "targets/policy" };
static const char git_ignores[] = REPOSITORY_LOCK_FILE "\n.*.new\n";

/* Anything but what git has there? */
static int check_vacant(int folder, const char *path, struct tuf_error *e)
{
	static const char *const ours[] = { "metadata", "keys", "targets", "README.md" };
	_cleanup_closedir_ DIR *d = NULL;
	const struct dirent *entry;
	struct stat st;
	bool git = fstatat(folder, ".git", &st, AT_SYMLINK_NOFOLLOW) == 0;
	int copy;

	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		if (fstatat(folder, ours[i], &st, AT_SYMLINK_NOFOLLOW) == 0)
			return tuf_fail(e, -EEXIST, NULL, path,
				"holds %s already; a repository begins in a new folder", ours[i]);
	copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	d = copy < 0 ? NULL : fdopendir(copy);
	if (!d)
		return tuf_fail(e, -errno, NULL, path, "cannot be read: %s", strerror(errno));
	while (!git && (entry = readdir(d)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
			strcmp(entry->d_name, STAGE_FOLDER) != 0)
			return tuf_fail(e, -EEXIST, NULL, path,
				"is neither empty nor a git repository: it holds %s",
				entry->d_name);
	return 0;
}

/* What git shall leave out, behind what somebody may have told it already. */
static int write_ignores(int folder)
{
	enum { IGNORES_SIZE_MAX = 1 << 20 };
	_cleanup_free_ char *old = NULL, *all = NULL;
	size_t size = 0;
	int n, r = repository_read(folder, ".gitignore", IGNORES_SIZE_MAX, &old, &size);

	if (r < 0 && r != -ENOENT)
		return r;
	if (!old)
		size = 0;
	n = asprintf(&all, "%s%s%s", old ? old : "",
		old && size > 0 && old[size - 1] != '\n' ? "\n" : "", git_ignores);
	return n < 0 ? -ENOMEM : repository_write(folder, ".gitignore", all, (size_t) n, 0644);
}

int repository_create(const char *path, struct repository **ret, struct tuf_error *e)
{
	_cleanup_(repository_freep) struct repository *r = NULL;
	int fd, k;

	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return tuf_fail(
			e, -errno, NULL, path, "this folder cannot be made: %s", strerror(errno));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return tuf_fail(e, -errno, NULL, path, "cannot be opened: %s", strerror(errno));
	k = repository_new(path, fd, &r, e);
	if (k == 0)
		k = check_vacant(r->fd, path, e);
	if (k < 0)
		return k;
	for (size_t i = 0; i < ARRAY_SIZE(folders) && k == 0; i++)
		if (mkdirat(r->fd, folders[i], 0755) < 0)
			k = -errno;
	if (k == 0)
		k = write_ignores(r->fd);
	if (k < 0)
		return tuf_fail(e, k, NULL, path, "cannot be written to: %s", strerror(-k));
	*ret = TAKE_PTR(r);
	return 0;
}

/* ---- stage ---- */

int repository_vacant(const char *path, struct tuf_error *e)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT
			? 0
			: tuf_fail(e, -errno, NULL, path, "cannot be opened: %s", strerror(errno));
	return check_vacant(fd, path, e);
}

static int make_stage(struct repository_stage *s, struct tuf_error *e)
{
	_cleanup_close_ int fd = -1;
	int r;

	if (mkdir(s->path, 0755) == 0)
		s->made = true;
	else if (errno != EEXIST)
		return tuf_fail(e, -errno, NULL, s->path, "this folder cannot be made: %s",
			strerror(errno));
	fd = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return tuf_fail(e, -errno, NULL, s->path, "cannot be opened: %s", strerror(errno));
	r = repository_remove_tree(fd, STAGE_FOLDER); /* of a run that was interrupted */
	if (r < 0)
		return tuf_fail(e, r, NULL, s->inner, "cannot be removed: %s", strerror(-r));
	r = check_vacant(fd, s->path, e);
	return r < 0 ? r : repository_create(s->inner, &s->repository, e);
}

int repository_stage_begin(const char *path, struct repository_stage *ret, struct tuf_error *e)
{
	_cleanup_(repository_stage_done) struct repository_stage s = { 0 };
	int r;

	s.path = strdup(path);
	if (asprintf(&s.inner, "%s/" STAGE_FOLDER, path) < 0)
		s.inner = NULL;
	if (!s.path || !s.inner)
		return tuf_fail(e, -ENOMEM, NULL, path, "not enough memory");
	r = make_stage(&s, e);
	if (r < 0)
		return r;
	*ret = s;
	s = (struct repository_stage){ 0 };
	return 0;
}

/* The metadata come last: with them, and not before, there is a repository. */
static int move_up(int folder)
{
	static const char *const names[] = { "keys", "targets", "README.md", "metadata" };
	size_t n = 0;
	int r = 0;

	for (; n < ARRAY_SIZE(names) && r == 0; n++) {
		_cleanup_free_ char *from = NULL;

		if (asprintf(&from, STAGE_FOLDER "/%s", names[n]) < 0)
			return -ENOMEM;
		if (renameat(folder, from, folder, names[n]) < 0 && errno != ENOENT)
			r = -errno;
	}
	for (; r < 0 && n > 0; n--) {
		_cleanup_free_ char *to = NULL;

		if (asprintf(&to, STAGE_FOLDER "/%s", names[n - 1]) >= 0)
			(void) renameat(folder, names[n - 1], folder, to);
	}
	return r;
}

int repository_stage_end(struct repository_stage *s, struct tuf_error *e)
{
	_cleanup_close_ int fd = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 ? -errno : 0;

	if (r == 0)
		r = move_up(fd);
	if (r == 0)
		r = write_ignores(fd);
	if (r < 0)
		return tuf_fail(e, r, NULL, s->path, "cannot be written to: %s", strerror(-r));
	(void) repository_remove_tree(fd, STAGE_FOLDER);
	s->made = false;
	free(s->inner);
	s->inner = NULL;
	return 0;
}

void repository_stage_done(struct repository_stage *s)
{
	repository_free(s->repository);
	if (s->inner)
		(void) repository_remove_tree(AT_FDCWD, s->inner);
	if (s->made)
		(void) rmdir(s->path);
	free(s->inner);
	free(s->path);
	*s = (struct repository_stage){ 0 };
}
