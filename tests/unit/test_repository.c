/* The repository of a signed policy: keys by name, who must sign and who did, changes of roles, and
 * what is published, as far as it goes without the command line. */
#include "policy/trust/repository.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "policy/base/text.h"
#include "policy/trust/canonical.h"
#include "policy/trust/repository_edit.h"
#include "policy/trust/repository_stage.h"
#include "tests/support/repository_world.h"

#define check(w, condition, name)                                             \
	do {                                                                  \
		if (!(condition))                                             \
			fail_msg("%s: not so: %s (%s)", name, #condition, w); \
	} while (0)

/* ---- the folder ---- */

static void test_begins_where_nothing_is(void **state)
{
	static const struct {
		const char *name, *entry;
		int want;
	} cases[] = {
		{ "an empty folder", NULL, 0 },
		{ "a git repository", ".git", 0 },
		{ "somebody's files", "notes.txt", -EEXIST },
		{ "a README in a git repository", "README.md", -EEXIST },
		{ "another repository", "metadata", -EEXIST },
	};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct repository_stage stage = { 0 };
		struct tuf_error e = { 0 };
		char path[WORLD_PATH_SIZE], entry[2 * WORLD_PATH_SIZE];
		int r;

		(void) snprintf(path, sizeof(path), "%.200s/case-%zu", w->folder, i);
		assert_int_equal(mkdir(path, 0755), 0);
		(void) snprintf(
			entry, sizeof(entry), "%s/%s", path, cases[i].entry ? cases[i].entry : ".");
		if (cases[i].entry)
			assert_int_equal(mkdir(entry, 0755), 0);
		r = repository_stage_begin(path, &stage, &e);
		if (r != cases[i].want)
			fail_msg("%s: %d (%s), not %d", cases[i].name, r, e.text, cases[i].want);
		repository_stage_done(&stage);
		(void) snprintf(entry, sizeof(entry), "%s/.proscribe-init", path);
		check(e.text, access(entry, F_OK) < 0, cases[i].name);
	}
}

static void test_leaves_nothing_half_made(void **state)
{
	struct repository_stage stage = { 0 };
	struct world *w = *state;
	struct tuf_error e = { 0 };
	char path[WORLD_PATH_SIZE], file[2 * WORLD_PATH_SIZE];

	(void) snprintf(path, sizeof(path), "%.200s/new", w->folder);
	(void) snprintf(file, sizeof(file), "%s/metadata", path);
	assert_int_equal(repository_stage_begin(path, &stage, &e), 0);
	assert_int_equal(access(file, F_OK), -1); /* not before it is whole */
	repository_stage_done(&stage);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(repository_stage_begin(path, &stage, &e), 0);
	assert_int_equal(repository_stage_end(&stage, &e), 0);
	repository_stage_done(&stage);
	assert_int_equal(access(file, F_OK), 0);
}

static void test_one_command_at_a_time(void **state)
{
	struct world *w = *state;
	struct repository *other;
	struct tuf_error e = { 0 };

	assert_int_equal(repository_open(w->path, &other, &e), 0);
	assert_int_equal(repository_lock(w->r, &e), 0);
	assert_int_equal(repository_lock(w->r, &e), 0);
	assert_int_equal(repository_lock(other, &e), -EBUSY);
	w->r = repository_free(w->r);
	assert_int_equal(repository_lock(other, &e), 0);
	w->r = other;
}

static void test_says_where_there_is_none(void **state)
{
	struct world *w = *state;
	struct repository *r;
	struct tuf_error e = { 0 };

	assert_int_equal(repository_open(w->folder, &r, &e), -ENOENT);
	assert_non_null(strstr(e.text, "repo init"));
}

/* ---- keys ---- */

static void test_names_of_keys(void **state)
{
	char longest[REPOSITORY_NAME_MAX + 2];
	struct world *w = *state;
	const struct {
		const char *name, *key;
		int want;
	} cases[] = {
		{ "an address", "ana@example.com", 0 },
		{ "nothing", "", -EINVAL },
		{ "a hidden file", ".x", -EINVAL },
		{ "an option", "-x", -EINVAL },
		{ "a way out of the folder", "../x", -EINVAL },
		{ "a blank", "a b", -EINVAL },
		{ "as long as it may be", longest + 1, 0 },
		{ "one byte longer", longest, -EINVAL },
		{ "a name that is there", "a", -EEXIST },
	};

	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		struct tuf_error e = { 0 };
		json_t *object;
		int r;

		assert_int_equal(tuf_key_object(pkey, NULL, &object), 0);
		r = repository_add_key(w->r, cases[i].key, object, "", &e);
		if (r != cases[i].want)
			fail_msg("%s: %d (%s), not %d", cases[i].name, r, e.text, cases[i].want);
		json_decref(object);
		EVP_PKEY_free(pkey);
	}
}

static void test_one_key_has_one_name(void **state)
{
	struct world *w = *state;
	struct tuf_error e = { 0 };

	assert_int_equal(repository_add_key(w->r, "again", w->keys[0].object, "", &e), -EEXIST);
	assert_non_null(strstr(e.text, "'a'"));
}

static void test_finds_keys(void **state)
{
	struct world *w = *state;
	const char *id = w->keys[2].key->id;
	char eight[9], seven[8];
	struct repository_key found;
	struct tuf_error e = { 0 };

	(void) snprintf(eight, sizeof(eight), "%.8s", id);
	(void) snprintf(seven, sizeof(seven), "%.7s", id);
	for (size_t i = 0; i < 3; i++) {
		const char *name = i == 0 ? "c" : i == 1 ? id : eight;

		assert_int_equal(repository_find_key(w->r, name, &found, &e), 0);
		assert_string_equal(found.name, "c");
		assert_string_equal(found.key->id, id);
		repository_key_done(&found);
	}
	assert_int_equal(repository_find_key(w->r, seven, &found, &e), -ENOENT);
	assert_int_equal(repository_find_key(w->r, "nobody", &found, &e), -ENOENT);
}

static void write_file(struct world *w, const char *name, const char *text)
{
	char path[2 * WORLD_PATH_SIZE];
	FILE *f;

	(void) snprintf(path, sizeof(path), "%s/%s", w->path, name);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void test_refuses_files_of_keys_that_lie(void **state)
{
	static const struct {
		const char *name, *member, *value; /* value NULL: without it */
		const char *text;                  /* all of the file */
	} cases[] = {
		{ "no JSON", NULL, NULL, "{" },
		{ "a member twice", NULL, NULL, "{\"name\": \"x\", \"name\": \"x\"}" },
		{ "another name", "name", "y", NULL },
		{ "another key id", "keyid", "0123", NULL },
		{ "no name", "name", NULL, NULL },
		{ "no key id", "keyid", NULL, NULL },
		{ "no source", "source", NULL, NULL },
		{ "no key", "key", NULL, NULL },
		{ "a key that is none", "key", "x", NULL },
	};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_t *value = json_pack("{s:s, s:s, s:O, s:s}", "name", "x", "keyid",
			w->keys[0].key->id, "key", w->keys[0].object, "source", "");
		struct repository_key *keys;
		struct tuf_error e = { 0 };
		char *text;
		size_t n;
		int r;

		if (cases[i].member && cases[i].value)
			(void) json_object_set_new(
				value, cases[i].member, json_string(cases[i].value));
		else if (cases[i].member)
			(void) json_object_del(value, cases[i].member);
		text = json_dumps(value, 0);
		write_file(w, "keys/x.json", cases[i].text ? cases[i].text : text);
		r = repository_keys(w->r, &keys, &n, &e);
		if (r != -EBADMSG || !strstr(e.file, "keys/x.json"))
			fail_msg("%s: %d (%s in '%s'), not refused", cases[i].name, r, e.text,
				e.file);
		free(text);
		json_decref(value);
	}
}

static void test_limit_of_keys(void **state)
{
	struct world *w = *state;
	struct tuf_error e = { 0 };

	for (size_t i = WORLD_KEYS; i <= REPOSITORY_KEYS_MAX; i++) {
		EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		char name[16];
		json_t *object;
		int r;

		assert_int_equal(tuf_key_object(pkey, NULL, &object), 0);
		(void) snprintf(name, sizeof(name), "n%zu", i);
		r = repository_add_key(w->r, name, object, "", &e);
		if (r != (i < REPOSITORY_KEYS_MAX ? 0 : -E2BIG))
			fail_msg("key %zu: %d (%s)", i, r, e.text);
		json_decref(object);
		EVP_PKEY_free(pkey);
	}
}

/* ---- signatures ---- */

static void test_a_version_is_worked_on_until_it_is_complete(void **state)
{
	struct world *w = *state;
	struct tuf_error e = { 0 };
	json_t *draft;

	assert_true(world_complete(w, "targets"));
	for (int i = 0; i < 2; i++) { /* the second time it goes on with the first one's */
		assert_int_equal(repository_draft(w->r, "targets", &draft, &e), 0);
		assert_int_equal(json_integer_value(json_object_get(draft, "version")), 2);
		assert_int_equal(repository_put(w->r, "targets", draft, &e), 0);
		json_decref(draft);
		assert_false(world_complete(w, "targets"));
	}
	world_must_sign(w, "targets", 0);
	assert_true(world_complete(w, "targets"));
	assert_int_equal(repository_draft(w->r, "targets", &draft, &e), 0);
	assert_int_equal(json_integer_value(json_object_get(draft, "version")), 3);
	json_decref(draft);
}

static void test_refuses_signatures_that_do_not_count(void **state)
{
	struct world *w = *state;
	struct tuf_error e = { 0 };
	uint8_t wrong[64] = { 1 };

	assert_int_equal(world_sign(w, "targets", 1, &e), -EKEYREJECTED);
	assert_non_null(strstr(e.text, "no say"));
	assert_int_equal(repository_add_signature(
				 w->r, "targets", w->keys[0].key->id, wrong, sizeof(wrong), &e),
		-EKEYREJECTED);
	assert_int_equal(
		repository_add_signature(w->r, "targets", w->keys[0].key->id, wrong, 0, &e),
		-EKEYREJECTED);
	assert_true(world_complete(w, "targets"));
}

static void test_who_signs_first_does_not_show(void **state)
{
	struct world *w = *state;
	struct tuf_metadata *m;
	struct tuf_error e = { 0 };
	char *text[2];

	assert_int_equal(repository_role_add_key(w->r, "targets", &w->keys[2], &e), 0);
	assert_int_equal(repository_set_threshold(w->r, "targets", 2, &e), 0);
	for (size_t i = 0; i < 2; i++) {
		json_t *draft;

		assert_int_equal(repository_draft(w->r, "targets", &draft, &e), 0);
		(void) json_object_set_new(draft, "version", json_integer(7));
		assert_int_equal(repository_put(w->r, "targets", draft, &e), 0);
		json_decref(draft);
		world_must_sign(w, "targets", i == 0 ? 0 : 2);
		world_must_sign(w, "targets", i == 0 ? 2 : 0);
		world_must_sign(w, "targets", 0); /* in the place of the first */
		assert_int_equal(repository_load(w->r, "targets", &m, &e), 0);
		assert_int_equal(m->n_signatures, 2);
		text[i] = json_dumps(m->document, 0);
		tuf_metadata_free(m);
	}
	assert_string_equal(text[0], text[1]);
	free(text[0]);
	free(text[1]);
}

static void test_a_new_root_needs_both_sets_of_keys(void **state)
{
	struct world *w = *state;
	struct repository_state s;
	struct tuf_metadata *root;
	struct tuf_error e = { 0 };

	assert_true(world_exists(w, "metadata/1.root.json"));
	assert_int_equal(repository_role_add_key(w->r, "root", &w->keys[2], &e), 0);
	assert_int_equal(repository_role_remove_key(w->r, "root", w->keys[0].key->id, &e), 0);
	assert_int_equal(world_version(w, "root"), 2);
	world_must_sign(w, "root", 2);
	assert_false(world_complete(w, "root"));
	assert_false(world_exists(w, "metadata/2.root.json"));
	assert_int_equal(repository_root(w->r, &root, &e), 0);
	assert_int_equal(root->version, 1);
	tuf_metadata_free(root);
	world_must_sign(w, "root", 0); /* the old one */
	assert_true(world_exists(w, "metadata/2.root.json"));
	assert_int_equal(repository_state(w->r, "root", &s, &e), 0);
	assert_int_equal(s.n_approvals, 2);
	assert_true(s.complete);
	assert_true(repository_signed_by(&s, w->keys[0].key->id));
	assert_true(repository_signed_by(&s, w->keys[2].key->id));
	assert_false(repository_signed_by(&s, w->keys[3].key->id));
	repository_state_done(&s);
	assert_int_equal(repository_root(w->r, &root, &e), 0);
	assert_int_equal(root->version, 2);
	tuf_metadata_free(root);
}

static void test_a_root_before_this_one_must_be_there(void **state)
{
	struct world *w = *state;
	struct repository_state s;
	struct tuf_error e = { 0 };
	char path[2 * WORLD_PATH_SIZE];

	assert_int_equal(repository_role_add_key(w->r, "root", &w->keys[2], &e), 0);
	(void) snprintf(path, sizeof(path), "%s/metadata/1.root.json", w->path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(repository_state(w->r, "root", &s, &e), -ENOENT);
	assert_non_null(strstr(e.file, "1.root.json"));
}

static void test_puts_only_what_is_metadata(void **state)
{
	struct world *w = *state;
	struct tuf_error e = { 0 };
	json_t *draft;

	assert_int_equal(repository_draft(w->r, "targets", &draft, &e), 0);
	(void) json_object_set_new(draft, "expires", json_string("tomorrow"));
	assert_int_equal(repository_put(w->r, "targets", draft, &e), -EBADMSG);
	json_decref(draft);
	assert_int_equal(repository_draft(w->r, "snapshot", &draft, &e), 0);
	assert_int_equal(repository_put(w->r, "targets", draft, &e), -EPROTO);
	json_decref(draft);
	assert_int_equal(repository_draft(w->r, "nobody", &draft, &e), -ENOENT);
	assert_true(world_complete(w, "targets"));
}

/* ---- roles ---- */

static void test_refuses_what_locks_everybody_out(void **state)
{
	struct world *w = *state;
	struct tuf_error e = { 0 };
	const char *a = w->keys[0].key->id;

	assert_int_equal(repository_set_threshold(w->r, "root", 2, &e), -EINVAL);
	assert_int_equal(repository_set_threshold(w->r, "root", 0, &e), -EINVAL);
	assert_int_equal(repository_set_threshold(w->r, "root", 1, &e), -EALREADY);
	assert_int_equal(repository_role_remove_key(w->r, "root", a, &e), -EINVAL);
	assert_int_equal(repository_role_remove_key(w->r, "root", w->keys[5].key->id, &e), -ENOENT);
	assert_int_equal(repository_role_add_key(w->r, "root", &w->keys[0], &e), -EALREADY);
	assert_int_equal(repository_role_add_key(w->r, "nobody", &w->keys[0], &e), -ENOENT);
	assert_true(world_complete(w, "root"));
	assert_int_equal(world_version(w, "root"), 1);
}

static void test_what_is_signed_by_too_few_now_gets_a_new_version(void **state)
{
	struct world *w = *state;
	struct tuf_error e = { 0 };

	/* another key: what was signed is still good */
	assert_int_equal(repository_role_add_key(w->r, "targets", &w->keys[2], &e), 0);
	assert_int_equal(world_version(w, "targets"), 1);
	assert_true(world_complete(w, "targets"));
	/* two must sign: it is not, and it may be published */
	assert_int_equal(repository_set_threshold(w->r, "targets", 2, &e), 0);
	assert_int_equal(world_version(w, "targets"), 2);
	assert_int_equal(world_version(w, "root"), 2); /* both changes in one */
	world_must_sign(w, "targets", 0);
	world_must_sign(w, "targets", 2);
	assert_true(world_complete(w, "targets"));
	world_must_sign(w, "root", 0);
	/* a key that root still uses stays in the file, one that nobody uses does not */
	assert_int_equal(repository_role_add_key(w->r, "targets", &w->keys[3], &e), 0);
	assert_int_equal(repository_role_remove_key(w->r, "targets", w->keys[0].key->id, &e), 0);
	assert_int_equal(
		repository_role_remove_key(w->r, "targets", w->keys[2].key->id, &e), -EINVAL);
	assert_int_equal(world_version(w, "targets"), 3);
}

static void test_removes_keys_that_nobody_uses(void **state)
{
	struct world *w = *state;
	struct tuf_error e = { 0 };
	struct tuf_metadata *root;

	assert_int_equal(repository_role_add_key(w->r, "targets", &w->keys[2], &e), 0);
	assert_int_equal(repository_role_remove_key(w->r, "targets", w->keys[0].key->id, &e), 0);
	assert_int_equal(repository_load(w->r, "root", &root, &e), 0);
	assert_non_null(tuf_metadata_key(root, w->keys[0].key->id)); /* root's own */
	tuf_metadata_free(root);
	assert_int_equal(repository_role_add_key(w->r, "targets", &w->keys[3], &e), 0);
	assert_int_equal(repository_role_remove_key(w->r, "targets", w->keys[2].key->id, &e), 0);
	assert_int_equal(repository_load(w->r, "root", &root, &e), 0);
	assert_null(tuf_metadata_key(root, w->keys[2].key->id));
	tuf_metadata_free(root);
}

static void test_expiry(void **state)
{
	struct world *w = *state;
	struct tuf_metadata *m;
	struct tuf_error e = { 0 };

	assert_int_equal(repository_set_expiry(w->r, "targets", WORLD_NOW + 5 * WORLD_DAY, &e), 0);
	assert_int_equal(repository_load(w->r, "targets", &m, &e), 0);
	assert_int_equal(m->version, 2);
	assert_int_equal(m->expires_utc_sec, WORLD_NOW + 5 * WORLD_DAY);
	tuf_metadata_free(m);
	assert_int_equal(repository_set_expiry(w->r, "timestamp", WORLD_NOW, &e), -EINVAL);
}

/* ---- delegations ---- */

static int delegate(struct world *w, const char *role, const char *parent, const char *path,
	size_t key, struct tuf_error *e)
{
	const char *const paths[] = { path };
	struct repository_delegation d = { .role = role,
		.parent = parent,
		.paths = paths,
		.n_paths = 1,
		.keys = &w->keys[key],
		.n_keys = 1,
		.threshold = 1,
		.expires_utc_sec = WORLD_NOW + 90 * WORLD_DAY };

	return repository_delegate(w->r, &d, e);
}

static void test_delegates(void **state)
{
	struct world *w = *state;
	struct tuf_error e = { 0 };
	char **roles, *parent;

	assert_int_equal(delegate(w, "team-a", "targets", "policy/team-a*.yaml", 2, &e), 0);
	assert_int_equal(
		delegate(w, "0123456789012345678901234567890123456789012345678901234567890123",
			"targets", "policy/long.yaml", 3, &e),
		0); /* REPOSITORY_ROLE_MAX */
	assert_int_equal(delegate(w, "team-b", "targets", "policy/team-b*.yaml", 3, &e), 0);
	assert_int_equal(delegate(w, "inner", "team-a", "policy/team-a-x.yaml", 4, &e), 0);
	assert_int_equal(repository_roles(w->r, &roles, &e), 0);
	assert_string_equal(roles[4], "team-a");
	assert_string_equal(roles[5], "inner");
	assert_int_equal(strlen(roles[6]), REPOSITORY_ROLE_MAX);
	assert_string_equal(roles[7], "team-b");
	assert_null(roles[8]);
	repository_roles_free(roles);
	assert_int_equal(world_sign(w, "team-a", 3, &e), -EKEYREJECTED);
	world_must_sign(w, "team-a", 2);
	world_must_sign(w, "inner", 4);
	assert_true(world_complete(w, "inner"));
	assert_int_equal(repository_set_threshold(w->r, "team-a", 2, &e), -EINVAL);
	assert_int_equal(repository_role_add_key(w->r, "inner", &w->keys[5], &e), 0);
	assert_false(world_complete(w, "team-a")); /* which says who signs inner */
	assert_int_equal(repository_undelegate(w->r, "team-a", &parent, &e), -EBUSY);
	assert_int_equal(repository_undelegate(w->r, "inner", &parent, &e), 0);
	assert_string_equal(parent, "team-a");
	free(parent);
	assert_false(world_exists(w, "metadata/inner.json"));
	assert_int_equal(repository_undelegate(w->r, "team-a", &parent, &e), 0);
	free(parent);
	assert_int_equal(repository_undelegate(w->r, "targets", &parent, &e), -EINVAL);
}

static void test_refuses_delegations_that_cannot_be(void **state)
{
	static const struct {
		const char *name, *role, *parent, *path;
		int want;
	} cases[] = {
		{ "a role of TUF's own", "snapshot", "targets", "policy/*", -EINVAL },
		{ "a slash", "a/b", "targets", "policy/*", -EINVAL },
		{ "a blank, which URLs write in another way", "a b", "targets", "policy/*",
			-EINVAL },
		{ "a hidden file", ".a", "targets", "policy/*", -EINVAL },
		{ "nothing", "", "targets", "policy/*", -EINVAL },
		{ "one byte too long",
			"0123456789012345678901234567890123456789012345678901234567890123x",
			"targets", "policy/*", -EINVAL },
		{ "by root", "a", "root", "policy/*", -EINVAL },
		{ "by nobody", "a", "nobody", "policy/*", -ENOENT },
		{ "files that are no policy", "a", "targets", "firmware/*", -EINVAL },
	};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tuf_error e = { 0 };
		int r = delegate(w, cases[i].role, cases[i].parent, cases[i].path, 2, &e);

		if (r != cases[i].want)
			fail_msg("%s: %d (%s), not %d", cases[i].name, r, e.text, cases[i].want);
	}
	assert_true(world_complete(w, "targets"));
}

static void test_limit_of_delegations(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i <= REPOSITORY_DELEGATED_MAX; i++) {
		struct tuf_error e = { 0 };
		char name[16];
		int r;

		(void) snprintf(name, sizeof(name), "team-%zu", i);
		r = delegate(w, name, "targets", "policy/team*", 2, &e);
		if (r != (i < REPOSITORY_DELEGATED_MAX ? 0 : -ELOOP))
			fail_msg("role %zu: %d (%s)", i, r, e.text);
	}
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
		test(test_begins_where_nothing_is),
		test(test_leaves_nothing_half_made),
		test(test_one_command_at_a_time),
		test(test_says_where_there_is_none),
		test(test_names_of_keys),
		test(test_one_key_has_one_name),
		test(test_finds_keys),
		test(test_refuses_files_of_keys_that_lie),
		test(test_limit_of_keys),
		test(test_a_version_is_worked_on_until_it_is_complete),
		test(test_refuses_signatures_that_do_not_count),
		test(test_who_signs_first_does_not_show),
		test(test_a_new_root_needs_both_sets_of_keys),
		test(test_a_root_before_this_one_must_be_there),
		test(test_puts_only_what_is_metadata),
		test(test_refuses_what_locks_everybody_out),
		test(test_what_is_signed_by_too_few_now_gets_a_new_version),
		test(test_removes_keys_that_nobody_uses),
		test(test_expiry),
		test(test_delegates),
		test(test_refuses_delegations_that_cannot_be),
		test(test_limit_of_delegations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
