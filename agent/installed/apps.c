/*
 * Flatpaks and snaps: no database to ask, their folders bear their names. proscribed itself walks
 * them, by descriptor, following no symbolic link and staying on the filesystem it began on.
 *
 * Flatpak hard-links equal files of all apps to one another. So only what can be executed counts,
 * and nothing that is empty; an app's own libraries are not told from those of another one that
 * brings the very same.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "agent/installed/build_state.h"
#include "agent/installed/path.h"
#include "policy/base/text.h"

struct apps {
	struct build *build;
	uint32_t first, n; /* packages */
	size_t n_entries, n_files;
	uint64_t device;
	uid_t owner;           /* whose the files must be, unless they are in the system's care */
	bool guarded;          /* only root can change anything there */
	bool executables_only; /* see above */
};

static bool counts(const struct apps *a, const struct path_status *st)
{
	if (!S_ISREG(st->mode) || st->size == 0 || st->file.device != a->device)
		return false;
	/* A hard link to somebody else's file makes it no part of an app. */
	if (!a->guarded && st->uid != a->owner)
		return false;
	return !a->executables_only || (st->mode & (S_IXUSR | S_IXGRP | S_IXOTH));
}

static int add_file(struct apps *a, const struct path_status *st)
{
	if (a->n_files++ >= PACKAGES_FILES_MAX)
		return -E2BIG;
	return build_add_file(a->build, a->first, a->n, &st->file);
}

static bool may_enter(const struct apps *a, const struct path_status *st)
{
	return S_ISDIR(st->mode) && st->file.device == a->device &&
		(!a->guarded || path_is_guarded(st));
}

/* For reading: once it is sure that no other filesystem came to be mounted there meanwhile. */
static int open_folder(const struct apps *a, int folder, const char *name)
{
	struct path_status st = { 0 };
	_cleanup_close_ int fd = path_open_below(folder, name, &st);

	if (fd < 0 || st.file.device != a->device)
		return -ENOENT;
	return openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Takes @fd over. 0, -E2BIG past a limit, or another negative errno that ends it. */
static int add_below(struct apps *a, int fd, unsigned depth)
{
	_cleanup_closedir_ DIR *d = fdopendir(fd);
	const struct dirent *entry;
	int r = 0;

	if (!d) {
		(void) close(fd);
		return 0;
	}
	while (r == 0 && (entry = readdir(d))) {
		struct path_status st = { 0 };
		int next;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (++a->n_entries > APPS_ENTRIES_MAX)
			return -E2BIG;
		if (path_status(dirfd(d), entry->d_name, &st) < 0)
			continue;
		if (counts(a, &st))
			r = add_file(a, &st);
		if (!may_enter(a, &st))
			continue;
		if (depth == APPS_DEPTH_MAX)
			return -E2BIG;
		next = open_folder(a, dirfd(d), entry->d_name);
		if (next >= 0)
			r = add_below(a, next, depth + 1);
	}
	return r;
}

/* Takes @fd, a folder of the app @wanted, over. */
static int add_folder(struct apps *a, int fd, const char *what)
{
	struct path_status st = { 0 };
	int r;

	if (path_status(fd, "", &st) < 0 || (a->guarded && !path_is_guarded(&st))) {
		(void) close(fd);
		return 0;
	}
	a->device = st.file.device;
	r = add_below(a, fd, 0);
	if (r != -E2BIG)
		return r;
	installed_table_note(a->build->table,
		"%s has more files or folders than are looked at (PACKAGES_FILES_MAX, "
		"APPS_ENTRIES_MAX, APPS_DEPTH_MAX)",
		what);
	return 0;
}

/* "flatpak/org.example.App" -> "org.example.App"; NULL for what is of another kind or no name. */
static const char *name_of_kind(const struct wanted *w, const char *kind)
{
	const size_t n = strlen(kind);
	const char *name = w->full + n + 1;

	if (strncasecmp(w->full, kind, n) != 0 || w->full[n] != '/' || !*name ||
		strchr(name, '/') || name[0] == '.')
		return NULL;
	return name;
}

/* The package is in the table only if one of its folders is there. */
static int begin_app(struct apps *a, const struct wanted *w, enum metadata told, struct build *b)
{
	const struct wanted_list one = { (struct wanted *) w, 1 };

	if (a->n > 0)
		return 0;
	a->build = b;
	return build_add_packages(b, &one, 0, PACKAGE_GENERIC, told, "", &a->first, &a->n);
}

/* ---- flatpak ---- */

/* ~/.local/share/flatpak/app/NAME of the home @path. A user can put anything there, but nobody
 * else's files can be taken for the app's: see counts(). A descriptor or a negative errno. */
static int open_user_flatpak(const struct build *b, const char *path, const char *name, uid_t *ret)
{
	const char *const names[] = { NULL, ".local", "share", "flatpak", "app", name };
	_cleanup_close_ int fd = -1;
	char copy[PATH_MAX], *slash;
	struct path_status st = { 0 }, home = { 0 };

	if (text_copy(copy, sizeof(copy), path) < 0 || !(slash = strrchr(copy, '/')))
		return -ENAMETOOLONG;
	*slash = '\0';
	fd = path_open(b->root, *copy ? copy : "/", O_PATH | O_DIRECTORY);
	for (size_t i = 0; fd >= 0 && i < ARRAY_SIZE(names); i++) {
		int next = path_open_below(fd, names[i] ?: slash + 1, &st);

		(void) close(fd);
		fd = next;
		if (i == 0)
			home = st;
	}
	if (fd < 0)
		return fd;
	/* Whose files are root's, root has to vouch for all of the way. */
	if (home.uid == 0) {
		char all[PATH_MAX];

		return snprintf(all, sizeof(all), "%s/.local/share/flatpak/app/%s", path, name) <
				(int) sizeof(all)
			? path_open(b->root, all, O_RDONLY | O_DIRECTORY)
			: -ENAMETOOLONG;
	}
	*ret = home.uid;
	return openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int add_user_flatpak(
	struct build *b, const struct wanted *w, const char *name, const char *home, struct apps *a)
{
	uid_t owner = 0;
	int r, fd = open_user_flatpak(b, home, name, &owner);

	if (fd == -EREMOTE)
		installed_table_note(b->table,
			"%s: flatpaks of this user are not looked for, since whoever serves the "
			"folder may not answer",
			home);
	if (fd < 0)
		return 0;
	r = begin_app(a, w, METADATA_FLATPAK, b);
	if (r < 0) {
		(void) close(fd);
		return r;
	}
	a->guarded = owner == 0;
	a->owner = owner;
	return add_folder(a, fd, home);
}

static int add_flatpak(struct build *b, const struct wanted *w, const char *name)
{
	struct apps a = { .executables_only = true, .guarded = true };
	char path[PATH_MAX];
	int fd, r = 0;

	if (snprintf(path, sizeof(path), "/var/lib/flatpak/app/%s", name) >= (int) sizeof(path))
		return 0;
	fd = path_open(b->root, path, O_RDONLY | O_DIRECTORY);
	if (fd >= 0) {
		r = begin_app(&a, w, METADATA_FLATPAK, b);
		if (r < 0)
			(void) close(fd);
		else
			r = add_folder(&a, fd, path);
	}
	for (const char *const *home = b->homes; r == 0 && home && *home; home++)
		r = add_user_flatpak(b, w, name, *home, &a);
	return r;
}

/* ---- snap ---- */

/* Each revision is a filesystem of its own, mounted under its number; "current" is a link. */
static int add_revisions(struct build *b, const struct wanted *w, DIR *d, const char *what)
{
	struct apps a = { .guarded = true };
	const struct dirent *entry;
	int r = 0;

	while (r == 0 && (entry = readdir(d))) {
		_cleanup_close_ int revision = -1;
		struct path_status st = { 0 };
		int fd;

		if (entry->d_name[0] == '.')
			continue;
		revision = path_open_below(dirfd(d), entry->d_name, &st);
		if (revision == -EREMOTE)
			installed_table_note(b->table,
				"%s/%s is not looked at, since whoever serves it may not answer",
				what, entry->d_name);
		if (revision < 0)
			continue;
		fd = openat(revision, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			continue;
		r = begin_app(&a, w, METADATA_SNAP, b);
		if (r < 0)
			(void) close(fd);
		else
			r = add_folder(&a, fd, what);
	}
	return r;
}

static int add_snap(struct build *b, const struct wanted *w, const char *name)
{
	static const char *const places[] = { "/snap", "/var/lib/snapd/snap" };
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		_cleanup_closedir_ DIR *d = NULL;
		char path[PATH_MAX];
		int fd;

		if (snprintf(path, sizeof(path), "%s/%s", places[i], name) >= (int) sizeof(path))
			return 0;
		fd = path_open(b->root, path, O_RDONLY | O_DIRECTORY);
		if (fd < 0)
			continue;
		d = fdopendir(fd);
		if (!d) {
			(void) close(fd);
			continue;
		}
		r = add_revisions(b, w, d, path);
		break; /* where there are both, one is a link to the other */
	}
	return r;
}

int apps_add(struct build *b)
{
	_cleanup_(wanted_done) struct wanted_list wanted = { 0 };
	int r = wanted_load(b, PACKAGE_GENERIC, &wanted);

	for (size_t i = 0; i < wanted.n && r == 0; i++) {
		const char *flatpak = name_of_kind(&wanted.list[i], "flatpak");
		const char *snap = name_of_kind(&wanted.list[i], "snap");

		if (flatpak)
			r = add_flatpak(b, &wanted.list[i], flatpak);
		if (snap)
			r = add_snap(b, &wanted.list[i], snap);
	}
	return r;
}
