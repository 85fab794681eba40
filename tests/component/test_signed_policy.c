/*
 * signed_run() with the real compiler in its sandbox, on a repository made here, and with compilers
 * that lie about what they have verified.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "policy/base/fd.h"
#include "policy/source/signed.h"
#include "tests/component/compiler_setup.h"
#include "tests/support/signed_repository.h"

#define HEAD  "proscribe: 1\npolicy: {name: test, owner: me}\n"
#define BAN   "software: [{id: a, name: A, is: [{purl: pkg:npm/a}]}]\n"
#define RULES "rules: [{id: R, software: a, reason: No., action: block}]\n"
#define LISTS "software: [{id: a, name: A, is: [{list: lists/l.txt}]}]\n"
#define HASH  "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff 10\n"

static const char good[] = HEAD BAN RULES;

struct fixture {
	struct signed_repository *repo;
	int root_fd, bundle_fd;
	uint8_t in_force[32];
	int64_t now;
};

static int memory_file(const char *bytes, size_t n)
{
	int fd = memfd_create("file", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_full(fd, bytes, n), 0);
	return fd;
}

static int set_up(void **state)
{
	struct fixture *x = calloc(1, sizeof(*x));
	const struct signed_file *root;

	if (!x || choose_compiler(NULL) < 0)
		return -1;
	x->repo = signed_repository_new();
	x->now = SIGNED_NOW;
	root = signed_file(x->repo, "1.root.json");
	x->root_fd = memory_file(root->bytes, root->n);
	x->bundle_fd = memory_file("", 0);
	signed_target(x->repo, "targets", "policy/policy.yaml", good);
	signed_publish(x->repo, "targets");
	*state = x;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *x = *state;

	signed_repository_free(x->repo);
	(void) close(x->root_fd);
	(void) close(x->bundle_fd);
	free(x);
	return 0;
}

/* All the files of the repository, as the agent would hand them in. */
static int run(struct fixture *x, struct signed_result *ret)
{
	static struct folder_file files[SIGNED_FILES_MAX];
	struct signed_order o = { .now_utc_sec = x->now,
		.root_fd = x->root_fd,
		.bundle_fd = x->bundle_fd,
		.files = files,
		.n_files = x->repo->n_files };
	int r;

	memcpy(o.in_force, x->in_force, sizeof(o.in_force));
	for (size_t i = 0; i < o.n_files; i++) {
		const struct signed_file *f = &x->repo->files[i];
		size_t n = strlen(f->path);
		bool json = n > 5 && !strcmp(f->path + n - 5, ".json");

		assert_true(asprintf(&files[i].name, "%s/%s", json ? "metadata" : "targets",
				    f->path) > 0);
		files[i].fd = memory_file(f->bytes, f->n);
	}
	r = signed_run(&o, ret);
	for (size_t i = 0; i < o.n_files; i++) {
		free(files[i].name);
		(void) close(files[i].fd);
	}
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	return r;
}

/* Takes over what the run came to trust, as the agent does. */
static void keep(struct fixture *x, struct signed_result *s)
{
	if (s->root_version > 0) {
		(void) close(x->bundle_fd);
		x->bundle_fd = TAKE_FD(s->bundle_fd);
	}
	if (s->refused == 0)
		memcpy(x->in_force, s->summary.targets_digest, sizeof(x->in_force));
	signed_result_done(s);
}

static void accepted(struct fixture *x, bool same)
{
	struct signed_result s;

	assert_int_equal(run(x, &s), 0);
	assert_string_equal(s.compiled.messages, "");
	assert_int_equal(s.refused, 0);
	assert_int_equal(s.same, same);
	assert_int_equal(s.compiled.image_fd >= 0, !same);
	keep(x, &s);
}

/* Expects that it is refused with @error and says @words. */
static void refused(const char *name, struct fixture *x, int error, const char *words)
{
	struct signed_result s;
	int r = run(x, &s);

	if (r != 0 || s.refused != error || s.compiled.image_fd >= 0 || s.same ||
		!strstr(s.compiled.messages, words))
		fail_msg("%s: %d, refused with %d (%s), expected %d and '%s'", name, r, s.refused,
			s.compiled.messages, error, words);
	keep(x, &s);
}

static void test_a_good_one_becomes_an_image_and_is_not_compiled_twice(void **state)
{
	const int seals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	struct fixture *x = *state;
	struct signed_result s;

	assert_int_equal(run(x, &s), 0);
	assert_int_equal(s.refused, 0);
	assert_int_equal(s.root_version, 1);
	assert_int_equal(s.summary.roles[TUF_TARGETS].version, 2);
	assert_int_equal(s.summary.n_files, 1);
	assert_int_equal(s.summary.n_signers, 2);
	assert_string_equal(s.summary.signers[0].owner, "tester");
	assert_int_equal(fcntl(s.compiled.image_fd, F_GET_SEALS) & seals, seals);
	assert_int_equal(fcntl(s.bundle_fd, F_GET_SEALS) & seals, seals);
	keep(x, &s);
	accepted(x, true);
	signed_target(x->repo, "targets", "policy/policy.yaml", HEAD BAN);
	signed_publish(x->repo, "targets");
	assert_int_equal(run(x, &s), 0);
	assert_false(s.same);
	assert_non_null(strstr(s.compiled.messages, "no rules"));
	keep(x, &s);
	signed_publish(x->repo, "");
	accepted(x, true);
}

static void test_a_policy_with_errors_is_well_signed_all_the_same(void **state)
{
	struct fixture *x = *state;
	struct signed_result s;

	signed_target(x->repo, "targets", "policy/policy.yaml", HEAD "polcy: 1\n");
	signed_publish(x->repo, "targets");
	assert_int_equal(run(x, &s), 0);
	assert_int_equal(s.refused, 0);
	assert_int_equal(s.compiled.n_errors, 1);
	assert_int_equal(s.compiled.image_fd, -1);
	assert_non_null(strstr(s.compiled.messages, "policy.yaml:3:1: error: unknown key 'polcy'"));
	signed_result_done(&s);
}

static void test_lists_and_teams_and_signatures_are_part_of_it(void **state)
{
	struct fixture *x = *state;
	struct signed_result s;

	signed_delegate(x->repo, "targets", "team", "policy/team-*.yaml");
	signed_target(x->repo, "targets", "policy/policy.yaml", HEAD LISTS RULES);
	signed_target(x->repo, "targets", "policy/lists/l.txt", HASH);
	signed_target(x->repo, "team", "policy/team-a.yaml",
		"software: [{id: b, name: B, is: [{purl: pkg:npm/b}]}]\n");
	signed_publish_role(x->repo, "team");
	signed_publish(x->repo, "targets");
	assert_int_equal(run(x, &s), 0);
	assert_int_equal(s.refused, 0);
	assert_int_equal(s.summary.n_files, 3);
	assert_int_equal(s.summary.n_signers, 3);
	assert_string_equal(s.summary.signers[2].role, "team");
	assert_true(s.compiled.image_fd >= 0);
	signed_result_done(&s);
}

static const struct {
	const char *name, *path, *words;
} names[] = {
	{ "a folder too deep", "policy/a/b.yaml", "NAME.yaml" },
	{ "a hidden file", "policy/.a.yaml", "NAME.yaml" },
	{ "nothing but the ending", "policy/.yaml", "NAME.yaml" },
	{ "another ending", "policy/a.yml", "NAME.yaml" },
	{ "no list", "policy/lists/a.yaml", "NAME.yaml" },
	{ "a list without a name", "policy/lists/.txt", "NAME.yaml" },
	{ "no signatures", "policy/signatures/a.txt", "NAME.yaml" },
	{ "below lists", "policy/lists/a/b.txt", "NAME.yaml" },
	{ "a folder upwards", "policy/lists/../../x.yaml", "NAME.yaml" },
};

static void test_only_files_of_a_policy_belong_to_it(void **state)
{
	struct fixture *x = *state;

	accepted(x, false);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		signed_target(x->repo, "targets", names[i].path, "x");
		signed_publish(x->repo, "targets");
		refused(names[i].name, x, -EBADMSG, names[i].words);
		(void) json_object_del(signed_role(x->repo, "targets")->targets, names[i].path);
	}
	signed_publish(x->repo, "targets");
	accepted(x, true);
}

/* What @role says of a target, without that there is such a file. */
static void announce(struct fixture *x, const char *path, json_int_t length, const char *algorithm)
{
	(void) json_object_set_new(signed_role(x->repo, "targets")->targets, path,
		json_pack("{s:I, s:{s:s}}", "length", length, "hashes", algorithm,
			strcmp(algorithm, "sha256") ? "00"
						    : "00112233445566778899aabbccddeeff001122"
						      "33445566778899aabbccddeeff"));
}

static void test_limits_hold_before_anything_is_read(void **state)
{
	const json_int_t half = POLICY_LIST_SIZE_MAX;
	struct fixture *x = *state;
	json_t *targets = signed_role(x->repo, "targets")->targets;
	char path[64];

	announce(x, "policy/a.yaml", POLICY_FILE_SIZE_MAX + 1, "sha256");
	signed_publish(x->repo, "targets");
	refused("a file too long", x, -EFBIG, "policy/a.yaml (role targets): is 16777217 bytes");
	announce(x, "policy/a.yaml", POLICY_FILE_SIZE_MAX, "sha256");
	signed_publish(x->repo, "targets");
	refused("as long as it may be", x, -ENOENT, "policy/a.yaml (role targets): is not among");
	(void) json_object_del(targets, "policy/a.yaml");

	announce(x, "policy/lists/a.txt", half + 1, "sha256");
	signed_publish(x->repo, "targets");
	refused("a list too long", x, -EFBIG, "policy/lists/a.txt (role targets)");
	announce(x, "policy/lists/a.txt", half, "sha256");
	announce(x, "policy/lists/b.txt", half, "sha256");
	signed_publish(x->repo, "targets");
	refused("too much together", x, -EFBIG, "together");
	(void) json_object_del(targets, "policy/lists/a.txt");
	(void) json_object_del(targets, "policy/lists/b.txt");

	for (int i = 0; i < POLICY_FILES_MAX; i++) {
		(void) snprintf(path, sizeof(path), "policy/signatures/%03d.yar", i);
		announce(x, path, 1, "sha256");
	}
	signed_publish(x->repo, "targets");
	refused("as many as there may be", x, -ENOENT, "signatures/000.yar");
	announce(x, "policy/signatures/one-more.yar", 1, "sha256");
	signed_publish(x->repo, "targets");
	refused("one file too many", x, -EFBIG,
		"one-more.yar (role targets): is one file too many");
}

static void test_a_target_without_a_known_hash_is_refused(void **state)
{
	struct fixture *x = *state;

	announce(x, "policy/a.yaml", 1, "md5");
	signed_publish(x->repo, "targets");
	refused("an unknown hash", x, -EUCLEAN, "policy/a.yaml (role targets): has no sha256");
}

/* Every file of metadata, cut at lengths all over it. */
static void test_what_is_cut_short_is_refused(void **state)
{
	static const char *const paths[] = { "timestamp.json", "2.snapshot.json",
		"2.targets.json" };
	struct fixture *x = *state;

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct signed_file *f = signed_file(x->repo, paths[i]);
		const size_t whole = f->n;

		for (size_t part = 0; part < 12; part++) {
			struct signed_result s;

			f->n = part < 11 ? whole * part / 11 : whole - 1;
			assert_int_equal(run(x, &s), 0);
			if (s.refused != -EBADMSG || !strstr(s.compiled.messages, paths[i]))
				fail_msg("%s cut to %zu of %zu: %d, %s", paths[i], f->n, whole,
					s.refused, s.compiled.messages);
			assert_int_equal(s.root_version, 1);
			keep(x, &s);
		}
		f->n = whole;
	}
	accepted(x, false);
}

static void test_what_was_accepted_counts_though_the_rest_was_refused(void **state)
{
	struct fixture *x = *state;
	struct signed_result s;

	accepted(x, false);
	signed_rotate(x->repo, "root");
	signed_publish_role(x->repo, "root");
	signed_role(x->repo, "timestamp")->expires_utc_sec = SIGNED_NOW - 1;
	signed_publish(x->repo, "");
	assert_int_equal(run(x, &s), 0);
	assert_int_equal(s.refused, -EKEYEXPIRED);
	assert_int_equal(s.root_version, 2);
	keep(x, &s);
	signed_file(x->repo, "2.root.json")->path[0] = 'x'; /* not needed any more */
	signed_role(x->repo, "timestamp")->expires_utc_sec = SIGNED_NOW + SIGNED_DAY;
	signed_publish(x->repo, "");
	accepted(x, true);
}

static void test_an_older_one_is_refused(void **state)
{
	struct fixture *x = *state;
	const struct signed_file *f = signed_file(x->repo, "timestamp.json");
	char *old = strndup(f->bytes, f->n);

	signed_publish(x->repo, "targets");
	accepted(x, false);
	signed_put(x->repo, "timestamp.json", old, strlen(old));
	refused("rolled back", x, -ESTALE, "timestamp.json (role timestamp)");
	free(old);
}

static void test_the_time_is_the_callers(void **state)
{
	struct fixture *x = *state;

	x->now = SIGNED_NOW + 31 * SIGNED_DAY;
	refused("everything has expired", x, -EKEYEXPIRED, "expired");
	x->now = SIGNED_NOW + 29 * SIGNED_DAY;
	accepted(x, false);
}

static void test_what_was_kept_must_make_sense(void **state)
{
	struct fixture *x = *state;

	(void) close(x->bundle_fd);
	x->bundle_fd = memory_file("garbage", 7);
	refused("garbage", x, -EBADMSG, "accepted earlier");
}

static void test_an_anchor_must_be_one(void **state)
{
	struct fixture *x = *state;

	(void) close(x->root_fd);
	x->root_fd = memory_file("{}", 2);
	refused("no root", x, -EBADMSG, "root");
}

static void test_substituted_content_is_refused(void **state)
{
	struct fixture *x = *state;

	for (size_t i = 0; i < x->repo->n_files; i++) {
		struct signed_file *f = &x->repo->files[i];

		if (!strstr(f->path, "policy.yaml"))
			continue;
		f->bytes[10] ^= 1;
		refused("another byte", x, -EUCLEAN, "policy/policy.yaml (role targets)");
		f->bytes[10] ^= 1;
		f->n--;
		refused("a byte less", x, -EUCLEAN, "policy/policy.yaml (role targets)");
		f->n++;
	}
	accepted(x, false);
}

static void test_a_compiler_that_lies_is_not_believed(void **state)
{
	static const struct {
		const char *mode;
		int want;
	} lies[] = {
		{ "trust: good", 0 },
		{ "trust: refused", 0 },
		{ "trust: another size", -EPROTO },
		{ "trust: no root", -EPROTO },
		{ "trust: a negative root", -EPROTO },
		{ "trust: signers without end", -EPROTO },
		{ "trust: signers without names", -EPROTO },
		{ "trust: a positive error", -EPROTO },
		{ "trust: refused, and fine", -EPROTO },
		{ "trust: refused, and the same", -EPROTO },
		{ "trust: the same, and errors", -EPROTO },
		{ "trust: another one, and no image", -EBADMSG },
		{ "no image", -EPROTO }, /* a result, but not what is trusted */
		{ "silent exit", -EPIPE },
		{ "sigsys", -EPIPE },
	};
	struct fixture *x = *state;

	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		struct signed_result s;
		int r;

		assert_int_equal(choose_compiler(lies[i].mode), 0);
		r = run(x, &s);
		if (r != lies[i].want || s.compiled.image_fd >= 0 || (r < 0 && s.bundle_fd >= 0) ||
			(r < 0 && !*s.compiled.messages))
			fail_msg("%s: %d, expected %d: %s", lies[i].mode, r, lies[i].want,
				s.compiled.messages);
		signed_result_done(&s);
	}
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		TEST(test_a_good_one_becomes_an_image_and_is_not_compiled_twice),
		TEST(test_a_policy_with_errors_is_well_signed_all_the_same),
		TEST(test_lists_and_teams_and_signatures_are_part_of_it),
		TEST(test_only_files_of_a_policy_belong_to_it),
		TEST(test_limits_hold_before_anything_is_read),
		TEST(test_a_target_without_a_known_hash_is_refused),
		TEST(test_what_is_cut_short_is_refused),
		TEST(test_what_was_accepted_counts_though_the_rest_was_refused),
		TEST(test_an_older_one_is_refused),
		TEST(test_the_time_is_the_callers),
		TEST(test_what_was_kept_must_make_sense),
		TEST(test_an_anchor_must_be_one),
		TEST(test_substituted_content_is_refused),
		TEST(test_a_compiler_that_lies_is_not_believed),
#undef TEST
	};

	(void) argc;
	if (move_to_folder("in-signed-policy", argv) < 0)
		return 1;
	return cmocka_run_group_tests_name("signed_policy", tests, NULL, NULL);
}
