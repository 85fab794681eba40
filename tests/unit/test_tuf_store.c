/* Where metadata is kept: a folder that a power cut cannot spoil, and a block of bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "policy/base/fd.h"
#include "policy/trust/error.h"
#include "policy/trust/store.h"

/* ---- the calls that make a file durable, in their order; these stand in for those of libc ---- */
static char calls[256];
static int fail_fsync; /* the one after so many fails */

static void called(const char *what)
{
	(void) snprintf(calls + strlen(calls), sizeof(calls) - strlen(calls), "%s ", what);
}

int fsync(int fd)
{
	struct stat st;

	called(fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) ? "fsync-folder" : "fsync-file");
	if (fail_fsync > 0 && --fail_fsync == 0) {
		errno = EIO;
		return -1;
	}
	return 0;
}

int renameat(int oldfd, const char *old, int newfd, const char *new)
{
	called("rename");
	return (int) syscall(SYS_renameat2, oldfd, old, newfd, new, 0);
}

int unlinkat(int fd, const char *name, int flag)
{
	called("unlink");
	return (int) syscall(SYS_unlinkat, fd, name, flag);
}

/* ---- folder ---- */
struct fixture {
	char path[64];
	int fd;
	struct tuf_store store;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	(void) snprintf(f->path, sizeof(f->path), "/tmp/test_tuf_store.XXXXXX");
	assert_non_null(mkdtemp(f->path));
	f->fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(f->fd >= 0);
	tuf_folder_store(&f->fd, &f->store);
	calls[0] = '\0';
	fail_fsync = 0;
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	DIR *d = opendir(f->path);
	struct dirent *entry;

	while (d && (entry = readdir(d)))
		(void) unlinkat(f->fd, entry->d_name, 0);
	(void) closedir(d);
	(void) rmdir(f->path);
	(void) close(f->fd);
	free(f);
	return 0;
}

static int save(const struct tuf_store *s, const char *name, const char *text)
{
	return s->save(s->context, name, text, strlen(text));
}

static void holds(const struct tuf_store *s, const char *name, const char *want)
{
	_cleanup_free_ char *bytes = NULL;
	size_t n;
	int r = s->load(s->context, name, 1000, &bytes, &n);

	if (!want) {
		assert_int_equal(r, -ENOENT);
		return;
	}
	assert_int_equal(r, 0);
	assert_int_equal(n, strlen(want));
	assert_string_equal(bytes, want);
}

static void each_save_is_durable(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(save(&f->store, "root.json", "1"), 0);
	assert_string_equal(calls, "unlink fsync-file rename fsync-folder ");
	holds(&f->store, "root.json", "1");
	assert_int_equal(save(&f->store, "root.json", ""), 0);
	holds(&f->store, "root.json", "");
	calls[0] = '\0';
	assert_int_equal(f->store.remove(f->store.context, "root.json"), 0);
	assert_string_equal(calls, "unlink fsync-folder ");
	holds(&f->store, "root.json", NULL);
	assert_int_equal(f->store.remove(f->store.context, "root.json"), 0);
}

static void failed_save_leaves_the_old_file(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(save(&f->store, "root.json", "old"), 0);
	fail_fsync = 1;
	assert_int_equal(save(&f->store, "root.json", "new"), -EIO);
	holds(&f->store, "root.json", "old");
	assert_int_equal(faccessat(f->fd, ".root.json.new", F_OK, 0), -1);
	fail_fsync = 2;
	assert_int_equal(save(&f->store, "root.json", "new"), -EIO);
	assert_int_equal(save(&f->store, "root.json", "newer"), 0);
	holds(&f->store, "root.json", "newer");
}

static void half_written_files_are_replaced(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(save(&f->store, ".root.json.new", "half"), 0);
	holds(&f->store, "root.json", NULL);
	assert_int_equal(save(&f->store, "root.json", "whole"), 0);
	holds(&f->store, "root.json", "whole");
	holds(&f->store, ".root.json.new", NULL);
}

static void links_are_not_followed(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(save(&f->store, "target", "mine"), 0);
	assert_int_equal(symlinkat("target", f->fd, "root.json"), 0);
	assert_int_equal(symlinkat("target", f->fd, ".root.json.new"), 0);
	{
		_cleanup_free_ char *bytes = NULL;
		size_t n;

		assert_int_equal(
			f->store.load(f->store.context, "root.json", 9, &bytes, &n), -ELOOP);
	}
	assert_int_equal(save(&f->store, "root.json", "new"), 0);
	holds(&f->store, "root.json", "new");
	holds(&f->store, "target", "mine");
}

static void pipes_and_folders_are_no_files(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *bytes = NULL;
	size_t n;

	assert_int_equal(mkfifoat(f->fd, "root.json", 0600), 0);
	assert_int_equal(f->store.load(f->store.context, "root.json", 9, &bytes, &n), -ELOOP);
	assert_int_equal(f->store.load(f->store.context, ".", 9, &bytes, &n), -ELOOP);
}

static void folder_limits(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *bytes = NULL;
	char name[300];
	size_t n;

	assert_int_equal(save(&f->store, "root.json", "12345"), 0);
	assert_int_equal(f->store.load(f->store.context, "root.json", 4, &bytes, &n), -EFBIG);
	assert_int_equal(f->store.load(f->store.context, "root.json", 5, &bytes, &n), 0);
	memset(name, 'n', sizeof(name));
	name[251] = '\0';
	assert_int_equal(save(&f->store, name, "x"), -ENAMETOOLONG);
	name[250] = '\0';
	assert_int_equal(save(&f->store, name, "x"), 0);
}

/* ---- bundle ---- */
static struct tuf_bundle *bundle(const void *bytes, size_t n, struct tuf_store *ret)
{
	struct tuf_bundle *b;

	assert_int_equal(tuf_bundle_new(bytes, n, &b), 0);
	tuf_bundle_store(b, ret);
	return b;
}

/* *ret is owned. */
static size_t write_out(const struct tuf_bundle *b, char **ret)
{
	_cleanup_close_ int fd = memfd_create("bundle", MFD_CLOEXEC);
	size_t n;

	assert_true(fd >= 0);
	assert_int_equal(fd_write_full(fd, "something longer than nothing", 29), 0);
	assert_int_equal(tuf_bundle_write(b, fd), 0);
	assert_int_equal(fd_read_file(fd, TUF_BUNDLE_SIZE_MAX, ret, &n), 0);
	return n;
}

static void bundle_round_trip(void **state)
{
	_cleanup_(tuf_bundle_freep) struct tuf_bundle *b = NULL, *again = NULL;
	_cleanup_free_ char *bytes = NULL, *other = NULL;
	struct tuf_store s;
	size_t n;

	(void) state;
	b = bundle(NULL, 0, &s);
	holds(&s, "root.json", NULL);
	assert_int_equal(write_out(b, &bytes), 12);
	free(bytes);
	assert_int_equal(save(&s, "timestamp.json", "T"), 0);
	assert_int_equal(save(&s, "root.json", "R"), 0);
	assert_int_equal(save(&s, "a%2Fb~_.-9.json", ""), 0);
	assert_int_equal(save(&s, "snapshot.json", "S"), 0);
	assert_int_equal(save(&s, "root.json", "R2"), 0);
	assert_int_equal(s.remove(s.context, "snapshot.json"), 0);
	assert_int_equal(s.remove(s.context, "snapshot.json"), 0);
	n = write_out(b, &bytes);
	assert_int_equal(n, 12 + 3 * 8 + 15 + 9 + 2 + 14 + 1);
	again = bundle(bytes, n, &s);
	holds(&s, "timestamp.json", "T");
	holds(&s, "root.json", "R2");
	holds(&s, "a%2Fb~_.-9.json", "");
	holds(&s, "snapshot.json", NULL);
	assert_int_equal(write_out(again, &other), n);
	assert_memory_equal(bytes, other, n);
}

static void bundle_is_read_strictly(void **state)
{
#define MAGIC   "TUFBNDL1"
#define TEXT(s) s, sizeof(s) - 1
	static const struct {
		const char *what, *bytes;
		size_t n;
		int want;
	} cases[] = {
		{ "empty", TEXT(MAGIC "\0\0\0\0"), 0 },
		{ "nothing", TEXT(""), -EBADMSG },
		{ "another magic", TEXT("TUFBNDL2\0\0\0\0"), -EBADMSG },
		{ "something behind", TEXT(MAGIC "\0\0\0\0x"), -EBADMSG },
		{ "one file", TEXT(MAGIC "\1\0\0\0\6\0\0\0\1\0\0\0a.json1"), 0 },
		{ "fewer files than counted", TEXT(MAGIC "\2\0\0\0\6\0\0\0\1\0\0\0a.json1"),
			-EBADMSG },
		{ "in order", TEXT(MAGIC "\2\0\0\0\6\0\0\0\0\0\0\0a.json\6\0\0\0\0\0\0\0b.json"),
			0 },
		{ "twice", TEXT(MAGIC "\2\0\0\0\6\0\0\0\0\0\0\0a.json\6\0\0\0\0\0\0\0a.json"),
			-EBADMSG },
		{ "out of order",
			TEXT(MAGIC "\2\0\0\0\6\0\0\0\0\0\0\0b.json\6\0\0\0\0\0\0\0a.json"),
			-EBADMSG },
		{ "no name", TEXT(MAGIC "\1\0\0\0\5\0\0\0\1\0\0\0.json1"), -EBADMSG },
		{ "another ending", TEXT(MAGIC "\1\0\0\0\6\0\0\0\1\0\0\0a.jsoN1"), -EBADMSG },
		{ "a slash", TEXT(MAGIC "\1\0\0\0\7\0\0\0\1\0\0\0/a.json1"), -EBADMSG },
		{ "a NUL in the name", TEXT(MAGIC "\1\0\0\0\7\0\0\0\1\0\0\0a\0.json1"), -EBADMSG },
		{ "a huge name", TEXT(MAGIC "\1\0\0\0\xff\xff\xff\xff\1\0\0\0a.json1"), -EBADMSG },
		{ "a huge file",
			TEXT(MAGIC "\1\0\0\0\6\0\0\0\xff\xff\xff\xff"
				   "a.json1"),
			-EBADMSG },
		{ "too many files", TEXT(MAGIC "\x81\0\0\0\6\0\0\0\1\0\0\0a.json1"), -EBADMSG },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(tuf_bundle_freep) struct tuf_bundle *b = NULL;
		int r = tuf_bundle_new(cases[i].bytes, cases[i].n, &b);

		if (r != cases[i].want || (r < 0 && b))
			fail_msg("%s: expected %d, found %d", cases[i].what, cases[i].want, r);
	}
}

static void cut_bundle_is_refused_at_every_length(void **state)
{
	_cleanup_(tuf_bundle_freep) struct tuf_bundle *b = NULL, *cut = NULL;
	_cleanup_free_ char *bytes = NULL;
	struct tuf_store s;
	size_t n;

	(void) state;
	b = bundle(NULL, 0, &s);
	assert_int_equal(save(&s, "root.json", "root"), 0);
	assert_int_equal(save(&s, "targets.json", "targets"), 0);
	n = write_out(b, &bytes);
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *part = malloc(i ? i : 1); /* nothing behind that may be read */

		assert_non_null(part);
		memcpy(part, bytes, i);
		assert_int_equal(tuf_bundle_new(part, i, &cut), -EBADMSG);
	}
}

static void bundle_limits(void **state)
{
	_cleanup_(tuf_bundle_freep) struct tuf_bundle *b = NULL, *again = NULL;
	_cleanup_free_ char *big = calloc(1, TUF_BUNDLE_SIZE_MAX), *bytes = NULL, *longer = NULL;
	const size_t room = TUF_BUNDLE_SIZE_MAX - 12 - 8 - strlen("a.json");
	char name[TUF_FILE_MAX + 2];
	struct tuf_store s;
	size_t n;

	(void) state;
	assert_non_null(big);
	b = bundle(NULL, 0, &s);
	assert_int_equal(s.save(s.context, "a.json", big, room + 1), -ENOSPC);
	assert_int_equal(s.save(s.context, "a.json", big, room), 0);
	assert_int_equal(save(&s, "b.json", ""), -ENOSPC);
	n = write_out(b, &bytes);
	assert_int_equal(n, TUF_BUNDLE_SIZE_MAX);
	assert_int_equal(tuf_bundle_new(bytes, n, &again), 0);
	longer = calloc(1, n + 1);
	assert_non_null(longer);
	memcpy(longer, bytes, n);
	assert_int_equal(tuf_bundle_new(longer, n + 1, &again), -EBADMSG);
	assert_int_equal(save(&s, "a.json", ""), 0);
	for (int i = 1; i < TUF_BUNDLE_FILES_MAX; i++) {
		(void) snprintf(name, sizeof(name), "b%d.json", i);
		assert_int_equal(save(&s, name, "x"), 0);
	}
	assert_int_equal(save(&s, "c.json", "x"), -ENOSPC);
	assert_int_equal(save(&s, "b7.json", "y"), 0);
	assert_int_equal(s.remove(s.context, "a.json"), 0);
	memset(name, 'n', sizeof(name));
	memcpy(name + TUF_FILE_MAX - 4, ".json", 6);
	assert_int_equal(save(&s, name, "x"), -EINVAL);
	assert_int_equal(save(&s, name + 1, "x"), 0);
	assert_int_equal(save(&s, "../x.json", "x"), -EINVAL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_save_is_durable),
		TEST(failed_save_leaves_the_old_file),
		TEST(half_written_files_are_replaced),
		TEST(links_are_not_followed),
		TEST(pipes_and_folders_are_no_files),
		TEST(folder_limits),
		cmocka_unit_test(bundle_round_trip),
		cmocka_unit_test(bundle_is_read_strictly),
		cmocka_unit_test(cut_bundle_is_refused_at_every_length),
		cmocka_unit_test(bundle_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
