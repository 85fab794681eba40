/*
 * kill -9 at random moments of updates over years of a repository, and a disk that takes no more
 * after each single write: what is stored is always whole and signed, and the next update goes on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "policy/base/clock.h"
#include "policy/base/fd.h"
#include "policy/trust/digest.h"
#include "tests/support/signed_repository.h"

enum { KILLS = 500, STAGES = 12, KNOWN_MAX = 256, SEED = 20261121 };

static const int64_t rotations[] = { 3, 4 }; /* roots by which timestamp or snapshot lost keys */
static const char *const role_names[] = { "root", "timestamp", "snapshot", "targets", "team" };

struct known {
	char *path, *bytes;
	size_t n;
};

struct world {
	char folder[64]; /* repo/STAGE/..., store/, artifacts/ */
	struct known known[KNOWN_MAX];
	size_t n_known;
	struct signed_repository *last; /* as the last stage is */
};

struct versions {
	int64_t of[ARRAY_SIZE(role_names)];
};

/* ---- the repository ---- */
static void make_stage(struct signed_repository *r, int stage)
{
	char rules[64];

	(void) snprintf(rules, sizeof(rules), "rules of stage %d", stage);
	signed_target(r, "targets", "policy/policy.yaml", rules);
	if (stage % 2 == 0)
		signed_target(r, "team", "policy/team/a.yaml", rules);
	if (stage == 2) {
		signed_rotate(r, "root");
		signed_publish_role(r, "root");
	} else if (stage == 5) { /* an attacker has the online keys */
		for (size_t i = SIGNED_TIMESTAMP; i < SIGNED_TOP; i++)
			r->roles[i].version = 5000;
	} else if (stage == 6) {
		signed_rotate(r, "snapshot");
		signed_publish_role(r, "root");
		for (size_t i = SIGNED_TIMESTAMP; i < SIGNED_TOP; i++)
			r->roles[i].version = 20;
	} else if (stage == 8) {
		signed_rotate(r, "timestamp");
		signed_rotate(r, "targets");
		signed_publish_role(r, "root");
		r->hashes = true;
	}
	if (stage % 2 == 0)
		signed_publish_role(r, "team");
	signed_publish(r, "targets");
}

static void write_file(int folder, const struct signed_file *f)
{
	_cleanup_close_ int fd = -1;
	char part[PATH_MAX];

	for (const char *slash = f->path; (slash = strchr(slash, '/')); slash++) {
		(void) snprintf(part, sizeof(part), "%.*s", (int) (slash - f->path), f->path);
		assert_true(mkdirat(folder, part, 0755) == 0 || errno == EEXIST);
	}
	fd = openat(folder, f->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(fd_write_full(fd, f->bytes, f->n), 0);
}

static int open_folder(const struct world *w, const char *name)
{
	char path[PATH_MAX];
	int fd;

	(void) snprintf(path, sizeof(path), "%s/%s", w->folder, name);
	assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void learn(struct world *w, const struct signed_file *f)
{
	for (size_t i = 0; i < w->n_known; i++)
		if (w->known[i].n == f->n && strcmp(w->known[i].path, f->path) == 0 &&
			memcmp(w->known[i].bytes, f->bytes, f->n) == 0)
			return;
	assert_true(w->n_known < KNOWN_MAX);
	w->known[w->n_known++] = (struct known){ strdup(f->path), strndup(f->bytes, f->n), f->n };
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	/* in memory: a disk that syncs would make of minutes of this what seconds show */
	(void) snprintf(w->folder, sizeof(w->folder), "/dev/shm/test_tuf_kill.XXXXXX");
	if (!mkdtemp(w->folder)) {
		(void) snprintf(w->folder, sizeof(w->folder), "/tmp/test_tuf_kill.XXXXXX");
		assert_non_null(mkdtemp(w->folder));
	}
	w->last = signed_repository_new();
	signed_delegate(w->last, "targets", "team", "policy/team/*");
	for (int stage = 0; stage < STAGES; stage++) {
		_cleanup_close_ int fd = -1;
		char name[16];

		make_stage(w->last, stage);
		(void) snprintf(name, sizeof(name), "%d", stage);
		fd = open_folder(w, name);
		for (size_t i = 0; i < w->last->n_files; i++) {
			write_file(fd, &w->last->files[i]);
			learn(w, &w->last->files[i]);
		}
	}
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	char command[80];

	(void) snprintf(command, sizeof(command), "rm -rf '%s'", w->folder);
	for (size_t i = 0; i < w->n_known; i++) {
		free(w->known[i].path);
		free(w->known[i].bytes);
	}
	signed_repository_free(w->last);
	free(w);
	return system(command); /* NOLINT(cert-env33-c): our own folder's name */
}

/* ---- one update, and its artifacts ---- */
struct artifacts {
	const struct tuf_client *client;
	const struct tuf_transport *from;
	const struct tuf_store *to;
};

static int fetch_artifact(void *context, const struct tuf_target *t, const char *role)
{
	const struct artifacts *a = context;
	_cleanup_free_ char *old = NULL, *bytes = NULL;
	char file[TUF_FILE_MAX + 1], name[TUF_FILE_MAX + 1];
	size_t n = 0;
	int r;

	if (tuf_quote(t->path, 0, name, sizeof(name)) < 0 ||
		tuf_client_target_file(a->client, t, file) < 0)
		return -EINVAL;
	r = a->to->load(a->to->context, name, t->info.length, &old, &n);
	if (r == 0 && tuf_digest_check(&t->info, role, name, old, n, NULL) == 0)
		return 0;
	r = a->from->fetch(a->from->context, file, t->info.length, &bytes, &n, NULL);
	if (r == 0)
		r = tuf_digest_check(&t->info, role, name, bytes, n, NULL);
	return r < 0 ? r : a->to->save(a->to->context, name, bytes, n);
}

static int update(const struct tuf_transport *from, const struct tuf_store *store,
	const struct tuf_store *artifacts, struct tuf_error *e)
{
	_cleanup_(tuf_client_freep) struct tuf_client *c = NULL;
	int r = tuf_client_new(&(struct tuf_client_options){ from, store, SIGNED_NOW }, &c, e);

	if (r < 0)
		return r;
	return tuf_client_each(
		c, "policy/", fetch_artifact, &(struct artifacts){ c, from, artifacts }, e);
}

/* Follows the repository through its stages: 0 when it got to the last one. */
static int follow(const struct world *w)
{
	_cleanup_close_ int store_fd = open_folder(w, "store"),
			    artifacts_fd = open_folder(w, "artifacts");
	struct tuf_store store, artifacts;
	int r = -1;

	tuf_folder_store(&store_fd, &store);
	tuf_folder_store(&artifacts_fd, &artifacts);
	for (int stage = 0; stage < STAGES; stage++) {
		_cleanup_close_ int fd = -1;
		struct tuf_transport from;
		char name[16];

		(void) snprintf(name, sizeof(name), "%d", stage);
		fd = open_folder(w, name);
		tuf_folder_transport(&fd, &from);
		r = update(&from, &store, &artifacts, NULL); /* an older stage is refused */
	}
	return r;
}

/* ---- what must hold ---- */
static bool is_known(const struct world *w, const char *role, const char *bytes, size_t n)
{
	char end[64];

	(void) snprintf(end, sizeof(end), "%s.json", role);
	for (size_t i = 0; i < w->n_known; i++) {
		const struct known *k = &w->known[i];
		size_t size = strlen(k->path);

		if (k->n == n && memcmp(k->bytes, bytes, n) == 0 && size >= strlen(end) &&
			strcmp(k->path + size - strlen(end), end) == 0)
			return true;
	}
	return false;
}

static int64_t version_of(const char *bytes)
{
	_cleanup_json_ json_t *file = json_loads(bytes, 0, NULL);

	return json_integer_value(json_object_get(json_object_get(file, "signed"), "version"));
}

static bool rotated(int64_t after, int64_t until)
{
	for (size_t i = 0; i < ARRAY_SIZE(rotations); i++)
		if (after < rotations[i] && rotations[i] <= until)
			return true;
	return false;
}

/* Every file is one that was published, none is older than @v says, which follows. Copies them. */
static void check_metadata(const struct world *w, const struct tuf_store *store, struct versions *v,
	const struct tuf_store *copy)
{
	int64_t old_root = v->of[0];

	for (size_t i = 0; i < ARRAY_SIZE(role_names); i++) {
		_cleanup_free_ char *bytes = NULL;
		char name[64];
		int64_t version;
		size_t n;

		(void) snprintf(name, sizeof(name), "%s.json", role_names[i]);
		if (store->load(store->context, name, SIZE_MAX >> 1, &bytes, &n) < 0) {
			assert_true(i > 0); /* the root is always there */
			v->of[i] = 0;
			continue;
		}
		if (!is_known(w, role_names[i], bytes, n))
			fail_msg("%s was never published:\n%s", name, bytes);
		version = version_of(bytes);
		if (version < v->of[i] && (i == 0 || !rotated(old_root, v->of[0])))
			fail_msg("%s fell from %ld to %ld", name, (long) v->of[i], (long) version);
		v->of[i] = version;
		assert_int_equal(copy->save(copy->context, name, bytes, n), 0);
	}
}

static void check_artifacts(const struct world *w)
{
	_cleanup_close_ int folder = open_folder(w, "artifacts");
	_cleanup_closedir_ DIR *d = fdopendir(dup(folder));
	struct dirent *entry;

	assert_non_null(d);
	while ((entry = readdir(d))) {
		_cleanup_free_ char *bytes = NULL;
		_cleanup_close_ int fd = -1;
		bool known = false;
		size_t n;

		if (entry->d_name[0] == '.')
			continue;
		fd = openat(folder, entry->d_name, O_RDONLY | O_CLOEXEC);
		assert_int_equal(fd_read_file(fd, 1000, &bytes, &n), 0);
		for (size_t i = 0; i < w->n_known && !known; i++)
			known = w->known[i].n == n && memcmp(w->known[i].bytes, bytes, n) == 0;
		if (!known)
			fail_msg("%s has %zu bytes that were never published", entry->d_name, n);
	}
}

/* A client goes on from here, with a copy, to what the repository has at last. */
static void check_goes_on(const struct world *w, const struct tuf_store *store, const char *when)
{
	const struct tuf_transport from = signed_transport(w->last);
	struct tuf_error e = { 0 };
	struct versions v = { 0 };
	_cleanup_(tuf_bundle_freep) struct tuf_bundle *copy = NULL;
	struct tuf_store end;
	struct tuf_client *c;

	w->last->requests[0] = '\0';
	assert_int_equal(
		tuf_client_new(&(struct tuf_client_options){ &from, store, SIGNED_NOW }, &c, &e),
		0);
	if (tuf_client_refresh(c, &e) < 0)
		fail_msg("%s the next update failed: %s %s", when, e.file, e.text);
	tuf_client_free(c);
	assert_int_equal(tuf_bundle_new(NULL, 0, &copy), 0);
	tuf_bundle_store(copy, &end);
	check_metadata(w, store, &v, &end);
	for (size_t i = 0; i < SIGNED_TOP; i++)
		assert_int_equal(v.of[i], w->last->roles[i].version);
}

static void check_all(const struct world *w, struct versions *v, const char *when)
{
	_cleanup_close_ int fd = open_folder(w, "store");
	_cleanup_(tuf_bundle_freep) struct tuf_bundle *copy = NULL;
	struct tuf_store store, memory;

	tuf_folder_store(&fd, &store);
	assert_int_equal(tuf_bundle_new(NULL, 0, &copy), 0);
	tuf_bundle_store(copy, &memory);
	check_metadata(w, &store, v, &memory);
	check_artifacts(w);
	check_goes_on(w, &memory, when);
}

/* ---- kill -9 ---- */
static void begin_anew(const struct world *w, struct versions *v)
{
	const struct known *root = &w->known[0];
	_cleanup_close_ int fd = -1;
	struct tuf_store store;
	char command[160];

	(void) snprintf(
		command, sizeof(command), "rm -rf '%s/store' '%s/artifacts'", w->folder, w->folder);
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): our own folders' names */
	fd = open_folder(w, "store");
	tuf_folder_store(&fd, &store);
	assert_string_equal(root->path, "1.root.json");
	assert_int_equal(tuf_client_init(&store, SIGNED_NOW, root->bytes, root->n, NULL), 0);
	*v = (struct versions){ 0 };
}

/* Lets a child follow the repository for so long: was it killed before it was through? */
static bool follow_and_kill(const struct world *w, uint64_t usec)
{
	const struct timespec t = { .tv_sec = (time_t) (usec / USEC_PER_SEC),
		.tv_nsec = (long) (usec % USEC_PER_SEC) * 1000 };
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		(void) prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(follow(w) == 0 ? 0 : 1);
	}
	(void) nanosleep(&t, NULL);
	(void) kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
		fail_msg("a client that nobody killed did not get to the last stage");
	return WIFSIGNALED(status);
}

static void killed_updates_leave_a_store_to_go_on_from(void **state)
{
	const struct world *w = *state;
	uint64_t began, whole;
	unsigned through = 0;
	struct versions v;

	begin_anew(w, &v);
	began = clock_boot_usec();
	assert_int_equal(follow(w), 0);
	whole = clock_boot_usec() - began;
	begin_anew(w, &v);
	srandom(SEED);
	for (unsigned kills = 0; kills < KILLS;) {
		/* NOLINTNEXTLINE(cert-msc30-c): the same moments in each run */
		bool killed = follow_and_kill(w, (uint64_t) random() % whole);
		char when[32];

		(void) snprintf(when, sizeof(when), "after kill %u", kills);
		check_all(w, &v, when);
		kills += killed;
		if (!killed || v.of[0] == w->last->roles[SIGNED_ROOT].version) {
			through++;
			begin_anew(w, &v);
		}
	}
	print_message("%d kills, in %u updates over %d stages of %lu ms\n", KILLS, through, STAGES,
		(unsigned long) (whole / USEC_PER_MSEC));
	assert_true(through > 0 && through < KILLS * 10);
}

/* ---- a disk that takes no more ---- */
struct disk {
	struct tuf_store real;
	unsigned left; /* writes */
};

static int disk_load(void *context, const char *name, size_t max, char **ret, size_t *ret_size)
{
	struct disk *d = context;

	return d->real.load(d->real.context, name, max, ret, ret_size);
}

static int disk_save(void *context, const char *name, const void *bytes, size_t n)
{
	struct disk *d = context;

	if (d->left == 0)
		return -EROFS;
	d->left--;
	return d->real.save(d->real.context, name, bytes, n);
}

static int disk_remove(void *context, const char *name)
{
	struct disk *d = context;

	if (d->left == 0)
		return -EROFS;
	d->left--;
	return d->real.remove(d->real.context, name);
}

static int no_artifact(void *context, const struct tuf_target *t, const char *role)
{
	return context || !t || !role ? -EINVAL : 0;
}

/* Follows the stages with a disk that takes @writes: does it get to the end? */
static bool stop_after(const struct world *w, unsigned writes)
{
	_cleanup_(tuf_bundle_freep) struct tuf_bundle *b = NULL, *copy = NULL;
	struct disk d = { .left = writes };
	const struct tuf_store store = { disk_load, disk_save, disk_remove, &d };
	const struct known *root = &w->known[0];
	struct versions v = { 0 };
	struct tuf_store memory;
	char when[32];

	assert_int_equal(tuf_bundle_new(NULL, 0, &b), 0);
	assert_int_equal(tuf_bundle_new(NULL, 0, &copy), 0);
	tuf_bundle_store(b, &d.real);
	tuf_bundle_store(copy, &memory);
	assert_int_equal(tuf_client_init(&d.real, SIGNED_NOW, root->bytes, root->n, NULL), 0);
	for (int stage = 0; stage < STAGES && d.left > 0; stage++) {
		_cleanup_(tuf_client_freep) struct tuf_client *c = NULL;
		_cleanup_close_ int fd = -1;
		struct tuf_transport from;
		char name[16];

		(void) snprintf(name, sizeof(name), "%d", stage);
		fd = open_folder(w, name);
		tuf_folder_transport(&fd, &from);
		assert_int_equal(
			tuf_client_new(&(struct tuf_client_options){ &from, &store, SIGNED_NOW },
				&c, NULL),
			0);
		(void) tuf_client_each(c, "policy/", no_artifact, NULL, NULL);
	}
	(void) snprintf(when, sizeof(when), "after write %u", writes);
	check_metadata(w, &d.real, &v, &memory);
	check_goes_on(w, &d.real, when);
	return d.left > 0;
}

static void stopped_after_each_write_the_next_update_goes_on(void **state)
{
	unsigned writes = 0;

	while (!stop_after(*state, writes))
		writes++;
	print_message("%u writes\n", writes - 1);
	assert_true(writes > 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stopped_after_each_write_the_next_update_goes_on),
		cmocka_unit_test(killed_updates_leave_a_store_to_go_on_from),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
