/* Globs over whole paths, homes, and that no glob takes long. */
#include "policy/image/match.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "policy/base/cleanup.h"
#include "policy/base/clock.h"

static void test_globs(void **state)
{
	static const struct {
		const char *name, *glob, *path;
		bool want;
	} cases[] = {
		{ "a path itself", "/usr/bin/nmap", "/usr/bin/nmap", true },
		{ "a longer path", "/usr/bin/nmap", "/usr/bin/nmap2", false },
		{ "a shorter path", "/usr/bin/nmap", "/usr/bin/nma", false },
		{ "a star at the end", "/opt/x/*", "/opt/x/run", true },
		{ "a star for nothing", "/opt/x*", "/opt/x", true },
		{ "a star does not cross names", "/opt/*", "/opt/x/run", false },
		{ "a star between", "/opt/*/run", "/opt/x/run", true },
		{ "a star between, too deep", "/opt/*/run", "/opt/x/y/run", false },
		{ "a star inside a name", "/opt/ng*ok", "/opt/ngrok", true },
		{ "two stars in one name", "/opt/*a*b", "/opt/xaxbxaxb", true },
		{ "two stars in one name, not met", "/opt/*a*b", "/opt/xaxbxax", false },
		{ "a question mark", "/opt/?", "/opt/x", true },
		{ "a question mark wants one character", "/opt/?", "/opt/", false },
		{ "a question mark is not a slash", "/opt?x", "/opt/x", false },
		{ "a question mark takes a whole character", "/opt/?", "/opt/\xc3\xa9", true },
		{ "a question mark takes one byte that is no character", "/opt/?", "/opt/\xff",
			true },
		{ "a set", "/opt/[abc]", "/opt/b", true },
		{ "a set, not met", "/opt/[abc]", "/opt/d", false },
		{ "a set takes one character", "/opt/[abc]", "/opt/ab", false },
		{ "a range", "/opt/v[0-9]", "/opt/v7", true },
		{ "a range, not met", "/opt/v[0-9]", "/opt/va", false },
		{ "a range of other letters", "/opt/[\xce\xb1-\xcf\x89]", "/opt/\xce\xb2", true },
		{ "a negated set", "/opt/[!a]", "/opt/b", true },
		{ "a negated set, not met", "/opt/[!a]", "/opt/a", false },
		{ "a negated set is not a slash", "/opt[!a]x", "/opt/x", false },
		{ "a bracket as a member", "/opt/[]]", "/opt/]", true },
		{ "a dash as a member", "/opt/[a-]", "/opt/-", true },
		{ "a star as a member", "/opt/[*]", "/opt/*", true },
		{ "a star as a member is no star", "/opt/[*]", "/opt/x", false },
		{ "a bracket without its end is itself", "/opt/[a", "/opt/[a", true },
		{ "two stars cross names", "/opt/**", "/opt/x/y/z", true },
		{ "two stars at the end want the slash before", "/opt/**", "/opt", false },
		{ "two stars for no name", "/opt/**/run", "/opt/run", true },
		{ "two stars for one name", "/opt/**/run", "/opt/x/run", true },
		{ "two stars for three names", "/opt/**/run", "/opt/x/y/z/run", true },
		{ "two stars stop at names", "/opt/**/run", "/opt/xrun", false },
		{ "two stars inside a name", "/opt/a**z", "/opt/ab/yz", true },
		{ "two stars, then one", "/**/bin/*", "/home/a/x/bin/claude", true },
		{ "two stars, then one, too deep", "/**/bin/*", "/home/a/bin/x/claude", false },
		{ "a later chance for two stars", "/**/bin/x*", "/bin/y/bin/xz", true },
		{ "three stars are two", "/opt/***/run", "/opt/x/run", true },
		{ "a hidden file", "/opt/*", "/opt/.hidden", true },
		{ "a tilde inside", "/opt/~/x", "/opt/~/x", true },
		{ "a backslash is itself", "/opt/\\*", "/opt/\\x", true },
		{ "not UTF-8 both", "/opt/*\xc3\xa9", "/opt/\xff\xc3\xa9", true },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (match_glob(cases[i].glob, cases[i].path, NULL) != cases[i].want)
			fail_msg("%s: %s should %smatch %s", cases[i].name, cases[i].glob,
				cases[i].want ? "" : "not ", cases[i].path);
}

static void test_homes(void **state)
{
	static const char *const two[] = { "/home/eve", "/srv/people/bob/", NULL };
	static const char *const odd[] = { "", "/", NULL };
	static const char *const none[] = { NULL };
	static const struct {
		const char *name;
		const char *const *homes;
		const char *glob, *path;
		bool want;
	} cases[] = {
		{ "the first home", two, "~/.local/bin/*", "/home/eve/.local/bin/claude", true },
		{ "the second home, with a slash behind", two, "~/x", "/srv/people/bob/x", true },
		{ "a home not in the list", two, "~/x", "/home/mallory/x", false },
		{ "a name that starts like a home", two, "~/x", "/home/evelyn/x", false },
		{ "deeper than the glob", two, "~/x", "/home/eve/y/x", false },
		{ "the home itself", two, "~/*", "/home/eve", false },
		{ "homes that are the root", odd, "~/x", "/x", false },
		{ "an empty list", none, "~/x", "/root/x", false },
		{ "no list: root", NULL, "~/x", "/root/x", true },
		{ "no list: anybody", NULL, "~/x", "/home/mallory/x", true },
		{ "no list: nobody", NULL, "~/x", "/home//x", false },
		{ "no list: the folder of homes", NULL, "~/x", "/home/x", false },
		{ "no list: elsewhere", NULL, "~/x", "/srv/bob/x", false },
		{ "two stars below a home", two, "~/**/claude", "/home/eve/a/b/claude", true },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (match_glob(cases[i].glob, cases[i].path, cases[i].homes) != cases[i].want)
			fail_msg("%s: %s should %smatch %s", cases[i].name, cases[i].glob,
				cases[i].want ? "" : "not ", cases[i].path);
}

static void test_check(void **state)
{
	static const struct {
		const char *name, *glob, *error; /* NULL: good */
	} cases[] = {
		{ "a path", "/usr/bin/nmap", NULL },
		{ "a home", "~/.local/share/claude/versions/*", NULL },
		{ "a set", "/opt/[!a-z]x", NULL },
		{ "nothing", "", "a path starts with '/' or '~/'" },
		{ "a relative path", "bin/nmap", "a path starts with '/' or '~/'" },
		{ "the home of somebody", "~eve/x", "a path starts with '/' or '~/'" },
		{ "a folder", "/opt/", "a path to a file does not end in '/'" },
		{ "two slashes", "/opt//x", "a path holds no '//', '/./' or '/../'" },
		{ "the parent", "/opt/../x", "a path holds no '//', '/./' or '/../'" },
		{ "not UTF-8", "/opt/\xff", "it is not UTF-8" },
		{ "a bracket without its end", "/opt/[a", "a '[' has no ']' in the same name" },
		{ "a set across names", "/opt/[a/b]", "a '[' has no ']' in the same name" },
		{ "an empty set", "/opt/[]", "a '[' has no ']' in the same name" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *error = NULL;
		int r = match_glob_check(cases[i].glob, &error);

		if (r != (cases[i].error ? -EINVAL : 0) ||
			(cases[i].error && strcmp(error, cases[i].error) != 0))
			fail_msg("%s: %d \"%s\", not \"%s\"", cases[i].name, r, error ? error : "",
				cases[i].error ? cases[i].error : "");
	}
}

static void test_length_is_limited(void **state)
{
	static char glob[MATCH_GLOB_MAX + 2], path[PATH_MAX + 2];
	const char *error;

	(void) state;
	memset(glob, 'a', sizeof(glob) - 1);
	memset(path, 'a', sizeof(path) - 1);
	glob[0] = path[0] = '/';
	assert_int_equal(match_glob_check(glob, &error), -EINVAL);
	glob[MATCH_GLOB_MAX] = '\0';
	assert_int_equal(match_glob_check(glob, &error), 0);
	assert_false(match_glob("/**", path, NULL));
	path[PATH_MAX] = '\0';
	assert_true(match_glob("/**", path, NULL));
}

static void repeat(char *out, size_t n, const char *piece)
{
	size_t length = strlen(piece);

	for (size_t i = 0; i < n; i++)
		out[i] = piece[i % length];
	out[n] = '\0';
}

/* What makes matchers that try again take exponential or cubic time. */
static void test_hostile_globs_end_soon(void **state)
{
	static const struct {
		const char *name, *path, *glob;
	} cases[] = {
		{ "stars in one name", "a", "*a" },
		{ "two stars in one name", "a", "**a" },
		{ "two stars and slashes", "/", "/**" },
		{ "two stars for many short names", "/a", "/**/a" },
		{ "sets", "a", "*[!b]" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		static char path[PATH_MAX], glob[MATCH_GLOB_MAX + 1];
		uint64_t start = clock_boot_usec(), took;

		repeat(path, sizeof(path) - 1, cases[i].path);
		repeat(glob, sizeof(glob) - 2, cases[i].glob);
		path[0] = glob[0] = '/';
		glob[sizeof(glob) - 3] = 'b'; /* so that it fails at the very end */
		if (match_glob(glob, path, NULL))
			fail_msg("%s: matches", cases[i].name);
		took = clock_boot_usec() - start;
		if (took > 2 * USEC_PER_SEC)
			fail_msg("%s: took %llu ms", cases[i].name,
				(unsigned long long) took / 1000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_globs),
		cmocka_unit_test(test_homes),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_length_is_limited),
		cmocka_unit_test(test_hostile_globs_end_soon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
