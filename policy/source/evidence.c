#include "policy/source/evidence.h"

#include <string.h>

#include "policy/base/text.h"
#include "policy/identity/purl_package.h"
#include "policy/image/match.h"
#include "policy/source/compiler.h"
#include "policy/source/essential.h"
#include "policy/source/schema.h"

enum {
	KEY_PURL,
	KEY_SHA256,
	KEY_SIZE,
	KEY_VERSION,
	KEY_PATH,
	KEY_SIGNATURE,
	KEY_BUILD_ID,
	KEY_LIST_FILE,
	_KEYS,
};

static const struct key keys[_KEYS] = {
	[KEY_PURL] = { "purl", KEY_TEXT },
	[KEY_SHA256] = { "sha256", KEY_TEXT },
	[KEY_SIZE] = { "size", KEY_TEXT },
	[KEY_VERSION] = { "version", KEY_TEXT },
	[KEY_PATH] = { "path", KEY_TEXT },
	[KEY_SIGNATURE] = { "signature", KEY_TEXT },
	[KEY_BUILD_ID] = { "build_id", KEY_TEXT },
	[KEY_LIST_FILE] = { "list", KEY_TEXT },
};
static const struct schema schema = { "a piece of evidence", keys, _KEYS };

#define KINDS "'purl', 'sha256', 'build_id', 'signature', 'list'"

/* What every check of one piece needs. */
struct check {
	struct software *software;
	const struct software_context *context;
	struct messages *m;
	struct builder *builder;
};

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
	char **versions, *copy;

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
	if (s->n_versions == EVIDENCE_VERSIONS_MAX) {
		s->any_version = true;
		return 0;
	}
	versions = reallocarray(s->versions, s->n_versions + 1, sizeof(*versions));
	if (!versions)
		return -ENOMEM;
	s->versions = versions;
	copy = strdup(version);
	if (!copy)
		return -ENOMEM;
	memmove(versions + low + 1, versions + low, (s->n_versions - low) * sizeof(*versions));
	versions[low] = copy;
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

static int add_purl(struct check *c, const struct node *const v[])
{
	const struct node *n = v[KEY_PURL];
	const char *text, *error = "";
	struct package package;
	int r;

	if (!schema_text(n, c->m, "purl", EVIDENCE_PURL_MAX, false, &text))
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
	if (*package.version)
		r = add_version(c->software, package.version);
	else
		c->software->any_version = true;
	if (r < 0)
		return r;
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

static int add_sha256(struct check *c, const struct node *const v[])
{
	const struct node *n = v[KEY_SHA256];
	uint8_t digest[SHA256_SIZE];
	const char *version;
	uint64_t size = 0;
	bool good = read_digest(c, n, digest);
	int r;

	if (!v[KEY_SIZE])
		message_error(c->m, n->at,
			"this sha256 needs the 'size' of its file in bytes beside it: with the "
			"size, the agent need not hash every other file");
	good = v[KEY_SIZE] && schema_number(v[KEY_SIZE], c->m, "size", 1, INT64_MAX, &size) && good;
	good = read_version(c, v[KEY_VERSION], &version) && good;
	if (!good)
		return 0;
	r = add_free_version(c->software, version);
	if (r < 0)
		return r;
	r = builder_add_sha256(c->builder, c->software->index, digest, size, version);
	return built(c, r, n, "hashes", IMAGE_HASHES_MAX);
}

static int add_build_id(struct check *c, const struct node *const v[])
{
	const struct node *n = v[KEY_BUILD_ID];
	uint8_t id[EVIDENCE_BUILD_ID_MAX];
	const char *version;
	bool good = read_version(c, v[KEY_VERSION], &version);
	int r;

	if (n->n < 2 || n->n % 2 || n->n > 2 * sizeof(id) ||
		text_unhex(n->text, id, n->n / 2) < 0) {
		message_error(c->m, n->at,
			"a build-id has 2 to %zu digits, two for each byte, 0 to 9 and a to f; "
			"here are %zu",
			2 * sizeof(id), n->n);
		return 0;
	}
	if (!good)
		return 0;
	r = add_free_version(c->software, version);
	if (r < 0)
		return r;
	r = builder_add_build_id(c->builder, c->software->index, id, n->n / 2, version);
	return built(c, r, n, "build-ids", IMAGE_BUILD_IDS_MAX);
}

static int add_path(struct check *c, const struct node *const v[])
{
	const struct node *n = v[KEY_PATH];
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

static int complain_signature(struct check *c, const struct node *n, const char *name)
{
	const char *near = signatures_closest(c->context->signatures, name);

	if (signatures_know(c->context->signatures, name)) /* it is wrong, which was told there */
		return 0;
	if (near)
		message_error(c->m, n->at,
			"no file in " POLICY_SIGNATURES " has the signature '%s'; did you mean "
			"'%s'?",
			name, near);
	else
		message_error(c->m, n->at,
			"no file in " POLICY_SIGNATURES " has the signature '%s': expected a YARA "
			"rule of that name in one that ends in .yar",
			name);
	return 0;
}

/* What a signature finds of the version is that of its package, if it has one. */
static void add_found_version(struct software *s, const struct signature *signature)
{
	if (!*signature->version) {
		s->no_version = true;
		return;
	}
	s->any_version = true;
	if (signature->package_type == PACKAGE_NONE)
		s->free_version = true;
	else
		s->package_types |= 1u << signature->package_type;
}

static int add_signature(struct check *c, const struct node *const v[])
{
	const struct node *n = v[KEY_SIGNATURE];
	struct signature_rule *s;
	const char *name;
	int r;

	if (!schema_text(n, c->m, "signature", SIGNATURE_NAME_MAX, false, &name))
		return 0;
	s = signatures_find(c->context->signatures, name);
	if (!s)
		return complain_signature(c, n, name);
	if (s->private) {
		message_error(c->m, n->at,
			"the signature '%s' is private: nobody is told when it matches; remove "
			"'private' in %s on line %u",
			name, s->at.source->name, s->at.line);
		return 0;
	}
	add_found_version(c->software, &s->entry);
	r = signatures_use(s, c->software->index, c->builder);
	return s->used ? built(c, r, n, "uses of signatures", IMAGE_SIGNATURE_USES_MAX)
		       : built(c, r, n, "signatures", SIGNATURES_MAX);
}

static int take_hash(
	void *context, const uint8_t digest[SHA256_SIZE], uint64_t size, const char *version)
{
	struct check *c = context;
	int r = add_free_version(c->software, *version ? version : NULL);

	return r < 0 ? r
		     : builder_add_sha256(c->builder, c->software->index, digest, size, version);
}

static struct list *find_list(const struct software_context *context, const char *name)
{
	for (size_t i = 0; i < context->n_lists; i++)
		if (!strcmp(context->lists[i].source.name, name))
			return &context->lists[i];
	return NULL;
}

static void complain_list(struct check *c, const struct node *n, const char *name)
{
	const struct software_context *context = c->context;
	size_t prefix = strlen(POLICY_LISTS), size = strlen(name);
	const char *near = context->n_lists > 0
		? message_closest(name, &context->lists[0].source.name, context->n_lists,
			  sizeof(context->lists[0]))
		: NULL;

	if (near)
		message_error(c->m, n->at,
			"the policy's folder has no list '%s'; did you mean '%s'?", name, near);
	else if (strncmp(name, POLICY_LISTS, prefix) != 0 || strchr(name + prefix, '/') ||
		name[prefix] == '.' || size < prefix + 5 || strcmp(name + size - 4, ".txt") != 0)
		message_error(c->m, n->at,
			"list '%s' is not a file of the policy's folder " POLICY_LISTS
			"; expected " POLICY_LISTS "NAME.txt",
			name);
	else
		message_error(c->m, n->at, "the policy's folder has no list '%s'", name);
}

static int add_list(struct check *c, const struct node *const v[])
{
	const struct node *n = v[KEY_LIST_FILE];
	struct list *list;
	const char *name;
	int r;

	if (!schema_text(n, c->m, "list", SCHEMA_PATH_MAX, false, &name))
		return 0;
	list = find_list(c->context, name);
	if (!list) {
		complain_list(c, n, name);
		return 0;
	}
	list->used = true;
	r = list_read(list, c->m, take_hash, c);
	return built(c, r, n, "hashes", IMAGE_HASHES_MAX);
}

static const struct {
	unsigned key;
	int (*add)(struct check *c, const struct node *const v[]);
} kinds[] = {
	{ KEY_PURL, add_purl },
	{ KEY_SHA256, add_sha256 },
	{ KEY_BUILD_ID, add_build_id },
	{ KEY_SIGNATURE, add_signature },
	{ KEY_LIST_FILE, add_list },
	{ KEY_PATH, add_path },
};

/* 'size' and 'version' belong to a sha256, or to a build-id, and mean nothing elsewhere. */
static bool check_company(struct check *c, const struct node *const v[])
{
	bool good = true;

	if (v[KEY_SIZE] && !v[KEY_SHA256]) {
		message_error(c->m, v[KEY_SIZE]->at, "'size' belongs to a 'sha256'");
		good = false;
	}
	if (v[KEY_VERSION] && !v[KEY_SHA256] && !v[KEY_BUILD_ID]) {
		message_error(c->m, v[KEY_VERSION]->at,
			"'version' belongs to a 'sha256' or 'build_id'; a purl has it inside: "
			"pkg:npm/name@1.2.3");
		good = false;
	}
	return good;
}

int evidence_add(struct software *s, const struct node *n, const struct software_context *context)
{
	struct check c = { s, context, context->m, context->builder };
	const struct node *v[_KEYS];
	size_t n_kinds = 0, kind = 0;
	bool good = schema_mapping(&schema, n, c.m, v);

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (v[kinds[i].key]) {
			kind = i;
			n_kinds++;
		}
	if (n_kinds > 1) {
		message_error(c.m, n->at,
			"one piece of evidence only: give " KINDS " and 'path' items of their own");
		return 0;
	}
	good = check_company(&c, v) && good;
	if (n_kinds == 1)
		return kinds[kind].add(&c, v);
	if (good)
		message_error(c.m, n->at, "a piece of evidence needs " KINDS " or 'path'");
	return 0;
}
