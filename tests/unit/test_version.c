/* Versions of each scheme: what is one, and ladders whose every pair must stand in that order. */
#include "policy/identity/version.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "policy/base/cleanup.h"

enum { STEPS_MAX = 24, EQUALS_MAX = 4 };

static const struct {
	const char *name, *scheme;
	const char *steps[STEPS_MAX][EQUALS_MAX]; /* equal ones beside each other */
} ladders[] = {
	{ "semver puts pre-releases before the release", "semver",
		{ { "1.0.0-1" }, { "1.0.0-alpha" }, { "1.0.0", "1.0.0+build" }, { "1.0.1" } } },
	{ "deb: a tilde before the end, letters before signs, epochs before all", "deb",
		{ { "0~~" }, { "0~" }, { "0", "0-0", "0:0", "00" }, { "0a" }, { "0+" }, { "0.1" },
			{ "1.0~rc1-1" }, { "1.0-1~bpo1" }, { "1.0-1", "1.00-01" },
			{ "1.0-1+deb12u1" }, { "1.0-10" }, { "1.0.1-1" }, { "1.10" },
			{ "20240101" }, { "1:0.1" }, { "2:0" } } },
	{ "deb: a hyphen belongs to the upstream version but for the last", "deb",
		{ { "1-1" }, { "1-2" }, { "1-1-1" } } },
	{ "rpm: a tilde before the end, a caret behind it, numbers after letters", "rpm",
		{ { "1.0~rc1" }, { "1.0", "1.0.", "1_0", "0:1.0" }, { "1.0-1" }, { "1.0-1.fc38" },
			{ "1.0-10" }, { "1.0^git1" }, { "1.0^git2" }, { "1.0a" }, { "1.0.0" },
			{ "1.0.1", "1.0.01" }, { "1.10" }, { "1:0" } } },
	{ "pypi: dev, a, b, rc, the release, post", "pypi",
		{ { "1.dev0" }, { "1.0.dev456", "1.0dev456" }, { "1.0a1.dev1" },
			{ "1.0a1", "1.0-ALPHA.1", "v1.0_a1" }, { "1.0a2.dev456" }, { "1.0a12" },
			{ "1.0b1" }, { "1.0b1.post345.dev456" }, { "1.0b1.post345" },
			{ "1.0rc1", "1.0c1", "1.0preview1" }, { "1.0", "1.0.0", "1", "0!1.0" },
			{ "1.0+abc.5" }, { "1.0+abc.7" }, { "1.0+5" }, { "1.0.post456.dev34" },
			{ "1.0.post456", "1.0-456" }, { "1.0.15" }, { "1.1.dev1" }, { "2024.1" },
			{ "1!0.1" } } },
	{ "apk: suffixes before and behind the release, letters, revisions", "apk",
		{ { "1.2_alpha" }, { "1.2_alpha1" }, { "1.2_beta" }, { "1.2_pre" }, { "1.2_rc1" },
			{ "1.2_rc1-r1" }, { "1.2" }, { "1.2-r0" }, { "1.2-r1" }, { "1.2-r10" },
			{ "1.2~0ab" }, { "1.2_git20240101" }, { "1.2_p0" }, { "1.2_p1" },
			{ "1.2a" }, { "1.2b" }, { "1.2.01" }, { "1.2.1" }, { "1.2.10" }, { "1.10" },
			{ "2" } } },
	{ "maven: qualifiers by their list, then unknown ones, then numbers", "maven",
		{ { "1-alpha", "1.0-ALPHA", "1.alpha" }, { "1-alpha-1", "1-a1" }, { "1-beta" },
			{ "1-milestone-2", "1-m2" }, { "1-rc1", "1.0-CR1" }, { "1-SNAPSHOT" },
			{ "1", "1.0.0", "1-final", "1.0.RELEASE" }, { "1-sp" }, { "1-android" },
			{ "1-jre" }, { "1-1" }, { "1-2" }, { "1-10" }, { "1.0.1" }, { "1.1" },
			{ "1.10" }, { "2-rc1" } } },
	{ "gem: words before numbers, missing ones are zero", "gem",
		{ { "1.0.a", "1.a" }, { "1.0.a.1" }, { "1.0.b1", "1.b.1" }, { "1.0-rc" },
			{ "1.0.rc1" }, { "1", "1.0", "1.0.0" }, { "1.0.1.pre" }, { "1.0.1" },
			{ "1.9" }, { "1.10" } } },
	{ "golang: semver with short forms and pseudo-versions", "golang",
		{ { "v0.0.0-20190101000000-abcdef012345" },
			{ "v0.0.0-20200101000000-000000000000" }, { "v0.0.0", "v0", "0.0.0" },
			{ "v1.2.0-pre" }, { "v1.2.0-pre.0.20200101000000-abcdef012345" },
			{ "v1.2.0", "v1.2", "1.2.0" }, { "v1.2.1-0.20200101000000-abcdef012345" },
			{ "v1.2.1" }, { "v2.0.0+incompatible", "v2.0.0", "v2" },
			{ "v99999999999999999999.0.0" } } },
	{ "intdot: numbers, and nothing behind another character", "intdot",
		{ { "0.9" }, { "1", "1.0.0" }, { "1.2", "01.002", "1.2beta", "1.2rc1" },
			{ "1.2.1" }, { "1.10alpha" }, { "99999999999999999999999" } } },
	{ "datetime: the instant counts, not the text", "datetime",
		{ { "0000-01-01T00:00:00Z" }, { "1999-12-31T23:59:59Z" },
			{ "2000-02-29T00:00:00Z" }, { "2000-03-01T00:00:00Z" },
			{ "2024-01-01T00:00:00+02:00" }, { "2023-12-31T23:00:00Z" },
			{ "2024-01-01T00:00:00Z", "2023-12-31T19:00:00-05:00",
				"2024-01-01T00:00:00.000Z" },
			{ "2024-01-01T00:00:00.09Z" }, { "2024-01-01T00:00:00.123Z" },
			{ "2024-01-01T00:00:01Z" }, { "9999-12-31T23:59:60Z" } } },
	{ "lexicographic: by bytes, nothing normalised", "lexicographic",
		{ { "10" }, { "9" }, { "A" }, { "a" }, { "aa" }, { "e\xcc\x81" }, { "z" },
			{ "\xc3\xa4" }, { "\xc3\xa9" }, { "\xe2\x82\xac" },
			{ "\xf0\x9f\x98\x80" } } },
};

static void check_pair(const char *name, const char *scheme, const char *a, const char *b, int want)
{
	int order;

	if (version_compare(version_scheme_find(scheme), a, b, &order) < 0)
		fail_msg("%s: \"%s\" or \"%s\" is not read", name, a, b);
	if ((order > 0) - (order < 0) != want)
		fail_msg("%s: \"%s\" and \"%s\" compare as %d, wanted %d", name, a, b, order, want);
}

static void test_ladders(void **state)
{
	(void) state;
	for (size_t l = 0; l < ARRAY_SIZE(ladders); l++)
		for (size_t i = 0; i < STEPS_MAX * EQUALS_MAX; i++)
			for (size_t k = 0; k < STEPS_MAX * EQUALS_MAX; k++) {
				size_t x = i / EQUALS_MAX, y = k / EQUALS_MAX;
				const char *a = ladders[l].steps[x][i % EQUALS_MAX];
				const char *b = ladders[l].steps[y][k % EQUALS_MAX];

				if (a && b)
					check_pair(ladders[l].name, ladders[l].scheme, a, b,
						(x > y) - (x < y));
			}
}

static void test_what_is_no_version(void **state)
{
	static const struct {
		const char *name, *scheme, *version;
	} cases[] = {
		{ "two numbers", "npm", "1.2" },
		{ "an empty revision", "deb", "1.0-" },
		{ "an empty epoch", "deb", ":1.0" },
		{ "an epoch of letters", "deb", "a:1.0" },
		{ "an epoch past 2^31 - 1", "deb", "2147483648:1.0" },
		{ "an upstream version that begins with a letter", "deb", "banana" },
		{ "an underscore", "deb", "1_0" },
		{ "an empty release", "rpm", "1.0-" },
		{ "two hyphens", "rpm", "1.0-1-1" },
		{ "an epoch past 2^32 - 1", "rpm", "4294967296:1" },
		{ "a slash", "rpm", "1/0" },
		{ "a dot at the end", "pypi", "1.0." },
		{ "an epoch without a number", "pypi", "!1.0" },
		{ "an unknown suffix", "pypi", "1.0x1" },
		{ "an empty local version", "pypi", "1.0+" },
		{ "a local version that ends in a dot", "pypi", "1.0+a." },
		{ "a hyphen and nothing behind", "pypi", "1.0a1-" },
		{ "an unknown suffix", "apk", "1.0_foo" },
		{ "two letters", "apk", "1.0ab" },
		{ "a number behind a letter", "apk", "1.0a.1" },
		{ "something behind the revision", "apk", "1.0-r1_p1" },
		{ "an empty revision", "apk", "1.0-r" },
		{ "an empty number", "apk", "1..0" },
		{ "a blank", "maven", "1 0" },
		{ "not ASCII", "maven", "1.0-\xc3\xa9" },
		{ "a leading word", "gem", "a.1" },
		{ "a dot at the end", "gem", "1." },
		{ "a letter without a dot before it", "gem", "1a" },
		{ "a pre-release of a short form", "golang", "v1.2-rc1" },
		{ "a leading zero", "golang", "v1.02.0" },
		{ "four numbers", "golang", "v1.2.3.4" },
		{ "the name of a toolchain", "golang", "go1.21" },
		{ "a word", "intdot", "beta" },
		{ "a date without a time", "datetime", "2024-01-01" },
		{ "a time without an offset", "datetime", "2024-01-01T00:00:00" },
		{ "a day that is not there", "datetime", "2023-02-29T00:00:00Z" },
		{ "the thirteenth month", "datetime", "2023-13-01T00:00:00Z" },
		{ "a fraction without digits", "datetime", "2023-01-01T00:00:00.Z" },
		{ "t and z in lower case", "datetime", "2023-01-01t00:00:00z" },
		{ "an offset of a day", "datetime", "2023-01-01T00:00:00+24:00" },
		{ "not UTF-8", "lexicographic", "\xff" },
		{ "any text, since nothing is ordered", "all", "1.0" },
		{ "any text, since nothing is ordered", "none", "1.0" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct version_scheme *scheme = version_scheme_find(cases[i].scheme);
		int order = 99;

		assert_non_null(scheme);
		if (version_compare(scheme, cases[i].version, cases[i].version, &order) != -EINVAL)
			fail_msg("%s: %s \"%s\" is taken", cases[i].name, cases[i].scheme,
				cases[i].version);
		assert_int_equal(order, 99);
		assert_true(*version_scheme_wanted(scheme));
	}
}

static void test_every_scheme_refuses_nothing_and_too_much(void **state)
{
	char text[VERSION_LENGTH_MAX + 2];
	size_t i;
	int order;

	(void) state;
	memset(text, '1', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (i = 0; version_scheme_name(i); i++) {
		const struct version_scheme *scheme = version_scheme_find(version_scheme_name(i));

		if (version_check(scheme, "") != -EINVAL || version_check(scheme, text) != -EINVAL)
			fail_msg("%s takes an empty text or one of %d bytes",
				version_scheme_name(i), VERSION_LENGTH_MAX + 1);
	}
	assert_int_equal(i, 15);
	assert_null(version_scheme_find("generic"));
	text[VERSION_LENGTH_MAX] = '\0';
	assert_int_equal(version_compare(version_scheme_find("maven"), text, text, &order), 0);
	assert_int_equal(order, 0);
	for (i = 1; i < VERSION_LENGTH_MAX; i += 2)
		text[i] = '-';
	assert_int_equal(version_compare(version_scheme_find("maven"), text, text, &order), 0);
	assert_int_equal(version_compare(version_scheme_find("gem"), "1-1", "1", &order), 0);
	assert_true(order < 0);
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* What looks like a version of some scheme more often than not. */
static void random_version(uint32_t *seed, char out[64])
{
	static const char *const words[] = { "0", "1", "10", "01", "a", "b", "A", "rc", "sp",
		"final", "dev", "post", "_p", "_rc", "~", "^", "-r1", "-0", ".0", ".1", "-", ".",
		"+a", "alpha" };
	uint32_t pieces = 1 + next_random(seed) % 4;
	int n = snprintf(out, 64, "%u", next_random(seed) % 2);

	for (uint32_t i = 0; i < pieces; i++)
		n += snprintf(out + n, 64 - (size_t) n, "%s%s", next_random(seed) % 2 ? "." : "",
			words[next_random(seed) % ARRAY_SIZE(words)]);
}

enum { TRIPLES = 50000, TRIPLES_LEAST = 50 };

static int check_triple(const struct version_scheme *scheme, const char *name, char v[3][64])
{
	int ab, ba, bc, ac;

	if (version_compare(scheme, v[0], v[1], &ab) < 0 ||
		version_compare(scheme, v[1], v[2], &bc) < 0)
		return 0;
	assert_int_equal(version_compare(scheme, v[1], v[0], &ba), 0);
	assert_int_equal(version_compare(scheme, v[0], v[2], &ac), 0);
	if ((ab > 0) != (ba < 0) || (ab == 0) != (ba == 0))
		fail_msg("%s: %s and %s differ by the order they are asked in", name, v[0], v[1]);
	if ((ab <= 0 && bc <= 0 && ac > 0) || (ab == 0 && (bc > 0) != (ac > 0)))
		fail_msg("%s: %s, %s and %s go round in a circle", name, v[0], v[1], v[2]);
	return 1;
}

static void test_every_order_is_total(void **state)
{
	(void) state;
	for (size_t i = 0; version_scheme_name(i); i++) {
		const char *name = version_scheme_name(i);
		const struct version_scheme *scheme = version_scheme_find(name);
		uint32_t seed = 7;
		int n = 0, order;

		if (strcmp(name, "datetime") == 0 ||
			version_compare(scheme, "1.0.0", "1.0.0", &order) < 0)
			continue;
		for (int k = 0; k < TRIPLES; k++) {
			char v[3][64];

			for (int j = 0; j < 3; j++)
				random_version(&seed, v[j]);
			n += check_triple(scheme, name, v);
		}
		if (n < TRIPLES_LEAST && !strstr(" npm semver golang apk alpine ", name))
			fail_msg("%s: only %d triples were versions", name, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ladders),
		cmocka_unit_test(test_what_is_no_version),
		cmocka_unit_test(test_every_order_is_total),
		cmocka_unit_test(test_every_scheme_refuses_nothing_and_too_much),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
