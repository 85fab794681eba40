/*
 * Files and folders of proscribe-update's state: paths that may be made, trees that go.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/update/durable.h"
#include "policy/base/cleanup.h"

static char top[] = "/tmp/proscribe-durable-XXXXXX";
static int at = -1;

static void paths(void **state)
{
	static const struct {
		const char *path;
		int want;
	} rows[] = {
		{ "metadata/timestamp.json", 0 },
		{ "a", 0 },
		{ "...", 0 },
		{ "..a/.b", 0 },
		{ "1...%2Fteam.json", 0 },
		{ "", -EINVAL },
		{ ".", -EINVAL },
		{ "..", -EINVAL },
		{ "/etc", -EINVAL },
		{ "a/", -EINVAL },
		{ "a//b", -EINVAL },
		{ "a/./b", -EINVAL },
		{ "a/../b", -EINVAL },
		{ "../a", -EINVAL },
		{ "a/..", -EINVAL },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (durable_check_path(rows[i].path) != rows[i].want)
			fail_msg("'%s': expected %d", rows[i].path, rows[i].want);
		assert_int_equal(durable_make_parents(at, rows[i].path), rows[i].want);
	}
}

static void longest_paths(void **state)
{
	char path[PATH_MAX + 2] = "";

	(void) state;
	memset(path, 'a', NAME_MAX);
	assert_int_equal(durable_check_path(path), 0);
	path[NAME_MAX] = 'a';
	assert_int_equal(durable_check_path(path), -ENAMETOOLONG);
	for (int depth = 0; depth <= DURABLE_DEPTH_MAX + 1; depth++) {
		path[2 * depth] = 'a';
		path[2 * depth + 1] = '\0';
		assert_int_equal(
			durable_check_path(path), depth > DURABLE_DEPTH_MAX ? -ENAMETOOLONG : 0);
		path[2 * depth + 1] = '/';
	}
	memset(path, 'a', PATH_MAX);
	assert_int_equal(durable_check_path(path), -ENAMETOOLONG);
}

static void files(void **state)
{
	_cleanup_free_ char *bytes = NULL, *none = NULL;
	size_t n = 0;

	(void) state;
	assert_int_equal(durable_read(at, "file", 10, &none, &n), -ENOENT);
	assert_int_equal(durable_write(at, "file", "first one", 9), 0);
	assert_int_equal(durable_write(at, "file", "12345", 5), 0);
	assert_int_equal(durable_read(at, "file", 4, &none, &n), -EFBIG);
	assert_int_equal(durable_read(at, "file", 5, &bytes, &n), 0);
	assert_int_equal(n, 5);
	assert_string_equal(bytes, "12345");
	assert_int_equal(faccessat(at, ".file.new", F_OK, 0), -1);
	/* no link is followed, no FIFO waited for */
	assert_int_equal(symlinkat("file", at, "link"), 0);
	assert_int_equal(durable_read(at, "link", 5, &none, &n), -ELOOP);
	assert_int_equal(mkfifoat(at, "fifo", 0600), 0);
	assert_true(durable_read(at, "fifo", 5, &none, &n) < 0 || n == 0);
}

static void trees(void **state)
{
	_cleanup_close_ int fd = -1;
	char deep[2 * DURABLE_DEPTH_MAX + 16] = "tree";

	(void) state;
	assert_int_equal(durable_remove(at, "tree"), 0); /* there is none */
	for (int depth = 1; depth <= DURABLE_DEPTH_MAX; depth++)
		(void) strcat(deep, "/d"); /* NOLINT: it fits */
	assert_int_equal(durable_make_parents(at, deep), 0);
	assert_int_equal(durable_write(at, "outside", "x", 1), 0);
	assert_int_equal(symlinkat("../outside", at, "tree/link"), 0);
	assert_int_equal(symlinkat(top, at, "tree/folder"), 0);
	assert_int_equal(durable_sync(at, "tree"), 0);
	assert_int_equal(durable_remove(at, "tree"), 0);
	assert_int_equal(faccessat(at, "tree", F_OK, 0), -1);
	assert_int_equal(faccessat(at, "outside", F_OK, 0), 0);
	assert_int_equal(durable_folder(at, "new", &fd), 0);
	assert_int_equal(symlinkat("new", at, "newlink"), 0);
	cleanup_closep(&fd);
	assert_true(durable_folder(at, "newlink", &fd) < 0);
	fd = -1;
}

static int set_up(void **state)
{
	(void) state;
	assert_non_null(mkdtemp(top));
	at = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return at < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	(void) state;
	(void) close(at);
	return durable_remove(AT_FDCWD, top);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths),
		cmocka_unit_test(longest_paths),
		cmocka_unit_test(files),
		cmocka_unit_test(trees),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
