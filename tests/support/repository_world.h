/*
 * A repository in a folder of its own, with keys a to f in memory: root and targets are a's,
 * snapshot and timestamp b's. For cmocka; include it last.
 */
#pragma once

#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/base/cleanup.h"
#include "policy/trust/repository.h"
#include "policy/trust/repository_edit.h"

enum { WORLD_KEYS = 6, WORLD_PATH_SIZE = 512 };
#define WORLD_NOW INT64_C(1782907200) /* 2026-07-01 */
#define WORLD_DAY INT64_C(86400)

/* A repository in a folder of its own, with keys a to f. */
struct world {
	char folder[WORLD_PATH_SIZE], path[WORLD_PATH_SIZE];
	struct repository *r;
	EVP_PKEY *pkeys[WORLD_KEYS];
	struct repository_key keys[WORLD_KEYS];
};

static inline int world_remove_one(
	const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void) st;
	(void) type;
	(void) ftw;
	return remove(path);
}

static inline void world_add_key(struct world *w, size_t i)
{
	const char name[] = { (char) ('a' + i), '\0' };
	struct tuf_error e = { 0 };
	json_t *object;

	w->pkeys[i] = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	assert_int_equal(tuf_key_object(w->pkeys[i], NULL, &object), 0);
	if (repository_add_key(w->r, name, object, "", &e) < 0)
		fail_msg("%s", e.text);
	json_decref(object);
	assert_int_equal(repository_find_key(w->r, name, &w->keys[i], &e), 0);
}

static inline int world_sign_bytes(struct world *w, const char *keyid, const void *bytes, size_t n,
	uint8_t out[TUF_SIGNATURE_MAX], size_t *ret)
{
	for (size_t i = 0; i < WORLD_KEYS; i++)
		if (w->keys[i].key && strcmp(w->keys[i].key->id, keyid) == 0) {
			EVP_MD_CTX *c = EVP_MD_CTX_new();

			*ret = TUF_SIGNATURE_MAX;
			assert_int_equal(EVP_DigestSignInit(c, NULL, NULL, NULL, w->pkeys[i]), 1);
			assert_int_equal(EVP_DigestSign(c, out, ret, bytes, n), 1);
			EVP_MD_CTX_free(c);
			return 0;
		}
	return -ENOKEY;
}

/* The working copy of @role, by the key @i. */
static inline int world_sign(struct world *w, const char *role, size_t i, struct tuf_error *e)
{
	uint8_t signature[TUF_SIGNATURE_MAX];
	char *payload;
	size_t n, size;
	int r = repository_payload(w->r, role, &payload, &n, e);

	if (r < 0)
		return r;
	assert_int_equal(world_sign_bytes(w, w->keys[i].key->id, payload, n, signature, &size), 0);
	free(payload);
	return repository_add_signature(w->r, role, w->keys[i].key->id, signature, size, e);
}

static inline void world_must_sign(struct world *w, const char *role, size_t i)
{
	struct tuf_error e = { 0 };

	if (world_sign(w, role, i, &e) < 0)
		fail_msg("%s by %zu: %s", role, i, e.text);
}

static inline void world_put_first(struct world *w, enum tuf_type type, int64_t expires)
{
	struct tuf_error e = { 0 };
	json_t *first;

	assert_int_equal(repository_first(type, expires, &first), 0);
	if (repository_put(w->r, tuf_type_to_string(type), first, &e) < 0)
		fail_msg("%s", e.text);
	json_decref(first);
}

/* Root and targets of a, snapshot and timestamp of b, all signed. */
static inline int world_setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	const struct repository_key *keys[_TUF_TYPE_MAX];
	size_t n[_TUF_TYPE_MAX] = { 0, 1, 1, 1, 1 };
	struct tuf_error e = { 0 };
	json_t *root;

	assert_non_null(w);
	(void) snprintf(w->folder, sizeof(w->folder), "/tmp/test-repository-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	(void) snprintf(w->path, sizeof(w->path), "%.200s/repository", w->folder);
	if (repository_create(w->path, &w->r, &e) < 0)
		fail_msg("%s", e.text);
	for (size_t i = 0; i < WORLD_KEYS; i++)
		world_add_key(w, i);
	for (enum tuf_type t = TUF_ROOT; t < _TUF_TYPE_MAX; t++)
		keys[t] = &w->keys[t == TUF_SNAPSHOT || t == TUF_TIMESTAMP];
	keys[TUF_TYPE_NONE] = NULL;
	assert_int_equal(repository_first_root(keys, n, WORLD_NOW + 365 * WORLD_DAY, &root), 0);
	assert_int_equal(repository_put(w->r, "root", root, &e), 0);
	json_decref(root);
	world_put_first(w, TUF_TARGETS, WORLD_NOW + 90 * WORLD_DAY);
	world_put_first(w, TUF_SNAPSHOT, WORLD_NOW + 7 * WORLD_DAY);
	world_must_sign(w, "root", 0);
	world_must_sign(w, "targets", 0);
	world_must_sign(w, "snapshot", 1);
	*state = w;
	return 0;
}

static inline int world_teardown(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < WORLD_KEYS; i++) {
		EVP_PKEY_free(w->pkeys[i]);
		repository_key_done(&w->keys[i]);
	}
	repository_free(w->r);
	assert_int_equal(nftw(w->folder, world_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
	free(w);
	return 0;
}

static inline int64_t world_version(struct world *w, const char *role)
{
	struct tuf_metadata *m;
	struct tuf_error e;
	int64_t version;

	assert_int_equal(repository_load(w->r, role, &m, &e), 0);
	version = m->version;
	tuf_metadata_free(m);
	return version;
}

static inline bool world_complete(struct world *w, const char *role)
{
	struct repository_state s;
	struct tuf_error e = { 0 };
	bool is;

	if (repository_state(w->r, role, &s, &e) < 0)
		fail_msg("%s: %s", role, e.text);
	is = s.complete;
	repository_state_done(&s);
	return is;
}

static inline bool world_exists(struct world *w, const char *name)
{
	char path[2 * WORLD_PATH_SIZE];

	(void) snprintf(path, sizeof(path), "%s/%s", w->path, name);
	return access(path, F_OK) == 0;
}
