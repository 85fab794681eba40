/* Whole updates against a repository in memory: what is asked for, what is kept, what is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "policy/trust/summary.h"
#include "tests/support/signed_repository.h"

struct fixture {
	struct signed_repository *repo;
	struct tuf_bundle *bundle;
	struct tuf_store store, real; /* store: what the client gets */
	struct tuf_transport transport;
	struct tuf_client *client;
	struct tuf_error e;
	const char *full; /* saving this name fails */
	char paths[4096]; /* that tuf_client_each() told */
};

static int load(void *context, const char *name, size_t max, char **ret, size_t *ret_size)
{
	struct fixture *f = context;

	return f->real.load(f->real.context, name, max, ret, ret_size);
}

static int save(void *context, const char *name, const void *bytes, size_t size)
{
	struct fixture *f = context;

	if (f->full && strcmp(f->full, name) == 0)
		return -ENOSPC;
	return f->real.save(f->real.context, name, bytes, size);
}

static int forget(void *context, const char *name)
{
	struct fixture *f = context;

	return f->real.remove(f->real.context, name);
}

static void init(struct fixture *f)
{
	struct signed_file *root = signed_file(f->repo, "1.root.json");

	assert_int_equal(tuf_client_init(&f->store, SIGNED_NOW, root->bytes, root->n, &f->e), 0);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->repo = signed_repository_new();
	f->transport = signed_transport(f->repo);
	assert_int_equal(tuf_bundle_new(NULL, 0, &f->bundle), 0);
	tuf_bundle_store(f->bundle, &f->real);
	f->store = (struct tuf_store){ load, save, forget, f };
	init(f);
	assert_int_equal(f->repo->n_requests, 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	tuf_client_free(f->client);
	tuf_bundle_free(f->bundle);
	signed_repository_free(f->repo);
	free(f);
	return 0;
}

/* A new client at @now; requests and errors begin anew. */
static void start(struct fixture *f, int64_t now)
{
	const struct tuf_client_options o = { &f->transport, &f->store, now };

	f->client = tuf_client_free(f->client);
	f->e = (struct tuf_error){ 0 };
	f->repo->requests[0] = '\0';
	f->repo->n_requests = 0;
	assert_int_equal(tuf_client_new(&o, &f->client, &f->e), 0);
}

static int refresh(struct fixture *f)
{
	start(f, SIGNED_NOW);
	return tuf_client_refresh(f->client, &f->e);
}

static void requested(const struct fixture *f, const char *want)
{
	assert_string_equal(f->repo->requests, want);
}

/* Is what is stored as @name what the repository has at @path? NULL: nothing is. */
static void stored(struct fixture *f, const char *name, const char *path)
{
	_cleanup_free_ char *bytes = NULL;
	struct signed_file *x = path ? signed_file(f->repo, path) : NULL;
	size_t n = 0;
	int r = f->real.load(f->real.context, name, SIZE_MAX, &bytes, &n);

	if (!path) {
		assert_int_equal(r, -ENOENT);
		return;
	}
	assert_int_equal(r, 0);
	assert_non_null(x);
	if (n != x->n || memcmp(bytes, x->bytes, n) != 0)
		fail_msg("%s is not the repository's %s", name, path);
}

static void said(
	const struct fixture *f, int error, const char *role, const char *name, const char *text)
{
	_cleanup_free_ char *line = tuf_error_line(&f->e);

	if (f->e.error != error || strcmp(f->e.role, role) != 0 || strcmp(f->e.file, name) != 0 ||
		!strstr(f->e.text, text))
		fail_msg("expected %d of %s (%s): %s\nfound %d: %s", error, name, role, text,
			f->e.error, line);
}

static const struct tuf_target *find(struct fixture *f, const char *path, const char *want_role)
{
	const struct tuf_target *t;
	const char *role;

	if (tuf_client_find(f->client, path, &t, &role, &f->e) < 0)
		return NULL;
	assert_string_equal(role, want_role);
	assert_string_equal(t->path, path);
	return t;
}

/* ---- the order of an update ---- */
static void first_update_asks_for_four_files(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(refresh(f), 0);
	requested(f, "2.root.json timestamp.json 1.snapshot.json 1.targets.json ");
	stored(f, "root.json", "1.root.json");
	stored(f, "timestamp.json", "timestamp.json");
	stored(f, "snapshot.json", "1.snapshot.json");
	stored(f, "targets.json", "1.targets.json");
	assert_int_equal(f->e.error, 0);
}

static void unchanged_repository_costs_two_requests(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(refresh(f), 0);
	assert_int_equal(refresh(f), 0);
	requested(f, "2.root.json timestamp.json ");
	signed_publish_role(f->repo, "timestamp");
	assert_int_equal(refresh(f), 0);
	requested(f, "2.root.json timestamp.json ");
	stored(f, "timestamp.json", "timestamp.json");
}

static void only_what_changed_is_asked_for(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(refresh(f), 0);
	signed_publish(f->repo, "");
	assert_int_equal(refresh(f), 0);
	requested(f, "2.root.json timestamp.json 2.snapshot.json ");
	signed_publish(f->repo, "targets");
	assert_int_equal(refresh(f), 0);
	requested(f, "2.root.json timestamp.json 3.snapshot.json 2.targets.json ");
}

static void plain_names_without_consistent_snapshots(void **state)
{
	struct fixture *f = *state;
	const struct tuf_target *t;
	char file[TUF_FILE_MAX + 1];

	f->repo->plain = true;
	signed_delegate(f->repo, "targets", "team", "policy/*");
	signed_target(f->repo, "team", "policy/a b.yaml", "a");
	signed_publish_role(f->repo, "root");
	signed_publish_role(f->repo, "team");
	signed_publish(f->repo, "targets");
	start(f, SIGNED_NOW);
	t = find(f, "policy/a b.yaml", "team");
	assert_non_null(t);
	requested(
		f, "2.root.json 3.root.json timestamp.json snapshot.json targets.json team.json ");
	assert_int_equal(tuf_client_target_file(f->client, t, file), 0);
	assert_string_equal(file, "policy/a%20b.yaml");
}

static void client_makes_one_update(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(refresh(f), 0);
	assert_int_equal(tuf_client_refresh(f->client, &f->e), -EALREADY);
}

static void failed_update_is_not_tried_again_by_a_search(void **state)
{
	struct fixture *f = *state;
	size_t n;

	signed_remove(f->repo, "1.snapshot.json");
	start(f, SIGNED_NOW);
	assert_null(find(f, "a", ""));
	said(f, -ENOENT, "snapshot", "1.snapshot.json", "is not there");
	n = f->repo->n_requests;
	f->e = (struct tuf_error){ 0 };
	assert_null(find(f, "a", ""));
	said(f, -ENOENT, "snapshot", "1.snapshot.json", "is not there");
	assert_int_equal(f->repo->n_requests, n);
}

/* ---- what is kept when something fails ---- */
static void missing_snapshot_leaves_the_new_timestamp(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(refresh(f), 0);
	signed_publish(f->repo, "targets");
	signed_remove(f->repo, "2.snapshot.json");
	assert_int_equal(refresh(f), -ENOENT);
	stored(f, "timestamp.json", "timestamp.json");
	stored(f, "snapshot.json", "1.snapshot.json");
	stored(f, "targets.json", "1.targets.json");
}

static void expired_root_stays_and_ends_the_update(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(refresh(f), 0);
	signed_rotate(f->repo, "timestamp");
	f->repo->roles[SIGNED_ROOT].expires_utc_sec = SIGNED_NOW;
	signed_publish_role(f->repo, "root");
	signed_publish(f->repo, "targets");
	assert_int_equal(refresh(f), -EKEYEXPIRED);
	said(f, -EKEYEXPIRED, "root", "root.json", "version 2 was good until");
	requested(f, "2.root.json 3.root.json ");
	stored(f, "root.json", "2.root.json");
	stored(f, "snapshot.json", "1.snapshot.json");
	f->repo->roles[SIGNED_ROOT].expires_utc_sec = SIGNED_NOW + 1;
	signed_publish_role(f->repo, "root");
	assert_int_equal(refresh(f), 0);
	stored(f, "root.json", "3.root.json");
	stored(f, "timestamp.json", "timestamp.json");
}

static void each_root_is_kept_before_the_next(void **state)
{
	struct fixture *f = *state;

	signed_publish_role(f->repo, "root");
	signed_publish_role(f->repo, "root");
	f->repo->roles[SIGNED_ROOT].n_sign = 0;
	signed_publish_role(f->repo, "root");
	assert_int_equal(refresh(f), -EKEYREJECTED);
	said(f, -EKEYREJECTED, "root", "4.root.json", "signed by 0 of the 1 keys");
	stored(f, "root.json", "3.root.json");
	stored(f, "timestamp.json", NULL);
}

static void full_disk_is_told(void **state)
{
	static const struct {
		const char *role, *name;
	} cases[] = {
		{ "root", "root.json" },
		{ "timestamp", "timestamp.json" },
		{ "snapshot", "snapshot.json" },
		{ "targets", "targets.json" },
	};
	struct fixture *f = *state;

	signed_publish_role(f->repo, "root");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		f->full = cases[i].name;
		assert_int_equal(refresh(f), -ENOSPC);
		said(f, -ENOSPC, cases[i].role, cases[i].name, "cannot be stored: No space left");
	}
	f->full = NULL;
	assert_int_equal(refresh(f), 0);
}

static void damaged_store_is_fetched_again(void **state)
{
	static const char *const names[] = { "timestamp.json", "snapshot.json", "targets.json" };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_int_equal(refresh(f), 0);
		assert_int_equal(save(f, names[i], "{", 1), 0);
		assert_int_equal(refresh(f), 0);
		stored(f, "timestamp.json", "timestamp.json");
		stored(f, "snapshot.json", "1.snapshot.json");
		stored(f, "targets.json", "1.targets.json");
	}
}

static void damaged_root_is_an_error(void **state)
{
	struct fixture *f = *state;
	const struct tuf_client_options o = { &f->transport, &f->store, SIGNED_NOW };

	assert_int_equal(save(f, "root.json", "{", 1), 0);
	assert_int_equal(tuf_client_new(&o, &f->client, &f->e), -EBADMSG);
	assert_int_equal(forget(f, "root.json"), 0);
	assert_int_equal(tuf_client_new(&o, &f->client, &f->e), -ENOENT);
	said(f, -ENOENT, "root", "root.json", "cannot be read from the store");
}

static void init_takes_only_what_its_keys_have_signed(void **state)
{
	struct fixture *f = *state;
	struct signed_file *root = signed_file(f->repo, "1.root.json");

	assert_int_equal(
		tuf_client_init(&f->store, SIGNED_NOW, root->bytes, root->n - 9, &f->e), -EBADMSG);
	assert_int_equal(tuf_client_init(&f->store, SIGNED_NOW, root->bytes, root->n, &f->e), 0);
	signed_publish_role(f->repo, "root");
	root = signed_file(f->repo, "2.root.json");
	assert_int_equal(
		tuf_client_init(&f->store, SIGNED_NOW, root->bytes, root->n, &f->e), -EEXIST);
	stored(f, "root.json", "1.root.json");
	assert_int_equal(forget(f, "root.json"), 0);
	f->repo->roles[SIGNED_ROOT].n_sign = 0;
	signed_put_role(f->repo, &f->repo->roles[SIGNED_ROOT]);
	root = signed_file(f->repo, "2.root.json");
	assert_int_equal(
		tuf_client_init(&f->store, SIGNED_NOW, root->bytes, root->n, &f->e), -EKEYREJECTED);
	stored(f, "root.json", NULL);
}

/* ---- rotation and recovery ---- */
static void rotated_keys_let_versions_begin_anew(void **state)
{
	static const struct {
		const char *rotated, *also, *back; /* what goes back to version 1 then */
	} cases[] = {
		{ "timestamp", NULL, "timestamp" },
		{ "snapshot", "timestamp", "snapshot" },
		{ "snapshot", NULL, "snapshot" },
		{ "snapshot", NULL, "targets" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture *f;

		assert_int_equal(set_up((void **) &f), 0);
		signed_role(f->repo, cases[i].back)->version = 99998;
		signed_publish(f->repo, strcmp(cases[i].back, "targets") == 0 ? "targets" : "");
		assert_int_equal(refresh(f), 0);
		signed_role(f->repo, cases[i].back)->version = 0;
		signed_publish(f->repo, strcmp(cases[i].back, "targets") == 0 ? "targets" : "");
		assert_int_equal(refresh(f), -ESTALE);
		signed_rotate(f->repo, cases[i].rotated);
		if (cases[i].also)
			signed_rotate(f->repo, cases[i].also);
		signed_publish_role(f->repo, "root");
		signed_publish(f->repo, "");
		if (refresh(f) != 0)
			fail_msg("%s rotated, %s back: %s", cases[i].rotated, cases[i].back,
				f->e.text);
		(void) tear_down((void **) &f);
	}
}

/* The machine stopped between the new root and forgetting what older keys have signed. */
static void rotation_is_finished_after_a_crash(void **state)
{
	struct fixture *f = *state;
	struct signed_file *root;

	f->repo->roles[SIGNED_SNAPSHOT].version = 99998;
	signed_publish(f->repo, "");
	assert_int_equal(refresh(f), 0);
	signed_rotate(f->repo, "snapshot");
	signed_publish_role(f->repo, "root");
	f->repo->roles[SIGNED_SNAPSHOT].version = 0;
	signed_publish(f->repo, "");
	root = signed_file(f->repo, "2.root.json");
	assert_int_equal(save(f, "root.json", root->bytes, root->n), 0);
	assert_int_equal(refresh(f), 0);
	stored(f, "snapshot.json", "1.snapshot.json");
}

static void raised_threshold_forgets_nothing(void **state)
{
	struct fixture *f = *state;
	struct signed_role *r = &f->repo->roles[SIGNED_SNAPSHOT];

	f->repo->roles[SIGNED_TIMESTAMP].version = 9;
	signed_publish(f->repo, "");
	assert_int_equal(refresh(f), 0);
	r->keys[1] = signed_key_new(f->repo);
	r->n_keys = r->n_sign = r->threshold = 2;
	signed_publish_role(f->repo, "root");
	f->repo->roles[SIGNED_TIMESTAMP].version = 8;
	signed_publish(f->repo, "");
	assert_int_equal(refresh(f), -ESTALE);
	said(f, -ESTALE, "timestamp", "timestamp.json", "version 10 was accepted before");
}

static void one_update_follows_256_roots(void **state)
{
	struct fixture *f = *state;
	char name[32];

	for (int i = 0; i < TUF_ROTATIONS_MAX + 2; i++)
		signed_publish_role(f->repo, "root");
	assert_int_equal(refresh(f), 0);
	(void) snprintf(name, sizeof(name), "%d.root.json", TUF_ROTATIONS_MAX + 1);
	stored(f, "root.json", name);
	assert_int_equal(f->repo->n_requests, TUF_ROTATIONS_MAX + 3);
	assert_int_equal(refresh(f), 0);
	requested(f, "258.root.json 259.root.json 260.root.json timestamp.json ");
	stored(f, "root.json", "259.root.json");
}

/* ---- lengths ---- */
static void announced_length_is_the_limit(void **state)
{
	struct fixture *f = *state;
	struct signed_file *x;

	f->repo->hashes = true;
	signed_publish(f->repo, "targets");
	x = signed_file(f->repo, "2.targets.json");
	signed_put(f->repo, "2.targets.json", "", 0);
	x->bytes = realloc(x->bytes, 5000);
	assert_non_null(x->bytes);
	memset(x->bytes, ' ', 5000);
	x->n = f->repo->roles[SIGNED_TARGETS].size + 1;
	assert_int_equal(refresh(f), -EFBIG);
	x->n--;
	assert_int_equal(refresh(f), -EUCLEAN);
	said(f, -EUCLEAN, "targets", "2.targets.json", "");
}

/* ---- targets ---- */
static void targets_are_found_by_whoever_may_speak_of_them(void **state)
{
	struct fixture *f = *state;

	signed_delegate(f->repo, "targets", "../a?", "policy/team/*");
	signed_delegate(f->repo, "targets", "b", "policy/*/*")->prefix = NULL;
	signed_target(f->repo, "targets", "policy/policy.yaml", "rules");
	signed_target(f->repo, "../a?", "policy/team/a.yaml", "of a");
	signed_target(f->repo, "../a?", "policy/other/a.yaml", "none of its business");
	signed_target(f->repo, "b", "policy/team/a.yaml", "of b, too late");
	signed_target(f->repo, "b", "policy/team/b.yaml", "of b");
	signed_publish_role(f->repo, "../a?");
	signed_publish_role(f->repo, "b");
	signed_publish(f->repo, "targets");
	start(f, SIGNED_NOW);
	assert_non_null(find(f, "policy/policy.yaml", "targets"));
	requested(f, "2.root.json timestamp.json 2.snapshot.json 2.targets.json ");
	assert_int_equal(find(f, "policy/team/a.yaml", "../a?")->info.length, 4);
	requested(f, "2.root.json timestamp.json 2.snapshot.json 2.targets.json 1...%2Fa%3F.json ");
	stored(f, "..%2Fa%3F.json", "1...%2Fa%3F.json");
	stored(f, "b.json", NULL);
	assert_non_null(find(f, "policy/team/b.yaml", "b"));
	assert_null(find(f, "policy/other/a.yaml", ""));
	said(f, -ENOENT, "", "policy/other/a.yaml", "is no target");
	assert_int_equal(f->repo->n_requests, 6);
	start(f, SIGNED_NOW);
	assert_non_null(find(f, "policy/team/b.yaml", "b"));
	requested(f, "2.root.json timestamp.json ");
}

static int tell(void *context, const struct tuf_target *t, const char *role)
{
	struct fixture *f = context;
	size_t used = strlen(f->paths);

	(void) snprintf(f->paths + used, sizeof(f->paths) - used, "%s=%s ", t->path, role);
	return strcmp(t->path, "policy/stop") == 0 ? -ECANCELED : 0;
}

static void all_targets_below_a_prefix(void **state)
{
	struct fixture *f = *state;

	signed_delegate(f->repo, "targets", "other", "other/*");
	signed_delegate(f->repo, "targets", "last", "policy/lists/*")->terminating = true;
	signed_delegate(f->repo, "targets", "team", "policy/*/*");
	signed_delegate(f->repo, "team", "last", "*");
	signed_target(f->repo, "targets", "policy/z", "1");
	signed_target(f->repo, "targets", "policyz", "1");
	signed_target(f->repo, "last", "policy/lists/l", "2");
	signed_target(f->repo, "team", "policy/a/t", "3");
	signed_target(f->repo, "team", "policy/lists/l", "terminated");
	signed_target(f->repo, "team", "policy/lists/t", "terminated");
	signed_target(f->repo, "team", "policy/b", "nobody said so");
	signed_target(f->repo, "other", "other/x", "4");
	signed_publish_role(f->repo, "other");
	signed_publish_role(f->repo, "last");
	signed_publish_role(f->repo, "team");
	signed_publish(f->repo, "targets");
	start(f, SIGNED_NOW);
	assert_int_equal(tuf_client_each(f->client, "policy/", tell, f, &f->e), 0);
	assert_string_equal(f->paths, "policy/a/t=team policy/lists/l=last policy/z=targets ");
	assert_string_equal(tuf_client_found(f->client, 2)->path, "policy/z");
	assert_null(tuf_client_found(f->client, 3));
	assert_null(strstr(f->repo->requests, "other"));
	f->paths[0] = '\0';
	signed_target(f->repo, "targets", "policy/stop", "5");
	signed_publish(f->repo, "targets");
	start(f, SIGNED_NOW);
	assert_int_equal(tuf_client_each(f->client, "", tell, f, &f->e), -ECANCELED);
	assert_string_equal(
		f->paths, "other/x=other policy/a/t=team policy/lists/l=last policy/stop=targets ");
}

static void delegated_role_may_not_be_called_root(void **state)
{
	static const char *const names[] = { "root", "timestamp", "snapshot" };

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct fixture *f;

		assert_int_equal(set_up((void **) &f), 0);
		signed_delegate(f->repo, "targets", names[i], "*");
		signed_publish(f->repo, "targets");
		start(f, SIGNED_NOW);
		assert_null(find(f, "a", ""));
		assert_true(f->e.error == -EBADMSG || f->e.error == -EPROTO);
		stored(f, "root.json", "1.root.json");
		(void) tear_down((void **) &f);
	}
}

static void target_file_names(void **state)
{
	struct fixture *f = *state;
	struct tuf_target t = { .path = "policy/ä b/c#.txt" };
	char file[TUF_FILE_MAX + 1], path[2 * TUF_FILE_MAX];

	start(f, SIGNED_NOW);
	assert_int_equal(tuf_client_target_file(f->client, &t, file), -EUCLEAN);
	t.info.has_sha512 = true;
	memset(t.info.sha512, 0x12, sizeof(t.info.sha512));
	assert_int_equal(tuf_client_target_file(f->client, &t, file), 0);
	assert_int_equal(strncmp(file, "policy/%C3%A4%20b/1212", 22), 0);
	assert_string_equal(file + strlen("policy/%C3%A4%20b/") + 128, ".c%23.txt");
	t.info.has_sha256 = true;
	memset(t.info.sha256, 0xab, sizeof(t.info.sha256));
	t.path = "top";
	assert_int_equal(tuf_client_target_file(f->client, &t, file), 0);
	assert_string_equal(
		file, "abababababababababababababababababababababababababababababababab.top");
	memset(path, 'x', sizeof(path));
	t.path = path;
	path[TUF_FILE_MAX - 65] = '\0';
	assert_int_equal(tuf_client_target_file(f->client, &t, file), 0);
	path[TUF_FILE_MAX - 65] = 'x';
	path[TUF_FILE_MAX - 64] = '\0';
	assert_int_equal(tuf_client_target_file(f->client, &t, file), -ENAMETOOLONG);
}

static void search_ends_after_32_delegated_roles(void **state)
{
	struct fixture *f = *state;
	char from[16] = "targets", to[16];

	for (int i = 0; i <= TUF_DELEGATIONS_MAX; i++) {
		(void) snprintf(to, sizeof(to), "r%d", i);
		signed_delegate(f->repo, from, to, "*");
		memcpy(from, to, sizeof(from));
	}
	signed_target(f->repo, "r31", "near", "1");
	signed_target(f->repo, "r32", "far", "1");
	for (int i = 0; i <= TUF_DELEGATIONS_MAX; i++) {
		(void) snprintf(to, sizeof(to), "r%d", i);
		signed_publish_role(f->repo, to);
	}
	signed_publish(f->repo, "targets");
	start(f, SIGNED_NOW);
	assert_non_null(find(f, "near", "r31"));
	assert_null(find(f, "far", ""));
	said(f, -ELOOP, "", "far", "more than 32 roles");
	assert_int_equal(tuf_client_each(f->client, "near", tell, f, &f->e), 0);
	assert_string_equal(f->paths, "near=r31 ");
}

/* ---- who signed ---- */
static void summary_tells_who_signed(void **state)
{
	struct fixture *f = *state;
	struct trust_summary s, other;
	const struct tuf_metadata *m, *keys_of;
	const struct tuf_role *role;
	struct signed_role *r = &f->repo->roles[SIGNED_ROOT];

	r->keys[1] = signed_key_new(f->repo);
	r->n_keys = r->n_sign = 2;
	signed_delegate(f->repo, "targets", "team", "policy/team/*");
	signed_delegate(f->repo, "team", "crew", "policy/team/crew*");
	signed_target(f->repo, "targets", "policy/policy.yaml", "rules");
	signed_target(f->repo, "crew", "policy/team/crew.yaml", "of the crew");
	signed_publish_role(f->repo, "root");
	signed_publish_role(f->repo, "team");
	signed_publish_role(f->repo, "crew");
	signed_publish(f->repo, "targets");
	start(f, SIGNED_NOW);
	assert_int_equal(tuf_client_each(f->client, "policy/", tell, f, &f->e), 0);
	trust_summary_make(f->client, &s);
	assert_true(trust_summary_valid(&s));
	assert_int_equal(s.n_files, 2);
	assert_int_equal(s.roles[TUF_ROOT].version, 2);
	assert_int_equal(s.roles[TUF_TARGETS].version, 2);
	assert_int_equal(s.roles[TUF_TIMESTAMP].expires_utc_sec, SIGNED_NOW + 30 * SIGNED_DAY);
	assert_int_equal(s.n_signers, 5);
	assert_string_equal(s.signers[0].role, "root");
	assert_string_equal(s.signers[1].role, "root");
	assert_string_not_equal(s.signers[0].keyid, s.signers[1].keyid);
	assert_string_equal(s.signers[2].role, "targets");
	assert_string_equal(s.signers[3].role, "team");
	assert_string_equal(s.signers[4].role, "crew");
	assert_string_equal(s.signers[4].owner, "tester");
	assert_string_equal(s.signers[4].keyid, signed_role(f->repo, "crew")->keys[0].id);
	assert_string_equal(tuf_client_role(f->client, 5, &m, &keys_of, &role), "crew");
	assert_ptr_equal(role, &keys_of->delegations[0].role);
	assert_null(tuf_client_role(f->client, 6, &m, &keys_of, &role));

	assert_int_equal(refresh(f), 0);
	assert_int_equal(tuf_client_each(f->client, "policy/", tell, f, &f->e), 0);
	trust_summary_make(f->client, &other);
	assert_memory_equal(&s, &other, sizeof(s));
	signed_target(f->repo, "crew", "policy/team/crew.yaml", "of the crew!");
	signed_publish(f->repo, "crew");
	assert_int_equal(refresh(f), 0);
	assert_int_equal(tuf_client_each(f->client, "policy/", tell, f, &f->e), 0);
	trust_summary_make(f->client, &other);
	assert_memory_not_equal(s.targets_digest, other.targets_digest, sizeof(s.targets_digest));
}

static void summary_of_a_failed_update_tells_what_there_is(void **state)
{
	struct fixture *f = *state;
	struct trust_summary s;

	signed_remove(f->repo, "timestamp.json");
	assert_int_equal(refresh(f), -ENOENT);
	trust_summary_make(f->client, &s);
	assert_true(trust_summary_valid(&s));
	assert_int_equal(s.roles[TUF_ROOT].version, 1);
	assert_int_equal(s.roles[TUF_TIMESTAMP].version, 0);
	assert_int_equal(s.n_signers, 1);
}

static void summary_from_strangers_is_checked(void **state)
{
	static const struct {
		const char *what;
		size_t at;
		uint8_t byte;
	} cases[] = {
		{ "a version below zero", offsetof(struct trust_summary, roles[1].version) + 7,
			0x80 },
		{ "too many signers", offsetof(struct trust_summary, n_signers), 65 },
		{ "a signer past the last", offsetof(struct trust_summary, n_signers), 0 },
		{ "no role", offsetof(struct trust_summary, signers[0].role), 0 },
		{ "a role without an end", offsetof(struct trust_summary, signers[0].role[127]),
			'x' },
		{ "a role that is no UTF-8", offsetof(struct trust_summary, signers[0].role),
			0xff },
		{ "a short key id", offsetof(struct trust_summary, signers[0].keyid[63]), 0 },
		{ "a key id of other digits", offsetof(struct trust_summary, signers[0].keyid),
			'g' },
		{ "an owner with something behind",
			offsetof(struct trust_summary, signers[0].owner[9]), 'x' },
		{ "something behind the last signer",
			offsetof(struct trust_summary, signers[63].owner[127]), 1 },
	};
	struct fixture *f = *state;
	struct trust_summary s;

	assert_int_equal(refresh(f), 0);
	trust_summary_make(f->client, &s);
	assert_true(trust_summary_valid(&s));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct trust_summary x = s;

		((uint8_t *) &x)[cases[i].at] = cases[i].byte;
		if (trust_summary_valid(&x))
			fail_msg("%s counts as valid", cases[i].what);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(first_update_asks_for_four_files),
		TEST(unchanged_repository_costs_two_requests),
		TEST(only_what_changed_is_asked_for),
		TEST(plain_names_without_consistent_snapshots),
		TEST(client_makes_one_update),
		TEST(failed_update_is_not_tried_again_by_a_search),
		TEST(missing_snapshot_leaves_the_new_timestamp),
		TEST(expired_root_stays_and_ends_the_update),
		TEST(each_root_is_kept_before_the_next),
		TEST(full_disk_is_told),
		TEST(damaged_store_is_fetched_again),
		TEST(damaged_root_is_an_error),
		TEST(init_takes_only_what_its_keys_have_signed),
		cmocka_unit_test(rotated_keys_let_versions_begin_anew),
		TEST(rotation_is_finished_after_a_crash),
		TEST(raised_threshold_forgets_nothing),
		TEST(one_update_follows_256_roots),
		TEST(announced_length_is_the_limit),
		TEST(targets_are_found_by_whoever_may_speak_of_them),
		TEST(all_targets_below_a_prefix),
		cmocka_unit_test(delegated_role_may_not_be_called_root),
		TEST(target_file_names),
		TEST(search_ends_after_32_delegated_roles),
		TEST(summary_tells_who_signed),
		TEST(summary_of_a_failed_update_tells_what_there_is),
		TEST(summary_from_strangers_is_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
