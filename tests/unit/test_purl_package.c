/* Purls that can be matched: what is taken, what is refused with which words, and the way back. */
#include "policy/identity/purl_package.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "policy/base/cleanup.h"

static void test_read_and_written(void **state)
{
	static const struct {
		const char *name, *text, *package, *version, *canonical;
	} cases[] = {
		{ "a plain name", "pkg:npm/foobar", "foobar", "", "pkg:npm/foobar" },
		{ "a version", "pkg:npm/foobar@12.3.1", "foobar", "12.3.1",
			"pkg:npm/foobar@12.3.1" },
		{ "a scope, encoded", "pkg:npm/%40angular/animation@12.3.1", "@angular/animation",
			"12.3.1", "pkg:npm/%40angular/animation@12.3.1" },
		{ "a scope, not encoded", "pkg:npm/@babel/core", "@babel/core", "",
			"pkg:npm/%40babel/core" },
		{ "a scope, not encoded, and a version", "pkg:npm/@babel/core@7.0.0", "@babel/core",
			"7.0.0", "pkg:npm/%40babel/core@7.0.0" },
		{ "case is kept in the name", "pkg:npm/JSONStream", "JSONStream", "",
			"pkg:npm/JSONStream" },
		{ "the type in upper case", "pkg:NPM/foo", "foo", "", "pkg:npm/foo" },
		{ "the scheme in upper case", "PKG:npm/foo", "foo", "", "pkg:npm/foo" },
		{ "slashes behind the scheme", "pkg://npm/foo", "foo", "", "pkg:npm/foo" },
		{ "a slash behind the name", "pkg:npm/foo/", "foo", "", "pkg:npm/foo" },
		{ "letters encoded for nothing", "pkg:npm/f%6Fo", "foo", "", "pkg:npm/foo" },
		{ "build metadata", "pkg:npm/foo@1.0.0%2Bb", "foo", "1.0.0+b",
			"pkg:npm/foo@1.0.0%2Bb" },
		{ "an empty version", "pkg:npm/foo@", "foo", "", "pkg:npm/foo" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *error = "";
		char text[PURL_PACKAGE_SIZE_MAX];
		struct package p;

		if (purl_package_read(cases[i].text, &p, &error) < 0)
			fail_msg("%s: refused: %s", cases[i].name, error);
		assert_int_equal(purl_package_write(&p, text), 0);
		if (p.type != PACKAGE_NPM || strcmp(p.name, cases[i].package) != 0 ||
			strcmp(p.version, cases[i].version) != 0 ||
			strcmp(text, cases[i].canonical) != 0)
			fail_msg("%s: read as \"%s\" \"%s\", written as %s", cases[i].name, p.name,
				p.version, text);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *name, *text;
		int want;
		const char *error;
	} cases[] = {
		{ "nothing", "", -EINVAL, "it does not start with pkg:" },
		{ "no scheme", "npm/foo", -EINVAL, "it does not start with pkg:" },
		{ "an encoded colon", "pkg%3Anpm/foo", -EINVAL, "it does not start with pkg:" },
		{ "no type", "pkg:foo@1.0.0", -EINVAL, "the type is missing: it is pkg:TYPE/NAME" },
		{ "the scheme alone", "pkg:", -EINVAL, "the type is missing: it is pkg:TYPE/NAME" },
		{ "a type nobody knows", "pkg:nmp/foo", -EINVAL,
			"the type is not one of the purl registry" },
		{ "a type that starts with a digit", "pkg:3npm/foo", -EINVAL,
			"a type holds letters, digits, '.' and '-', and starts with a letter" },
		{ "a type with a colon", "pkg:npm:a/foo", -EINVAL,
			"a type holds letters, digits, '.' and '-', and starts with a letter" },
		{ "a type of another version", "pkg:deb/debian/nmap", -ENOTSUP,
			"packages of this type cannot be matched yet" },
		{ "a type of another version without a name", "pkg:maven/@1.3.4", -EINVAL,
			"the name is missing" },
		{ "no name", "pkg:npm/", -EINVAL, "the name is missing" },
		{ "a version without a name", "pkg:npm/@1.0.0", -EINVAL, "the name is missing" },
		{ "two scopes", "pkg:npm/@a/b/c", -EINVAL,
			"its namespace has more parts than its type allows" },
		{ "a scope without @", "pkg:npm/a/b", -EINVAL,
			"the scope of an npm name starts with @" },
		{ "a slash hidden in the name", "pkg:npm/a%2Fb", -EINVAL,
			"there is a '/' or '@' in the name" },
		{ "a scope hidden in the name", "pkg:npm/%40a%2Fb", -EINVAL,
			"there is a '/' or '@' in the name" },
		{ "a name npm refuses", "pkg:npm/..", -EINVAL, "the name is not one npm allows" },
		{ "a range for a version", "pkg:npm/foo@%5E1.0.0", -EINVAL,
			"the version is not one npm allows (MAJOR.MINOR.PATCH)" },
		{ "a blank", "pkg:npm/a b", -EINVAL, "there is a blank in it" },
		{ "a newline", "pkg:npm/foo\n", -EINVAL, "there is a blank in it" },
		{ "not ASCII", "pkg:npm/caf\xc3\xa9", -EINVAL,
			"characters other than printable ASCII must be percent-encoded" },
		{ "a NUL", "pkg:npm/a%00b", -EINVAL, "there is a control character in it" },
		{ "an escape", "pkg:npm/a%1Bb", -EINVAL, "there is a control character in it" },
		{ "a percent sign alone", "pkg:npm/a%", -EINVAL,
			"a % is not followed by two hexadecimal digits" },
		{ "a wrong digit", "pkg:npm/a%2G", -EINVAL,
			"a % is not followed by two hexadecimal digits" },
		{ "not UTF-8 once decoded", "pkg:npm/a%FF", -EINVAL,
			"it is not UTF-8 once decoded" },
		{ "a qualifier", "pkg:npm/foo?os=linux", -EINVAL,
			"qualifiers cannot be matched yet" },
		{ "a broken qualifier", "pkg:npm/foo?os", -EINVAL, "a qualifier is not KEY=VALUE" },
		{ "a qualifier with a blank in its key", "pkg:npm/foo?in%20b=1", -EINVAL,
			"a qualifier's key holds letters, digits, '.', '-' and '_'" },
		{ "a subpath", "pkg:npm/foo#lib", -EINVAL, "a subpath cannot be matched yet" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct package p = { .name = "untouched" };
		const char *error = "";
		int r = purl_package_read(cases[i].text, &p, &error);

		if (r != cases[i].want || strcmp(error, cases[i].error) != 0)
			fail_msg("%s: %d \"%s\", not %d \"%s\"", cases[i].name, r, error,
				cases[i].want, cases[i].error);
		if (strcmp(p.name, "untouched") != 0)
			fail_msg("%s: the result was written although it failed", cases[i].name);
	}
}

static void test_limits(void **state)
{
	char text[5 * PURL_PACKAGE_SIZE_MAX], built[PURL_PACKAGE_SIZE_MAX];
	const char *error = "";
	struct package p;

	(void) state;
	memset(text, 'a', sizeof(text));
	memcpy(text, "pkg:npm/", 8);
	text[8 + PACKAGE_NAME_MAX] = '\0';
	assert_int_equal(purl_package_read(text, &p, &error), 0);
	assert_int_equal(purl_package_write(&p, built), 0);
	assert_string_equal(built, text);
	text[8 + PACKAGE_NAME_MAX] = 'a';
	text[8 + PACKAGE_NAME_MAX + 1] = '\0';
	assert_int_equal(purl_package_read(text, &p, &error), -EINVAL);
	assert_string_equal(error, "a part of it is too long");
	text[8 + PACKAGE_NAME_MAX + 1] = 'a';
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(purl_package_read(text, &p, &error), -EINVAL);
	assert_string_equal(error, "it is too long");
}

static void test_longest_purl_fits_its_buffer(void **state)
{
	struct package p = { .type = PACKAGE_NPM };
	char text[PURL_PACKAGE_SIZE_MAX];

	(void) state;
	memset(p.name, '!', PACKAGE_NAME_MAX);
	memset(p.version, '+', PACKAGE_VERSION_MAX);
	assert_int_equal(purl_package_write(&p, text), 0);
	assert_int_equal(
		strlen(text), strlen("pkg:npm/@") + 3 * (PACKAGE_NAME_MAX + PACKAGE_VERSION_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read_and_written),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_longest_purl_fits_its_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
