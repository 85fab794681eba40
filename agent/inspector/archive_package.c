/*
 * Runs inside the inspector.
 */
#include "agent/inspector/archive_package.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "agent/inspector/archive.h"
#include "agent/inspector/field.h"
#include "agent/inspector/lines.h"
#include "agent/inspector/npm.h"
#include "agent/inspector/plugin_xml.h"
#include "agent/inspector/python.h"
#include "policy/base/cleanup.h"

/* What one kind of metadata is called, and what is in it: as npm_parse(). */
struct kind {
	bool (*is_named)(const char *name);
	int (*parse)(const char *text, size_t n, struct package *ret);
};

struct search {
	struct content_sink sink;
	struct facts *facts;
	uint32_t n_packages;
	size_t n_entries;
	bool refused;
	const struct kind *kind; /* of the entry under way; NULL: none */
	size_t n;
	char *text;
};

/* ---- names ---- */

/* Does @name begin with @prefix? What is behind it, without @suffix, is *ret_n bytes. */
static const char *between(const char *name, const char *prefix, const char *suffix, size_t *ret_n)
{
	const size_t n = strlen(name), n_prefix = strlen(prefix), n_suffix = strlen(suffix);

	if (n <= n_prefix + n_suffix || memcmp(name, prefix, n_prefix) != 0 ||
		strcmp(name + n - n_suffix, suffix) != 0)
		return NULL;
	*ret_n = n - n_prefix - n_suffix;
	return name + n_prefix;
}

static size_t count_slashes(const char *p, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += p[i] == '/';
	return count;
}

static bool is_maven(const char *name)
{
	size_t n;
	const char *p = between(name, "META-INF/maven/", "/pom.properties", &n);

	return p && count_slashes(p, n) == 1;
}

static bool is_plugin(const char *name)
{
	return strcmp(name, "META-INF/plugin.xml") == 0;
}

/* Yarn's cache; what lies deeper belongs to another package. */
static bool is_npm(const char *name)
{
	size_t n;
	const char *p = between(name, "node_modules/", "/package.json", &n);

	return p && count_slashes(p, n) == (p[0] == '@');
}

static bool is_python(const char *name)
{
	size_t n;
	const char *p = between(name, "", ".dist-info/METADATA", &n);

	p = p ?: between(name, "", ".egg-info/PKG-INFO", &n);
	return p ? count_slashes(p, n) == 0 : strcmp(name, "EGG-INFO/PKG-INFO") == 0;
}

/* VSIX */
static bool is_extension(const char *name)
{
	return strcmp(name, "extension/package.json") == 0;
}

/* ---- contents ---- */

static int parse_maven(const char *text, size_t n, struct package *ret)
{
	struct package p = { .type = PACKAGE_MAVEN };
	char group[PACKAGE_NAME_MAX + 1], artifact[PACKAGE_NAME_MAX + 1];
	int r = lines_take(text, n, "groupId", '=', group, sizeof(group));

	if (r > 0)
		r = lines_take(text, n, "artifactId", '=', artifact, sizeof(artifact));
	if (r <= 0)
		return r;
	r = lines_take(text, n, "version", '=', p.version, sizeof(p.version));
	if (r < 0 || field_qualify(&p, group, artifact) < 0)
		return -EBADMSG;
	*ret = p;
	return 1;
}

static const struct kind kinds[] = {
	{ is_maven, parse_maven },
	{ is_plugin, plugin_xml_parse },
	{ is_npm, npm_parse },
	{ is_python, python_parse },
	{ is_extension, npm_parse },
};

/* ---- the walk ---- */

static void finish_entry(struct search *s)
{
	struct package p;
	int r;

	if (!s->kind)
		return;
	r = s->kind->parse(s->text, s->n, &p);
	s->kind = NULL;
	s->n = 0;
	s->refused |= r < 0;
	if (r <= 0)
		return;
	p.told = METADATA_ARCHIVE;
	facts_add_package(s->facts, &p);
	s->n_packages++;
}

static int begin(struct content_sink *sink, const char *name, uint64_t size)
{
	struct search *s = (struct search *) sink;

	(void) size;
	finish_entry(s);
	if (s->n_packages == ARCHIVE_PACKAGES_MAX)
		return -ECANCELED;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!kinds[i].is_named(name))
			continue;
		if (s->n_entries++ == ARCHIVE_METADATA_ENTRIES_MAX)
			return -E2BIG;
		if (!s->text)
			s->text = malloc(ARCHIVE_METADATA_MAX);
		if (!s->text)
			return -ENOMEM;
		s->kind = &kinds[i];
		return 1;
	}
	return 0;
}

static int bytes(struct content_sink *sink, const uint8_t *p, size_t n)
{
	struct search *s = (struct search *) sink;

	if (n > ARCHIVE_METADATA_MAX - s->n) {
		s->refused = true;
		s->kind = NULL;
		s->n = 0;
		return 1;
	}
	memcpy(s->text + s->n, p, n);
	s->n += n;
	return 0;
}

int archive_packages_find(const struct view *v, struct facts *f)
{
	struct search s = { .sink = { begin, bytes }, .facts = f };
	int r = archive_read(v, &s.sink);

	if (r == 0 || r == -EBADMSG)
		finish_entry(&s);
	free(s.text);
	if (r < 0 && r != -ECANCELED)
		return r;
	return s.refused ? -EBADMSG : 0;
}
