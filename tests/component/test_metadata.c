/* Which package.json files the walk upwards finds, in folders somebody hostile arranged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "agent/pool/metadata.h"
#include "policy/base/cleanup.h"
#include "policy/base/text.h"

static char home[] = "/tmp/proscribe-metadata.XXXXXX";

static const char *at(const char *name)
{
	static char path[PATH_MAX];

	(void) snprintf(path, sizeof(path), "%s/%s", home, name);
	return path;
}

/* Makes the folders above @name, and the file with its own name as content. */
static void put(const char *name)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[PATH_MAX];

	(void) text_copy(path, sizeof(path), at(name));
	for (char *p = path + strlen(home) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		(void) mkdir(path, 0755);
		*p = '/';
	}
	f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(name, f) >= 0);
}

/* Says what was found for @path as if it were @inode's: names, blank between them. */
static const char *found(const char *path, const char *inode)
{
	static char names[PATH_MAX];
	struct metadata_list list;
	struct stat st;

	names[0] = '\0';
	assert_int_equal(stat(inode, &st), 0);
	metadata_open(path, &st, &list);
	for (size_t i = 0; i < list.n; i++) {
		char text[PATH_MAX];
		ssize_t k = pread(list.fds[i], text, sizeof(text) - 1, 0);

		assert_true(k > 0);
		text[k] = '\0';
		(void) stpcpy(stpcpy(strchr(names, '\0'), i ? " " : ""), text);
	}
	metadata_close(&list);
	return names;
}

static const char *found_for(const char *name)
{
	char path[PATH_MAX];

	(void) text_copy(path, sizeof(path), at(name));
	return found(path, path);
}

static void test_up_to_the_root_of_the_package(void **state)
{
	static const struct {
		const char *file, *want;
	} rows[] = {
		{ "p/cli.js", "p/package.json" },
		{ "p/a/b/x", "p/a/package.json p/package.json" },
		{ "p/node_modules/m/x", "p/node_modules/m/package.json" },
		{ "p/node_modules/m/dist/x",
			"p/node_modules/m/dist/package.json p/node_modules/m/package.json" },
		{ "p/node_modules/@s/m/x", "p/node_modules/@s/m/package.json" },
		{ "p/node_modules/@s/m/d/x", "p/node_modules/@s/m/package.json" },
		{ "p/node_modules/@s/x", "" },
		{ "p/node_modules/none/d/x", "" },
		{ "p/node_modules/.bin/x", "" },
		{ "p/node_modules/x", "" },
		{ "p/@s/m/x", "p/package.json" },
	};

	(void) state;
	put("p/package.json");
	put("p/a/package.json");
	put("p/node_modules/m/package.json");
	put("p/node_modules/m/dist/package.json");
	put("p/node_modules/@s/m/package.json");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		put(rows[i].file);
		if (strcmp(found_for(rows[i].file), rows[i].want) != 0)
			fail_msg("%s: found '%s'", rows[i].file, found_for(rows[i].file));
	}
}

static void test_limits(void **state)
{
	char path[PATH_MAX] = "l/package.json";

	(void) state;
	put(path);
	put("l/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/x");
	put("l/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/x");
	assert_string_equal(found_for("l/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/x"), "l/package.json");
	assert_string_equal(found_for("l/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/x"), "");

	put("f/package.json");
	put("f/1/package.json");
	put("f/1/2/package.json");
	put("f/1/2/3/package.json");
	put("f/1/2/3/4/package.json");
	put("f/1/2/3/4/x");
	assert_string_equal(found_for("f/1/2/3/4/x"),
		"f/1/2/3/4/package.json f/1/2/3/package.json f/1/2/package.json f/1/package.json");
}

static void test_only_where_the_file_really_lies(void **state)
{
	char path[PATH_MAX], other[PATH_MAX];

	(void) state;
	put("w/package.json");
	put("w/x");
	put("w/y");
	(void) text_copy(path, sizeof(path), at("w/x"));
	(void) text_copy(other, sizeof(other), at("w/y"));
	assert_string_equal(found(path, path), "w/package.json");
	assert_string_equal(found(path, other), "");
	assert_string_equal(found("", path), "");
	assert_string_equal(found("x", path), "");
	assert_string_equal(found("/", path), "");
	assert_string_equal(found("/nowhere/x", path), "");

	assert_int_equal(symlink("w", at("link")), 0);
	(void) text_copy(other, sizeof(other), at("link/x"));
	assert_string_equal(found(other, path), "");
	assert_int_equal(symlink("x", at("w/z")), 0);
	(void) text_copy(other, sizeof(other), at("w/z"));
	assert_string_equal(found(other, path), "");
}

static void test_only_regular_files(void **state)
{
	(void) state;
	put("r/package.json");
	put("r/a/x");
	assert_int_equal(mkfifo(at("r/a/package.json"), 0600), 0);
	assert_string_equal(found_for("r/a/x"), "r/package.json");
	assert_int_equal(unlink(at("r/a/package.json")), 0);
	assert_int_equal(mkdir(at("r/a/package.json"), 0700), 0);
	assert_string_equal(found_for("r/a/x"), "r/package.json");
	assert_int_equal(rmdir(at("r/a/package.json")), 0);
	assert_int_equal(symlink("/etc/passwd", at("r/a/package.json")), 0);
	assert_string_equal(found_for("r/a/x"), "r/package.json");
}

static void test_not_across_filesystems(void **state)
{
	(void) state;
	if (geteuid() != 0)
		skip();
	put("m/package.json");
	put("m/mounted/x");
	assert_int_equal(unshare(CLONE_NEWNS), 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	assert_int_equal(mount("test", at("m/mounted"), "tmpfs", 0, "size=64k"), 0);
	put("m/mounted/d/x");
	assert_string_equal(found_for("m/mounted/d/x"), "");
	put("m/mounted/package.json");
	assert_string_equal(found_for("m/mounted/d/x"), "m/mounted/package.json");
	assert_int_equal(umount2(at("m/mounted"), MNT_DETACH), 0);
}

static int make_home(void **state)
{
	(void) state;
	return mkdtemp(home) ? 0 : -1;
}

static int remove_home(void **state)
{
	char *rm[] = { "rm", "-rf", home, NULL };
	pid_t pid = fork();

	(void) state;
	if (pid == 0) {
		(void) execvp("rm", rm);
		_exit(1);
	}
	return waitpid(pid, NULL, 0) == pid ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_up_to_the_root_of_the_package),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_only_where_the_file_really_lies),
		cmocka_unit_test(test_only_regular_files),
		cmocka_unit_test(test_not_across_filesystems),
	};

	return cmocka_run_group_tests_name("metadata", tests, make_home, remove_home);
}
