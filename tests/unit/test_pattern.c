/* Patterns for versions: what both engines read alike is taken, everything else is refused. */
#include "policy/source/pattern.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/base/cleanup.h"
#include "policy/image/signature.h"

#define BRACKET   "a backslash within [...]"
#define CLASS     "[: :] is not known to YARA"
#define ESCAPE    "a backslash before a letter or digit"
#define TWICE     "a repetition of a repetition"
#define BOUNDS    "the bounds in it {...} multiply to more than 1000"
#define GROUP     "it has no group"
#define NOTHING   "it matches where there is nothing"
#define NONE      "it is not an extended regular expression"
#define LENGTH    "it has 1 to 255 characters"
#define PRINTABLE "it holds printable ASCII characters only"

static const struct {
	const char *name, *pattern;
	const char *error; /* how it begins; NULL: taken */
} cases[] = {
	{ "a header", "// Version: ([0-9]+[.][0-9]+[.][0-9]+)", NULL },
	{ "an escaped dot", "v([0-9]+\\.[0-9]+)", NULL },
	{ "an escaped slash", "a\\/([0-9]+)", NULL },
	{ "quotes and braces", "VERSION:\"([^\"]{1,20})\"", NULL },
	{ "an alternative", "(version|Version)=1", NULL },
	{ "anchors", "^version ([0-9]+)$", NULL },
	{ "bounds without an end", "version ([0-9]{1,})", NULL },
	{ "a bracket in a bracket", "[]]([^]]+)", NULL },
	{ "the empty one", "", LENGTH },
	{ "a tab", "a\t([0-9]+)", PRINTABLE },
	{ "not ASCII", "\xc3\xa9([0-9]+)", PRINTABLE },
	{ "a class of Perl's", "version (\\d+)", ESCAPE },
	{ "a back-reference", "(a)\\1", ESCAPE },
	{ "an escape in a bracket", "([0-9\\.]+)", BRACKET },
	{ "a class of POSIX's", "([[:digit:]]+)", CLASS },
	{ "a lazy repetition", "version (.*?)\"", TWICE },
	{ "a lazy one behind bounds", "version (.{1,5}?)\"", TWICE },
	{ "a possessive one", "version (.++)\"", TWICE },
	{ "bounds at the limit", "a([0-9]{1,1000})", NULL },
	{ "bounds past it", "a([0-9]{1,1001})", BOUNDS },
	{ "bounds that multiply past it", "a([0-9]{2,101}){10}", BOUNDS },
	{ "bounds that overflow", "a([0-9]{99999999999999999999})", BOUNDS },
	{ "no group", "version [0-9]+", GROUP },
	{ "two groups", "(a(b)?)", NULL },
	{ "a group without a number", "(?:a)(b)", NONE },
	{ "what matches nothing", "([0-9]*)", NOTHING },
	{ "a group that does not end", "version ([0-9]+", NONE },
	{ "a bracket that does not end", "version ([0-9+)", NONE },
	{ "a backslash at the end", "version ([0-9]+)\\", NONE },
};

static void test_patterns(void **state)
{
	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *error = NULL;
		int r = pattern_check(cases[i].pattern, &error);

		if (!cases[i].error != (r == 0) ||
			(r < 0 && strncmp(error, cases[i].error, strlen(cases[i].error)) != 0))
			fail_msg("%s: returned %d, said %s", cases[i].name, r, error ?: "nothing");
	}
}

static void test_length_is_limited(void **state)
{
	char pattern[SIGNATURE_PATTERN_MAX + 2] = "";
	const char *error = "";

	(void) state;
	memset(pattern, 'a', SIGNATURE_PATTERN_MAX + 1);
	memcpy(pattern, "(b)", 3);
	assert_int_equal(pattern_check(pattern, &error), -EINVAL);
	assert_string_equal(error, LENGTH);
	pattern[SIGNATURE_PATTERN_MAX] = '\0';
	assert_int_equal(pattern_check(pattern, &error), 0);
}

static void test_slashes_are_escaped_for_yara(void **state)
{
	char *text;

	(void) state;
	assert_int_equal(pattern_rule("a", "// \\/ \\\\/ ([0-9]+)", &text), 0);
	assert_string_equal(text,
		"rule proscribe_version_of_a { strings: $version = /\\/\\/ \\/ \\\\\\/ ([0-9]+)/ "
		"condition: $version }");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_length_is_limited),
		cmocka_unit_test(test_slashes_are_escaped_for_yara),
	};

	return cmocka_run_group_tests_name("pattern", tests, NULL, NULL);
}
