/*
 * Walks upwards by descriptor, never to another filesystem. What is found is a hint, so a walk that
 * cannot go on simply ends. Most rules go by the names in the path and cost nothing where these
 * tell nothing, as for the programs in /usr/bin.
 */
#include "agent/pool/metadata.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include "agent/pool/directory.h"
#include "agent/pool/metadata_python.h"
#include "policy/base/cleanup.h"
#include "policy/base/fd.h"
#include "policy/base/text.h"

/* ---- the list ---- */

static size_t count(const struct metadata_list *l, enum metadata kind)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		n += l->kinds[i] == kind;
	return n;
}

/* The root of an extension keeps its place, however many package.json lie below it. */
bool walk_has_room(const struct walk *w, enum metadata kind)
{
	const bool kept = kind == METADATA_PACKAGE_JSON && w->extension_level != SIZE_MAX &&
		w->level < w->extension_level;

	return w->list->n + kept < METADATA_MAX &&
		count(w->list, kind) + kept < METADATA_OF_A_KIND_MAX;
}

bool walk_take(struct walk *w, int folder, const char *name, enum metadata kind)
{
	int fd = walk_has_room(w, kind) ? directory_open_file(folder, name) : -1;

	if (fd < 0)
		return false;
	w->list->kinds[w->list->n] = (uint8_t) kind;
	w->list->fds[w->list->n++] = fd;
	return true;
}

bool walk_may_read(struct walk *w)
{
	return w->folders_read++ < METADATA_FOLDERS_READ_MAX;
}

void metadata_close(struct metadata_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		(void) close(l->fds[i]);
	l->n = 0;
}

/* ---- rules: does one apply to the folder @level above the file's, and what it opens there ---- */

static bool is(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static bool in_bin(const struct walk *w)
{
	return is(walk_name(w, 0), "bin");
}

/* /usr, whose bin/ belongs to the system's package manager. */
static bool is_system(const struct walk *w, size_t level)
{
	return w->depth == level + 1 && is(walk_name(w, level), "usr");
}

static bool around_electron(const struct walk *w, size_t level)
{
	return is(walk_name(w, level), "app") && is(walk_name(w, level + 1), "resources");
}

static void take_product(struct walk *w)
{
	(void) walk_take(w, w->folder, "product.json", METADATA_PRODUCT_JSON);
}

static bool beside_electron(const struct walk *w, size_t level)
{
	if (level == 0)
		return w->st->st_size >= METADATA_ELECTRON_MIN;
	return level == 1 && w->is_script && !is_system(w, level);
}

static void take_electron(struct walk *w)
{
	_cleanup_close_ int resources = directory_open_below(w->folder, "resources"), app = -1;

	if (resources < 0)
		return;
	app = directory_open_below(resources, "app");
	if (app < 0 || !directory_is_on(app, w->st->st_dev))
		return;
	(void) walk_take(w, app, "product.json", METADATA_PRODUCT_JSON);
	(void) walk_take(w, app, "package.json", METADATA_PACKAGE_JSON);
}

static bool in_npm(const struct walk *w, size_t level)
{
	return level < w->npm_levels || level == w->extension_level;
}

static void take_npm(struct walk *w)
{
	(void) walk_take(w, w->folder, "package.json", METADATA_PACKAGE_JSON);
}

static bool in_codex(const struct walk *w, size_t level)
{
	return level <= 2 && strcasestr(w->path, "codex");
}

static void take_codex(struct walk *w)
{
	(void) walk_take(w, w->folder, "codex-package.json", METADATA_CODEX_JSON);
}

static bool in_python(const struct walk *w, size_t level)
{
	return is(walk_name(w, level), "site-packages") || is(walk_name(w, level), "dist-packages");
}

static void take_python(struct walk *w)
{
	metadata_python_packages(w, w->names[w->level]);
}

static bool in_python_prefix(const struct walk *w, size_t level)
{
	return level == 1 && in_bin(w) && (w->is_script || !is_system(w, level));
}

static void take_python_prefix(struct walk *w)
{
	struct stat st;

	if (w->is_script || fstatat(w->folder, "pyvenv.cfg", &st, AT_SYMLINK_NOFOLLOW) == 0)
		metadata_python_prefix(w);
}

static bool in_cargo(const struct walk *w, size_t level)
{
	return level == 1 && in_bin(w) && !is_system(w, level);
}

static void take_cargo(struct walk *w)
{
	(void) walk_take(w, w->folder, ".crates2.json", METADATA_CRATES);
}

static bool in_snap(const struct walk *w, size_t level)
{
	return is(walk_name(w, level + 2), "snap");
}

static void take_snap(struct walk *w)
{
	_cleanup_close_ int meta = directory_open_below(w->folder, "meta");

	if (meta >= 0)
		(void) walk_take(w, meta, "snap.yaml", METADATA_SNAP);
}

static bool in_flatpak(const struct walk *w, size_t level)
{
	const char *kind = walk_name(w, level + 4);

	return level > 0 && is(walk_name(w, level - 1), "files") &&
		(is(kind, "app") || is(kind, "runtime"));
}

static void take_flatpak(struct walk *w)
{
	(void) walk_take(w, w->folder, "metadata", METADATA_FLATPAK);
}

static bool in_plugin(const struct walk *w, size_t level)
{
	return is(walk_name(w, level + 2), "JetBrains") || is(walk_name(w, level + 1), "plugins");
}

/* The jar that says what the plugin is is mostly named as the plugin's folder. */
static int score_jar(const char *name, const void *context)
{
	const char *plugin = context, *suffix = strrchr(name, '.');

	if (!suffix || !is(suffix, ".jar"))
		return 0;
	return strncasecmp(name, plugin, strlen(plugin)) == 0 ? 2 : 1;
}

static void take_plugin(struct walk *w)
{
	_cleanup_close_ int lib = directory_open_below(w->folder, "lib");
	struct picks picks;

	if (lib < 0 || !directory_is_on(lib, w->st->st_dev) || !walk_may_read(w))
		return;
	directory_pick(lib, score_jar, walk_name(w, w->level), &picks);
	for (size_t i = 0; i < picks.n; i++)
		(void) walk_take(w, lib, picks.best[i].name, METADATA_PLUGIN_JAR);
}

/* In the order in which candidates of one folder come; product.json before the package.json that
 * may complete it. */
static const struct rule {
	bool (*applies)(const struct walk *w, size_t level);
	void (*take)(struct walk *w);
} rules[] = {
	{ around_electron, take_product },
	{ beside_electron, take_electron },
	{ in_npm, take_npm },
	{ in_codex, take_codex },
	{ in_python, take_python },
	{ in_python_prefix, take_python_prefix },
	{ in_cargo, take_cargo },
	{ in_snap, take_snap },
	{ in_flatpak, take_flatpak },
	{ in_plugin, take_plugin },
};

/* ---- the walk ---- */

/* Does the folder end a package: node_modules/name, node_modules/@scope/name or node_modules
 * itself? What lies above belongs to somebody else. */
static bool is_package_end(const struct walk *w, size_t level)
{
	const char *above = walk_name(w, level + 1);

	if (level >= w->depth || is(walk_name(w, level), "node_modules"))
		return true;
	if (above[0] == '@')
		above = walk_name(w, level + 2);
	return is(above, "node_modules");
}

/* Cuts @path into names, from its end. */
static void name_all(struct walk *w, char *path)
{
	size_t n = 0;
	char *slash;

	for (size_t i = 0; i < WALK_NAMES_MAX; i++)
		w->names[i] = "";
	while ((slash = strrchr(path, '/'))) {
		if (n < WALK_NAMES_MAX)
			w->names[n] = slash + 1;
		n++;
		*slash = '\0';
	}
	w->depth = n - 1;
}

static void prepare(struct walk *w, int fd)
{
	char start[2];

	w->extension_level = SIZE_MAX;
	for (size_t i = METADATA_LEVELS_MAX; i-- > 0;)
		if (is(walk_name(w, i + 1), "extensions"))
			w->extension_level = i;
	while (w->npm_levels < METADATA_LEVELS_MAX && !is_package_end(w, w->npm_levels))
		w->npm_levels++;
	w->npm_levels++; /* the package's root itself */
	w->is_script = in_bin(w) && fd_pread_full(fd, start, sizeof(start), 0) == sizeof(start) &&
		memcmp(start, "#!", sizeof(start)) == 0;
}

/* How far up any rule looks: levels below the returned one. */
static size_t levels_of(const struct walk *w)
{
	size_t level = w->depth + 1 < METADATA_LEVELS_MAX ? w->depth + 1 : METADATA_LEVELS_MAX;

	for (; level > 0; level--)
		for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
			if (rules[i].applies(w, level - 1))
				return level;
	return 0;
}

static void climb(struct walk *w)
{
	const size_t levels = levels_of(w);

	for (w->level = 0; w->level < levels && directory_is_on(w->folder, w->st->st_dev);
		w->level++) {
		int up;

		for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
			if (rules[i].applies(w, w->level))
				rules[i].take(w);
		up = w->level + 1 < levels
			? openat(w->folder, "..", O_PATH | O_DIRECTORY | O_CLOEXEC)
			: -1;
		if (up < 0)
			return;
		(void) close(w->folder);
		w->folder = up;
	}
}

void metadata_open(int fd, const char *path, const struct stat *st, struct metadata_list *ret)
{
	struct walk w = { .st = st, .path = path, .folder = -1, .list = ret };
	char names[PATH_MAX], copy[PATH_MAX], *slash;

	ret->n = 0;
	if (path[0] != '/' || text_copy(names, sizeof(names), path) < 0)
		return;
	(void) text_copy(copy, sizeof(copy), path);
	slash = strrchr(copy, '/');
	*slash = '\0';
	if (!slash[1])
		return;
	w.folder = directory_open(copy);
	if (w.folder < 0)
		return;
	name_all(&w, names);
	if (directory_holds(w.folder, w.names[0], st)) {
		prepare(&w, fd);
		climb(&w);
	}
	(void) close(w.folder);
}
