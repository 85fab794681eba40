/* What the agent keeps of trust: whole or not at all, and nothing that somebody else wrote. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "agent/trust_state.h"
#include "policy/base/fd.h"
#include "policy/trust/store.h"

struct place {
	char folder[64], path[128], fresh[160];
};

static int set_up(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	if (!p)
		return -1;
	strcpy(p->folder, "/tmp/proscribe-trust-XXXXXX");
	if (!mkdtemp(p->folder))
		return -1;
	(void) snprintf(p->path, sizeof(p->path), "%s/state", p->folder);
	(void) snprintf(p->fresh, sizeof(p->fresh), "%s.new", p->path);
	*state = p;
	return 0;
}

static int tear_down(void **state)
{
	struct place *p = *state;

	(void) unlink(p->path);
	(void) rmdir(p->path);
	(void) unlink(p->fresh);
	(void) rmdir(p->folder);
	free(p);
	return 0;
}

static struct trust_state sample(const char *bundle)
{
	struct trust_state s;

	trust_state_init(&s);
	s.bundle_fd = memfd_create("bundle", MFD_CLOEXEC);
	assert_true(s.bundle_fd >= 0);
	assert_int_equal(fd_write_full(s.bundle_fd, bundle, strlen(bundle)), 0);
	s.record.accepted_utc_nsec = 4711;
	s.record.root_version = 3;
	s.record.in_force.roles[TUF_TARGETS].version = 7;
	s.record.in_force.n_signers = 1;
	strcpy(s.record.in_force.signers[0].role, "targets");
	memset(s.record.in_force.signers[0].keyid, 'a', TUF_KEYID_SIZE - 1);
	memset(s.record.anchor, 1, SHA256_SIZE);
	return s;
}

static void save(const struct place *p, const char *bundle)
{
	struct trust_state s = sample(bundle);

	assert_int_equal(trust_state_save(p->path, &s), 0);
	trust_state_done(&s);
}

static int load(const struct place *p)
{
	struct trust_state s;
	int r;

	trust_state_init(&s);
	r = trust_state_load(p->path, &s);
	if (r < 0)
		assert_int_equal(s.bundle_fd, -1);
	trust_state_done(&s);
	return r;
}

static void what_is_saved_is_loaded(void **state)
{
	static const int seals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	const struct place *p = *state;
	struct trust_state s;
	char bytes[16] = "";
	struct stat st;

	assert_int_equal(load(p), -ENOENT);
	save(p, "a bundle");
	save(p, "the bundle");
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(access(p->fresh, F_OK), -1);
	trust_state_init(&s);
	assert_int_equal(trust_state_load(p->path, &s), 0);
	assert_int_equal(s.record.accepted_utc_nsec, 4711);
	assert_int_equal(s.record.root_version, 3);
	assert_int_equal(s.record.in_force.roles[TUF_TARGETS].version, 7);
	assert_string_equal(s.record.in_force.signers[0].role, "targets");
	assert_int_equal(s.record.bundle_size, 10);
	assert_int_equal(fd_pread_full(s.bundle_fd, bytes, sizeof(bytes), 0), 10);
	assert_string_equal(bytes, "the bundle");
	assert_int_equal(fcntl(s.bundle_fd, F_GET_SEALS) & seals, seals);
	trust_state_done(&s);
}

static void one_without_a_bundle_has_none(void **state)
{
	const struct place *p = *state;
	struct trust_state s, t;

	trust_state_init(&s);
	trust_state_init(&t);
	assert_int_equal(trust_state_save(p->path, &s), 0);
	assert_int_equal(trust_state_load(p->path, &t), 0);
	assert_int_equal(t.bundle_fd, -1);
}

/* Cut anywhere, longer, or with any byte another one. */
static void what_is_damaged_is_not_believed(void **state)
{
	const struct place *p = *state;
	_cleanup_free_ char *whole = NULL;
	_cleanup_close_ int fd = -1;
	size_t n;

	save(p, "the bundle");
	fd = open(p->path, O_RDWR | O_CLOEXEC);
	assert_int_equal(fd_read_file(fd, 1 << 20, &whole, &n), 0);
	for (size_t cut = 0; cut < n; cut += cut < n - 12 ? 997 : 1) {
		assert_int_equal(ftruncate(fd, (off_t) cut), 0);
		assert_int_equal(load(p), -EBADMSG);
		assert_int_equal(pwrite(fd, whole, n, 0), (ssize_t) n);
	}
	assert_int_equal(pwrite(fd, "x", 1, (off_t) n), 1);
	assert_int_equal(load(p), -EBADMSG);
	assert_int_equal(ftruncate(fd, (off_t) n), 0);
	for (size_t at = 0; at < n; at += at < n - 12 ? 61 : 1) {
		char other = (char) (whole[at] ^ 1);

		assert_int_equal(pwrite(fd, &other, 1, (off_t) at), 1);
		if (load(p) != -EBADMSG)
			fail_msg("byte %zu was changed, and it was believed", at);
		assert_int_equal(pwrite(fd, whole + at, 1, (off_t) at), 1);
	}
	assert_int_equal(load(p), 0);
	assert_int_equal(
		ftruncate(fd, (off_t) (sizeof(struct trust_record) + TUF_BUNDLE_SIZE_MAX + 1)), 0);
	assert_int_equal(load(p), -EBADMSG);
}

static void what_others_could_have_written_is_not_believed(void **state)
{
	const struct place *p = *state;

	save(p, "x");
	assert_int_equal(chmod(p->path, 0620), 0);
	assert_int_equal(load(p), -EPERM);
	assert_int_equal(chmod(p->path, 0602), 0);
	assert_int_equal(load(p), -EPERM);
	if (geteuid() == 0) {
		assert_int_equal(chmod(p->path, 0600), 0);
		assert_int_equal(chown(p->path, 65534, 0), 0);
		assert_int_equal(load(p), -EPERM);
	}
	assert_int_equal(rename(p->path, p->fresh), 0);
	assert_int_equal(symlink(p->fresh, p->path), 0);
	assert_int_equal(load(p), -ELOOP);
	assert_int_equal(unlink(p->path), 0);
	assert_int_equal(mkfifo(p->path, 0600), 0);
	assert_int_equal(load(p), -EPERM);
	assert_int_equal(unlink(p->path), 0);
	assert_int_equal(mkdir(p->path, 0700), 0);
	assert_int_equal(load(p), -EPERM);
}

/* A crash while it was being written leaves a file beside it, which the next one replaces. */
static void what_a_crash_left_is_in_nobodys_way(void **state)
{
	const struct place *p = *state;

	save(p, "x");
	assert_int_equal(symlink("/etc/passwd", p->fresh), 0);
	assert_int_equal(load(p), 0);
	save(p, "y");
	assert_int_equal(load(p), 0);
	assert_int_equal(access(p->fresh, F_OK), -1);
}

static void a_full_or_missing_folder_is_an_error_and_changes_nothing(void **state)
{
	const struct place *p = *state;
	struct trust_state s = sample("x");

	assert_int_equal(trust_state_save("/tmp/proscribe-no-such-folder/state", &s), -ENOENT);
	save(p, "x");
	assert_int_equal(mkdir(p->fresh, 0700), 0);
	assert_true(trust_state_save(p->path, &s) < 0);
	assert_int_equal(rmdir(p->fresh), 0);
	assert_int_equal(load(p), 0);
	trust_state_done(&s);
}

static void it_ends_with_the_first_role_that_does(void **state)
{
	struct trust_record r = { 0 };

	(void) state;
	assert_int_equal(trust_expires_utc_sec(&r), 0);
	r.latest[TUF_ROOT] = (struct trust_role){ 1, 300 };
	r.latest[TUF_TIMESTAMP] = (struct trust_role){ 9, 100 };
	r.latest[TUF_TARGETS] = (struct trust_role){ 4, 200 };
	r.latest[TUF_SNAPSHOT] = (struct trust_role){ 0, 50 }; /* there is none */
	assert_int_equal(trust_expires_utc_sec(&r), 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		TEST(what_is_saved_is_loaded),
		TEST(one_without_a_bundle_has_none),
		TEST(what_is_damaged_is_not_believed),
		TEST(what_others_could_have_written_is_not_believed),
		TEST(what_a_crash_left_is_in_nobodys_way),
		TEST(a_full_or_missing_folder_is_an_error_and_changes_nothing),
		TEST(it_ends_with_the_first_role_that_does),
#undef TEST
	};

	return cmocka_run_group_tests_name("trust_state", tests, NULL, NULL);
}
