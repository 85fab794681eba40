/*
 * What rpm has installed. Its database may lie in either of two places, and be of a kind that is
 * not supported: then that is said, since listed packages could be installed without our knowing.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "agent/installed/build_state.h"
#include "agent/installed/path.h"
#include "policy/base/text.h"

/* The package whose records come in; its version comes before its files. */
struct reading {
	struct build *build;
	const struct wanted_list *wanted;
	size_t at; /* in wanted */
	char version[PACKAGE_VERSION_MAX + 1];
	bool added;
	struct paths paths;
};

static int add_package(struct reading *r)
{
	int error = 0;

	if (r->at < r->wanted->n && !r->added)
		error = build_add_packages(r->build, r->wanted, r->at, PACKAGE_RPM, METADATA_RPM,
			r->version, &r->paths.first, &r->paths.n);
	r->added = true;
	return error;
}

static int begin_package(struct reading *r, const char *name)
{
	int error = add_package(r); /* one before it that has no files */

	r->at = wanted_find(r->wanted, name);
	r->version[0] = '\0';
	r->added = false;
	return error;
}

/* The header's own name counts, not the one it was found by. */
static int take_record(enum packages_record tag, const char *text, void *context)
{
	struct reading *r = context;
	int error;

	switch (tag) {
	case RECORD_PACKAGE:
		return begin_package(r, text);
	case RECORD_VERSION:
		return r->added ? -EBADMSG : text_copy(r->version, sizeof(r->version), text);
	case RECORD_FILE:
		error = add_package(r);
		return error ?: r->at < r->wanted->n ? paths_add(&r->paths, text) : 0;
	case RECORD_SYSTEM:
	case RECORD_ARCHITECTURE:
		break;
	}
	return -EBADMSG;
}

static int read_database(struct build *b, const struct wanted_list *wanted, const char *path)
{
	_cleanup_close_ int names = -1, fd = build_open_database(b, path);
	struct reading reading = { .build = b,
		.wanted = wanted,
		.at = wanted->n,
		.added = true,
		.paths = { .build = b, .folder = -1 } };
	struct question q = {
		.kind = PACKAGES_RPM, .database = fd, .record = take_record, .context = &reading
	};
	int r = fd < 0 ? fd : wanted_names(wanted, &names);

	if (r < 0)
		return r;
	q.second = names;
	r = ask(&b->asker, &q);
	if (r != -ENOSPC && add_package(&reading) == -ENOSPC)
		r = -ENOSPC;
	paths_done(&reading.paths);
	return r;
}

static void note_other_kinds(struct build *b)
{
	static const char *const places[] = { "/var/lib/rpm/Packages", "/var/lib/rpm/Packages.db",
		"/usr/lib/sysimage/rpm/Packages", "/usr/lib/sysimage/rpm/Packages.db" };

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		_cleanup_close_ int fd = path_open(b->root, places[i], O_PATH);

		if (fd >= 0) {
			installed_table_note(b->table,
				"%s is a database of a kind that is not supported "
				"(only rpmdb.sqlite is): packages of type rpm are not known by "
				"their files",
				places[i]);
			return;
		}
	}
}

static bool is_same_file(const struct build *b, const char *one, const char *other)
{
	_cleanup_close_ int a = path_open(b->root, one, O_PATH);
	_cleanup_close_ int c = path_open(b->root, other, O_PATH);
	struct path_status st[2] = { 0 };

	return a >= 0 && c >= 0 && path_status(a, "", &st[0]) == 0 &&
		path_status(c, "", &st[1]) == 0 && st[0].file.device == st[1].file.device &&
		st[0].file.inode == st[1].file.inode;
}

int rpm_add(struct build *b)
{
	static const char *const places[] = { "/var/lib/rpm/rpmdb.sqlite",
		"/usr/lib/sysimage/rpm/rpmdb.sqlite" };
	_cleanup_(wanted_done) struct wanted_list wanted = { 0 };
	bool found = false;
	int r = wanted_load(b, PACKAGE_RPM, &wanted);

	if (r < 0 || wanted.n == 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		if (i > 0 && is_same_file(b, places[0], places[i]))
			continue;
		r = read_database(b, &wanted, places[i]);
		if (r == -ESHUTDOWN || r == -ENOSPC)
			return r;
		found = found || r != -ENOENT;
		if (r < 0 && r != -ENOENT)
			build_note_error(b, places[i], r);
	}
	if (!found)
		note_other_kinds(b);
	return 0;
}
