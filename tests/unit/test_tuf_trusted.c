/* The rules by which metadata is trusted: who must sign, which version, until when. No I/O. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "policy/trust/trusted.h"
#include "tests/support/signed_repository.h"

struct fixture {
	struct signed_repository *repo;
	struct tuf_trusted *trusted;
	struct tuf_error e;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->repo = signed_repository_new();
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	tuf_trusted_free(f->trusted);
	signed_repository_free(f->repo);
	free(f);
	return 0;
}

static const struct signed_file *file(struct fixture *f, const char *path)
{
	const struct signed_file *x = signed_file(f->repo, path);

	if (!x)
		fail_msg("no file %s", path);
	return x;
}

static int start(struct fixture *f, const char *path)
{
	const struct signed_file *x = file(f, path);

	f->trusted = tuf_trusted_free(f->trusted);
	f->e = (struct tuf_error){ 0 };
	return tuf_trusted_new(SIGNED_NOW, x->bytes, x->n, &f->trusted, &f->e);
}

static int root(struct fixture *f, const char *path)
{
	const struct signed_file *x = file(f, path);

	return tuf_trusted_root(f->trusted, path, x->bytes, x->n, &f->e);
}

static int timestamp(struct fixture *f, bool local)
{
	const struct signed_file *x = file(f, "timestamp.json");

	return tuf_trusted_timestamp(f->trusted, x->path, x->bytes, x->n, local, &f->e);
}

static int snapshot(struct fixture *f, const char *path, bool local)
{
	const struct signed_file *x = file(f, path);

	return tuf_trusted_snapshot(f->trusted, path, x->bytes, x->n, local, &f->e);
}

static int targets(struct fixture *f, const char *role, const char *delegator, const char *path)
{
	const struct signed_file *x = file(f, path);

	return tuf_trusted_targets(f->trusted, role, delegator, path, x->bytes, x->n, &f->e);
}

/* What was said of it? */
static void said(
	const struct fixture *f, int error, const char *role, const char *name, const char *text)
{
	_cleanup_free_ char *line = tuf_error_line(&f->e);

	if (f->e.error != error || strcmp(f->e.role, role) != 0 || strcmp(f->e.file, name) != 0 ||
		!strstr(f->e.text, text))
		fail_msg("expected %d of %s (%s): %s\nfound %d: %s", error, name, role, text,
			f->e.error, line);
}

/* Trusts the four of version @n each, of a repository that is at it. */
static void trust_all(struct fixture *f, const char *snapshot_path, const char *targets_path)
{
	assert_int_equal(start(f, "1.root.json"), 0);
	assert_int_equal(tuf_trusted_end_roots(f->trusted, &f->e), 0);
	assert_int_equal(timestamp(f, false), 0);
	assert_int_equal(snapshot(f, snapshot_path, false), 0);
	assert_int_equal(targets(f, "targets", "root", targets_path), 0);
}

/* ---- roots ---- */
static void first_root_must_be_signed_by_its_own_keys(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(start(f, "1.root.json"), 0);
	f->repo->roles[SIGNED_ROOT].n_sign = 0;
	signed_put_role(f->repo, &f->repo->roles[SIGNED_ROOT]);
	assert_int_equal(start(f, "1.root.json"), -EKEYREJECTED);
	said(f, -EKEYREJECTED, "root", "root.json", "signed by 0 of the 1 keys");
	assert_null(f->trusted);
}

static void first_root_may_be_of_any_version_and_expired(void **state)
{
	struct fixture *f = *state;

	f->repo->roles[SIGNED_ROOT].version = 41;
	f->repo->roles[SIGNED_ROOT].expires_utc_sec = SIGNED_NOW - 1;
	signed_publish_role(f->repo, "root");
	assert_int_equal(start(f, "42.root.json"), 0);
	assert_int_equal(tuf_trusted_end_roots(f->trusted, &f->e), -EKEYEXPIRED);
	said(f, -EKEYEXPIRED, "root", "root.json", "version 42 was good until");
}

static void expired_means_at_that_second(void **state)
{
	struct fixture *f = *state;

	f->repo->roles[SIGNED_ROOT].expires_utc_sec = SIGNED_NOW;
	signed_publish_role(f->repo, "root");
	assert_int_equal(start(f, "2.root.json"), 0);
	assert_int_equal(tuf_trusted_end_roots(f->trusted, &f->e), -EKEYEXPIRED);
	f->repo->roles[SIGNED_ROOT].expires_utc_sec = SIGNED_NOW + 1;
	signed_publish_role(f->repo, "root");
	assert_int_equal(start(f, "3.root.json"), 0);
	assert_int_equal(tuf_trusted_end_roots(f->trusted, &f->e), 0);
}

static void root_must_be_exactly_the_next(void **state)
{
	struct fixture *f = *state;

	signed_publish_role(f->repo, "root");
	signed_publish_role(f->repo, "root");
	assert_int_equal(start(f, "1.root.json"), 0);
	assert_int_equal(root(f, "3.root.json"), -EPROTO);
	said(f, -EPROTO, "root", "3.root.json", "is version 3, but the one after version 1");
	assert_int_equal(root(f, "1.root.json"), -ESTALE);
	assert_int_equal(root(f, "2.root.json"), 0);
	assert_int_equal(root(f, "2.root.json"), -ESTALE);
	assert_int_equal(root(f, "3.root.json"), 0);
	assert_int_equal(tuf_trusted_get(f->trusted, TUF_ROOT)->version, 3);
}

static void root_must_be_signed_by_old_and_new_keys(void **state)
{
	struct fixture *f = *state;
	struct signed_role *r = &f->repo->roles[SIGNED_ROOT];
	struct signed_key old;

	signed_rotate(f->repo, "root");
	f->repo->n_old_root = 0;
	old = f->repo->old_root[0];
	signed_publish_role(f->repo, "root");
	assert_int_equal(start(f, "1.root.json"), 0);
	assert_int_equal(root(f, "2.root.json"), -EKEYREJECTED);
	said(f, -EKEYREJECTED, "root", "2.root.json", "version 1 of its root");

	f->repo->old_root[0] = old;
	f->repo->n_old_root = 1;
	r->version = 1;
	r->n_sign = 0;
	signed_publish_role(f->repo, "root");
	assert_int_equal(root(f, "2.root.json"), -EKEYREJECTED);
	said(f, -EKEYREJECTED, "root", "2.root.json", "version 2 of its root");
	assert_int_equal(tuf_trusted_get(f->trusted, TUF_ROOT)->version, 1);
}

static void root_needs_each_threshold(void **state)
{
	struct fixture *f = *state;
	struct signed_role *r = &f->repo->roles[SIGNED_ROOT];

	r->keys[1] = signed_key_new(f->repo);
	r->keys[2] = signed_key_new(f->repo);
	r->n_keys = 3;
	r->threshold = 2;
	r->n_sign = 1;
	signed_publish_role(f->repo, "root");
	assert_int_equal(start(f, "1.root.json"), 0);
	assert_int_equal(root(f, "2.root.json"), -EKEYREJECTED);
	said(f, -EKEYREJECTED, "root", "2.root.json", "1 of the 3 keys");
	r->n_sign = 2;
	signed_put_role(f->repo, r);
	assert_int_equal(root(f, "2.root.json"), 0);
}

static void intermediate_roots_may_be_expired(void **state)
{
	struct fixture *f = *state;

	f->repo->roles[SIGNED_ROOT].expires_utc_sec = SIGNED_NOW - 1;
	signed_publish_role(f->repo, "root");
	f->repo->roles[SIGNED_ROOT].expires_utc_sec = SIGNED_NOW + 1;
	signed_publish_role(f->repo, "root");
	assert_int_equal(start(f, "1.root.json"), 0);
	assert_int_equal(root(f, "2.root.json"), 0);
	assert_int_equal(tuf_trusted_end_roots(f->trusted, &f->e), -EKEYEXPIRED);
	assert_int_equal(root(f, "3.root.json"), 0);
	assert_int_equal(tuf_trusted_end_roots(f->trusted, &f->e), 0);
}

static void lost_keys_of_online_roles_are_told(void **state)
{
	struct fixture *f = *state;
	struct signed_role *r = &f->repo->roles[SIGNED_SNAPSHOT];

	signed_rotate(f->repo, "root");
	signed_rotate(f->repo, "targets");
	r->keys[1] = signed_key_new(f->repo);
	r->n_keys = 2;
	signed_publish_role(f->repo, "root");
	assert_int_equal(start(f, "1.root.json"), 0);
	assert_int_equal(root(f, "2.root.json"), 0);
	assert_false(tuf_trusted_rotated(f->trusted));
	signed_rotate(f->repo, "snapshot");
	signed_publish_role(f->repo, "root");
	assert_int_equal(root(f, "3.root.json"), 0);
	assert_true(tuf_trusted_rotated(f->trusted));
	signed_publish_role(f->repo, "root");
	assert_int_equal(root(f, "4.root.json"), 0);
	assert_true(tuf_trusted_rotated(f->trusted));
}

static void what_earlier_keys_have_signed_is_told(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *old = strdup(file(f, "timestamp.json")->bytes);
	struct signed_role *r = &f->repo->roles[SIGNED_TIMESTAMP];

	assert_int_equal(start(f, "1.root.json"), 0);
	r->keys[1] = signed_key_new(f->repo);
	r->n_keys = r->threshold = 2;
	signed_publish_role(f->repo, "root");
	assert_int_equal(root(f, "2.root.json"), 0);
	assert_int_equal(tuf_trusted_signed(f->trusted, TUF_TIMESTAMP, old, strlen(old)), 0);
	assert_int_equal(tuf_trusted_signed(f->trusted, TUF_SNAPSHOT, old, strlen(old)), -EPROTO);
	assert_int_equal(tuf_trusted_signed(f->trusted, TUF_TIMESTAMP, "{", 1), -EBADMSG);
	signed_rotate(f->repo, "timestamp");
	signed_publish_role(f->repo, "root");
	assert_int_equal(root(f, "3.root.json"), 0);
	assert_int_equal(
		tuf_trusted_signed(f->trusted, TUF_TIMESTAMP, old, strlen(old)), -EKEYREJECTED);
}

/* ---- timestamp ---- */
static void start_timestamp(struct fixture *f)
{
	assert_int_equal(start(f, "1.root.json"), 0);
	assert_int_equal(tuf_trusted_end_roots(f->trusted, &f->e), 0);
}

static void timestamp_of_the_same_version_stays(void **state)
{
	struct fixture *f = *state;

	start_timestamp(f);
	assert_int_equal(timestamp(f, true), 0);
	assert_null(tuf_trusted_get(f->trusted, TUF_TIMESTAMP));
	f->repo->roles[SIGNED_SNAPSHOT].version = 7;
	signed_put_role(f->repo, &f->repo->roles[SIGNED_TIMESTAMP]);
	assert_int_equal(timestamp(f, false), 1);
	assert_int_equal(tuf_trusted_get(f->trusted, TUF_TIMESTAMP)->metas[0].version, 1);
}

static void timestamp_never_goes_back(void **state)
{
	struct fixture *f = *state;

	signed_publish(f->repo, "");
	start_timestamp(f);
	assert_int_equal(timestamp(f, true), 0);
	f->repo->roles[SIGNED_TIMESTAMP].version = 1;
	signed_put_role(f->repo, &f->repo->roles[SIGNED_TIMESTAMP]);
	assert_int_equal(timestamp(f, false), -ESTALE);
	said(f, -ESTALE, "timestamp", "timestamp.json",
		"is version 1, but version 2 was accepted before");
	f->repo->roles[SIGNED_TIMESTAMP].version = 3;
	f->repo->roles[SIGNED_SNAPSHOT].version = 1;
	signed_put_role(f->repo, &f->repo->roles[SIGNED_TIMESTAMP]);
	assert_int_equal(timestamp(f, false), -ESTALE);
	said(f, -ESTALE, "timestamp", "timestamp.json", "names version 1 of the snapshot");
	assert_null(tuf_trusted_get(f->trusted, TUF_TIMESTAMP));
}

static void expired_timestamp_is_refused_but_a_reference(void **state)
{
	struct fixture *f = *state;
	struct signed_role *r = &f->repo->roles[SIGNED_TIMESTAMP];

	r->expires_utc_sec = SIGNED_NOW;
	r->version = 5;
	signed_put_role(f->repo, r);
	start_timestamp(f);
	assert_int_equal(timestamp(f, true), -EKEYEXPIRED);
	assert_int_equal(timestamp(f, false), -EKEYEXPIRED); /* the same one */
	r->version = 6;
	signed_put_role(f->repo, r);
	assert_int_equal(timestamp(f, false), -EKEYEXPIRED);
	said(f, -EKEYEXPIRED, "timestamp", "timestamp.json", "version 6 was good until");
	r->expires_utc_sec = SIGNED_NOW + 1;
	r->version = 4;
	signed_put_role(f->repo, r);
	assert_int_equal(timestamp(f, false), -ESTALE);
	r->version = 6;
	signed_put_role(f->repo, r);
	assert_int_equal(timestamp(f, false), 0);
}

/* ---- snapshot ---- */
static void snapshot_is_the_one_that_the_timestamp_names(void **state)
{
	struct fixture *f = *state;

	signed_publish_role(f->repo, "snapshot"); /* the timestamp names version 1 */
	start_timestamp(f);
	assert_int_equal(timestamp(f, false), 0);
	assert_int_equal(snapshot(f, "2.snapshot.json", false), -EPROTO);
	said(f, -EPROTO, "snapshot", "2.snapshot.json", "is version 2, but the timestamp names");
	assert_int_equal(snapshot(f, "1.snapshot.json", false), 0);
}

static void snapshot_has_the_hash_that_the_timestamp_says(void **state)
{
	struct fixture *f = *state;
	struct signed_file *x;

	f->repo->hashes = true;
	signed_publish(f->repo, "targets");
	start_timestamp(f);
	assert_int_equal(timestamp(f, false), 0);
	x = signed_file(f->repo, "2.snapshot.json");
	x->bytes[x->n - 1] = x->bytes[x->n - 1] == '\n' ? ' ' : '\n';
	assert_int_equal(snapshot(f, x->path, false), -EUCLEAN);
	signed_put_role(f->repo, &f->repo->roles[SIGNED_SNAPSHOT]);
	assert_int_equal(snapshot(f, "2.snapshot.json", false), 0);
}

static void snapshot_loses_no_file_and_none_falls(void **state)
{
	struct fixture *f = *state;
	struct signed_role *r = &f->repo->roles[SIGNED_TARGETS];

	signed_delegate(f->repo, "targets", "team", "policy/team/*");
	signed_publish_role(f->repo, "team");
	signed_publish(f->repo, "targets");
	r->hidden = true;
	signed_publish(f->repo, "");
	r->hidden = false;
	r->version = 1;
	signed_publish_role(f->repo, "snapshot");

	start_timestamp(f);
	assert_int_equal(timestamp(f, false), 0);
	assert_int_equal(snapshot(f, "2.snapshot.json", true), -EPROTO); /* a reference */
	assert_null(tuf_trusted_get(f->trusted, TUF_SNAPSHOT));
	assert_int_equal(snapshot(f, "3.snapshot.json", false), -ESTALE);
	said(f, -ESTALE, "snapshot", "3.snapshot.json", "does not list targets.json any more");
	signed_publish_role(f->repo, "timestamp");
	start_timestamp(f);
	assert_int_equal(timestamp(f, false), 0);
	assert_int_equal(snapshot(f, "2.snapshot.json", true), -EPROTO);
	assert_int_equal(snapshot(f, "4.snapshot.json", false), -ESTALE);
	said(f, -ESTALE, "snapshot", "4.snapshot.json", "lists version 1 of targets.json");
}

static void snapshot_never_goes_back_without_a_timestamp_either(void **state)
{
	struct fixture *f = *state;

	signed_publish_role(f->repo, "snapshot");
	start_timestamp(f);
	assert_int_equal(timestamp(f, false), 0); /* names version 1 */
	assert_int_equal(snapshot(f, "2.snapshot.json", true), -EPROTO);
	assert_int_equal(snapshot(f, "1.snapshot.json", false), -ESTALE);
	said(f, -ESTALE, "snapshot", "1.snapshot.json", "version 2 was accepted before");
}

static void expired_snapshot_is_refused_but_a_reference(void **state)
{
	struct fixture *f = *state;
	struct signed_role *r = &f->repo->roles[SIGNED_SNAPSHOT];

	r->expires_utc_sec = SIGNED_NOW;
	signed_publish(f->repo, "targets");
	start_timestamp(f);
	assert_int_equal(timestamp(f, false), 0);
	assert_int_equal(snapshot(f, "2.snapshot.json", false), -EKEYEXPIRED);
	assert_int_equal(snapshot(f, "2.snapshot.json", true), -EKEYEXPIRED);
	assert_null(tuf_trusted_get(f->trusted, TUF_SNAPSHOT));
	r->expires_utc_sec = SIGNED_NOW + 1;
	f->repo->roles[SIGNED_TARGETS].version = 1;
	signed_put_role(f->repo, r);
	assert_int_equal(snapshot(f, "2.snapshot.json", false), -ESTALE);
	f->repo->roles[SIGNED_TARGETS].version = 2;
	signed_put_role(f->repo, r);
	assert_int_equal(snapshot(f, "2.snapshot.json", false), 0);
}

/* ---- targets ---- */
static void targets_are_of_the_listed_version(void **state)
{
	struct fixture *f = *state;

	trust_all(f, "1.snapshot.json", "1.targets.json");
	signed_publish_role(f->repo, "targets");
	assert_int_equal(targets(f, "targets", "root", "2.targets.json"), -EPROTO);
	said(f, -EPROTO, "targets", "2.targets.json", "but the snapshot lists version 1");
	signed_publish(f->repo, "targets");
	start_timestamp(f);
	assert_int_equal(timestamp(f, false), 0);
	assert_int_equal(snapshot(f, "2.snapshot.json", false), 0);
	assert_int_equal(targets(f, "targets", "root", "2.targets.json"), -ESTALE);
	assert_int_equal(targets(f, "targets", "root", "3.targets.json"), 0);
}

static void expired_targets_are_refused(void **state)
{
	struct fixture *f = *state;

	f->repo->roles[SIGNED_TARGETS].expires_utc_sec = SIGNED_NOW;
	signed_publish(f->repo, "targets");
	start_timestamp(f);
	assert_int_equal(timestamp(f, false), 0);
	assert_int_equal(snapshot(f, "2.snapshot.json", false), 0);
	assert_int_equal(targets(f, "targets", "root", "2.targets.json"), -EKEYEXPIRED);
	assert_null(tuf_trusted_get(f->trusted, TUF_TARGETS));
}

static void delegated_role_is_verified_for_each_delegator(void **state)
{
	struct fixture *f = *state;
	struct signed_key other = signed_key_new(f->repo);

	signed_delegate(f->repo, "targets", "a", "*");
	signed_delegate(f->repo, "targets", "b", "*");
	signed_delegate(f->repo, "a", "c", "*");
	signed_delegate(f->repo, "b", "c", "*")->key = &other;
	signed_publish_role(f->repo, "a");
	signed_publish_role(f->repo, "b");
	signed_publish_role(f->repo, "c");
	signed_publish(f->repo, "targets");
	trust_all(f, "2.snapshot.json", "2.targets.json");
	assert_int_equal(targets(f, "c", "a", "1.c.json"), -EPROTO); /* nobody has seen "a" */
	assert_int_equal(targets(f, "a", "targets", "1.a.json"), 0);
	assert_int_equal(targets(f, "b", "targets", "1.b.json"), 0);
	assert_int_equal(targets(f, "c", "a", "1.c.json"), 0);
	assert_null(tuf_trusted_role(f->trusted, "c", "b"));
	assert_int_equal(targets(f, "c", "b", "1.c.json"), -EKEYREJECTED);
	said(f, -EKEYREJECTED, "c", "1.c.json", "version 1 of its delegator");
	assert_non_null(tuf_trusted_role(f->trusted, "c", "a"));
	assert_int_equal(targets(f, "c", "targets", "1.c.json"), -EPROTO);
	said(f, -EPROTO, "c", "1.c.json", "is not a role that targets may delegate to");
	signed_key_done(&other);
}

static void delegated_role_must_be_in_the_snapshot(void **state)
{
	struct fixture *f = *state;

	signed_delegate(f->repo, "targets", "a", "*")->to->hidden = true;
	signed_publish_role(f->repo, "a");
	signed_publish(f->repo, "targets");
	trust_all(f, "2.snapshot.json", "2.targets.json");
	assert_int_equal(targets(f, "a", "targets", "1.a.json"), -EPROTO);
	said(f, -EPROTO, "a", "a.json", "version 2 of the snapshot does not list it");
}

/* A file of one role is nobody else's. */
static void types_are_not_mixed_up(void **state)
{
	struct fixture *f = *state;
	const struct signed_file *x = file(f, "1.snapshot.json");

	assert_int_equal(start(f, "1.root.json"), 0);
	assert_int_equal(root(f, "1.targets.json"), -EPROTO);
	start_timestamp(f);
	assert_int_equal(
		tuf_trusted_timestamp(f->trusted, "timestamp.json", x->bytes, x->n, false, &f->e),
		-EPROTO);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(first_root_must_be_signed_by_its_own_keys),
		TEST(first_root_may_be_of_any_version_and_expired),
		TEST(expired_means_at_that_second),
		TEST(root_must_be_exactly_the_next),
		TEST(root_must_be_signed_by_old_and_new_keys),
		TEST(root_needs_each_threshold),
		TEST(intermediate_roots_may_be_expired),
		TEST(lost_keys_of_online_roles_are_told),
		TEST(what_earlier_keys_have_signed_is_told),
		TEST(timestamp_of_the_same_version_stays),
		TEST(timestamp_never_goes_back),
		TEST(expired_timestamp_is_refused_but_a_reference),
		TEST(snapshot_is_the_one_that_the_timestamp_names),
		TEST(snapshot_has_the_hash_that_the_timestamp_says),
		TEST(snapshot_loses_no_file_and_none_falls),
		TEST(snapshot_never_goes_back_without_a_timestamp_either),
		TEST(expired_snapshot_is_refused_but_a_reference),
		TEST(targets_are_of_the_listed_version),
		TEST(expired_targets_are_refused),
		TEST(delegated_role_is_verified_for_each_delegator),
		TEST(delegated_role_must_be_in_the_snapshot),
		TEST(types_are_not_mixed_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
