/* TUF metadata at its limits and one past them, hash bins, and how signatures are counted. */
#include "policy/trust/metadata.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/sha.h>

#include "policy/base/text.h"
#include "policy/trust/canonical.h"

#define ID_1 "74c181c7ad8a0855d4b55e44d2ba87aabdddb196832571f15f92fece332e4916"

#define _cleanup_metadata_ _cleanup_(tuf_metadata_freep)

/* What is to be read: its own members, with a frame around. */
static json_t *frame(enum tuf_type type, json_t *more)
{
	json_t *object = json_pack("{s:s, s:s, s:i, s:s}", "_type", tuf_type_to_string(type),
		"spec_version", "1.0.31", "version", 1, "expires", "2030-01-01T00:00:00Z");

	assert_int_equal(json_object_update(object, more), 0);
	json_decref(more);
	return json_pack("{s:[], s:o}", "signatures", "signed", object);
}

static int parse_text(
	enum tuf_type type, const char *text, struct tuf_metadata **ret, struct tuf_error *e)
{
	return tuf_metadata_parse(type, "x", "x.json", text, strlen(text), ret, e);
}

static int parse(enum tuf_type type, json_t *file, struct tuf_metadata **ret, struct tuf_error *e)
{
	_cleanup_free_ char *text = json_dumps(file, JSON_COMPACT);

	assert_non_null(text);
	return parse_text(type, text, ret, e);
}

/* ---- limits ---- */

static char *dump(json_t *file)
{
	char *text = json_dumps(file, JSON_COMPACT);

	assert_non_null(text);
	json_decref(file);
	return text;
}

static json_t *key_number(size_t i)
{
	char hex[65];

	(void) snprintf(hex, sizeof(hex), "%064zx", i);
	return json_pack("{s:s, s:s, s:{s:s}}", "keytype", "ed25519", "scheme", "ed25519", "keyval",
		"public", hex);
}

static json_t *keys(size_t n)
{
	json_t *all = json_object();

	for (size_t i = 0; i < n; i++) {
		_cleanup_(tuf_key_freep) struct tuf_key *k = NULL;
		json_t *object = key_number(i);

		assert_int_equal(tuf_key_parse(object, &k), 0);
		assert_int_equal(json_object_set_new(all, k->id, object), 0);
	}
	return all;
}

static json_t *keyids(size_t n)
{
	json_t *all = json_array();

	for (size_t i = 0; i < n; i++) {
		char id[65];

		(void) snprintf(id, sizeof(id), "%064zx", i);
		assert_int_equal(json_array_append_new(all, json_string(id)), 0);
	}
	return all;
}

static json_t *root(json_t *all_keys, json_t *ids)
{
	json_t *role = json_pack("{s:o, s:i}", "keyids", ids, "threshold", 1);
	json_t *file = frame(TUF_ROOT,
		json_pack("{s:o, s:{s:O, s:O, s:O, s:O}}", "keys", all_keys, "roles", "root", role,
			"timestamp", role, "snapshot", role, "targets", role));

	json_decref(role);
	return file;
}

static char *with_keys(size_t n)
{
	return dump(root(keys(n), json_array()));
}

static char *with_keyids(size_t n)
{
	return dump(root(json_object(), keyids(n)));
}

static char *with_signatures(size_t n)
{
	json_t *file = root(json_object(), json_array());
	json_t *all = json_object_get(file, "signatures");

	for (size_t i = 0; i < n; i++) {
		char id[65];

		(void) snprintf(id, sizeof(id), "%064zx", i);
		assert_int_equal(
			json_array_append_new(all, json_pack("{s:s, s:s}", "keyid", id, "sig", "")),
			0);
	}
	return dump(file);
}

static char *with_signature_of(size_t n)
{
	json_t *file = root(json_object(), json_array());
	char *hex = malloc(2 * n + 1);

	assert_non_null(hex);
	memset(hex, 'a', 2 * n);
	hex[2 * n] = '\0';
	assert_int_equal(json_array_append_new(json_object_get(file, "signatures"),
				 json_pack("{s:s, s:s}", "keyid", ID_1, "sig", hex)),
		0);
	free(hex);
	return dump(file);
}

/* Many members, put down as text: building them would take longer than reading them. */
static char *with_members(enum tuf_type type, const char *of, const char *value, size_t n)
{
	_cleanup_json_ json_t *file = frame(type, json_object());
	_cleanup_free_ char *outer = json_dumps(file, JSON_COMPACT);
	size_t size = strlen(outer) + n * (strlen(value) + 24) + 64;
	char *text = malloc(size), *at = text;

	assert_non_null(text);
	/* in front of the two brackets that end the frame */
	at = mempcpy(at, outer, strlen(outer) - 2);
	at += sprintf(at, ",\"%s\":{", of);
	for (size_t i = 0; i < n; i++)
		at += sprintf(at, "%s\"%zx\":%s", i ? "," : "", i, value);
	(void) strcpy(at, "}}}");
	return text;
}

static char *with_metas(size_t n)
{
	return with_members(TUF_SNAPSHOT, "meta", "{\"version\":1}", n);
}

static char *with_targets(size_t n)
{
	return with_members(TUF_TARGETS, "targets", "{\"length\":1,\"hashes\":{\"x\":\"\"}}", n);
}

static json_t *delegation(const char *name, const char *kind, json_t *patterns)
{
	return json_pack("{s:s, s:[], s:i, s:b, s:o}", "name", name, "keyids", "threshold", 1,
		"terminating", 0, kind, patterns);
}

static json_t *with_delegations(json_t *roles)
{
	return frame(TUF_TARGETS,
		json_pack(
			"{s:{}, s:{s:{}, s:o}}", "targets", "delegations", "keys", "roles", roles));
}

static char *with_roles(size_t n)
{
	json_t *roles = json_array();

	for (size_t i = 0; i < n; i++) {
		char name[24];

		(void) snprintf(name, sizeof(name), "%zx", i);
		assert_int_equal(
			json_array_append_new(roles, delegation(name, "paths", json_array())), 0);
	}
	return dump(with_delegations(roles));
}

static char *with_patterns(size_t n)
{
	json_t *patterns = json_array();

	for (size_t i = 0; i < n; i++)
		assert_int_equal(json_array_append_new(patterns, json_string("ab")), 0);
	return dump(with_delegations(
		json_pack("[o, o]", delegation("a", "paths", json_incref(patterns)),
			delegation("b", "path_hash_prefixes", patterns))));
}

static char *with_name_of(size_t n)
{
	char name[TUF_ROLE_MAX + 2];

	assert_true(n < sizeof(name));
	memset(name, 'a', n);
	name[n] = '\0';
	return dump(with_delegations(json_pack("[o]", delegation(name, "paths", json_array()))));
}

static void test_limits(void **state)
{
	static const struct {
		const char *name;
		enum tuf_type type;
		char *(*make)(size_t n);
		size_t limit;
		const char *text;
	} cases[] = {
		{ "keys", TUF_ROOT, with_keys, TUF_KEYS_MAX,
			"\"keys\" holds 1025 keys, expected 1024 at most" },
		{ "key ids of a role", TUF_ROOT, with_keyids, TUF_KEYS_MAX,
			"role \"root\" has 1025 key ids, expected 1024 at most" },
		{ "signatures", TUF_ROOT, with_signatures, TUF_KEYS_MAX,
			"\"signatures\" has 1025 entries, expected 1024 at most" },
		{ "bytes of a signature", TUF_ROOT, with_signature_of, TUF_SIGNATURE_MAX,
			"signature \"" ID_1 "\" has 1025 bytes, expected 1024 at most" },
		{ "files in a snapshot", TUF_SNAPSHOT, with_metas, TUF_META_MAX,
			"\"meta\" names 65537 files, expected 65536 at most" },
		{ "targets", TUF_TARGETS, with_targets, TUF_TARGETS_MAX,
			"\"targets\" names 65537 files, expected 65536 at most" },
		{ "delegations", TUF_TARGETS, with_roles, TUF_ROLES_MAX,
			"\"roles\" has 1025 delegations, expected 1024 at most" },
		{ "patterns of a delegation", TUF_TARGETS, with_patterns, TUF_PATTERNS_MAX,
			"delegation \"a\" has 4097 patterns in \"paths\", expected 4096 at most" },
		{ "bytes of a role's name", TUF_TARGETS, with_name_of, TUF_ROLE_MAX,
			"has a name of 256 bytes, expected 255 at most" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *most = cases[i].make(cases[i].limit);
		_cleanup_free_ char *more = cases[i].make(cases[i].limit + 1);
		_cleanup_metadata_ struct tuf_metadata *m = NULL;
		struct tuf_metadata *none = NULL;
		struct tuf_error e = { 0 };

		if (parse_text(cases[i].type, most, &m, &e) < 0)
			fail_msg("%s: the most is refused: %s", cases[i].name, e.text);
		if (parse_text(cases[i].type, more, &none, &e) != -EBADMSG)
			fail_msg("%s: one too many is taken", cases[i].name);
		if (!strstr(e.text, cases[i].text))
			fail_msg("%s: \"%s\", expected \"%s\"", cases[i].name, e.text,
				cases[i].text);
	}
}

static void test_sizes_of_files(void **state)
{
	static const struct {
		enum tuf_type type;
		size_t limit;
		char *(*make)(size_t n);
	} cases[] = {
		{ TUF_ROOT, TUF_ROOT_SIZE_MAX, with_keys },
		{ TUF_SNAPSHOT, TUF_SNAPSHOT_SIZE_MAX, with_metas },
		{ TUF_TARGETS, TUF_TARGETS_SIZE_MAX, with_targets },
	};

	(void) state;
	assert_int_equal(tuf_type_size_max(TUF_TIMESTAMP), TUF_TIMESTAMP_SIZE_MAX);
	assert_int_equal(tuf_type_size_max(TUF_TYPE_NONE), 0);
	assert_string_equal(tuf_type_to_string(TUF_TYPE_NONE), "none");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = cases[i].make(1);
		_cleanup_free_ char *padded = malloc(cases[i].limit + 1);
		_cleanup_metadata_ struct tuf_metadata *m = NULL;
		struct tuf_metadata *none = NULL;
		struct tuf_error e = { 0 };

		assert_non_null(padded);
		memset(padded, ' ', cases[i].limit + 1);
		memcpy(padded, text, strlen(text));
		assert_int_equal(tuf_type_size_max(cases[i].type), cases[i].limit);
		if (tuf_metadata_parse(
			    cases[i].type, "x", "x.json", padded, cases[i].limit, &m, &e) < 0)
			fail_msg("%s: %s", tuf_type_to_string(cases[i].type), e.text);
		if (tuf_metadata_parse(cases[i].type, "x", "x.json", padded, cases[i].limit + 1,
			    &none, &e) != -EFBIG ||
			e.error != -EFBIG)
			fail_msg("%s: a byte too many is taken", tuf_type_to_string(cases[i].type));
	}
}

static void test_everything_is_found_at_the_limits(void **state)
{
	_cleanup_free_ char *text = with_targets(TUF_TARGETS_MAX);
	_cleanup_metadata_ struct tuf_metadata *m = NULL;
	struct tuf_error e = { 0 };

	(void) state;
	assert_int_equal(parse_text(TUF_TARGETS, text, &m, &e), 0);
	for (size_t i = 0; i < TUF_TARGETS_MAX; i++) {
		char path[24];
		const struct tuf_target *t;

		(void) snprintf(path, sizeof(path), "%zx", i);
		t = tuf_metadata_target(m, path);
		if (!t || strcmp(t->path, path) != 0)
			fail_msg("%s is not found", path);
		if (i > 0 && strcmp(m->targets[i - 1].path, m->targets[i].path) >= 0)
			fail_msg("%s is not in order", m->targets[i].path);
	}
}

/* ---- hash bins (TAP 15) ---- */

static json_t *with_bins(json_t *bits, json_t *prefix)
{
	return frame(TUF_TARGETS,
		json_pack("{s:{}, s:{s:{}, s:{s:[s], s:i, s:o*, s:o*}}}", "targets", "delegations",
			"keys", "succinct_roles", "keyids", ID_1, "threshold", 1, "bit_length",
			bits, "name_prefix", prefix));
}

/* The bin that a path falls into, as the enhancement proposal has it. */
static void bin_of(const char *path, unsigned bits, char out[32])
{
	uint8_t hash[SHA256_DIGEST_LENGTH];
	uint32_t first;

	(void) SHA256((const uint8_t *) path, strlen(path), hash);
	first = (uint32_t) hash[0] << 24 | (uint32_t) hash[1] << 16 | (uint32_t) hash[2] << 8 |
		hash[3];
	(void) snprintf(out, 32, "bin-%0*x", (int) (bits + 3) / 4, first >> (32 - bits));
}

/* Exactly one delegation has a prefix of the path's hash. */
static void check_bin_of(const struct tuf_metadata *m, unsigned bits, const char *path)
{
	uint8_t hash[SHA256_DIGEST_LENGTH];
	char hex[2 * sizeof(hash) + 1], want[32];
	unsigned found = 0;

	(void) SHA256((const uint8_t *) path, strlen(path), hash);
	text_hex(hash, sizeof(hash), hex);
	bin_of(path, bits, want);
	for (size_t i = 0; i < m->n_delegations; i++) {
		const struct tuf_delegation *d = &m->delegations[i];

		for (size_t k = 0; k < d->n_patterns; k++) {
			if (strncmp(hex, d->prefixes[k], strlen(d->prefixes[k])) != 0)
				continue;
			found++;
			if (strcmp(d->role.name, want) != 0)
				fail_msg("%u bits, %s: is in %s, expected %s", bits, path,
					d->role.name, want);
		}
	}
	if (found != 1)
		fail_msg("%u bits, %s: is in %u bins", bits, path, found);
}

static void test_hash_bins(void **state)
{
	(void) state;
	for (unsigned bits = 1; bits <= 16; bits++) {
		_cleanup_json_ json_t *file = with_bins(json_integer(bits), json_string("bin"));
		_cleanup_metadata_ struct tuf_metadata *m = NULL;
		struct tuf_error e = { 0 };
		size_t n_prefixes = 0, all = (size_t) 1 << 4 * ((bits + 3) / 4);

		if (parse(TUF_TARGETS, file, &m, &e) < 0)
			fail_msg("%u bits: %s", bits, e.text);
		assert_int_equal(m->n_delegations, (size_t) 1 << bits);
		for (size_t i = 0; i < m->n_delegations; i++) {
			const struct tuf_delegation *d = &m->delegations[i];

			assert_true(d->terminating && d->prefixes && !d->paths);
			assert_int_equal(d->role.threshold, 1);
			assert_int_equal(d->role.n_keyids, 1);
			assert_string_equal(d->role.keyids[0], ID_1);
			assert_ptr_equal(tuf_metadata_delegation(m, d->role.name), d);
			n_prefixes += d->n_patterns;
		}
		assert_int_equal(n_prefixes, all);
		check_bin_of(m, bits, "policy/policy.yaml");
		check_bin_of(m, bits, "policy/lists/x.txt");
		check_bin_of(m, bits, "");
	}
}

static void test_malformed_hash_bins(void **state)
{
	static char longest[TUF_ROLE_MAX + 1];
	const struct {
		const char *name;
		json_t *bits, *prefix;
		const char *text; /* NULL: taken */
	} cases[] = {
		{ "no bit length", NULL, json_string("bin"),
			"\"bit_length\" of the succinct roles is missing" },
		{ "0 bits", json_integer(0), json_string("bin"), "is 0, expected" },
		{ "17 bits", json_integer(17), json_string("bin"),
			"\"bit_length\" of the succinct roles is 17, expected a whole number from 1"
			" to 16" },
		{ "32 bits", json_integer(32), json_string("bin"), "is 32, expected" },
		{ "bits as text", json_string("8"), json_string("bin"), "is \"8\", expected" },
		{ "no prefix", json_integer(8), NULL,
			"\"name_prefix\" of the succinct roles is missing" },
		{ "a prefix that is a number", json_integer(8), json_integer(1),
			"is 1, expected a string" },
		{ "an empty prefix", json_integer(8), json_string(""), NULL },
		{ "the longest prefix", json_integer(8),
			json_string(memset(longest, 'a', TUF_ROLE_MAX - 3)), NULL },
		{ "one byte more", json_integer(8),
			json_string(memset(longest, 'a', TUF_ROLE_MAX - 2)),
			"the succinct roles have names of more than 255 bytes" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_json_ json_t *file = with_bins(cases[i].bits, cases[i].prefix);
		_cleanup_metadata_ struct tuf_metadata *m = NULL;
		struct tuf_error e = { 0 };
		int r = parse(TUF_TARGETS, file, &m, &e);

		if (r != (cases[i].text ? -EBADMSG : 0))
			fail_msg("%s: %d (%s)", cases[i].name, r, e.text);
		if (cases[i].text && !strstr(e.text, cases[i].text))
			fail_msg("%s: \"%s\", expected \"%s\"", cases[i].name, e.text,
				cases[i].text);
	}
}

/* ---- who signed ---- */

enum { SIGNERS = 3 };

struct signers {
	EVP_PKEY *pkeys[SIGNERS];
	json_t *objects[SIGNERS];
	char ids[SIGNERS][TUF_KEYID_SIZE];
};

static int signers_setup(void **state)
{
	struct signers *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	for (int i = 0; i < SIGNERS; i++) {
		_cleanup_(tuf_key_freep) struct tuf_key *k = NULL;

		s->pkeys[i] = i == 1 ? EVP_EC_gen("P-256")
				     : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		assert_non_null(s->pkeys[i]);
		assert_int_equal(tuf_key_object(s->pkeys[i], NULL, &s->objects[i]), 0);
		assert_int_equal(tuf_key_parse(s->objects[i], &k), 0);
		memcpy(s->ids[i], k->id, TUF_KEYID_SIZE);
	}
	*state = s;
	return 0;
}

static int signers_teardown(void **state)
{
	struct signers *s = *state;

	for (int i = 0; i < SIGNERS; i++) {
		EVP_PKEY_free(s->pkeys[i]);
		json_decref(s->objects[i]);
	}
	free(s);
	return 0;
}

/* A root that all of them may sign; another object of the first key, with an owner, may too. */
static json_t *signers_root(const struct signers *s, char twin_id[TUF_KEYID_SIZE])
{
	_cleanup_(tuf_key_freep) struct tuf_key *twin = NULL;
	json_t *all = json_object(), *ids = json_array(), *object = NULL;

	for (int i = 0; i < SIGNERS; i++) {
		assert_int_equal(json_object_set(all, s->ids[i], s->objects[i]), 0);
		assert_int_equal(json_array_append_new(ids, json_string(s->ids[i])), 0);
	}
	assert_int_equal(tuf_key_object(s->pkeys[0], "alice", &object), 0);
	assert_int_equal(tuf_key_parse(object, &twin), 0);
	memcpy(twin_id, twin->id, TUF_KEYID_SIZE);
	assert_int_equal(json_object_set_new(all, twin_id, object), 0);
	assert_int_equal(json_array_append_new(ids, json_string(twin_id)), 0);
	/* and one that is no key of this file */
	assert_int_equal(json_array_append_new(ids, json_string(ID_1)), 0);
	return root(all, ids);
}

static void add_signature(json_t *file, const char *keyid, EVP_PKEY *pkey)
{
	_cleanup_free_ char *text = NULL;
	uint8_t bytes[TUF_SIGNATURE_MAX];
	char hex[2 * sizeof(bytes) + 1];
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	size_t n = 0, size = sizeof(bytes);
	bool is_ed25519 = EVP_PKEY_is_a(pkey, "ED25519");

	assert_int_equal(canonical_encode(json_object_get(file, "signed"), &text, &n), 0);
	assert_int_equal(
		EVP_DigestSignInit(context, NULL, is_ed25519 ? NULL : EVP_sha256(), NULL, pkey), 1);
	assert_int_equal(EVP_DigestSign(context, bytes, &size, (const uint8_t *) text, n), 1);
	EVP_MD_CTX_free(context);
	text_hex(bytes, size, hex);
	assert_int_equal(json_array_append_new(json_object_get(file, "signatures"),
				 json_pack("{s:s, s:s}", "keyid", keyid, "sig", hex)),
		0);
}

struct heard {
	unsigned n;
	char ids[8][TUF_KEYID_SIZE];
};

static void hear(void *context, const struct tuf_key *k)
{
	struct heard *h = context;

	assert_true(h->n < ARRAY_SIZE(h->ids));
	memcpy(h->ids[h->n++], k->id, TUF_KEYID_SIZE);
}

static unsigned count(json_t *file, const struct tuf_metadata *keys_of, struct heard *h)
{
	_cleanup_metadata_ struct tuf_metadata *m = NULL;
	struct tuf_error e = { 0 };
	unsigned n;

	if (parse(TUF_ROOT, file, &m, &e) < 0)
		fail_msg("%s", e.text);
	*h = (struct heard){ 0 };
	n = tuf_metadata_count_signatures(
		m, keys_of ? keys_of : m, &(keys_of ? keys_of : m)->roles[TUF_ROOT], hear, h);
	assert_int_equal(n, h->n);
	return n;
}

static void test_signatures_are_counted(void **state)
{
	const struct signers *s = *state;
	_cleanup_json_ json_t *file = NULL;
	char twin_id[TUF_KEYID_SIZE];
	struct heard h;
	json_t *signatures;

	file = signers_root(s, twin_id);
	signatures = json_object_get(file, "signatures");
	assert_int_equal(count(file, NULL, &h), 0);

	/* nobody knows this one; this one has not signed yet; this one is not of these keys */
	assert_int_equal(
		json_array_append_new(signatures,
			json_pack("{s:s, s:s}", "keyid",
				"00000000000000000000000000000000000000000000000000000000000000aa",
				"sig", "aabb")),
		0);
	assert_int_equal(json_array_append_new(signatures,
				 json_pack("{s:s, s:s}", "keyid", s->ids[2], "sig", "")),
		0);
	add_signature(file, ID_1, s->pkeys[0]);
	assert_int_equal(count(file, NULL, &h), 0);

	add_signature(file, s->ids[0], s->pkeys[0]);
	assert_int_equal(count(file, NULL, &h), 1);
	assert_string_equal(h.ids[0], s->ids[0]);

	/* the same key by another object of it is no second one */
	add_signature(file, twin_id, s->pkeys[0]);
	assert_int_equal(count(file, NULL, &h), 1);

	add_signature(file, s->ids[1], s->pkeys[1]);
	assert_int_equal(count(file, NULL, &h), 2);
	assert_int_equal(json_array_remove(signatures, 1), 0);
	add_signature(file, s->ids[2], s->pkeys[2]);
	assert_int_equal(count(file, NULL, &h), 3);

	/* what was signed is something else now */
	assert_int_equal(
		json_object_set_new(json_object_get(file, "signed"), "version", json_integer(2)),
		0);
	assert_int_equal(count(file, NULL, &h), 0);
}

static void test_signature_by_another_key_counts_nothing(void **state)
{
	const struct signers *s = *state;
	_cleanup_json_ json_t *file = NULL;
	char twin_id[TUF_KEYID_SIZE];
	struct heard h;

	file = signers_root(s, twin_id);
	add_signature(file, s->ids[0], s->pkeys[1]);
	add_signature(file, s->ids[1], s->pkeys[0]);
	add_signature(file, s->ids[2], s->pkeys[0]);
	assert_int_equal(count(file, NULL, &h), 0);
}

static void test_keys_of_another_file_count(void **state)
{
	const struct signers *s = *state;
	_cleanup_json_ json_t *old = NULL, *new = NULL;
	_cleanup_metadata_ struct tuf_metadata *m = NULL;
	char twin_id[TUF_KEYID_SIZE];
	struct tuf_error e = { 0 };
	struct heard h;

	old = signers_root(s, twin_id);
	new = root(keys(1), json_array());
	add_signature(new, s->ids[0], s->pkeys[0]);
	add_signature(new, s->ids[1], s->pkeys[1]);
	assert_int_equal(parse(TUF_ROOT, old, &m, &e), 0);
	assert_int_equal(count(new, m, &h), 2);
	assert_int_equal(count(new, NULL, &h), 0);
}

/* ---- errors ---- */

static void test_error_lines(void **state)
{
	static const struct {
		const char *role, *file, *text, *want;
	} cases[] = {
		{ "team", "3.team.json", "is version 3", "3.team.json (role team): is version 3" },
		{ NULL, "a.txt", "is gone", "a.txt: is gone" },
		{ "team", NULL, "is gone", "role team: is gone" },
		{ NULL, NULL, "is gone", "is gone" },
		{ "\x1b[2J", "a\nb", "\xe2\x80\xae", "a\\x0ab (role \\x1b[2J): \\u202e" },
		{ NULL, "x", "", "x: Bad message" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *line = NULL;
		struct tuf_error e = { .text = "of before" };

		assert_int_equal(
			tuf_fail(&e, -EBADMSG, cases[i].role, cases[i].file, "%s", cases[i].text),
			-EBADMSG);
		line = tuf_error_line(&e);
		if (e.error != -EBADMSG || strcmp(line, cases[i].want) != 0)
			fail_msg("row %zu: \"%s\", expected \"%s\"", i, line, cases[i].want);
	}
	assert_int_equal(tuf_fail(NULL, -EPROTO, "a", "b", "c"), -EPROTO);
}

static void test_errors_are_cut(void **state)
{
	static char longest[4 * TUF_TEXT_MAX];
	struct tuf_error e;

	(void) state;
	memset(longest, 'x', sizeof(longest) - 1);
	(void) tuf_fail(&e, -EBADMSG, longest, longest, "%s", longest);
	assert_int_equal(strlen(e.role), TUF_ROLE_MAX);
	assert_int_equal(strlen(e.file), TUF_FILE_MAX);
	assert_int_equal(strlen(e.text), TUF_TEXT_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_sizes_of_files),
		cmocka_unit_test(test_everything_is_found_at_the_limits),
		cmocka_unit_test(test_hash_bins),
		cmocka_unit_test(test_malformed_hash_bins),
		cmocka_unit_test(test_signatures_are_counted),
		cmocka_unit_test(test_signature_by_another_key_counts_nothing),
		cmocka_unit_test(test_keys_of_another_file_count),
		cmocka_unit_test(test_error_lines),
		cmocka_unit_test(test_errors_are_cut),
	};

	return cmocka_run_group_tests(tests, signers_setup, signers_teardown);
}
