/* Package URLs of all types: normal form, rules of types, the words of a refusal, limits. What the
 * registry itself publishes as test data is held against the parser in tests/conformance. */
#include "policy/identity/purl.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "policy/base/cleanup.h"

static void test_normal_form(void **state)
{
	static const struct {
		const char *name, *text, *canonical;
	} cases[] = {
		{ "type and names are folded where the type says so", "pkg:GitHub/A/B",
			"pkg:github/a/b" },
		{ "and kept where it does not", "pkg:maven/A/B", "pkg:maven/A/B" },
		{ "an author is in capitals", "pkg:cpan/drolsky/DateTime",
			"pkg:cpan/DROLSKY/DateTime" },
		{ "underscores and dashes are the same to PyPI", "pkg:pypi/A_b", "pkg:pypi/a-b" },
		{ "pub knows underscores only", "pkg:pub/A-b.c", "pkg:pub/a_b_c" },
		{ "a git host that folds", "pkg:git/github.com/A/B", "pkg:git/github.com/a/b" },
		{ "a git host that does not", "pkg:git/example.org/A/B",
			"pkg:git/example.org/A/B" },
		{ "empty parts of a path mean nothing", "pkg:deb//debian//curl",
			"pkg:deb/debian/curl" },
		{ "nor do dots in a subpath", "pkg:generic/a#./b//../%2E%2E/c/",
			"pkg:generic/a#b/c" },
		{ "dots alone are no subpath", "pkg:generic/a#./..", "pkg:generic/a" },
		{ "qualifiers are sorted", "pkg:generic/a?b=2&a=1", "pkg:generic/a?a=1&b=2" },
		{ "one without a value is none", "pkg:generic/a?b=&a=1", "pkg:generic/a?a=1" },
		{ "a '/' in a name stays one name", "pkg:generic/a%2fb", "pkg:generic/a%2Fb" },
		{ "text beyond ASCII", "pkg:generic/caf%c3%a9", "pkg:generic/caf%C3%A9" },
		{ "two versions: the last one counts", "pkg:brew/node@20@20.1",
			"pkg:brew/node%4020@20.1" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(purl_done) struct purl p = { 0 };
		const char *error = "";

		if (purl_parse(cases[i].text, PURL_STRICT, &p, &error) < 0)
			fail_msg("%s: refused: %s", cases[i].name, error);
		if (strcmp(p.text, cases[i].canonical) != 0)
			fail_msg("%s: %s, not %s", cases[i].name, p.text, cases[i].canonical);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *name, *text, *error;
	} cases[] = {
		{ "no namespace where one is wanted", "pkg:deb/nmap",
			"its type wants a namespace: it is pkg:TYPE/NAMESPACE/NAME" },
		{ "a namespace where there is none", "pkg:pypi/a/b",
			"its type has no namespace: it is pkg:TYPE/NAME" },
		{ "three parts of a SWID creator", "pkg:swid/a/b/c/d?tag_id=1",
			"its namespace has more parts than its type allows" },
		{ "a module of Perl instead of a distribution", "pkg:cpan/URI::PackageURL",
			"the name is not one that its type allows" },
		{ "a pod that starts with a dot", "pkg:cocoapods/.a",
			"the name is not one that its type allows" },
		{ "a version of five numbers",
			"pkg:chrome-extension/dlpngalgnefjeiefhmpklpfiohadpglk@1.2.3.4.5",
			"the version is not one that its type allows" },
		{ "no UUID for Julia", "pkg:julia/Dates",
			"a qualifier that its type wants is missing" },
		{ "an empty UUID for Julia",
			"pkg:julia/Dates?uuid=", "a qualifier that its type wants is missing" },
		{ "a key of its type in capitals", "pkg:gem/a?Platform=java",
			"the key of a qualifier of its type is not in lower case" },
		{ "a key twice", "pkg:generic/a?b=1&B=2", "a qualifier is there twice" },
		{ "a '/' hidden in a namespace", "pkg:deb/a%2Fb/c",
			"a part of a path has a '/' in it" },
		{ "a '/' hidden in a subpath", "pkg:generic/a#b%2fc",
			"a part of a path has a '/' in it" },
		{ "an escape in a qualifier", "pkg:generic/a?b=%1B[31m",
			"there is a control character in it" },
		{ "a NUL in a subpath", "pkg:generic/a#b%00",
			"there is a control character in it" },
		{ "a git host without a path", "pkg:git/example.org//",
			"its type wants a namespace: it is pkg:TYPE/NAMESPACE/NAME" },
		{ "a namespace and a version without a name", "pkg:deb/debian/@1",
			"the name is missing" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct purl p = { .name = "untouched" };
		const char *error = "";
		int r = purl_parse(cases[i].text, PURL_STRICT, &p, &error);

		if (r != -EINVAL || strcmp(error, cases[i].error) != 0)
			fail_msg("%s: %d \"%s\", not \"%s\"", cases[i].name, r, error,
				cases[i].error);
		if (strcmp(p.name, "untouched") != 0)
			fail_msg("%s: the result was written although it failed", cases[i].name);
	}
}

static void test_lenient_puts_keys_right(void **state)
{
	_cleanup_(purl_done) struct purl p = { 0 };
	const char *error = "";

	(void) state;
	assert_int_equal(purl_parse("pkg:gem/a?Platform=java", PURL_LENIENT, &p, &error), 0);
	assert_string_equal(p.text, "pkg:gem/a?platform=java");
}

static void test_built(void **state)
{
	static const struct {
		const char *name;
		struct purl parts;
		const char *text, *error;
	} cases[] = {
		{ "all parts",
			{ .type = "Golang",
				.namespace = "/Example.org//a/",
				.name = "B",
				.version = "v1 x/y",
				.subpath = "/c/./d",
				.qualifiers = { { "OS", "l&=" }, { "arch", "x" }, { "z", NULL } },
				.n_qualifiers = 3 },
			"pkg:golang/example.org/a/b@v1%20x%2Fy?arch=x&os=l%26%3D#c/d", "" },
		{ "no type", { .name = "a" }, NULL, "the type is missing: it is pkg:TYPE/NAME" },
		{ "a type nobody knows", { .type = "nmp", .name = "a" }, NULL,
			"the type is not one of the purl registry" },
		{ "no name", { .type = "generic" }, NULL, "the name is missing" },
		{ "bytes that are no text", { .type = "generic", .name = "a\xff" }, NULL,
			"it is not UTF-8 once decoded" },
		{ "a newline in the version", { .type = "generic", .name = "a", .version = "1\n2" },
			NULL, "there is a control character in it" },
		{ "a key that is empty",
			{ .type = "generic",
				.name = "a",
				.qualifiers = { { "", "x" } },
				.n_qualifiers = 1 },
			NULL, "a qualifier's key holds letters, digits, '.', '-' and '_'" },
		{ "too many qualifiers",
			{ .type = "generic", .name = "a", .n_qualifiers = PURL_QUALIFIERS_MAX + 1 },
			NULL, "it has too many qualifiers" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(purl_done) struct purl p = { 0 };
		const char *error = "";
		int r = purl_build(&cases[i].parts, &p, &error);

		if (strcmp(error, cases[i].error) != 0 || r != (cases[i].text ? 0 : -EINVAL))
			fail_msg("%s: %d \"%s\"", cases[i].name, r, error);
		if (cases[i].text && strcmp(p.text, cases[i].text) != 0)
			fail_msg("%s: %s, not %s", cases[i].name, p.text, cases[i].text);
	}
}

static int parse(const char *text)
{
	_cleanup_(purl_done) struct purl p = { 0 };
	const char *error = "";

	return purl_parse(text, PURL_STRICT, &p, &error);
}

static int parse_name_of(char c, size_t n)
{
	char text[2 * PURL_TEXT_MAX];
	char *name = stpcpy(text, "pkg:generic/");

	memset(name, c, n);
	name[n] = '\0';
	return parse(text);
}

static int parse_with_qualifiers(int n)
{
	char text[2 * PURL_TEXT_MAX];
	char *out = stpcpy(text, "pkg:generic/a?a=1");

	for (int i = 1; i < n; i++)
		out += sprintf(out, "&b%d=1", i);
	return parse(text);
}

static void test_limits(void **state)
{
	const size_t room = PURL_TEXT_MAX - strlen("pkg:generic/");

	(void) state;
	assert_int_equal(parse_name_of('a', room), 0);
	assert_int_equal(parse_name_of('a', room + 1), -EINVAL);
	/* fits as it is read, but its canonical form does not */
	assert_int_equal(parse_name_of('+', room / 3), 0);
	assert_int_equal(parse_name_of('+', room / 3 + 1), -EINVAL);
	assert_int_equal(parse_with_qualifiers(PURL_QUALIFIERS_MAX), 0);
	assert_int_equal(parse_with_qualifiers(PURL_QUALIFIERS_MAX + 1), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_normal_form),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_lenient_puts_keys_right),
		cmocka_unit_test(test_built),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
