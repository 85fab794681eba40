/*
 * What all kinds of packages have in common: who is wanted, what the system is called, and how a
 * path of theirs becomes a file.
 */
#include "agent/installed/build.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "agent/installed/build_state.h"
#include "agent/installed/path.h"
#include "policy/base/fd.h"
#include "policy/base/text.h"

/* ---- what is wanted ---- */

static bool is_system(const struct build *b, const char *name, size_t n)
{
	for (size_t i = 0; i < b->n_systems; i++)
		if (strlen(b->systems[i]) == n && strncasecmp(b->systems[i], name, n) == 0)
			return true;
	return false;
}

static int compare_wanted(const void *left, const void *right)
{
	const struct wanted *a = left, *b = right;

	return strcasecmp(a->name, b->name) ?: strcasecmp(a->full, b->full);
}

/* "flatpak/ID" and "snap/NAME" are told by the first part, the others by the system. */
static bool is_wanted(const struct build *b, const struct policy_package *p, enum package_type type)
{
	const char *slash = strrchr(p->name, '/');

	if (p->type != type || !*p->name)
		return false;
	return type == PACKAGE_GENERIC || !slash ||
		is_system(b, p->name, (size_t) (slash - p->name));
}

int wanted_load(const struct build *b, enum package_type type, struct wanted_list *ret)
{
	struct wanted_list w = { 0 };
	struct policy_package p;

	w.list = calloc((size_t) policy_n_packages(b->policy) + 1, sizeof(*w.list));
	if (!w.list)
		return -ENOMEM;
	for (uint32_t i = 0; i < policy_n_packages(b->policy); i++) {
		const char *slash;

		policy_package(b->policy, i, &p);
		slash = strrchr(p.name, '/');
		/* One that is listed in several versions stands there as often, in a row. */
		if (is_wanted(b, &p, type) &&
			(w.n == 0 || strcasecmp(w.list[w.n - 1].full, p.name) != 0))
			w.list[w.n++] = (struct wanted){ .name = slash ? slash + 1 : p.name,
				.full = p.name };
	}
	qsort(w.list, w.n, sizeof(*w.list), compare_wanted);
	*ret = w;
	return 0;
}

void wanted_done(struct wanted_list *w)
{
	free(w->list);
	*w = (struct wanted_list){ 0 };
}

size_t wanted_find(const struct wanted_list *w, const char *name)
{
	size_t low = 0, high = w->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcasecmp(w->list[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < w->n && strcasecmp(w->list[low].name, name) == 0 ? low : w->n;
}

int wanted_names(const struct wanted_list *w, int *ret_fd)
{
	_cleanup_close_ int fd = memfd_create("names", MFD_CLOEXEC);
	_cleanup_fclose_ FILE *f = NULL;
	int copy;

	if (fd < 0)
		return -errno;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	f = copy < 0 ? NULL : fdopen(copy, "w");
	if (!f)
		return -errno;
	for (size_t i = 0; i < w->n && i < PACKAGES_NAMES_MAX; i++)
		(void) fwrite(w->list[i].name, strlen(w->list[i].name) + 1, 1, f);
	if (fflush(f) != 0)
		return -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* ---- adding ---- */

int build_add_packages(struct build *b, const struct wanted_list *w, size_t at,
	enum package_type type, enum metadata told, const char *version, uint32_t *ret_first,
	uint32_t *ret_n)
{
	struct package p = { .type = type, .told = told };
	uint32_t n = 0, index = 0;

	(void) text_copy(p.version, sizeof(p.version), version);
	for (size_t i = at; i < w->n && strcasecmp(w->list[i].name, w->list[at].name) == 0; i++) {
		int r = text_copy(p.name, sizeof(p.name), w->list[i].full);

		r = r ?: installed_table_add_package(b->table, &p, &index);
		if (r == -ENOSPC)
			installed_table_note(b->table,
				"more than %d listed packages are installed "
				"(INSTALLED_PACKAGES_MAX); "
				"further ones are not known by their files",
				INSTALLED_PACKAGES_MAX);
		if (r < 0)
			return r;
		if (n++ == 0)
			*ret_first = index;
	}
	*ret_n = n;
	return 0;
}

int build_add_file(struct build *b, uint32_t first, uint32_t n, const struct installed_file *file)
{
	int r = 0;

	for (uint32_t i = 0; i < n && r == 0; i++)
		r = installed_table_add_file(b->table, first + i, file);
	if (r == -ENOSPC)
		installed_table_note(b->table,
			"listed packages have more than %d files (INSTALLED_FILES_MAX); further "
			"ones are not known by their package",
			INSTALLED_FILES_MAX);
	return r;
}

int build_open_database(const struct build *b, const char *path)
{
	_cleanup_close_ int fd = path_open(b->root, path, O_RDONLY);
	struct path_status st = { 0 };
	int r;

	if (fd < 0)
		return fd;
	r = path_status(fd, "", &st);
	if (r < 0)
		return r;
	if (!S_ISREG(st.mode))
		return -EINVAL;
	return path_is_guarded(&st) ? TAKE_FD(fd) : -EPERM;
}

void build_note_error(struct build *b, const char *what, int error)
{
	b->again = b->again || (error != -E2BIG && error != -EFBIG && error != -EPERM);
	switch (error) {
	case -E2BIG:
		installed_table_note(b->table,
			"%s: a package has more than %d files (PACKAGES_FILES_MAX)", what,
			PACKAGES_FILES_MAX);
		return;
	case -EFBIG:
		installed_table_note(b->table, "%s is too large to be read", what);
		return;
	case -EPERM:
		installed_table_note(
			b->table, "%s is not read: others than root could change it", what);
		return;
	case -EBADMSG:
		installed_table_note(b->table, "%s is damaged, or was being written to", what);
		return;
	case -EPIPE:
	case -EPROTO:
	case -ETIMEDOUT:
		installed_table_note(b->table, "%s: the inspector failed over it (%s)", what,
			strerrordesc_np(-error));
		return;
	default:
		installed_table_note(
			b->table, "%s cannot be read: %s", what, strerrordesc_np(-error));
	}
}

/* ---- paths ---- */

void paths_done(struct paths *p)
{
	cleanup_closep(&p->folder);
	p->folder = -1;
}

/* Opens the folder that @path lies in, unless it is the last one's; returns the name in it. */
static const char *go_to_folder(struct paths *p, const char *path)
{
	const char *slash = strrchr(path, '/');
	const size_t n = (size_t) (slash - path);

	if (strlen(p->folder_path) == n && strncmp(p->folder_path, path, n) == 0 && n > 0)
		return slash + 1;
	paths_done(p);
	memcpy(p->folder_path, path, n);
	p->folder_path[n] = '\0';
	p->folder = path_open(p->build->root, n ? p->folder_path : "/", O_PATH | O_DIRECTORY);
	return slash + 1;
}

int paths_add(struct paths *p, const char *path)
{
	const char *name = go_to_folder(p, path);
	struct path_status st = { 0 };

	/* A link in a package is not followed: where it leads may be another package's file. */
	if (p->folder < 0 || !*name || path_status(p->folder, name, &st) < 0 || !S_ISREG(st.mode))
		return 0;
	return build_add_file(p->build, p->first, p->n, &st.file);
}

/* ---- the whole ---- */

static int take_system(enum packages_record tag, const char *text, void *context)
{
	struct build *b = context;

	if (tag != RECORD_SYSTEM || b->n_systems == PACKAGES_SYSTEMS_MAX)
		return -EBADMSG;
	(void) text_copy(b->systems[b->n_systems++], sizeof(b->systems[0]), text);
	return 0;
}

/* purl's name for a system where it is not the one that the system gives itself. */
static void add_alias(struct build *b)
{
	if (is_system(b, "rhel", 4) && !is_system(b, "redhat", 6))
		(void) text_copy(b->systems[b->n_systems++], sizeof(b->systems[0]), "redhat");
}

static int learn_system(struct build *b)
{
	static const char *const places[] = { "/etc/os-release", "/usr/lib/os-release" };
	struct question q = {
		.kind = PACKAGES_OS_RELEASE, .second = -1, .record = take_system, .context = b
	};
	_cleanup_close_ int fd = -ENOENT;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(places) && fd < 0; i++)
		fd = build_open_database(b, places[i]);
	q.database = fd;
	r = fd < 0 ? fd : ask(&b->asker, &q);
	if (r == -ESHUTDOWN)
		return r;
	if (r < 0)
		build_note_error(b, places[0], r);
	add_alias(b);
	return 0;
}

static bool lists(const struct policy *p, enum package_type type, const char *prefix)
{
	struct policy_package package;

	for (uint32_t i = 0; i < policy_n_packages(p); i++) {
		policy_package(p, i, &package);
		if (package.type == type && strncasecmp(package.name, prefix, strlen(prefix)) == 0)
			return true;
	}
	return false;
}

static bool lists_database_packages(const struct policy *p)
{
	return lists(p, PACKAGE_DEB, "") || lists(p, PACKAGE_RPM, "");
}

bool build_is_needed(const struct policy *p)
{
	return lists_database_packages(p) || lists(p, PACKAGE_GENERIC, "flatpak/") ||
		lists(p, PACKAGE_GENERIC, "snap/");
}

static int fill(struct build *b)
{
	int r = 0;

	if (lists_database_packages(b->policy))
		r = learn_system(b);
	if (r == 0 && lists(b->policy, PACKAGE_DEB, ""))
		r = dpkg_add(b);
	if (r == 0 && lists(b->policy, PACKAGE_RPM, ""))
		r = rpm_add(b);
	if (r == 0)
		r = apps_add(b);
	return r == -ENOSPC ? 0 : r; /* noted; what fits is better than nothing */
}

int build_table(const struct build_options *options, const struct policy *p,
	const char *const homes[], int stop_fd, struct installed **ret)
{
	_cleanup_(installed_unrefp) struct installed *table = NULL;
	_cleanup_close_ int root = open(options->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct build b = { .policy = p, .homes = homes, .root = root };
	int r;

	if (root < 0)
		return -errno;
	r = installed_table_new(&table);
	if (r < 0)
		return r;
	b.table = table;
	asker_init(&b.asker, options->uid, options->gid, stop_fd);
	r = fill(&b);
	asker_done(&b.asker);
	if (r < 0)
		return r;
	installed_table_finish(table);
	*ret = TAKE_PTR(table);
	return b.again;
}
