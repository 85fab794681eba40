#include "policy/source/software.h"

#include <string.h>

#include "policy/base/text.h"
#include "policy/identity/purl_package.h"
#include "policy/image/match.h"
#include "policy/source/essential.h"
#include "policy/source/schema.h"

enum {
	SOFTWARE_ID,
	SOFTWARE_NAME,
	SOFTWARE_VENDOR,
	SOFTWARE_IS,
	_SOFTWARE_KEYS,
};

static const struct key software_keys[_SOFTWARE_KEYS] = {
	[SOFTWARE_ID] = { "id", KEY_TEXT | KEY_REQUIRED },
	[SOFTWARE_NAME] = { "name", KEY_TEXT | KEY_REQUIRED },
	[SOFTWARE_VENDOR] = { "vendor", KEY_TEXT },
	[SOFTWARE_IS] = { "is", KEY_LIST | KEY_REQUIRED },
};
static const struct schema software_schema = { "software", software_keys, _SOFTWARE_KEYS };

enum {
	EVIDENCE_KEY_PURL,
	EVIDENCE_KEY_SHA256,
	EVIDENCE_KEY_SIZE,
	EVIDENCE_KEY_VERSION,
	EVIDENCE_KEY_PATH,
	EVIDENCE_KEY_SIGNATURE,
	EVIDENCE_KEY_BUILD_ID,
	EVIDENCE_KEY_LIST,
	_EVIDENCE_KEYS,
};

static const struct key evidence_keys[_EVIDENCE_KEYS] = {
	[EVIDENCE_KEY_PURL] = { "purl", KEY_TEXT },
	[EVIDENCE_KEY_SHA256] = { "sha256", KEY_TEXT },
	[EVIDENCE_KEY_SIZE] = { "size", KEY_TEXT },
	[EVIDENCE_KEY_VERSION] = { "version", KEY_TEXT },
	[EVIDENCE_KEY_PATH] = { "path", KEY_TEXT },
	[EVIDENCE_KEY_SIGNATURE] = { "signature", KEY_LATER },
	[EVIDENCE_KEY_BUILD_ID] = { "build_id", KEY_LATER },
	[EVIDENCE_KEY_LIST] = { "list", KEY_LATER },
};
static const struct schema evidence_schema = { "a piece of evidence", evidence_keys,
	_EVIDENCE_KEYS };

enum { CLOSEST_MAX = 10000 }; /* ids compared for one suggestion */

/* What every check of one entry needs. */
struct check {
	struct software *software;
	struct messages *m;
	struct builder *builder;
};

void software_done(struct software_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		for (size_t k = 0; k < l->items[i].n_versions; k++)
			free(l->items[i].versions[k]);
		free(l->items[i].versions);
	}
	free(l->items);
	free(l->by_id);
	*l = (struct software_list){ 0 };
}

/* A limit of the builder becomes a message at the value that went past it. */
static int built(struct check *c, int r, const struct node *n, const char *what, unsigned max)
{
	if (r != -E2BIG)
		return r;
	message_error(c->m, n->at, "the policy has more than %u %s", max, what);
	return -EINVAL;
}

/* Past the limit nobody looks at them one by one: they count as any. */
static int add_version(struct software *s, const char *version)
{
	size_t low = 0, high = s->n_versions;
	char **versions;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int k = strcmp(s->versions[middle], version);

		if (k == 0)
			return 0;
		if (k < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (s->n_versions == SOFTWARE_VERSIONS_MAX) {
		s->any_version = true;
		return 0;
	}
	versions = reallocarray(s->versions, s->n_versions + 1, sizeof(*versions));
	if (!versions)
		return -ENOMEM;
	s->versions = versions;
	version = strdup(version);
	if (!version)
		return -ENOMEM;
	memmove(versions + low + 1, versions + low, (s->n_versions - low) * sizeof(*versions));
	versions[low] = (char *) version;
	s->n_versions++;
	return 0;
}

/* What evidence that is no package tells of the version; NULL: nothing. */
static int add_free_version(struct software *s, const char *version)
{
	if (!version) {
		s->no_version = true;
		return 0;
	}
	s->free_version = true;
	return add_version(s, version);
}

static int complain_purl(struct check *c, const struct node *n, int r, const char *error)
{
	if (r == -ENOTSUP)
		message_error(c->m, n->at, "purl '%s' cannot be matched: %s", n->text, error);
	else
		message_error(c->m, n->at, "bad purl '%s': %s", n->text, error);
	return 0;
}

static int add_purl(struct check *c, const struct node *n)
{
	const char *text, *error = "";
	struct package package;
	int r;

	if (!schema_text(n, c->m, "purl", SOFTWARE_PURL_MAX, false, &text))
		return 0;
	r = purl_package_read(text, &package, &error);
	if (r == 0 ? essential_package((enum package_type) package.type, package.name)
		   : essential_purl(text)) {
		message_error(c->m, n->at,
			"'%s' cannot be banned: without it the host could not be repaired", text);
		return 0;
	}
	if (r == -EINVAL || r == -ENOTSUP)
		return complain_purl(c, n, r, error);
	if (r < 0)
		return r;
	c->software->package_types |= 1u << package.type;
	if (*package.version) {
		r = add_version(c->software, package.version);
		if (r < 0)
			return r;
	} else {
		c->software->any_version = true;
	}
	r = builder_add_package(c->builder, c->software->index, (enum package_type) package.type,
		package.name, package.version);
	return built(c, r, n, "packages", IMAGE_PACKAGES_MAX);
}

static bool read_digest(struct check *c, const struct node *n, uint8_t digest[SHA256_SIZE])
{
	if (text_unhex(n->text, digest, SHA256_SIZE) == 0)
		return true;
	if (strspn(n->text, "0123456789abcdefABCDEF") == n->n)
		message_error(
			c->m, n->at, "a sha256 has exactly 64 digits, but here are %zu", n->n);
	else
		message_error(c->m, n->at, "a sha256 has exactly 64 digits, 0 to 9 and a to f");
	return false;
}

static bool read_version(struct check *c, const struct node *n, const char **ret)
{
	*ret = NULL;
	return !n || schema_text(n, c->m, "version", PACKAGE_VERSION_MAX, false, ret);
}

static int add_sha256(struct check *c, const struct node *n, const struct node *size_node,
	const struct node *version_node)
{
	uint8_t digest[SHA256_SIZE];
	const char *version;
	uint64_t size = 0;
	bool good = read_digest(c, n, digest);
	int r;

	if (!size_node)
		message_error(c->m, n->at,
			"this sha256 needs the 'size' of its file in bytes beside it: with the "
			"size, the agent need not hash every other file");
	good = size_node && schema_number(size_node, c->m, "size", 1, INT64_MAX, &size) && good;
	good = read_version(c, version_node, &version) && good;
	if (!good)
		return 0;
	r = add_free_version(c->software, version);
	if (r < 0)
		return r;
	r = builder_add_sha256(c->builder, c->software->index, digest, size, version);
	return built(c, r, n, "hashes", IMAGE_HASHES_MAX);
}

static int add_path(struct check *c, const struct node *n)
{
	char essential[ESSENTIAL_PATH_MAX];
	const char *glob, *error = "";
	int r;

	if (!schema_path(n, c->m, "path", true, &glob))
		return 0;
	if (match_glob_check(glob, &error) < 0) {
		message_error(c->m, n->at, "bad path '%s': %s", glob, error);
		return 0;
	}
	if (essential_path(glob, essential)) {
		message_error(c->m, n->at,
			"path '%s' would ban %s, without which the host could not be repaired",
			glob, essential);
		return 0;
	}
	c->software->no_version = true;
	r = builder_add_path(c->builder, c->software->index, glob);
	return built(c, r, n, "paths", IMAGE_PATHS_MAX);
}

/* 'size' and 'version' belong to a sha256 and mean nothing elsewhere. */
static bool check_company(struct check *c, const struct node *const v[])
{
	if (v[EVIDENCE_KEY_SHA256])
		return true;
	if (v[EVIDENCE_KEY_SIZE])
		message_error(c->m, v[EVIDENCE_KEY_SIZE]->at, "'size' belongs to a 'sha256'");
	if (v[EVIDENCE_KEY_VERSION])
		message_error(c->m, v[EVIDENCE_KEY_VERSION]->at,
			"'version' belongs to a 'sha256'; a purl has it inside: "
			"pkg:npm/name@1.2.3");
	return !v[EVIDENCE_KEY_SIZE] && !v[EVIDENCE_KEY_VERSION];
}

static int add_evidence(struct check *c, const struct node *n)
{
	const struct node *v[_EVIDENCE_KEYS];
	unsigned kinds;
	bool good = schema_mapping(&evidence_schema, n, c->m, v);

	kinds = !!v[EVIDENCE_KEY_PURL] + !!v[EVIDENCE_KEY_SHA256] + !!v[EVIDENCE_KEY_PATH];
	if (kinds > 1) {
		message_error(c->m, n->at,
			"one piece of evidence only: give 'purl', 'sha256' and 'path' items of "
			"their own");
		return 0;
	}
	good = check_company(c, v) && good;
	if (v[EVIDENCE_KEY_PURL])
		return add_purl(c, v[EVIDENCE_KEY_PURL]);
	if (v[EVIDENCE_KEY_SHA256])
		return add_sha256(
			c, v[EVIDENCE_KEY_SHA256], v[EVIDENCE_KEY_SIZE], v[EVIDENCE_KEY_VERSION]);
	if (v[EVIDENCE_KEY_PATH])
		return add_path(c, v[EVIDENCE_KEY_PATH]);
	if (good)
		message_error(c->m, n->at, "a piece of evidence needs 'purl', 'sha256' or 'path'");
	return 0;
}

static int add_all_evidence(struct check *c, const struct node *n)
{
	int r = 0;

	if (n->n == 0)
		message_error(c->m, n->at,
			"this list is empty: no file could ever be recognised as this software");
	for (size_t i = 0; i < n->n && r == 0; i++)
		r = add_evidence(c, n->items[i]);
	return r;
}

static int add_item(struct software *s, const struct node *n, struct messages *m, struct builder *b)
{
	struct check c = { s, m, b };
	const struct node *v[_SOFTWARE_KEYS];
	struct policy_software entry = { .id = "", .name = "", .vendor = "" };
	uint32_t errors = messages_count(m, MESSAGE_ERROR);
	int r;

	(void) schema_mapping(&software_schema, n, m, v);
	s->at = n->at;
	if (v[SOFTWARE_ID] && schema_id(v[SOFTWARE_ID], m, "id", &s->id)) {
		s->at = v[SOFTWARE_ID]->at;
		entry.id = s->id;
	}
	if (v[SOFTWARE_NAME] &&
		schema_text(v[SOFTWARE_NAME], m, "name", SOFTWARE_NAME_MAX, false, &s->name))
		entry.name = s->name;
	if (v[SOFTWARE_VENDOR])
		(void) schema_text(
			v[SOFTWARE_VENDOR], m, "vendor", SOFTWARE_NAME_MAX, false, &entry.vendor);
	r = built(&c, builder_add_software(b, &entry, &s->index), n, "software entries",
		IMAGE_SOFTWARE_MAX);
	if (r == 0 && v[SOFTWARE_IS])
		r = add_all_evidence(&c, v[SOFTWARE_IS]);
	s->checked = messages_count(m, MESSAGE_ERROR) == errors;
	return r;
}

static int reserve(struct software_list *l)
{
	size_t room = l->room ? 2 * l->room : 16;
	struct software *items;

	if (l->n < l->room)
		return 0;
	items = reallocarray(l->items, room, sizeof(*items));
	if (!items)
		return -ENOMEM;
	l->items = items;
	l->room = room;
	return 0;
}

int software_add(
	struct software_list *l, const struct node *n, struct messages *m, struct builder *b)
{
	int r = 0;

	for (size_t i = 0; i < n->n && r == 0; i++) {
		r = reserve(l);
		if (r < 0)
			return r;
		l->items[l->n] = (struct software){ 0 };
		r = add_item(&l->items[l->n++], n->items[i], m, b);
	}
	return r;
}

static int by_id(const void *x, const void *y)
{
	const struct software *a = *(struct software *const *) x,
			      *b = *(struct software *const *) y;
	int k = strcmp(a->id, b->id);

	return k ?: a < b ? -1 : a > b;
}

int software_sort(struct software_list *l, struct messages *m)
{
	size_t n = 0;

	l->by_id = calloc(l->n + 1, sizeof(struct software *));
	if (!l->by_id)
		return -ENOMEM;
	for (size_t i = 0; i < l->n; i++)
		if (l->items[i].id)
			l->by_id[n++] = &l->items[i];
	l->n_by_id = n;
	if (n > 1)
		qsort(l->by_id, n, sizeof(struct software *), by_id);
	for (size_t i = 1; i < n; i++)
		if (!strcmp(l->by_id[i - 1]->id, l->by_id[i]->id))
			message_error(m, l->by_id[i]->at,
				"the software id '%s' is taken; first in %s on line %u",
				l->by_id[i]->id, l->by_id[i - 1]->at.source->name,
				l->by_id[i - 1]->at.line);
	return 0;
}

struct software *software_find(struct software_list *l, const char *id)
{
	size_t low = 0, high = l->n_by_id;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(l->by_id[middle]->id, id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < l->n_by_id && !strcmp(l->by_id[low]->id, id) ? l->by_id[low] : NULL;
}

const char *software_closest(const struct software_list *l, const char *id)
{
	_cleanup_free_ const char **ids = NULL;
	size_t n = l->n_by_id < CLOSEST_MAX ? l->n_by_id : CLOSEST_MAX;

	ids = calloc(n + 1, sizeof(*ids));
	if (!ids)
		return NULL;
	for (size_t i = 0; i < n; i++)
		ids[i] = l->by_id[i]->id;
	return message_closest(id, ids, n, sizeof(*ids));
}
