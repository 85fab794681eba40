/*
 * What dpkg has installed: its status file says which of the wanted packages, their lists say which
 * files.
 */
#include <stdio.h>
#include <string.h>

#include "agent/installed/build_state.h"
#include "policy/base/text.h"

enum { INSTANCE_GROWTH = 16 };

/* One package of one architecture. */
struct instance {
	size_t wanted;
	char name[MESSAGE_NAME_MAX + 1], architecture[MESSAGE_NAME_MAX + 1];
	char version[PACKAGE_VERSION_MAX + 1];
};

struct status {
	const struct wanted_list *wanted;
	struct instance *list;
	size_t n;
};

static int new_instance(struct status *s, const char *name)
{
	struct instance *bigger;
	size_t wanted = wanted_find(s->wanted, name);

	if (wanted == s->wanted->n || s->n == INSTALLED_PACKAGES_MAX)
		return -EBADMSG;
	if (s->n % INSTANCE_GROWTH == 0) {
		bigger = reallocarray(s->list, s->n + INSTANCE_GROWTH, sizeof(*s->list));
		if (!bigger)
			return -ENOMEM;
		s->list = bigger;
	}
	s->list[s->n] = (struct instance){ .wanted = wanted };
	(void) text_copy(s->list[s->n].name, sizeof(s->list->name), name);
	s->n++;
	return 0;
}

static int take_status(enum packages_record tag, const char *text, void *context)
{
	struct status *s = context;
	struct instance *last = s->n > 0 ? &s->list[s->n - 1] : NULL;

	if (tag == RECORD_PACKAGE)
		return new_instance(s, text);
	if (!last || (tag != RECORD_ARCHITECTURE && tag != RECORD_VERSION))
		return -EBADMSG;
	if (tag == RECORD_ARCHITECTURE)
		return text_copy(last->architecture, sizeof(last->architecture), text);
	return text_copy(last->version, sizeof(last->version), text);
}

static int take_path(enum packages_record tag, const char *text, void *context)
{
	return tag == RECORD_FILE ? paths_add(context, text) : -EBADMSG;
}

/* Packages that can be there for several architectures at once have theirs in the name. */
static int open_list(const struct build *b, const struct instance *i, char path[PACKAGES_PATH_MAX])
{
	int fd = -ENOENT;

	if (i->architecture[0]) {
		(void) snprintf(path, PACKAGES_PATH_MAX, "/var/lib/dpkg/info/%s:%s.list", i->name,
			i->architecture);
		fd = build_open_database(b, path);
	}
	if (fd == -ENOENT) {
		(void) snprintf(path, PACKAGES_PATH_MAX, "/var/lib/dpkg/info/%s.list", i->name);
		fd = build_open_database(b, path);
	}
	return fd;
}

static int add_instance(struct build *b, const struct wanted_list *w, const struct instance *i)
{
	struct paths paths = { .build = b, .folder = -1 };
	char path[PACKAGES_PATH_MAX];
	_cleanup_close_ int fd = open_list(b, i, path), diversions = -1;
	struct question q = { .kind = PACKAGES_DPKG_LIST,
		.package = i->name,
		.database = fd,
		.record = take_path,
		.context = &paths };
	int r = build_add_packages(
		b, w, i->wanted, PACKAGE_DEB, METADATA_DPKG, i->version, &paths.first, &paths.n);

	if (r < 0)
		return r;
	diversions = build_open_database(b, "/var/lib/dpkg/diversions");
	q.second = diversions; /* negative: there are none */
	r = fd < 0 ? fd : ask(&b->asker, &q);
	paths_done(&paths);
	if (r < 0 && r != -ESHUTDOWN && r != -ENOSPC) {
		build_note_error(b, path, r);
		r = 0;
	}
	return r;
}

static int read_status(struct build *b, const char *path, struct status *s)
{
	_cleanup_close_ int names = -1, fd = build_open_database(b, path);
	struct question q = {
		.kind = PACKAGES_DPKG_STATUS, .database = fd, .record = take_status, .context = s
	};
	int r = fd < 0 ? fd : wanted_names(s->wanted, &names);

	q.second = names;
	return r ?: ask(&b->asker, &q);
}

int dpkg_add(struct build *b)
{
	static const char path[] = "/var/lib/dpkg/status";
	_cleanup_(wanted_done) struct wanted_list wanted = { 0 };
	_cleanup_free_ struct instance *list = NULL;
	struct status s = { .wanted = &wanted };
	int r = wanted_load(b, PACKAGE_DEB, &wanted);

	if (r < 0 || wanted.n == 0)
		return r;
	r = read_status(b, path, &s);
	list = s.list;
	if (r == -ESHUTDOWN)
		return r;
	if (r < 0 && r != -ENOENT) /* a system without dpkg */
		build_note_error(b, path, r);
	r = 0;
	for (size_t i = 0; i < s.n && r == 0; i++)
		r = add_instance(b, &wanted, &list[i]);
	return r;
}
