/*
 * A repository of signed policy, made in memory for tests in C: roles with ed25519 keys, published
 * files by path, and a transport that writes down what was asked for. Tests bend its parts and
 * publish again. Everything that cannot fail in a test ends the program when it does.
 */
#pragma once

#include <openssl/evp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "policy/base/cleanup.h"
#include "policy/base/text.h"
#include "policy/trust/canonical.h"
#include "policy/trust/client.h"

#define SIGNED_NOW    INT64_C(1795000000) /* 2026-11-18T11:06:40Z */
#define SIGNED_DAY    INT64_C(86400)
#define SIGNED_UNUSED __attribute__((unused))

enum { SIGNED_KEYS_MAX = 5, SIGNED_ROLES_MAX = 48, SIGNED_LINKS_MAX = 48, SIGNED_FILES_MAX = 1024 };
/* top-level roles by their place */
enum { SIGNED_ROOT, SIGNED_TIMESTAMP, SIGNED_SNAPSHOT, SIGNED_TARGETS, SIGNED_TOP };

struct signed_key {
	EVP_PKEY *pkey;
	json_t *object;
	char id[TUF_KEYID_SIZE];
};

struct signed_role {
	char name[64];
	int64_t version, expires_utc_sec; /* version: of the last one that was published */
	struct signed_key keys[SIGNED_KEYS_MAX];
	size_t n_keys, n_sign; /* how many of its keys sign */
	unsigned threshold;
	json_t *targets;
	bool hidden; /* the snapshot does not list it */
	size_t size; /* of the last file, for the hashes */
	char *bytes;
};

/* A delegation. */
struct signed_link {
	struct signed_role *from, *to;
	const char *paths[2], *prefix; /* prefix: of hashes, instead of paths */
	bool terminating;
	struct signed_key *key; /* instead of the role's own keys */
};

struct signed_file {
	char *path, *bytes;
	size_t n;
};

struct signed_repository {
	struct signed_role roles[SIGNED_ROLES_MAX];
	size_t n_roles, n_keys_made;
	struct signed_link links[SIGNED_LINKS_MAX];
	size_t n_links;
	struct signed_key old_root[SIGNED_KEYS_MAX]; /* of the root before; sign the next one too */
	size_t n_old_root;
	bool plain, hashes; /* no consistent snapshots; snapshot and timestamp list hashes */
	struct signed_file files[SIGNED_FILES_MAX];
	size_t n_files;
	char requests[8192]; /* each with a space behind */
	size_t n_requests;
};

static void signed_check(bool good, const char *what)
{
	if (good)
		return;
	(void) fprintf(stderr, "signed_repository.h: %s\n", what);
	abort();
}

/* ---- keys ---- */
/* The next of the keys that every repository has, so that a failure can be seen again. */
static struct signed_key signed_key_new(struct signed_repository *r)
{
	uint8_t seed[32] = { (uint8_t) ++r->n_keys_made };
	struct signed_key k = { .pkey = EVP_PKEY_new_raw_private_key(
					EVP_PKEY_ED25519, NULL, seed, sizeof(seed)) };
	struct tuf_key *parsed = NULL;

	signed_check(k.pkey && tuf_key_object(k.pkey, "tester", &k.object) == 0 &&
			tuf_key_parse(k.object, &parsed) == 0,
		"no key");
	memcpy(k.id, parsed->id, sizeof(k.id));
	tuf_key_free(parsed);
	return k;
}

static void signed_key_done(struct signed_key *k)
{
	EVP_PKEY_free(k->pkey);
	json_decref(k->object);
}

static json_t *signed_sign(const struct signed_key *k, const char *bytes, size_t n)
{
	EVP_MD_CTX *x = EVP_MD_CTX_new();
	uint8_t signature[64];
	char hex[2 * sizeof(signature) + 1];
	size_t size = sizeof(signature);

	signed_check(x && EVP_DigestSignInit(x, NULL, NULL, NULL, k->pkey) == 1 &&
			EVP_DigestSign(x, signature, &size, (const uint8_t *) bytes, n) == 1,
		"no signature");
	EVP_MD_CTX_free(x);
	text_hex(signature, sizeof(signature), hex);
	return json_pack("{s:s, s:s}", "keyid", k->id, "sig", hex);
}

/* ---- files ---- */
static struct signed_file *signed_file(struct signed_repository *r, const char *path)
{
	for (size_t i = 0; i < r->n_files; i++)
		if (strcmp(r->files[i].path, path) == 0)
			return &r->files[i];
	return NULL;
}

static void signed_put(struct signed_repository *r, const char *path, const char *bytes, size_t n)
{
	struct signed_file *f = signed_file(r, path);
	char *copy = malloc(n + 1);

	signed_check(copy && (f || r->n_files < SIGNED_FILES_MAX), "no room for a file");
	memcpy(copy, bytes, n);
	copy[n] = '\0';
	if (!f) {
		f = &r->files[r->n_files++];
		f->path = strdup(path);
	}
	free(f->bytes);
	f->bytes = copy;
	f->n = n;
}

SIGNED_UNUSED static void signed_remove(struct signed_repository *r, const char *path)
{
	struct signed_file *f = signed_file(r, path);

	signed_check(f, path);
	free(f->path);
	free(f->bytes);
	*f = r->files[--r->n_files];
	r->files[r->n_files] = (struct signed_file){ 0 };
}

static int signed_fetch(void *context, const char *path, size_t max, char **ret, size_t *ret_size,
	struct tuf_error *e)
{
	struct signed_repository *r = context;
	struct signed_file *f = signed_file(r, path);
	size_t used = strlen(r->requests);

	(void) snprintf(r->requests + used, sizeof(r->requests) - used, "%s ", path);
	r->n_requests++;
	if (!f)
		return tuf_fail(e, -ENOENT, NULL, path, "is not there");
	if (f->n > max)
		return tuf_fail(e, -EFBIG, NULL, path, "is longer than %zu bytes", max);
	*ret = malloc(f->n + 1);
	signed_check(*ret, "memory");
	memcpy(*ret, f->bytes, f->n + 1);
	*ret_size = f->n;
	return 0;
}

SIGNED_UNUSED static struct tuf_transport signed_transport(struct signed_repository *r)
{
	return (struct tuf_transport){ signed_fetch, r };
}

/* ---- what a role says ---- */
static json_t *signed_hashes(const char *bytes, size_t n)
{
	uint8_t digest[32];
	char hex[65];
	unsigned int size;

	signed_check(EVP_Digest(bytes, n, digest, &size, EVP_sha256(), NULL) == 1, "no digest");
	text_hex(digest, sizeof(digest), hex);
	return json_pack("{s:s}", "sha256", hex);
}

static json_t *signed_keyids(const struct signed_role *role, json_t *keys)
{
	json_t *ids = json_array();

	for (size_t i = 0; i < role->n_keys; i++) {
		(void) json_array_append_new(ids, json_string(role->keys[i].id));
		(void) json_object_set(keys, role->keys[i].id, role->keys[i].object);
	}
	return ids;
}

static void signed_say_root(const struct signed_repository *r, json_t *s)
{
	json_t *keys = json_object(), *roles = json_object();

	for (size_t i = 0; i < SIGNED_TOP; i++)
		(void) json_object_set_new(roles, r->roles[i].name,
			json_pack("{s:o, s:i}", "keyids", signed_keyids(&r->roles[i], keys),
				"threshold", r->roles[i].threshold));
	(void) json_object_set_new(s, "keys", keys);
	(void) json_object_set_new(s, "roles", roles);
	(void) json_object_set_new(s, "consistent_snapshot", json_boolean(!r->plain));
}

static json_t *signed_meta(const struct signed_repository *r, const struct signed_role *role)
{
	json_t *meta = json_pack("{s:I}", "version", (json_int_t) role->version);

	if (r->hashes && role->bytes) {
		(void) json_object_set_new(meta, "length", json_integer((json_int_t) role->size));
		(void) json_object_set_new(meta, "hashes", signed_hashes(role->bytes, role->size));
	}
	return meta;
}

static void signed_say_metas(
	const struct signed_repository *r, const struct signed_role *role, json_t *s)
{
	bool snapshot = role == &r->roles[SIGNED_SNAPSHOT];
	json_t *meta = json_object();
	char name[80];

	for (size_t i = 0; i < r->n_roles; i++) {
		const struct signed_role *x = &r->roles[i];

		if (snapshot ? i < SIGNED_TARGETS || x->hidden : i != SIGNED_SNAPSHOT)
			continue;
		(void) snprintf(name, sizeof(name), "%s.json", x->name);
		(void) json_object_set_new(meta, name, signed_meta(r, x));
	}
	(void) json_object_set_new(s, "meta", meta);
}

static void signed_say_targets(
	const struct signed_repository *r, const struct signed_role *role, json_t *s)
{
	json_t *keys = json_object(), *roles = json_array(), *paths, *d, *ids;

	(void) json_object_set(s, "targets", role->targets);
	for (size_t i = 0; i < r->n_links; i++) {
		const struct signed_link *l = &r->links[i];

		if (l->from != role)
			continue;
		ids = l->key ? json_pack("[s]", l->key->id) : signed_keyids(l->to, keys);
		if (l->key)
			(void) json_object_set(keys, l->key->id, l->key->object);
		d = json_pack("{s:s, s:o, s:i, s:b}", "name", l->to->name, "keyids", ids,
			"threshold", l->key ? 1 : l->to->threshold, "terminating", l->terminating);
		paths = json_array();
		for (size_t j = 0; j < ARRAY_SIZE(l->paths) && l->paths[j] && !l->prefix; j++)
			(void) json_array_append_new(paths, json_string(l->paths[j]));
		if (l->prefix)
			(void) json_array_append_new(paths, json_string(l->prefix));
		(void) json_object_set_new(d, l->prefix ? "path_hash_prefixes" : "paths", paths);
		(void) json_array_append_new(roles, d);
	}
	if (json_array_size(roles) > 0)
		(void) json_object_set_new(
			s, "delegations", json_pack("{s:O, s:O}", "keys", keys, "roles", roles));
	json_decref(keys);
	json_decref(roles);
}

static json_t *signed_say(const struct signed_repository *r, const struct signed_role *role)
{
	size_t i = (size_t) (role - r->roles);
	char expires[21];
	json_t *s;

	tuf_time_format(role->expires_utc_sec, expires);
	s = json_pack("{s:s, s:s, s:I, s:s}", "_type", i < SIGNED_TARGETS ? role->name : "targets",
		"spec_version", "1.0.34", "version", (json_int_t) role->version, "expires",
		expires);
	if (i == SIGNED_ROOT)
		signed_say_root(r, s);
	else if (i < SIGNED_TARGETS)
		signed_say_metas(r, role, s);
	else
		signed_say_targets(r, role, s);
	return s;
}

/* The file of a signed part (stolen) by the keys of @role; of a root also by the ones before. */
static char *signed_seal(
	const struct signed_repository *r, const struct signed_role *role, json_t *s)
{
	json_t *signatures = json_array(), *file;
	char *bytes, *out;
	size_t n;

	signed_check(canonical_encode(s, &bytes, &n) == 0, "no canonical form");
	for (size_t i = 0; i < role->n_sign; i++)
		(void) json_array_append_new(signatures, signed_sign(&role->keys[i], bytes, n));
	for (size_t i = 0; role == &r->roles[SIGNED_ROOT] && i < r->n_old_root; i++)
		(void) json_array_append_new(signatures, signed_sign(&r->old_root[i], bytes, n));
	free(bytes);
	file = json_pack("{s:o, s:o}", "signatures", signatures, "signed", s);
	out = json_dumps(file, JSON_INDENT(1));
	signed_check(out, "no JSON");
	json_decref(file);
	return out;
}

/* Signs and puts out what @role says now, as it is: the version is not raised. */
static void signed_put_role(struct signed_repository *r, struct signed_role *role)
{
	bool root = role == &r->roles[SIGNED_ROOT];
	char quoted[256], path[400];

	free(role->bytes);
	role->bytes = signed_seal(r, role, signed_say(r, role));
	role->size = strlen(role->bytes);
	signed_check(tuf_quote(role->name, 0, quoted, sizeof(quoted)) == 0, "a long name");
	if (role == &r->roles[SIGNED_TIMESTAMP] || (r->plain && !root))
		(void) snprintf(path, sizeof(path), "%s.json", quoted);
	else
		(void) snprintf(path, sizeof(path), "%ld.%s.json", (long) role->version, quoted);
	signed_put(r, path, role->bytes, role->size);
	if (!root)
		return;
	for (size_t i = 0; i < r->n_old_root; i++)
		signed_key_done(&r->old_root[i]);
	r->n_old_root = 0;
}

static struct signed_role *signed_role(struct signed_repository *r, const char *name)
{
	for (size_t i = 0; i < r->n_roles; i++)
		if (strcmp(r->roles[i].name, name) == 0)
			return &r->roles[i];
	signed_check(false, name);
	return NULL;
}

/* A new version of one role alone. */
SIGNED_UNUSED static void signed_publish_role(struct signed_repository *r, const char *name)
{
	struct signed_role *role = signed_role(r, name);

	role->version++;
	signed_put_role(r, role);
}

/* A new version of @name ("": none), and of snapshot and timestamp, which follow. */
SIGNED_UNUSED static void signed_publish(struct signed_repository *r, const char *name)
{
	if (name[0])
		signed_publish_role(r, name);
	signed_publish_role(r, "snapshot");
	signed_publish_role(r, "timestamp");
}

static struct signed_role *signed_role_new(struct signed_repository *r, const char *name)
{
	struct signed_role *role = &r->roles[r->n_roles++];

	signed_check(r->n_roles <= SIGNED_ROLES_MAX, "too many roles");
	(void) snprintf(role->name, sizeof(role->name), "%s", name);
	role->expires_utc_sec = SIGNED_NOW + 30 * SIGNED_DAY;
	role->keys[0] = signed_key_new(r);
	role->n_keys = role->n_sign = role->threshold = 1;
	role->targets = json_object();
	return role;
}

/* A repository with version 1 of the four roles. */
static struct signed_repository *signed_repository_new(void)
{
	static const char *const names[] = { "root", "timestamp", "snapshot", "targets" };
	struct signed_repository *r = calloc(1, sizeof(*r));

	signed_check(r, "memory");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		(void) signed_role_new(r, names[i]);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		r->roles[i].version = 1;
	signed_put_role(r, &r->roles[SIGNED_ROOT]);
	signed_put_role(r, &r->roles[SIGNED_TARGETS]);
	signed_put_role(r, &r->roles[SIGNED_SNAPSHOT]);
	signed_put_role(r, &r->roles[SIGNED_TIMESTAMP]);
	return r;
}

static struct signed_repository *signed_repository_free(struct signed_repository *r)
{
	for (size_t i = 0; i < r->n_roles; i++) {
		for (size_t k = 0; k < r->roles[i].n_keys; k++)
			signed_key_done(&r->roles[i].keys[k]);
		json_decref(r->roles[i].targets);
		free(r->roles[i].bytes);
	}
	for (size_t i = 0; i < r->n_old_root; i++)
		signed_key_done(&r->old_root[i]);
	for (size_t i = 0; i < r->n_files; i++) {
		free(r->files[i].path);
		free(r->files[i].bytes);
	}
	free(r);
	return NULL;
}

/* Other keys for a role; those of the root sign the next one as well. */
SIGNED_UNUSED static void signed_rotate(struct signed_repository *r, const char *name)
{
	struct signed_role *role = signed_role(r, name);

	for (size_t i = 0; i < role->n_keys; i++) {
		if (role == &r->roles[SIGNED_ROOT])
			r->old_root[r->n_old_root++] = role->keys[i];
		else
			signed_key_done(&role->keys[i]);
		role->keys[i] = signed_key_new(r);
	}
}

/* Delegates "paths" of @from to @to, which is made when there is none of that name. */
SIGNED_UNUSED static struct signed_link *signed_delegate(
	struct signed_repository *r, const char *from, const char *to, const char *path)
{
	struct signed_link *l = &r->links[r->n_links++];
	size_t i = 0;

	signed_check(r->n_links <= SIGNED_LINKS_MAX, "too many delegations");
	while (i < r->n_roles && strcmp(r->roles[i].name, to) != 0)
		i++;
	*l = (struct signed_link){
		.from = signed_role(r, from),
		.to = i < r->n_roles ? &r->roles[i] : signed_role_new(r, to),
		.paths = { path },
	};
	return l;
}

/* Adds or changes a target, and puts out its file. */
SIGNED_UNUSED static void signed_target(
	struct signed_repository *r, const char *role, const char *path, const char *content)
{
	json_t *hashes = signed_hashes(content, strlen(content));
	const char *name = strrchr(path, '/'), *hash;
	char file[1024];

	name = name ? name + 1 : path;
	hash = json_string_value(json_object_get(hashes, "sha256"));
	(void) snprintf(file, sizeof(file), "%.*s%s.%s", (int) (name - path), path, hash, name);
	signed_put(r, r->plain ? path : file, content, strlen(content));
	(void) json_object_set_new(signed_role(r, role)->targets, path,
		json_pack("{s:i, s:o}", "length", (int) strlen(content), "hashes", hashes));
}
