/* What goes out of a repository, and what must not. */
#include "policy/trust/repository_publish.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>

#include <cmocka.h>
#include <openssl/sha.h>

#include "policy/base/text.h"
#include "policy/trust/repository_edit.h"
#include "tests/support/repository_world.h"

#define DAY WORLD_DAY
#define NOW WORLD_NOW

static int sign(void *context, const char *keyid, const void *bytes, size_t n,
	uint8_t out[TUF_SIGNATURE_MAX], size_t *ret, struct tuf_error *e)
{
	(void) e;
	return world_sign_bytes(context, keyid, bytes, n, out, ret);
}

static int sign_nothing(void *context, const char *keyid, const void *bytes, size_t n,
	uint8_t out[TUF_SIGNATURE_MAX], size_t *ret, struct tuf_error *e)
{
	(void) context;
	(void) keyid;
	(void) bytes;
	(void) n;
	(void) out;
	(void) ret;
	(void) e;
	return -ENOKEY;
}

struct output {
	char path[WORLD_PATH_SIZE];
};

static struct output output(const struct world *w)
{
	struct output o;

	(void) snprintf(o.path, sizeof(o.path), "%.200s/published", w->folder);
	return o;
}

static int publish_at(
	struct world *w, int64_t now, struct repository_published *ret, struct tuf_error *e)
{
	const struct output o = output(w);
	const struct repository_publish p = { .output = o.path,
		.now_utc_sec = now,
		.life_sec = REPOSITORY_ONLINE_LIFE_SEC,
		.sign = sign,
		.context = w };

	return repository_publish(w->r, &p, ret, e);
}

static void must_publish(struct world *w, int64_t now, struct repository_published *ret)
{
	struct tuf_error e = { 0 };

	if (publish_at(w, now, ret, &e) < 0)
		fail_msg("%s %s: %s", e.role, e.file, e.text);
}

static void write_at(const char *folder, const char *name, const char *text)
{
	char path[2 * WORLD_PATH_SIZE];
	FILE *f;

	(void) snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static bool is_there(const char *folder, const char *name)
{
	char path[2 * WORLD_PATH_SIZE];

	(void) snprintf(path, sizeof(path), "%s/%s", folder, name);
	return access(path, F_OK) == 0;
}

/* targets/policy/@name with @text, in the metadata of @role, signed by key @key. */
static void add_file(
	struct world *w, const char *role, const char *name, const char *text, size_t key)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	char hex[2 * SHA256_DIGEST_LENGTH + 1], path[WORLD_PATH_SIZE];
	struct tuf_error e = { 0 };
	json_t *draft;

	(void) snprintf(path, sizeof(path), "targets/policy/%.100s", name);
	write_at(w->path, path, text);
	(void) SHA256((const unsigned char *) text, strlen(text), digest);
	text_hex(digest, sizeof(digest), hex);
	assert_int_equal(repository_draft(w->r, role, &draft, &e), 0);
	assert_int_equal(
		json_object_set_new(json_object_get(draft, "targets"), path + strlen("targets/"),
			json_pack("{s:I, s:{s:s}}", "length", (json_int_t) strlen(text), "hashes",
				"sha256", hex)),
		0);
	if (repository_put(w->r, role, draft, &e) < 0)
		fail_msg("%s", e.text);
	json_decref(draft);
	world_must_sign(w, role, key);
}

static void test_publishes_and_does_nothing_twice(void **state)
{
	struct world *w = *state;
	struct repository_published p;
	const struct output o = output(w);

	add_file(w, "targets", "policy.yaml", "proscribe: 1\n", 0);
	must_publish(w, NOW, &p);
	assert_int_equal(p.root, 1);
	assert_int_equal(p.targets, 2);
	assert_int_equal(p.snapshot, 2); /* the working copy had 1 */
	assert_int_equal(p.timestamp, 1);
	assert_int_equal(p.n_files, 5);
	assert_int_equal(p.expires_utc_sec, NOW + 7 * DAY);
	assert_true(is_there(o.path, "metadata/1.root.json"));
	assert_true(is_there(o.path, "metadata/2.targets.json"));
	assert_true(is_there(o.path, "metadata/2.snapshot.json"));
	assert_true(is_there(o.path, "metadata/timestamp.json"));
	must_publish(w, NOW + DAY, &p);
	assert_int_equal(p.n_files, 0);
	assert_int_equal(p.timestamp, 1);
	must_publish(w, NOW + 3 * DAY, &p); /* past a third of its life */
	assert_int_equal(p.n_files, 2);
	assert_int_equal(p.timestamp, 2);
}

static void test_a_dry_run_changes_nothing(void **state)
{
	struct world *w = *state;
	const struct output o = output(w);
	const struct repository_publish p = { .output = o.path,
		.now_utc_sec = NOW,
		.life_sec = DAY,
		.dry_run = true,
		.sign = sign_nothing };
	struct repository_published ret;
	struct tuf_error e = { 0 };

	add_file(w, "targets", "policy.yaml", "proscribe: 1\n", 0);
	assert_int_equal(repository_publish(w->r, &p, &ret, &e), 0);
	assert_int_equal(ret.n_files, 5);
	assert_int_equal(access(o.path, F_OK), -1);
}

static void test_renews_without_the_repository_changing(void **state)
{
	struct world *w = *state;
	const struct output o = output(w);
	struct repository_publish p = { .output = o.path,
		.now_utc_sec = NOW + DAY,
		.life_sec = 7 * DAY,
		.renew = true,
		.sign = sign,
		.context = w };
	struct repository_published ret;
	struct tuf_error e = { 0 };
	json_t *draft;

	assert_int_equal(repository_publish(w->r, &p, &ret, &e), -ENOENT);
	must_publish(w, NOW, &ret);
	/* a change that waits for signatures must not keep the timestamp from being signed */
	assert_int_equal(repository_draft(w->r, "targets", &draft, &e), 0);
	assert_int_equal(repository_put(w->r, "targets", draft, &e), 0);
	json_decref(draft);
	assert_int_equal(publish_at(w, NOW + DAY, &ret, &e), -EKEYREJECTED);
	assert_int_equal(repository_publish(w->r, &p, &ret, &e), 0);
	assert_int_equal(ret.timestamp, 2);
	assert_int_equal(ret.snapshot, 2); /* young enough */
	assert_int_equal(ret.targets, 1);
	assert_int_equal(ret.n_files, 1);
	assert_int_equal(ret.expires_utc_sec, NOW + 8 * DAY);
	assert_int_equal(world_version(w, "snapshot"), 2); /* as it was published */
	p.now_utc_sec = NOW + 4 * DAY;
	assert_int_equal(repository_publish(w->r, &p, &ret, &e), 0);
	assert_int_equal(ret.snapshot, 3);
	assert_int_equal(world_version(w, "snapshot"), 2); /* the repository is not touched */
	world_must_sign(w, "targets", 0);
	must_publish(w, NOW + 4 * DAY, &ret); /* goes on from what is published */
	assert_int_equal(ret.snapshot, 4);
	assert_int_equal(ret.timestamp, 4);
}

static void test_refuses_what_hosts_would_refuse(void **state)
{
	struct world *w = *state;
	struct repository_published ret;
	struct tuf_error e = { 0 };
	const struct output o = output(w);

	assert_int_equal(publish_at(w, NOW + 90 * DAY, &ret, &e), -EKEYEXPIRED);
	assert_string_equal(e.role, "targets");
	assert_int_equal(publish_at(w, NOW + 365 * DAY, &ret, &e), -EKEYEXPIRED);
	assert_string_equal(e.role, "root");
	add_file(w, "targets", "policy.yaml", "proscribe: 1\n", 0);
	write_at(w->path, "targets/policy/policy.yaml", "proscribe: 2\n");
	assert_int_equal(publish_at(w, NOW, &ret, &e), -EUCLEAN);
	assert_string_equal(e.file, "policy/policy.yaml");
	write_at(w->path, "targets/policy/policy.yaml", "proscribe: 1\n# and more\n");
	assert_int_equal(publish_at(w, NOW, &ret, &e), -EUCLEAN);
	assert_int_equal(repository_role_add_key(w->r, "root", &w->keys[2], &e), 0);
	assert_int_equal(publish_at(w, NOW, &ret, &e), -EKEYREJECTED);
	assert_string_equal(e.role, "root");
	assert_false(is_there(o.path, "metadata/timestamp.json"));
}

static void test_needs_the_online_key(void **state)
{
	struct world *w = *state;
	const struct output o = output(w);
	const struct repository_publish p = {
		.output = o.path, .now_utc_sec = NOW, .life_sec = DAY, .sign = sign_nothing
	};
	struct repository_published ret;
	struct tuf_error e = { 0 };

	assert_int_equal(repository_publish(w->r, &p, &ret, &e), -EKEYREJECTED);
	assert_non_null(strstr(e.text, "online"));
	assert_false(is_there(o.path, "metadata/timestamp.json"));
}

/* Copies of the repository's folder as two people have it. */
static void copy_tree(const char *from, const char *to)
{
	char command[4 * WORLD_PATH_SIZE];

	(void) snprintf(command, sizeof(command), "cp -a '%s' '%s'", from, to);
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c) */
}

static void test_refuses_to_go_back(void **state)
{
	struct world *w = *state;
	char other[WORLD_PATH_SIZE];
	struct repository *old, *new = w->r;
	struct repository_published ret;
	struct tuf_error e = { 0 };

	(void) snprintf(other, sizeof(other), "%.200s/old", w->folder);
	copy_tree(w->path, other);
	add_file(w, "targets", "policy.yaml", "proscribe: 1\n", 0);
	must_publish(w, NOW, &ret);
	assert_int_equal(repository_open(other, &old, &e), 0);
	w->r = old;
	assert_int_equal(publish_at(w, NOW, &ret, &e), -ESTALE);
	assert_non_null(strstr(e.text, "git pull"));
	/* the same version with another content */
	assert_int_equal(repository_set_expiry(w->r, "targets", NOW + 50 * DAY, &e), 0);
	world_must_sign(w, "targets", 0);
	assert_int_equal(publish_at(w, NOW, &ret, &e), -EEXIST);
	assert_string_equal(e.file, "metadata/2.targets.json");
	w->r = new;
	repository_free(old);
}

static void test_refuses_another_repositorys_folder(void **state)
{
	struct world *w = *state, *second;
	struct repository_published ret;
	struct tuf_error e = { 0 };
	char folder[WORLD_PATH_SIZE];
	void *other = NULL;

	must_publish(w, NOW, &ret);
	world_setup(&other);
	second = other;
	(void) snprintf(folder, sizeof(folder), "%s", second->folder);
	(void) snprintf(second->folder, sizeof(second->folder), "%.200s", w->folder);
	assert_int_equal(publish_at(second, NOW, &ret, &e), -EXDEV);
	(void) snprintf(second->folder, sizeof(second->folder), "%.200s", folder);
	world_teardown(&other);
}

static void test_refuses_its_own_folder(void **state)
{
	struct world *w = *state;
	const struct repository_publish p = {
		.output = w->path, .now_utc_sec = NOW, .life_sec = DAY, .sign = sign, .context = w
	};
	struct repository_published ret;
	struct tuf_error e = { 0 };

	assert_int_equal(repository_publish(w->r, &p, &ret, &e), -EINVAL);
	assert_non_null(strstr(e.text, "itself"));
}

static void test_refuses_a_folder_that_was_tampered_with(void **state)
{
	struct world *w = *state;
	struct repository_published ret;
	const struct output o = output(w);
	struct tuf_error e = { 0 };
	struct tuf_metadata *m;
	char *text;

	must_publish(w, NOW, &ret);
	assert_int_equal(repository_load(w->r, "timestamp", &m, &e), 0);
	(void) json_object_set_new(
		json_object_get(m->document, "signed"), "version", json_integer(1000000));
	text = json_dumps(m->document, 0);
	write_at(o.path, "metadata/timestamp.json", text);
	free(text);
	tuf_metadata_free(m);
	assert_int_equal(publish_at(w, NOW, &ret, &e), -EKEYREJECTED);
	write_at(o.path, "metadata/timestamp.json", "{}");
	assert_int_equal(publish_at(w, NOW, &ret, &e), -EBADMSG);
}

static void test_finds_published_files_that_are_damaged(void **state)
{
	struct world *w = *state;
	struct repository_published ret;
	const struct output o = output(w);
	struct tuf_error e = { 0 };
	char command[4 * WORLD_PATH_SIZE];

	add_file(w, "targets", "policy.yaml", "proscribe: 1\n", 0);
	must_publish(w, NOW, &ret);
	(void) snprintf(command, sizeof(command),
		"for f in %.200s/targets/policy/*; do echo 'proscribe: 2' >$f; done", o.path);
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c) */
	assert_int_equal(publish_at(w, NOW + 3 * DAY, &ret, &e), -EUCLEAN);
}

static void test_roots_and_keys_change(void **state)
{
	struct world *w = *state;
	struct repository_published ret;
	struct tuf_error e = { 0 };
	const struct output o = output(w);
	const char *b = w->keys[1].key->id;

	must_publish(w, NOW, &ret);
	/* another online key, another root key */
	assert_int_equal(repository_role_add_key(w->r, "root", &w->keys[2], &e), 0);
	assert_int_equal(repository_role_remove_key(w->r, "root", w->keys[0].key->id, &e), 0);
	for (enum tuf_type t = TUF_TIMESTAMP; t <= TUF_SNAPSHOT; t++) {
		const char *role = tuf_type_to_string(t);

		assert_int_equal(repository_role_add_key(w->r, role, &w->keys[3], &e), 0);
		assert_int_equal(repository_role_remove_key(w->r, role, b, &e), 0);
	}
	world_must_sign(w, "root", 0);
	world_must_sign(w, "root", 2);
	must_publish(w, NOW, &ret);
	assert_int_equal(ret.root, 2);
	assert_int_equal(ret.snapshot, 3);
	assert_int_equal(ret.timestamp, 2);
	assert_true(is_there(o.path, "metadata/2.root.json"));
	/* a further signature changes nothing that is published */
	world_must_sign(w, "root", 2);
	must_publish(w, NOW, &ret);
	assert_int_equal(ret.n_files, 0);
}

static void test_delegations_go_out_and_stay_in_the_snapshot(void **state)
{
	static const char *const paths[] = { "policy/team-*.yaml" };
	struct world *w = *state;
	const struct repository_delegation d = { .role = "team",
		.parent = "targets",
		.paths = paths,
		.n_paths = 1,
		.keys = &w->keys[2],
		.n_keys = 1,
		.threshold = 1,
		.expires_utc_sec = NOW + 30 * DAY };
	struct repository_output old;
	struct repository_published ret;
	struct tuf_error e = { 0 };
	const struct output o = output(w);
	char *parent;

	add_file(w, "targets", "policy.yaml", "proscribe: 1\n", 0);
	assert_int_equal(repository_delegate(w->r, &d, &e), 0);
	world_must_sign(w, "targets", 0);
	assert_int_equal(publish_at(w, NOW, &ret, &e), -EKEYREJECTED);
	assert_string_equal(e.role, "team");
	add_file(w, "team", "team-a.yaml", "rules: []\n", 2);
	must_publish(w, NOW, &ret);
	assert_true(is_there(o.path, "metadata/1.team.json"));
	/* gone, and back again: hosts must not see its version fall */
	assert_int_equal(repository_undelegate(w->r, "team", &parent, &e), 0);
	free(parent);
	world_must_sign(w, "targets", 0);
	must_publish(w, NOW, &ret);
	assert_int_equal(repository_output_open(w->r, o.path, &old, &e), 0);
	assert_int_equal(repository_output_version(&old, "team"), 1);
	assert_int_equal(repository_output_version(&old, "targets"), 4);
	assert_int_equal(repository_output_version(&old, "nobody"), 0);
	repository_output_done(&old);
	assert_int_equal(repository_delegate(w->r, &d, &e), 0);
	world_must_sign(w, "targets", 0);
	world_must_sign(w, "team", 2);
	assert_int_equal(world_version(w, "team"), 2);
	must_publish(w, NOW, &ret);
}

static void test_one_publisher_at_a_time(void **state)
{
	struct world *w = *state;
	struct repository_published ret;
	struct tuf_error e = { 0 };
	const struct output o = output(w);
	int fd;

	must_publish(w, NOW, &ret);
	fd = open(o.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(publish_at(w, NOW + 3 * DAY, &ret, &e), -EBUSY);
	(void) close(fd);
	must_publish(w, NOW + 3 * DAY, &ret);
}

static void test_more_roots_than_hosts_follow_in_one_update(void **state)
{
	struct world *w = *state;
	struct repository_published ret;
	struct tuf_error e = { 0 };

	for (int64_t i = 1; i <= TUF_ROTATIONS_MAX + 1; i++) {
		assert_int_equal(repository_set_expiry(w->r, "root", NOW + (365 + i) * DAY, &e), 0);
		world_must_sign(w, "root", 0);
	}
	must_publish(w, NOW, &ret);
	assert_int_equal(ret.root, TUF_ROTATIONS_MAX + 2);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
		test(test_publishes_and_does_nothing_twice),
		test(test_a_dry_run_changes_nothing),
		test(test_renews_without_the_repository_changing),
		test(test_refuses_what_hosts_would_refuse),
		test(test_needs_the_online_key),
		test(test_refuses_to_go_back),
		test(test_refuses_another_repositorys_folder),
		test(test_refuses_its_own_folder),
		test(test_refuses_a_folder_that_was_tampered_with),
		test(test_finds_published_files_that_are_damaged),
		test(test_roots_and_keys_change),
		test(test_delegations_go_out_and_stay_in_the_snapshot),
		test(test_one_publisher_at_a_time),
		test(test_more_roots_than_hosts_follow_in_one_update),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
