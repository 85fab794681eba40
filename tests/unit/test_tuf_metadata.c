/* TUF metadata files: what is read from each type, and every way in which one can be malformed. */
#include "policy/trust/metadata.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "policy/base/text.h"
#include "policy/trust/canonical.h"

/* public keys of RFC 8032, section 7.1, and their ids */
#define PUBLIC_1          "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
#define PUBLIC_2          "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
#define ID_1              "74c181c7ad8a0855d4b55e44d2ba87aabdddb196832571f15f92fece332e4916"
#define ID_2              "eaf1e23f6c823132f437a2eaa299a7950f7386631deff273db195bbd26209e2b"
#define SHA256_OF_NOTHING "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

#define KEY(public) "{'keytype':'ed25519','scheme':'ed25519','keyval':{'public':'" public "'}}"
#define FRAME(type) \
	"'_type':'" type "','spec_version':'1.0.31','version':7,'expires':'2030-01-02T03:04:05Z'"
#define FILE_OF(type, more) \
	"{'signatures':[{'keyid':'" ID_1 "','sig':'00ff'}],'signed':{" FRAME(type) "," more "}}"
#define ROLE   "{'keyids':['" ID_1 "'],'threshold':1}"
#define KEYS   "'keys':{'" ID_1 "':" KEY(PUBLIC_1) ",'" ID_2 "':" KEY(PUBLIC_2) "}"
#define HASHES "'hashes':{'sha256':'" SHA256_OF_NOTHING "'}"
#define DELEGATION \
	"{'name':'team','keyids':['" ID_1 "'],'threshold':1,'terminating':false,'paths':['a/*']}"

static const char *const files[_TUF_TYPE_MAX] = {
	[TUF_ROOT] = FILE_OF("root",
		KEYS ",'consistent_snapshot':true,'roles':{'root':{'keyids':"
		     "['" ID_2 "','" ID_1 "'],'threshold':2},"
		     "'timestamp':" ROLE ",'snapshot':" ROLE ",'targets':" ROLE "}"),
	[TUF_TIMESTAMP] = FILE_OF(
		"timestamp", "'meta':{'snapshot.json':{'version':3,'length':9," HASHES "}}"),
	[TUF_SNAPSHOT] = FILE_OF("snapshot",
		"'meta':{'targets.json':{'version':4},'a/b.json':"
		"{'version':1,'length':0," HASHES "}}"),
	[TUF_TARGETS] = FILE_OF("targets",
		"'targets':{'b/c.txt':{'length':0," HASHES ",'custom':"
		"{'x':1}},'a.txt':{'length':5,'hashes':{'blake':'x',"
		"'sha256':'" SHA256_OF_NOTHING "'}}},"
		"'delegations':{" KEYS ",'roles':[" DELEGATION "]}"),
};

/* JSON with single quotes, as it is easier to read in C. */
static json_t *load(const char *text)
{
	_cleanup_free_ char *copy = strdup(text);
	json_t *value = NULL;
	char why[200] = "";

	assert_non_null(copy);
	for (char *c = copy; (c = strchr(c, '\'')); c++)
		*c = '"';
	if (canonical_load(copy, strlen(copy), why, sizeof(why), &value) < 0)
		fail_msg("%s: %s", copy, why);
	return value;
}

/* @path: members and indices of lists, '|' between them. */
static json_t *at(json_t *value, const char *path)
{
	while (*path) {
		char part[128];
		size_t n = strcspn(path, "|");

		assert_true(n < sizeof(part));
		memcpy(part, path, n);
		part[n] = '\0';
		value = json_is_array(value) ? json_array_get(value, (size_t) atoi(part))
					     : json_object_get(value, part);
		assert_non_null(value);
		path += n + (path[n] == '|');
	}
	return value;
}

/* Sets what is at @path to @new (taken over); NULL takes it away. */
static void put(json_t *file, const char *path, json_t *new)
{
	_cleanup_free_ char *parent = strdup(path);
	char *last = strrchr(parent, '|');
	json_t *holder;

	assert_non_null(last);
	*last++ = '\0';
	holder = at(file, parent);
	if (json_is_array(holder) && new)
		assert_int_equal(json_array_set_new(holder, (size_t) atoi(last), new), 0);
	else if (new)
		assert_int_equal(json_object_set_new(holder, last, new), 0);
	else
		assert_int_equal(json_object_del(holder, last), 0);
}

static int parse(
	enum tuf_type type, const json_t *file, struct tuf_metadata **ret, struct tuf_error *e)
{
	_cleanup_free_ char *text = json_dumps(file, JSON_COMPACT);

	assert_non_null(text);
	return tuf_metadata_parse(type, "team", "7.team.json", text, strlen(text), ret, e);
}

static struct tuf_metadata *must_parse(enum tuf_type type, const json_t *file)
{
	struct tuf_metadata *m = NULL;
	struct tuf_error e = { 0 };

	if (parse(type, file, &m, &e) < 0)
		fail_msg("%s: refused: %s", tuf_type_to_string(type), e.text);
	return m;
}

static void must_refuse(
	const char *name, enum tuf_type type, const json_t *file, int want, const char *text)
{
	struct tuf_metadata *m = NULL;
	struct tuf_error e = { 0 };
	int r = parse(type, file, &m, &e);

	if (r != want || m)
		fail_msg("%s: %d, expected %d", name, r, want);
	if (e.error != want || strcmp(e.role, "team") != 0 || strcmp(e.file, "7.team.json") != 0)
		fail_msg("%s: error %d, role %s, file %s", name, e.error, e.role, e.file);
	if (!strstr(e.text, text))
		fail_msg("%s: \"%s\", expected \"%s\"", name, e.text, text);
}

#define _cleanup_metadata_ _cleanup_(tuf_metadata_freep)

/* ---- what is read ---- */

static void test_frame(void **state)
{
	(void) state;
	for (enum tuf_type t = TUF_ROOT; t < _TUF_TYPE_MAX; t++) {
		_cleanup_json_ json_t *file = load(files[t]);
		_cleanup_metadata_ struct tuf_metadata *m = must_parse(t, file);
		_cleanup_free_ char *want = NULL;
		size_t n = 0;

		assert_int_equal(m->type, t);
		assert_int_equal(m->version, 7);
		assert_int_equal(m->expires_utc_sec, 1893553445);
		assert_int_equal(canonical_encode(at(file, "signed"), &want, &n), 0);
		assert_int_equal(m->signed_size, n);
		assert_string_equal(m->signed_bytes, want);
		assert_int_equal(m->n_signatures, 1);
		assert_string_equal(m->signatures[0].keyid, ID_1);
		assert_int_equal(m->signatures[0].size, 2);
		assert_memory_equal(m->signatures[0].bytes, "\x00\xff", 2);
		assert_true(json_equal(m->document, file));
	}
}

static void test_root(void **state)
{
	_cleanup_json_ json_t *file = load(files[TUF_ROOT]);
	_cleanup_metadata_ struct tuf_metadata *m = must_parse(TUF_ROOT, file);

	(void) state;
	assert_true(m->consistent_snapshot);
	assert_int_equal(m->n_keys, 2);
	assert_string_equal(tuf_metadata_key(m, ID_1)->id, ID_1);
	assert_string_equal(tuf_metadata_key(m, ID_2)->id, ID_2);
	assert_null(tuf_metadata_key(m, SHA256_OF_NOTHING));
	for (enum tuf_type t = TUF_ROOT; t < _TUF_TYPE_MAX; t++) {
		assert_string_equal(m->roles[t].name, tuf_type_to_string(t));
		assert_int_equal(m->roles[t].n_keyids, t == TUF_ROOT ? 2 : 1);
		assert_int_equal(m->roles[t].threshold, t == TUF_ROOT ? 2 : 1);
		assert_string_equal(m->roles[t].keyids[0], ID_1);
	}
	assert_string_equal(m->roles[TUF_ROOT].keyids[1], ID_2);
	assert_null(tuf_metadata_meta(m, "targets.json"));
	assert_null(tuf_metadata_target(m, "a.txt"));
	assert_null(tuf_metadata_delegation(m, "team"));
}

static void test_metas(void **state)
{
	_cleanup_json_ json_t *first = load(files[TUF_TIMESTAMP]);
	_cleanup_json_ json_t *second = load(files[TUF_SNAPSHOT]);
	_cleanup_metadata_ struct tuf_metadata *timestamp = must_parse(TUF_TIMESTAMP, first);
	_cleanup_metadata_ struct tuf_metadata *snapshot = must_parse(TUF_SNAPSHOT, second);
	const struct tuf_meta *meta = tuf_metadata_meta(timestamp, "snapshot.json");

	(void) state;
	assert_int_equal(timestamp->n_metas, 1);
	assert_int_equal(meta->version, 3);
	assert_true(meta->info.has_length && meta->info.length == 9);
	assert_true(meta->info.has_sha256 && !meta->info.has_sha512 && !meta->info.has_unknown);
	assert_int_equal(meta->info.sha256[0], 0xe3);

	assert_int_equal(snapshot->n_metas, 2);
	assert_string_equal(snapshot->metas[0].name, "a/b.json");
	assert_string_equal(snapshot->metas[1].name, "targets.json");
	meta = tuf_metadata_meta(snapshot, "targets.json");
	assert_int_equal(meta->version, 4);
	assert_false(meta->info.has_length || meta->info.has_sha256);
	meta = tuf_metadata_meta(snapshot, "a/b.json");
	assert_true(meta->info.has_length && meta->info.length == 0);
	assert_null(tuf_metadata_meta(snapshot, "a/b"));
	assert_null(tuf_metadata_key(snapshot, ID_1));
}

static void test_targets(void **state)
{
	_cleanup_json_ json_t *file = load(files[TUF_TARGETS]);
	_cleanup_metadata_ struct tuf_metadata *m = must_parse(TUF_TARGETS, file);
	const struct tuf_target *t;
	const struct tuf_delegation *d;

	(void) state;
	assert_int_equal(m->n_targets, 2);
	assert_string_equal(m->targets[0].path, "a.txt");
	t = tuf_metadata_target(m, "a.txt");
	assert_true(t->info.has_length && t->info.length == 5);
	assert_true(t->info.has_sha256 && t->info.has_unknown && !t->info.has_sha512);
	assert_null(t->custom);
	t = tuf_metadata_target(m, "b/c.txt");
	assert_true(t->info.has_length && t->info.length == 0 && !t->info.has_unknown);
	assert_int_equal(json_integer_value(json_object_get(t->custom, "x")), 1);
	assert_null(tuf_metadata_target(m, "b"));

	assert_int_equal(m->n_keys, 2);
	assert_int_equal(m->n_delegations, 1);
	d = tuf_metadata_delegation(m, "team");
	assert_ptr_equal(d, &m->delegations[0]);
	assert_string_equal(d->role.name, "team");
	assert_false(d->terminating);
	assert_int_equal(d->n_patterns, 1);
	assert_string_equal(d->paths[0], "a/*");
	assert_null(d->prefixes);
	assert_null(tuf_metadata_delegation(m, "teams"));
}

static void test_what_may_be_otherwise(void **state)
{
	static const struct {
		const char *name;
		enum tuf_type type;
		const char *path, *value; /* NULL: missing */
	} cases[] = {
		{ "an unknown member of the file", TUF_ROOT, "x", "1" },
		{ "an unknown member of what is signed", TUF_ROOT, "signed|x", "{'y':[null]}" },
		{ "an unknown member of a role", TUF_ROOT, "signed|roles|root|x", "'y'" },
		{ "specification 1.0 of old", TUF_ROOT, "signed|spec_version", "'1.0'" },
		{ "a specification to come", TUF_ROOT, "signed|spec_version", "'1.20.300'" },
		{ "no consistent snapshots", TUF_ROOT, "signed|consistent_snapshot", "false" },
		{ "nothing about consistent snapshots", TUF_ROOT, "signed|consistent_snapshot",
			NULL },
		{ "mirrors", TUF_ROOT, "signed|roles|mirrors", "{}" },
		{ "a role whose key is not there", TUF_ROOT, "signed|roles|root|keyids",
			"['" SHA256_OF_NOTHING "']" },
		{ "a role without keys", TUF_ROOT, "signed|roles|root|keyids", "[]" },
		{ "a threshold that its keys cannot reach", TUF_ROOT, "signed|roles|root|threshold",
			"9" },
		{ "the highest threshold", TUF_ROOT, "signed|roles|root|threshold", "4294967295" },
		{ "the highest version", TUF_ROOT, "signed|version", "9223372036854775807" },
		{ "no signatures", TUF_ROOT, "signatures", "[]" },
		{ "a signature that nobody has written yet", TUF_ROOT, "signatures|0|sig", "''" },
		{ "an unknown member of a signature", TUF_ROOT, "signatures|0|x", "1" },
		{ "upper case in a signature", TUF_ROOT, "signatures|0|sig", "'ABCD'" },
		{ "other files in the timestamp", TUF_TIMESTAMP, "signed|meta|x.json", "7" },
		{ "no file in the snapshot", TUF_SNAPSHOT, "signed|meta", "{}" },
		{ "no length in the timestamp", TUF_TIMESTAMP, "signed|meta|snapshot.json|length",
			NULL },
		{ "no hashes in the timestamp", TUF_TIMESTAMP, "signed|meta|snapshot.json|hashes",
			NULL },
		{ "no target", TUF_TARGETS, "signed|targets", "{}" },
		{ "no delegations", TUF_TARGETS, "signed|delegations", NULL },
		{ "delegations without roles", TUF_TARGETS, "signed|delegations|roles", "[]" },
		{ "hashes of unknown kinds alone", TUF_TARGETS, "signed|targets|a.txt|hashes",
			"{'blake2b-256':'00'}" },
		{ "the longest file there can be", TUF_TARGETS, "signed|targets|a.txt|length",
			"9223372036854775807" },
		{ "a path that a URL would quote", TUF_TARGETS, "signed|targets|\xc3\xab /../?#",
			"{'length':1,'hashes':{'x':'y'}}" },
		{ "custom data of any kind", TUF_TARGETS, "signed|targets|a.txt|custom", "[1]" },
		{ "a role name like a path", TUF_TARGETS, "signed|delegations|roles|0|name",
			"'../x?#'" },
		{ "a role named almost as a top-level one", TUF_TARGETS,
			"signed|delegations|roles|0|name", "'Root'" },
		{ "no pattern", TUF_TARGETS, "signed|delegations|roles|0|paths", "[]" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_json_ json_t *file = load(files[cases[i].type]);
		_cleanup_metadata_ struct tuf_metadata *m = NULL;
		struct tuf_error e = { 0 };
		char path[200];

		/* put() wants a holder */
		(void) snprintf(path, sizeof(path), "%s%s", strchr(cases[i].path, '|') ? "" : "|",
			cases[i].path);
		put(file, path, cases[i].value ? load(cases[i].value) : NULL);
		if (parse(cases[i].type, file, &m, &e) < 0)
			fail_msg("%s: refused: %s", cases[i].name, e.text);
	}
}

/* ---- what is refused ---- */

struct malformed {
	const char *name, *path, *value; /* NULL: missing */
	const char *text;                /* part of the message */
};

static void check_malformed(enum tuf_type type, const struct malformed *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		_cleanup_json_ json_t *file = load(files[type]);
		char path[300];

		(void) snprintf(path, sizeof(path), "%s%s", strchr(cases[i].path, '|') ? "" : "|",
			cases[i].path);
		put(file, path, cases[i].value ? load(cases[i].value) : NULL);
		must_refuse(cases[i].name, type, file, -EBADMSG, cases[i].text);
	}
}

static void test_malformed_frames(void **state)
{
	static const struct malformed cases[] = {
		{ "nothing signed", "signed", NULL, "\"signed\" is missing, expected an object" },
		{ "a list signed", "signed", "[]", "\"signed\" is a list, expected an object" },
		{ "no signatures", "signatures", NULL,
			"\"signatures\" is missing, expected a list" },
		{ "signatures by key", "signatures", "{}", "\"signatures\" is an object" },
		{ "a signature that is no object", "signatures|0", "1",
			"\"keyid\" of signature is missing" },
		{ "a signature by nobody", "signatures|0|keyid", NULL,
			"\"keyid\" of signature is missing" },
		{ "a key id that is too short", "signatures|0|keyid", "'abcd'",
			"\"keyid\" of signature is \"abcd\", expected 64 lower-case hexadecimal "
			"digits" },
		{ "a key id in upper case", "signatures|0|keyid",
			"'74C181c7ad8a0855d4b55e44d2ba87aabdddb196832571f15f92fece332e4916'",
			"expected 64 lower-case" },
		{ "a key id that is too long", "signatures|0|keyid", "'" ID_1 "0'",
			"expected 64 lower-case" },
		{ "a key id without a signature", "signatures|0|sig", NULL,
			"\"sig\" of signature \"" ID_1 "\" is missing, expected a string" },
		{ "a number as signature", "signatures|0|sig", "5", "is 5, expected a string" },
		{ "half a byte", "signatures|0|sig", "'abc'",
			"is \"abc\", expected an even number of hexadecimal digits" },
		{ "a signature in base64", "signatures|0|sig", "'TUFT'",
			"expected an even number" },
		{ "two signatures by one key", "signatures",
			"[{'keyid':'" ID_1 "','sig':''},{'keyid':'" ID_2 "','sig':'aa'},"
			"{'keyid':'" ID_1 "','sig':'bb'}]",
			"holds two signatures by the key " ID_1 ", expected one" },
		{ "no type", "signed|_type", NULL, "\"_type\" is missing" },
		{ "a type that is no text", "signed|_type", "1",
			"\"_type\" is 1, expected a string" },
		{ "no specification", "signed|spec_version", NULL, "\"spec_version\" is missing" },
		{ "a specification as number", "signed|spec_version", "1",
			"\"spec_version\" is 1, expected a string" },
		{ "the next specification", "signed|spec_version", "'2.0.0'",
			"\"spec_version\" is \"2.0.0\", expected 1 and anything behind it" },
		{ "specification 10", "signed|spec_version", "'10.0.0'", "\"10.0.0\"" },
		{ "specification 1", "signed|spec_version", "'1'", "\"1\"" },
		{ "specification 1.", "signed|spec_version", "'1.'", "\"1.\"" },
		{ "specification 1.0.", "signed|spec_version", "'1.0.'", "\"1.0.\"" },
		{ "a specification of four parts", "signed|spec_version", "'1.0.0.0'",
			"\"1.0.0.0\"" },
		{ "letters behind the specification", "signed|spec_version", "'1.0.31x'",
			"\"1.0.31x\"" },
		{ "no version", "signed|version", NULL,
			"\"version\" is missing, expected a whole number from 1 on" },
		{ "version 0", "signed|version", "0", "\"version\" is 0, expected a whole number" },
		{ "version -1", "signed|version", "-1", "\"version\" is -1" },
		{ "a fraction of a version", "signed|version", "1.0",
			"\"version\" is a number with a fraction" },
		{ "a version as text", "signed|version", "'1'", "\"version\" is \"1\"" },
		{ "true as version", "signed|version", "true", "\"version\" is true" },
		{ "no end", "signed|expires", NULL, "\"expires\" is missing" },
		{ "an end that is a number", "signed|expires", "1893553445", "expected a string" },
		{ "no such day", "signed|expires", "'2026-13-01T00:00:00Z'",
			"\"expires\" is \"2026-13-01T00:00:00Z\", expected a date like"
			" 2026-07-03T00:00:00Z" },
		{ "a fraction that nobody knows", "signed|x", "[0.5]",
			"\"signed\" holds a number with a fraction" },
		{ "a hostile value", "signed|expires", "'\\u001b[2J\\u202e'",
			"\"expires\" is \"\\x1b[2J\\u202e\", expected" },
	};

	(void) state;
	for (enum tuf_type t = TUF_ROOT; t < _TUF_TYPE_MAX; t++)
		check_malformed(t, cases, ARRAY_SIZE(cases));
}

static void test_malformed_roots(void **state)
{
	static const struct malformed cases[] = {
		{ "no keys", "signed|keys", NULL, "\"keys\" is missing, expected an object" },
		{ "keys as list", "signed|keys", "[]", "\"keys\" is a list, expected an object" },
		{ "a key that is none", "signed|keys|" ID_1, "{}", "key \"" ID_1 "\" is no key" },
		{ "a key that is a text", "signed|keys|" ID_1, "'x'",
			"key \"" ID_1 "\" is no key" },
		{ "a key with a broken value", "signed|keys|" ID_1, KEY("00"),
			"key \"" ID_1 "\" is no key" },
		{ "a key in the place of another", "signed|keys|" ID_1, KEY(PUBLIC_2),
			"key \"" ID_1 "\" has another id than that by its content, " ID_2 },
		{ "a member added to a key", "signed|keys|" ID_1 "|x", "1",
			"key \"" ID_1 "\" has another id than that by its content, " },
		{ "a key under another name", "signed|keys|x", KEY(PUBLIC_2),
			"key \"x\" has another id" },
		{ "an unknown key under another name", "signed|keys|x",
			"{'keytype':'x','scheme':'y','keyval':{}}", "key \"x\" has another id" },
		{ "no roles", "signed|roles", NULL, "\"roles\" is missing, expected an object" },
		{ "roles as list", "signed|roles", "[]", "\"roles\" is a list" },
		{ "no role root", "signed|roles|root", NULL, "\"root\" is missing" },
		{ "no role timestamp", "signed|roles|timestamp", NULL, "\"timestamp\" is missing" },
		{ "no role snapshot", "signed|roles|snapshot", NULL, "\"snapshot\" is missing" },
		{ "no role targets", "signed|roles|targets", NULL, "\"targets\" is missing" },
		{ "another role", "signed|roles|team", ROLE,
			"\"roles\" names \"team\", expected root, timestamp, snapshot and "
			"targets" },
		{ "a role that is a list", "signed|roles|root", "[]", "\"root\" is a list" },
		{ "a role without key ids", "signed|roles|root|keyids", NULL,
			"\"keyids\" of role \"root\" is missing, expected a list" },
		{ "a key id that is a number", "signed|roles|root|keyids|0", "1",
			"\"keyids\" of role \"root\" is 1, expected key ids of 64" },
		{ "a key id that is none", "signed|roles|root|keyids|0", "'abc'",
			"\"keyids\" of role \"root\" is \"abc\", expected key ids of 64" },
		{ "a key twice", "signed|roles|root|keyids", "['" ID_1 "','" ID_2 "','" ID_1 "']",
			"role \"root\" names the key " ID_1 " twice" },
		{ "a role without threshold", "signed|roles|snapshot|threshold", NULL,
			"\"threshold\" of role \"snapshot\" is missing" },
		{ "threshold 0", "signed|roles|root|threshold", "0",
			"\"threshold\" of role \"root\" is 0, expected a whole number from 1 to"
			" 4294967295" },
		{ "threshold -1", "signed|roles|root|threshold", "-1", "is -1, expected" },
		{ "threshold 2^32", "signed|roles|root|threshold", "4294967296",
			"is 4294967296, expected" },
		{ "threshold 1.5", "signed|roles|root|threshold", "1.5", "number with a fraction" },
		{ "a word for consistent snapshots", "signed|consistent_snapshot", "'yes'",
			"\"consistent_snapshot\" is \"yes\", expected true or false" },
		{ "null for consistent snapshots", "signed|consistent_snapshot", "null",
			"\"consistent_snapshot\" is null, expected true or false" },
	};

	(void) state;
	check_malformed(TUF_ROOT, cases, ARRAY_SIZE(cases));
}

static void test_malformed_metas(void **state)
{
	static const struct malformed timestamps[] = {
		{ "no meta", "signed|meta", NULL, "\"meta\" is missing, expected an object" },
		{ "meta as list", "signed|meta", "[]", "\"meta\" is a list" },
		{ "no snapshot", "signed|meta|snapshot.json", NULL,
			"\"snapshot.json\" is missing" },
		{ "a snapshot that is a number", "signed|meta|snapshot.json", "1",
			"\"snapshot.json\" is 1, expected an object" },
		{ "no version", "signed|meta|snapshot.json|version", NULL,
			"\"version\" of entry \"snapshot.json\" is missing" },
		{ "version 0", "signed|meta|snapshot.json|version", "0",
			"\"version\" of entry \"snapshot.json\" is 0, expected a whole number" },
		{ "a length below nothing", "signed|meta|snapshot.json|length", "-1",
			"\"length\" of entry \"snapshot.json\" is -1" },
		{ "a length that is null", "signed|meta|snapshot.json|length", "null",
			"\"length\" of entry \"snapshot.json\" is null" },
		{ "no hash in hashes", "signed|meta|snapshot.json|hashes", "{}",
			"entry \"snapshot.json\" \"hashes\" is empty" },
		{ "hashes as list", "signed|meta|snapshot.json|hashes", "[]",
			"\"hashes\" of entry \"snapshot.json\" is a list" },
		{ "a hash that is short", "signed|meta|snapshot.json|hashes|sha256", "'00'",
			"\"sha256\" of entry \"snapshot.json\" is \"00\", expected 64 "
			"hexadecimal" },
		{ "a hash that is no text", "signed|meta|snapshot.json|hashes|sha256", "1",
			"\"sha256\" of entry \"snapshot.json\" is 1" },
		{ "an unknown hash that is no text", "signed|meta|snapshot.json|hashes|x", "1",
			"\"x\" of entry \"snapshot.json\" is 1" },
		{ "a longer hash that is short", "signed|meta|snapshot.json|hashes|sha512",
			"'" SHA256_OF_NOTHING "'", "expected 128 hexadecimal digits" },
	};
	static const struct malformed snapshots[] = {
		{ "an entry that is no object", "signed|meta|targets.json", "1",
			"entry \"targets.json\" of \"meta\" is no object" },
		{ "an entry without name", "signed|meta|", "{'version':1}",
			"\"meta\" has an entry without a name" },
		{ "an entry without version", "signed|meta|targets.json|version", NULL,
			"\"version\" of entry \"targets.json\" is missing" },
		{ "a wrong entry among good ones", "signed|meta|x.json", "{'version':-7}",
			"\"version\" of entry \"x.json\" is -7" },
	};

	(void) state;
	check_malformed(TUF_TIMESTAMP, timestamps, ARRAY_SIZE(timestamps));
	check_malformed(TUF_SNAPSHOT, snapshots, ARRAY_SIZE(snapshots));
}

static void test_malformed_targets(void **state)
{
	static const struct malformed cases[] = {
		{ "no targets", "signed|targets", NULL, "\"targets\" is missing, expected" },
		{ "targets as list", "signed|targets", "[]", "\"targets\" is a list" },
		{ "a target without path", "signed|targets|", "{'length':0," HASHES "}",
			"\"targets\" has an entry without a path" },
		{ "a target that is no object", "signed|targets|a.txt", "1",
			"target \"a.txt\" is no object" },
		{ "no length", "signed|targets|a.txt|length", NULL,
			"\"length\" of target \"a.txt\" is missing, expected a whole number from "
			"0" },
		{ "a negative length", "signed|targets|a.txt|length", "-1", "is -1, expected" },
		{ "a fraction of a length", "signed|targets|a.txt|length", "5.0", "fraction" },
		{ "no hashes", "signed|targets|a.txt|hashes", NULL,
			"\"hashes\" of target \"a.txt\" is missing" },
		{ "no hash in hashes", "signed|targets|a.txt|hashes", "{}",
			"target \"a.txt\" \"hashes\" is empty, expected one hash or more" },
		{ "a hash that is no number", "signed|targets|a.txt|hashes|sha256", "'" ID_1 "0'",
			"expected 64 hexadecimal digits" },
		{ "delegations as list", "signed|delegations", "[]", "\"delegations\" is a list" },
		{ "delegations that are null", "signed|delegations", "null", "is null" },
		{ "no keys", "signed|delegations|keys", NULL, "\"keys\" is missing" },
		{ "a key in the place of another", "signed|delegations|keys|" ID_1, KEY(PUBLIC_2),
			"key \"" ID_1 "\" has another id than that by its content, " ID_2 },
		{ "no roles", "signed|delegations|roles", NULL,
			"\"delegations\" has neither \"roles\" nor \"succinct_roles\"" },
		{ "both kinds of roles", "signed|delegations|succinct_roles", "{}",
			"\"delegations\" has both \"roles\" and \"succinct_roles\"" },
		{ "roles by name", "signed|delegations|roles", "{}",
			"\"roles\" is an object, expected a list" },
		{ "a role that is no object", "signed|delegations|roles|0", "[]",
			"\"name\" of delegation is missing" },
		{ "a role without name", "signed|delegations|roles|0|name", NULL,
			"\"name\" of delegation is missing" },
		{ "an empty name", "signed|delegations|roles|0|name", "''",
			"delegation \"\" has no name" },
		{ "root", "signed|delegations|roles|0|name", "'root'",
			"delegation \"root\" has the name of a top-level role" },
		{ "timestamp", "signed|delegations|roles|0|name", "'timestamp'", "top-level" },
		{ "snapshot", "signed|delegations|roles|0|name", "'snapshot'", "top-level" },
		{ "targets", "signed|delegations|roles|0|name", "'targets'", "top-level" },
		{ "two of one name", "signed|delegations|roles", "[" DELEGATION "," DELEGATION "]",
			"delegates to \"team\" twice" },
		{ "no threshold", "signed|delegations|roles|0|threshold", NULL,
			"\"threshold\" of delegation \"team\" is missing" },
		{ "threshold 0", "signed|delegations|roles|0|threshold", "0",
			"\"threshold\" of delegation \"team\" is 0" },
		{ "no key ids", "signed|delegations|roles|0|keyids", NULL,
			"\"keyids\" of delegation \"team\" is missing" },
		{ "a key twice", "signed|delegations|roles|0|keyids", "['" ID_1 "','" ID_1 "']",
			"delegation \"team\" names the key " ID_1 " twice" },
		{ "nothing about terminating", "signed|delegations|roles|0|terminating", NULL,
			"\"terminating\" of delegation \"team\" is missing, expected true or "
			"false" },
		{ "terminating 1", "signed|delegations|roles|0|terminating", "1", "is 1" },
		{ "no paths", "signed|delegations|roles|0|paths", NULL,
			"delegation \"team\" has neither \"paths\" nor \"path_hash_prefixes\"" },
		{ "both kinds of paths", "signed|delegations|roles|0|path_hash_prefixes", "['0']",
			"delegation \"team\" has both \"paths\" and \"path_hash_prefixes\"" },
		{ "paths that are text", "signed|delegations|roles|0|paths", "'*'",
			"\"paths\" of delegation \"team\" is \"*\", expected a list" },
		{ "a path that is a number", "signed|delegations|roles|0|paths|0", "1",
			"\"paths\" of delegation \"team\" is 1, expected a string" },
	};

	(void) state;
	check_malformed(TUF_TARGETS, cases, ARRAY_SIZE(cases));
}

static void test_hash_prefixes(void **state)
{
	static const struct {
		const char *name, *value, *text; /* NULL: taken */
	} cases[] = {
		{ "some", "['0','ab','" ID_1 "']", NULL },
		{ "none", "[]", NULL },
		{ "an empty one", "['']",
			"is \"\", expected 1 to 64 lower-case hexadecimal digits" },
		{ "upper case", "['AB']", "is \"AB\", expected 1 to 64" },
		{ "no digit", "['0x']", "is \"0x\"" },
		{ "65 digits", "['" ID_1 "0']", "expected 1 to 64" },
		{ "a number", "[1]", "is 1, expected" },
		{ "a text", "'ab'", "is \"ab\", expected a list" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_json_ json_t *file = load(files[TUF_TARGETS]);

		put(file, "signed|delegations|roles|0|paths", NULL);
		put(file, "signed|delegations|roles|0|path_hash_prefixes", load(cases[i].value));
		if (cases[i].text) {
			must_refuse(cases[i].name, TUF_TARGETS, file, -EBADMSG, cases[i].text);
		} else {
			_cleanup_metadata_ struct tuf_metadata *m = must_parse(TUF_TARGETS, file);

			assert_non_null(m->delegations[0].prefixes);
			assert_null(m->delegations[0].paths);
		}
	}
}

static void test_other_types_are_refused(void **state)
{
	(void) state;
	for (enum tuf_type t = TUF_ROOT; t < _TUF_TYPE_MAX; t++)
		for (enum tuf_type other = TUF_ROOT; other < _TUF_TYPE_MAX; other++) {
			_cleanup_json_ json_t *file = load(files[t]);
			char text[80];

			if (t == other)
				continue;
			(void) snprintf(text, sizeof(text), "is of type \"%s\", expected \"%s\"",
				tuf_type_to_string(t), tuf_type_to_string(other));
			must_refuse("another type", other, file, -EPROTO, text);
		}
}

static void test_every_truncation_is_refused(void **state)
{
	(void) state;
	for (enum tuf_type t = TUF_ROOT; t < _TUF_TYPE_MAX; t++) {
		_cleanup_json_ json_t *file = load(files[t]);
		_cleanup_free_ char *text = json_dumps(file, 0);
		size_t n = strlen(text);

		for (size_t i = 0; i < n; i++) {
			struct tuf_metadata *m = NULL;
			struct tuf_error e = { 0 };

			if (tuf_metadata_parse(t, "x", "x.json", text, i, &m, &e) != -EBADMSG || m)
				fail_msg("%s: %zu bytes are taken", tuf_type_to_string(t), i);
			if (strncmp(e.text, "is no valid JSON: ", 18) != 0)
				fail_msg("%s: %s", tuf_type_to_string(t), e.text);
		}
	}
}

static void test_no_object(void **state)
{
	static const char *const texts[] = { "[]", "1", "null", "\"signed\"", "{}" };

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct tuf_metadata *m = NULL;

		/* nobody has to want the reason */
		if (tuf_metadata_parse(
			    TUF_ROOT, NULL, NULL, texts[i], strlen(texts[i]), &m, NULL) != -EBADMSG)
			fail_msg("%s is taken", texts[i]);
	}
}

/* ---- time ---- */

static void test_times(void **state)
{
	static const struct {
		const char *text;
		int64_t want; /* -1: none */
	} cases[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "2026-07-03T01:02:03Z", 1783040523 },
		{ "2000-02-29T23:59:59Z", 951868799 },
		{ "2024-02-29T00:00:00Z", 1709164800 },
		{ "2038-01-19T03:14:08Z", 2147483648 },
		{ "9999-12-31T23:59:59Z", 253402300799 },
		{ "0001-01-01T00:00:00Z", -62135596800 },
		{ "0000-12-31T00:00:00Z", -1 },
		{ "2023-02-29T00:00:00Z", -1 },
		{ "1900-02-29T00:00:00Z", -1 },
		{ "2026-04-31T00:00:00Z", -1 },
		{ "2026-00-01T00:00:00Z", -1 },
		{ "2026-13-01T00:00:00Z", -1 },
		{ "2026-01-00T00:00:00Z", -1 },
		{ "2026-01-32T00:00:00Z", -1 },
		{ "2026-01-01T24:00:00Z", -1 },
		{ "2026-01-01T00:60:00Z", -1 },
		{ "2026-01-01T00:00:60Z", -1 },
		{ "2026-01-01T00:00:00", -1 },
		{ "2026-01-01T00:00:00z", -1 },
		{ "2026-01-01 00:00:00Z", -1 },
		{ "2026-01-01T00:00:00+00:00", -1 },
		{ "2026-01-01T00:00:00.0Z", -1 },
		{ "2026-01-01T00:00:00Z ", -1 },
		{ " 2026-01-01T00:00:00Z", -1 },
		{ "2026-1-1T0:0:0Z", -1 },
		{ "+026-01-01T00:00:00Z", -1 },
		{ "12026-01-01T00:00:00Z", -1 },
		{ "2026-01-01", -1 },
		{ "", -1 },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t t = -1;
		int r = tuf_time_parse(cases[i].text, &t);
		char text[21];

		if (r != (cases[i].want == -1 ? -EINVAL : 0) || t != cases[i].want)
			fail_msg("\"%s\": %d, %" PRId64, cases[i].text, r, t);
		if (r < 0)
			continue;
		tuf_time_format(t, text);
		assert_string_equal(text, cases[i].text);
	}
}

static void test_times_past_the_form(void **state)
{
	char text[21];

	(void) state;
	tuf_time_format(INT64_MAX, text);
	assert_string_equal(text, "9999-12-31T23:59:59Z");
	tuf_time_format(INT64_MIN, text);
	assert_string_equal(text, "0001-01-01T00:00:00Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frame),
		cmocka_unit_test(test_root),
		cmocka_unit_test(test_metas),
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_what_may_be_otherwise),
		cmocka_unit_test(test_malformed_frames),
		cmocka_unit_test(test_malformed_roots),
		cmocka_unit_test(test_malformed_metas),
		cmocka_unit_test(test_malformed_targets),
		cmocka_unit_test(test_hash_prefixes),
		cmocka_unit_test(test_other_types_are_refused),
		cmocka_unit_test(test_every_truncation_is_refused),
		cmocka_unit_test(test_no_object),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_times_past_the_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
