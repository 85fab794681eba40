/* npm's names and versions: what is one, and what is cut from it. */
#include "policy/identity/npm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "policy/base/cleanup.h"
#include "policy/identity/facts.h"

static void test_names(void **state)
{
	static const struct {
		const char *name, *text;
		bool want;
	} cases[] = {
		{ "a plain name", "left-pad", true },
		{ "a scoped name", "@anthropic-ai/claude-code", true },
		{ "upper case, from before it was forbidden", "JSONStream", true },
		{ "a dot inside", "socket.io", true },
		{ "digits", "7zip-min", true },
		{ "nothing", "", false },
		{ "a scope alone", "@scope", false },
		{ "a scope with nothing behind", "@scope/", false },
		{ "an empty scope", "@/name", false },
		{ "two slashes", "@scope/a/b", false },
		{ "a slash without a scope", "scope/name", false },
		{ "the parent folder", "..", false },
		{ "a way up inside a scope", "@scope/..", false },
		{ "a hidden file", ".bin", false },
		{ "a blank", "left pad", false },
		{ "a newline", "left\npad", false },
		{ "an escape sequence", "a\x1b[2J", false },
		{ "a backslash", "a\\b", false },
		{ "a percent sign", "a%2fb", false },
		{ "an @ inside", "a@1", false },
		{ "not ASCII", "caf\xc3\xa9", false },
		{ "not UTF-8", "a\xff", false },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (npm_name_valid(cases[i].text) != cases[i].want)
			fail_msg("%s: \"%s\" should be %s", cases[i].name, cases[i].text,
				cases[i].want ? "a name" : "refused");
}

static void test_name_length_is_limited(void **state)
{
	char name[PACKAGE_NAME_MAX + 2];

	(void) state;
	memset(name, 'a', sizeof(name));
	name[PACKAGE_NAME_MAX] = '\0';
	assert_true(npm_name_valid(name));
	name[PACKAGE_NAME_MAX] = 'a';
	name[PACKAGE_NAME_MAX + 1] = '\0';
	assert_false(npm_name_valid(name));
}

static void test_platform_is_cut_from_versions(void **state)
{
	static const struct {
		const char *name, *text, *want;
	} cases[] = {
		{ "a release stays", "2.1.91", "2.1.91" },
		{ "codex for Linux", "0.169.0-linux-x64", "0.169.0" },
		{ "for a Mac", "0.169.0-darwin-arm64", "0.169.0" },
		{ "for Windows", "1.0.0-win32-x64", "1.0.0" },
		{ "with its C library", "1.0.0-linux-x64-musl", "1.0.0" },
		{ "with two words behind", "1.0.0-linux-x64-musl-baseline", "1.0.0" },
		{ "a pre-release for a platform", "1.0.0-rc.1-linux-arm64", "1.0.0-rc.1" },
		{ "a pre-release stays", "1.0.0-rc.1", "1.0.0-rc.1" },
		{ "a pre-release named like a system", "1.0.0-linux", "1.0.0-linux" },
		{ "a machine without a system", "1.0.0-x64", "1.0.0-x64" },
		{ "a machine behind another word", "1.0.0-fast-x64", "1.0.0-fast-x64" },
		{ "a library alone", "1.0.0-musl", "1.0.0-musl" },
		{ "nothing but a platform", "-linux-x64", "-linux-x64" },
		{ "a platform without a dash before it", "linux-x64", "linux-x64" },
		{ "nothing", "", "" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char out[PACKAGE_VERSION_MAX + 1];

		npm_version_base(cases[i].text, out, sizeof(out));
		if (strcmp(out, cases[i].want) != 0)
			fail_msg("%s: \"%s\" gives \"%s\", not \"%s\"", cases[i].name,
				cases[i].text, out, cases[i].want);
	}
}

static void test_result_is_cut_to_the_buffer(void **state)
{
	char out[4] = "xyz";

	(void) state;
	npm_version_base("1.2.3", out, sizeof(out));
	assert_string_equal(out, "1.2");
	npm_version_base("1.2.3", out, 0);
	assert_string_equal(out, "1.2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_name_length_is_limited),
		cmocka_unit_test(test_platform_is_cut_from_versions),
		cmocka_unit_test(test_result_is_cut_to_the_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
