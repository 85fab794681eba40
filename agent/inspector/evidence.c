/*
 * Runs inside the inspector, after sandbox_enter(). Each parser sees a whole small file and knows
 * its own limits; here is only which file is read by whom, and which answers count.
 */
#include "agent/inspector/evidence.h"

#include <string.h>
#include <sys/stat.h>

#include "agent/inspector/crates.h"
#include "agent/inspector/flatpak.h"
#include "agent/inspector/json.h"
#include "agent/inspector/layout.h"
#include "agent/inspector/npm.h"
#include "agent/inspector/plugin_jar.h"
#include "agent/inspector/product.h"
#include "agent/inspector/python.h"
#include "agent/inspector/snap.h"
#include "policy/base/cleanup.h"
#include "policy/base/fd.h"

/* The @i-th metadata file of a request. */
struct source {
	const struct inspect_request *request;
	size_t i;
};

static int read_text(int fd, size_t max, char **ret, size_t *ret_n)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	return fd_read_file(fd, max, ret, ret_n);
}

static int read_with(int (*parse)(const char *text, size_t n, struct package *ret), size_t max,
	int fd, struct package *ret)
{
	_cleanup_free_ char *text = NULL;
	size_t n = 0;
	int r = read_text(fd, max, &text, &n);

	return r < 0 ? r : parse(text, n, ret);
}

static int fd_of(const struct source *s)
{
	return s->request->metadata_fds[s->i];
}

/* The file behind this one, if it is of the kind @wanted; else -1. */
static int next_fd(const struct source *s, enum metadata wanted)
{
	if (s->i + 1 >= s->request->n_metadata || s->request->metadata[s->i + 1] != wanted)
		return -1;
	return s->request->metadata_fds[s->i + 1];
}

static int read_package_json(const struct source *s, struct package *ret)
{
	return read_with(npm_parse, NPM_METADATA_SIZE_MAX, fd_of(s), ret);
}

static int read_codex(const struct source *s, struct package *ret)
{
	return read_with(npm_parse_codex, NPM_METADATA_SIZE_MAX, fd_of(s), ret);
}

/* 1: listed; 0: not. */
static int record_lists(int fd, const char *program)
{
	_cleanup_free_ char *text = NULL;
	size_t n = 0;
	int r = read_text(fd, PYTHON_RECORD_SIZE_MAX, &text, &n);

	return r < 0 ? r : python_record_lists(text, n, program);
}

static int read_dist_info(const struct source *s, struct package *ret)
{
	const int record = next_fd(s, METADATA_DIST_RECORD);
	struct package p;
	int r = record < 0 ? 1 : record_lists(record, s->request->path);

	if (r > 0)
		r = read_with(python_parse, PYTHON_METADATA_SIZE_MAX, fd_of(s), &p);
	if (r <= 0)
		return r;
	if (record < 0 && !python_is_named_after(&p, s->request->path))
		return 0;
	*ret = p;
	return 1;
}

/* Builds from before product.json had a version have it in the package.json beside it. */
static int read_product(const struct source *s, struct package *ret)
{
	const int beside = next_fd(s, METADATA_PACKAGE_JSON);
	struct package p;
	int r = read_with(product_parse, JSON_SIZE_MAX, fd_of(s), ret);

	if (r > 0 && !ret->version[0] && beside >= 0 &&
		read_with(npm_parse, NPM_METADATA_SIZE_MAX, beside, &p) > 0)
		memcpy(ret->version, p.version, sizeof(ret->version));
	return r;
}

static int read_snap(const struct source *s, struct package *ret)
{
	return read_with(snap_parse, SNAP_SIZE_MAX, fd_of(s), ret);
}

static int read_flatpak(const struct source *s, struct package *ret)
{
	return read_with(flatpak_parse, FLATPAK_SIZE_MAX, fd_of(s), ret);
}

static int read_crates(const struct source *s, struct package *ret)
{
	_cleanup_free_ char *text = NULL;
	size_t n = 0;
	int r = read_text(fd_of(s), JSON_SIZE_MAX, &text, &n);

	return r < 0 ? r : crates_parse(text, n, s->request->path, ret);
}

static int read_plugin_jar(const struct source *s, struct package *ret)
{
	return plugin_jar_read(fd_of(s), ret);
}

/* 1: *ret is a package; 0: the file names none; or a negative errno. */
static int (*const readers[METADATA_FILES_MAX + 1])(const struct source *s, struct package *ret) = {
	[METADATA_PACKAGE_JSON] = read_package_json,
	[METADATA_CODEX_JSON] = read_codex,
	[METADATA_DIST_INFO] = read_dist_info,
	[METADATA_PRODUCT_JSON] = read_product,
	[METADATA_SNAP] = read_snap,
	[METADATA_FLATPAK] = read_flatpak,
	[METADATA_CRATES] = read_crates,
	[METADATA_PLUGIN_JAR] = read_plugin_jar,
};

/* What counts of one kind so far. */
struct choice {
	bool is_taken, is_complete; /* complete: with a version */
	size_t place;               /* in f->packages */
};

/* An extension and the npm package inside it both have a package.json, and both speak. */
struct choices {
	struct choice of[METADATA_FILES_MAX + 1], extension;
};

static struct choice *choice_for(struct choices *c, enum metadata kind, const struct package *p)
{
	return p->type == PACKAGE_VSCODE_EXTENSION ? &c->extension : &c->of[kind];
}

static void choose(struct choice *c, const struct package *p, struct facts *f)
{
	if (c->is_complete || (c->is_taken && !p->version[0]))
		return;
	if (!c->is_taken) {
		if (f->n_packages == FACTS_PACKAGES_MAX)
			return;
		c->place = f->n_packages++;
	}
	f->packages[c->place] = *p;
	c->is_taken = true;
	c->is_complete = p->version[0] != '\0';
}

/* Is there nothing left that another file of the kind could add? What lies above an extension's root
 * belongs to somebody else. */
static bool is_settled(const struct choices *c, enum metadata kind, const char *path)
{
	if (kind == METADATA_PACKAGE_JSON && c->extension.is_complete)
		return true;
	return c->of[kind].is_complete &&
		(kind != METADATA_PACKAGE_JSON || !strstr(path, "/extensions/"));
}

static void read_files(const struct inspect_request *request, struct facts *f)
{
	struct choices choices = { 0 };

	for (size_t i = 0; i < request->n_metadata; i++) {
		const struct source source = { request, i };
		const enum metadata kind = (enum metadata) request->metadata[i];
		struct package p;
		int r;

		if ((unsigned) kind > METADATA_FILES_MAX || !readers[kind] ||
			is_settled(&choices, kind, request->path))
			continue;
		r = readers[kind](&source, &p);
		if (r > 0)
			choose(choice_for(&choices, kind, &p), &p, f);
		else if (r < 0 && !choices.of[kind].is_complete)
			f->have |= FACTS_METADATA_REFUSED;
	}
}

/* A path without a version adds nothing to a name that is known already: an unknown version counts
 * as each version there is. */
static void add_path(const struct package *p, struct facts *f)
{
	for (uint32_t i = 0; i < f->n_packages; i++) {
		if (f->packages[i].type != p->type || strcmp(f->packages[i].name, p->name) != 0)
			continue;
		if (!p->version[0])
			return;
		if (!f->packages[i].version[0]) {
			f->packages[i] = *p;
			return;
		}
	}
	facts_add_package(f, p);
}

void evidence_read(const struct inspect_request *request, struct facts *f)
{
	struct package found[LAYOUT_PACKAGES_MAX];
	size_t n = 0;

	read_files(request, f);
	n = layout_read(request->path, found);
	for (size_t i = 0; i < n; i++)
		add_path(&found[i], f);
}
