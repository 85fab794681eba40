/*
 * The frame that all four types have in common, and what is asked of a file that was read. Its
 * parts are read in metadata_root.c, metadata_files.c and metadata_delegations.c.
 */
#include "policy/trust/metadata.h"

#include <assert.h>
#include <string.h>

#include "policy/base/text.h"
#include "policy/trust/canonical.h"
#include "policy/trust/metadata_parts.h"

static const struct {
	const char *name;
	size_t size_max;
	int (*read)(const struct reading *rd, const json_t *object, struct tuf_metadata *m);
} types[_TUF_TYPE_MAX] = {
	[TUF_ROOT] = { "root", TUF_ROOT_SIZE_MAX, metadata_read_root },
	[TUF_TIMESTAMP] = { "timestamp", TUF_TIMESTAMP_SIZE_MAX, metadata_read_metas },
	[TUF_SNAPSHOT] = { "snapshot", TUF_SNAPSHOT_SIZE_MAX, metadata_read_metas },
	[TUF_TARGETS] = { "targets", TUF_TARGETS_SIZE_MAX, metadata_read_targets },
};

const char *tuf_type_to_string(enum tuf_type t)
{
	return t > TUF_TYPE_NONE && t < _TUF_TYPE_MAX ? types[t].name : "none";
}

size_t tuf_type_size_max(enum tuf_type t)
{
	return t > TUF_TYPE_NONE && t < _TUF_TYPE_MAX ? types[t].size_max : 0;
}

/* ---- signatures ---- */

static int compare_signatures(const void *a, const void *b)
{
	return strcmp(((const struct tuf_signature *) a)->keyid,
		((const struct tuf_signature *) b)->keyid);
}

static int read_signature(
	const struct reading *rd, const json_t *object, struct tuf_signature *signature)
{
	struct reading in_signature = *rd;
	const char *keyid = NULL, *hex = NULL;
	int r;

	in_signature.part = "signature";
	r = member_string(&in_signature, object, "keyid", &keyid);
	if (r < 0)
		return r;
	if (!member_is_keyid(keyid))
		return member_refuse(&in_signature, "keyid", json_object_get(object, "keyid"),
			"64 lower-case hexadecimal digits");
	in_signature.name = keyid;
	r = member_string(&in_signature, object, "sig", &hex);
	if (r < 0)
		return r;
	memcpy(signature->keyid, keyid, TUF_KEYID_SIZE);
	signature->size = strlen(hex) / 2;
	if (signature->size > TUF_SIGNATURE_MAX)
		return reading_fail(&in_signature, "has %zu bytes, expected %d at most",
			signature->size, TUF_SIGNATURE_MAX);
	signature->bytes = malloc(signature->size + 1);
	if (!signature->bytes)
		return -ENOMEM;
	if (text_unhex(hex, signature->bytes, signature->size) < 0)
		return member_refuse(&in_signature, "sig", json_object_get(object, "sig"),
			"an even number of hexadecimal digits");
	return 0;
}

static int read_signatures(const struct reading *rd, const json_t *object, struct tuf_metadata *m)
{
	const json_t *signatures = NULL;
	size_t n;
	int r;

	r = member_array(rd, object, "signatures", &signatures);
	if (r < 0)
		return r;
	n = json_array_size(signatures);
	if (n > TUF_KEYS_MAX)
		return reading_fail(
			rd, "\"signatures\" has %zu entries, expected %d at most", n, TUF_KEYS_MAX);
	m->signatures = calloc(n + 1, sizeof(*m->signatures));
	if (!m->signatures)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = read_signature(
			rd, json_array_get(signatures, i), &m->signatures[m->n_signatures++]);
	if (r < 0)
		return r;
	qsort(m->signatures, n, sizeof(*m->signatures), compare_signatures);
	for (size_t i = 1; i < n; i++)
		if (compare_signatures(&m->signatures[i - 1], &m->signatures[i]) == 0)
			return reading_fail(rd, "holds two signatures by the key %s, expected one",
				m->signatures[i].keyid);
	return 0;
}

/* ---- what all types have ---- */

static int check_type(const struct reading *rd, const json_t *object, enum tuf_type type)
{
	const char *name = NULL;
	int r;

	r = member_string(rd, object, "_type", &name);
	if (r < 0)
		return r;
	if (strcmp(name, types[type].name) != 0)
		return tuf_fail(rd->e, -EPROTO, rd->role, rd->file,
			"is of type \"%.80s\", expected \"%s\"", name, types[type].name);
	return 0;
}

/* "1.x.y"; also "1.x" as old repositories have it. */
static bool is_spec_version(const char *s)
{
	unsigned parts = 1;

	if (strncmp(s, "1.", 2) != 0)
		return false;
	for (s += 2; parts < 3; parts++) {
		size_t n = strspn(s, "0123456789");

		if (n == 0)
			return false;
		s += n;
		if (!*s)
			return true;
		if (*s++ != '.')
			return false;
	}
	return false;
}

static int read_frame(const struct reading *rd, const json_t *object, struct tuf_metadata *m)
{
	const char *spec_version = NULL, *expires = NULL;
	int r;

	r = member_string(rd, object, "spec_version", &spec_version);
	if (r == 0 && !is_spec_version(spec_version))
		return member_refuse(rd, "spec_version", json_object_get(object, "spec_version"),
			"1 and anything behind it, like 1.0.31");
	if (r == 0)
		r = member_integer(rd, object, "version", 1, TUF_VERSION_MAX, &m->version);
	if (r == 0)
		r = member_string(rd, object, "expires", &expires);
	if (r == 0 && tuf_time_parse(expires, &m->expires_utc_sec) < 0)
		return member_refuse(rd, "expires", json_object_get(object, "expires"),
			"a date like 2026-07-03T00:00:00Z");
	return r;
}

static int read_document(const struct reading *rd, struct tuf_metadata *m)
{
	const json_t *object = NULL;
	int r;

	if (!json_is_object(m->document))
		return reading_fail(rd, "is no JSON object");
	r = member_object(rd, m->document, "signed", &object);
	if (r == 0)
		r = check_type(rd, object, m->type);
	if (r == 0)
		r = read_frame(rd, object, m);
	if (r < 0)
		return r;
	r = canonical_encode(object, &m->signed_bytes, &m->signed_size);
	if (r == -EBADMSG)
		return reading_fail(rd, "\"signed\" holds a number with a fraction");
	if (r == 0)
		r = read_signatures(rd, m->document, m);
	return r < 0 ? r : types[m->type].read(rd, object, m);
}

int tuf_metadata_parse(enum tuf_type type, const char *role, const char *file, const void *bytes,
	size_t n, struct tuf_metadata **ret, struct tuf_error *e)
{
	_cleanup_(tuf_metadata_freep) struct tuf_metadata *m = NULL;
	const struct reading rd = { .role = role, .file = file, .e = e };
	char why[256] = "";
	int r;

	assert(type > TUF_TYPE_NONE && type < _TUF_TYPE_MAX);
	if (n > types[type].size_max)
		return tuf_fail(e, -EFBIG, role, file, "has %zu bytes, expected %zu at most", n,
			types[type].size_max);
	m = calloc(1, sizeof(*m));
	if (!m)
		return tuf_fail(e, -ENOMEM, role, file, "no memory left to read it");
	m->type = type;
	r = canonical_load(bytes, n, why, sizeof(why), &m->document);
	if (r == -EBADMSG)
		return reading_fail(&rd, "is no valid JSON: %s", why);
	if (r == 0)
		r = read_document(&rd, m);
	if (r == -ENOMEM)
		return tuf_fail(e, -ENOMEM, role, file, "no memory left to read it");
	if (r == 0)
		*ret = TAKE_PTR(m);
	return r;
}

struct tuf_metadata *tuf_metadata_free(struct tuf_metadata *m)
{
	if (!m)
		return NULL;
	for (size_t i = 0; i < m->n_signatures; i++)
		free(m->signatures[i].bytes);
	free(m->signatures);
	for (size_t i = 0; i < m->n_keys; i++)
		(void) tuf_key_free(m->keys[i]);
	free(m->keys);
	for (int t = 0; t < _TUF_TYPE_MAX; t++)
		metadata_role_done(&m->roles[t]);
	for (size_t i = 0; i < m->n_metas; i++)
		free(m->metas[i].name);
	free(m->metas);
	for (size_t i = 0; i < m->n_targets; i++)
		free(m->targets[i].path);
	free(m->targets);
	metadata_delegations_done(m);
	free(m->signed_bytes);
	json_decref(m->document);
	free(m);
	return NULL;
}

/* ---- looking things up ---- */

/* bsearch() that knows an array which is not there. */
static const void *find(const void *key, const void *items, size_t n, size_t size,
	int (*compare)(const void *key, const void *item))
{
	return n > 0 ? bsearch(key, items, n, size, compare) : NULL;
}

static int key_has_id(const void *id, const void *item)
{
	return strcmp(id, (*(struct tuf_key *const *) item)->id);
}

const struct tuf_key *tuf_metadata_key(const struct tuf_metadata *m, const char *keyid)
{
	struct tuf_key *const *k = find(
		keyid, m->keys, m->n_keys, sizeof(struct tuf_key *), key_has_id);

	return k ? *k : NULL;
}

static int meta_has_name(const void *name, const void *item)
{
	return strcmp(name, ((const struct tuf_meta *) item)->name);
}

const struct tuf_meta *tuf_metadata_meta(const struct tuf_metadata *m, const char *name)
{
	return find(name, m->metas, m->n_metas, sizeof(*m->metas), meta_has_name);
}

static int target_has_path(const void *path, const void *item)
{
	return strcmp(path, ((const struct tuf_target *) item)->path);
}

const struct tuf_target *tuf_metadata_target(const struct tuf_metadata *m, const char *path)
{
	return find(path, m->targets, m->n_targets, sizeof(*m->targets), target_has_path);
}

static int delegation_has_name(const void *name, const void *item)
{
	return strcmp(name, (*(struct tuf_delegation *const *) item)->role.name);
}

const struct tuf_delegation *tuf_metadata_delegation(const struct tuf_metadata *m, const char *role)
{
	struct tuf_delegation *const *d = find(role, m->by_name, m->n_delegations,
		sizeof(struct tuf_delegation *), delegation_has_name);

	return d ? *d : NULL;
}

/* ---- who signed it ---- */

static int signature_has_keyid(const void *keyid, const void *item)
{
	return strcmp(keyid, ((const struct tuf_signature *) item)->keyid);
}

static bool has_signed(const struct tuf_metadata *m, const struct tuf_key *k)
{
	const struct tuf_signature *s = find(
		k->id, m->signatures, m->n_signatures, sizeof(*m->signatures), signature_has_keyid);

	return s && tuf_key_verify(k, m->signed_bytes, m->signed_size, s->bytes, s->size);
}

static bool is_among(const struct tuf_key *k, const struct tuf_key *const *keys, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (keys[i]->scheme == k->scheme && EVP_PKEY_eq(keys[i]->pkey, k->pkey) == 1)
			return true;
	return false;
}

unsigned tuf_metadata_count_signatures(const struct tuf_metadata *m,
	const struct tuf_metadata *keys_of, const struct tuf_role *role,
	void (*each)(void *context, const struct tuf_key *key), void *context)
{
	const struct tuf_key *signers[TUF_KEYS_MAX] = { NULL };
	unsigned n = 0;

	assert(role->n_keyids <= TUF_KEYS_MAX);
	for (size_t i = 0; i < role->n_keyids; i++) {
		const struct tuf_key *k = tuf_metadata_key(keys_of, role->keyids[i]);

		if (!k || !has_signed(m, k) || is_among(k, signers, n))
			continue;
		signers[n++] = k;
		if (each)
			each(context, k);
	}
	return n;
}
