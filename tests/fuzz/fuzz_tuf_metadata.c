/*
 * Bytes that are taken as a metadata file are of one type, within every limit, sorted, with keys
 * whose ids are those of their content; and the bytes that are signed make the same file when they
 * are read again. Bytes that are refused are so with a reason that a terminal can show.
 */
#include <openssl/sha.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/cleanup.h"
#include "policy/base/text.h"
#include "policy/trust/canonical.h"
#include "policy/trust/metadata.h"
#include "tests/fuzz/canonical.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void key_id(const json_t *object, char out[TUF_KEYID_SIZE])
{
	_cleanup_free_ char *text = NULL;
	uint8_t digest[SHA256_DIGEST_LENGTH];
	size_t n = 0;

	must(canonical_encode(object, &text, &n) == 0);
	(void) SHA256((const uint8_t *) text, n, digest);
	text_hex(digest, sizeof(digest), out);
}

static const json_t *keys_of(const struct tuf_metadata *m)
{
	const json_t *object = json_object_get(m->document, "signed");

	if (m->type == TUF_TARGETS)
		object = json_object_get(object, "delegations");
	return json_object_get(object, "keys");
}

static void check_keys(const struct tuf_metadata *m)
{
	const json_t *objects = keys_of(m);

	must(m->n_keys <= TUF_KEYS_MAX);
	for (size_t i = 0; i < m->n_keys; i++) {
		const struct tuf_key *k = m->keys[i];
		char id[TUF_KEYID_SIZE];

		must(tuf_metadata_key(m, k->id) == k);
		must(!k->pkey == (k->scheme == TUF_SCHEME_UNKNOWN));
		must(text_utf8_valid(k->owner, strlen(k->owner)));
		key_id(json_object_get(objects, k->id), id);
		must(strcmp(id, k->id) == 0);
	}
}

static void check_role(const struct tuf_role *r)
{
	must(*r->name && r->threshold >= 1 && r->n_keyids <= TUF_KEYS_MAX);
	for (size_t i = 0; i < r->n_keyids; i++) {
		must(strlen(r->keyids[i]) == TUF_KEYID_SIZE - 1);
		must(i == 0 || strcmp(r->keyids[i - 1], r->keyids[i]) < 0);
	}
}

static void check_info(const struct tuf_fileinfo *info)
{
	must(info->has_length || info->length == 0);
	must(info->length <= INT64_MAX);
}

static void check_delegations(const struct tuf_metadata *m)
{
	must(m->n_delegations <= TUF_BINS_MAX);
	for (size_t i = 0; i < m->n_delegations; i++) {
		const struct tuf_delegation *d = &m->delegations[i];

		check_role(&d->role);
		must(strlen(d->role.name) <= TUF_ROLE_MAX);
		must(tuf_metadata_delegation(m, d->role.name) == d);
		must(!d->paths != !d->prefixes && d->n_patterns <= TUF_PATTERNS_MAX);
		for (size_t k = 0; k < d->n_patterns; k++)
			must((d->paths ? d->paths : d->prefixes)[k] != NULL);
	}
}

static void check(const struct tuf_metadata *m)
{
	must(m->version >= 1 && m->n_signatures <= TUF_KEYS_MAX);
	for (size_t i = 0; i < m->n_signatures; i++) {
		must(m->signatures[i].size <= TUF_SIGNATURE_MAX);
		must(i == 0 || strcmp(m->signatures[i - 1].keyid, m->signatures[i].keyid) < 0);
	}
	check_keys(m);
	for (enum tuf_type t = TUF_ROOT; m->type == TUF_ROOT && t < _TUF_TYPE_MAX; t++) {
		check_role(&m->roles[t]);
		must(tuf_metadata_count_signatures(m, m, &m->roles[t], NULL, NULL) <=
			m->n_signatures);
	}
	must(m->n_metas <= TUF_META_MAX && (m->type != TUF_TIMESTAMP || m->n_metas == 1));
	for (size_t i = 0; i < m->n_metas; i++) {
		must(m->metas[i].version >= 1);
		must(tuf_metadata_meta(m, m->metas[i].name) == &m->metas[i]);
		check_info(&m->metas[i].info);
	}
	must(m->n_targets <= TUF_TARGETS_MAX);
	for (size_t i = 0; i < m->n_targets; i++) {
		must(m->targets[i].info.has_length);
		must(tuf_metadata_target(m, m->targets[i].path) == &m->targets[i]);
		check_info(&m->targets[i].info);
	}
	check_delegations(m);
}

/* The bytes that are signed, in a file of their own, are the same again. */
static void check_again(const struct tuf_metadata *m)
{
	_cleanup_(tuf_metadata_freep) struct tuf_metadata *again = NULL;
	_cleanup_free_ char *readable = canonical_readable(m->signed_bytes, m->signed_size);
	_cleanup_free_ char *signatures = json_dumps(
		json_object_get(m->document, "signatures"), JSON_COMPACT);
	_cleanup_free_ char *text = NULL;
	int n = asprintf(&text, "{\"signed\":%s,\"signatures\":%s}", readable, signatures);

	must(n > 0);
	if ((size_t) n > tuf_type_size_max(m->type))
		return;
	must(tuf_metadata_parse(m->type, "x", "x", text, (size_t) n, &again, NULL) == 0);
	must(again->signed_size == m->signed_size &&
		memcmp(again->signed_bytes, m->signed_bytes, m->signed_size) == 0);
	must(again->version == m->version && again->expires_utc_sec == m->expires_utc_sec);
	must(again->n_signatures == m->n_signatures && again->n_keys == m->n_keys);
	must(again->n_metas == m->n_metas && again->n_targets == m->n_targets);
	must(again->n_delegations == m->n_delegations);
}

static void check_error(int r, const struct tuf_error *e)
{
	must(r == -EBADMSG || r == -EPROTO || r == -EFBIG);
	must(e->error == r && *e->text && strcmp(e->role, "x") == 0);
	must(text_utf8_valid(e->text, strlen(e->text)));
	for (const char *c = e->text; *c; c++)
		must((unsigned char) *c >= 0x20 && *c != 0x7f);
}

static void read_all(const void *data, size_t size)
{
	unsigned taken = 0;

	for (enum tuf_type t = TUF_ROOT; t < _TUF_TYPE_MAX; t++) {
		_cleanup_(tuf_metadata_freep) struct tuf_metadata *m = NULL;
		struct tuf_error e = { 0 };
		int r = tuf_metadata_parse(t, "x", "x.json", data, size, &m, &e);

		if (r < 0) {
			check_error(r, &e);
			continue;
		}
		taken++;
		check(m);
		check_again(m);
	}
	must(taken <= 1);
}

/* A change anywhere in a key changes its id: names the keys anew, so that what lies behind is met
 * as well. */
static void name_keys(json_t *holder)
{
	json_t *keys = json_object_get(holder, "keys");
	_cleanup_json_ json_t *named = json_object();
	const char *name;
	json_t *object;

	if (!json_is_object(keys))
		return;
	json_object_foreach(keys, name, object)
	{
		_cleanup_(tuf_key_freep) struct tuf_key *k = NULL;

		must(json_object_set(
			     named, tuf_key_parse(object, &k) == 0 ? k->id : name, object) == 0);
	}
	must(json_object_set(holder, "keys", named) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_json_ json_t *document = NULL;
	_cleanup_free_ char *text = NULL;
	json_t *object;

	read_all(data, size);
	if (canonical_load(data, size, NULL, 0, &document) < 0)
		return 0;
	object = json_object_get(document, "signed");
	name_keys(object);
	name_keys(json_object_get(object, "delegations"));
	text = json_dumps(document, JSON_COMPACT | JSON_ENCODE_ANY);
	if (text)
		read_all(text, strlen(text));
	return 0;
}
