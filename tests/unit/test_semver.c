/* Versions in node-semver's order: what is one, and that the order is total. */
#include "policy/identity/semver.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "policy/base/cleanup.h"

static void test_what_is_a_version(void **state)
{
	static const struct {
		const char *name, *text;
		int want;
	} cases[] = {
		{ "a release", "1.2.3", 0 },
		{ "zeros", "0.0.0", 0 },
		{ "a leading v", "v1.2.3", 0 },
		{ "a leading = and blanks", " = v 1.2.3 ", 0 },
		{ "a pre-release", "1.2.3-rc.1", 0 },
		{ "a pre-release of dashes", "1.2.3----.-", 0 },
		{ "build metadata", "1.2.3+001.sha", 0 },
		{ "both", "1.2.3-0+0.build", 0 },
		{ "the greatest number", "9007199254740991.0.0", 0 },
		{ "the greatest number + 1", "9007199254740992.0.0", -EINVAL },
		{ "a number past 64 bits", "0.0.99999999999999999999999", -EINVAL },
		{ "nothing", "", -EINVAL },
		{ "blanks only", "  ", -EINVAL },
		{ "two numbers", "1.2", -EINVAL },
		{ "four numbers", "1.2.3.4", -EINVAL },
		{ "a leading zero", "1.02.3", -EINVAL },
		{ "a leading zero in a numeric pre-release", "1.2.3-01", -EINVAL },
		{ "a leading zero before letters in a pre-release", "1.2.3-01a", 0 },
		{ "an empty pre-release", "1.2.3-", -EINVAL },
		{ "an empty identifier", "1.2.3-a..b", -EINVAL },
		{ "an identifier that ends in a dot", "1.2.3-a.", -EINVAL },
		{ "empty build metadata", "1.2.3+", -EINVAL },
		{ "a second plus", "1.2.3+a+b", -EINVAL },
		{ "a negative number", "1.-2.3", -EINVAL },
		{ "letters behind it", "1.2.3beta", -EINVAL },
		{ "a word", "latest", -EINVAL },
		{ "not ASCII", "1.2.3-\xc3\xa9", -EINVAL },
		{ "a newline inside", "1.2\n.3", -EINVAL },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct semver v;
		int r = semver_parse(cases[i].text, &v);

		if (r != cases[i].want)
			fail_msg("%s: \"%s\" gives %d, not %d", cases[i].name, cases[i].text, r,
				cases[i].want);
	}
}

static void test_length_is_limited(void **state)
{
	char text[SEMVER_LENGTH_MAX + 2];
	struct semver v;

	(void) state;
	memset(text, 'a', sizeof(text));
	memcpy(text, "1.2.3-", 6);
	text[SEMVER_LENGTH_MAX] = '\0';
	assert_int_equal(semver_parse(text, &v), 0);
	assert_int_equal(v.prerelease_length, SEMVER_LENGTH_MAX - 6);
	text[SEMVER_LENGTH_MAX] = 'a';
	text[SEMVER_LENGTH_MAX + 1] = '\0';
	assert_int_equal(semver_parse(text, &v), -EINVAL);
}

/* Ascending; versions on one line are equal. */
static const char *const ladder[][3] = {
	{ "0.0.0-0" },
	{ "0.0.0-foo" },
	{ "0.0.0", "v0.0.0", "0.0.0+build" },
	{ "0.0.1" },
	{ "0.9.9" },
	{ "0.10.0" },
	{ "1.0.0-0" },
	{ "1.0.0-4" },
	{ "1.0.0-5" },
	{ "1.0.0-9007199254740993" },
	{ "1.0.0-9007199254740994" },
	{ "1.0.0-99999999999999999999999998" },
	{ "1.0.0-99999999999999999999999999" },
	{ "1.0.0--" },
	{ "1.0.0-4-foo" },
	{ "1.0.0-A" },
	{ "1.0.0-R2" },
	{ "1.0.0-a" },
	{ "1.0.0-a.5" },
	{ "1.0.0-a.10", "1.0.0-a.10+x" },
	{ "1.0.0-a.10.0" },
	{ "1.0.0-a.b" },
	{ "1.0.0-alpha" },
	{ "1.0.0-r100" },
	{ "1.0.0-r2" },
	{ "1.0.0", "=1.0.0", " v1.0.0 " },
	{ "1.0.1-rc.1" },
	{ "2.1.90" },
	{ "2.1.91-beta" },
	{ "2.1.91" },
	{ "2.1.113" },
	{ "9007199254740990.0.0" },
	{ "9007199254740991.0.0" },
};

static void check_pair(const char *a, const char *b, int want)
{
	struct semver x, y;
	int r, back;

	if (semver_parse(a, &x) < 0 || semver_parse(b, &y) < 0)
		fail_msg("\"%s\" or \"%s\" is not read", a, b);
	r = semver_compare(&x, &y);
	back = semver_compare(&y, &x);
	if ((r > 0) - (r < 0) != want || (back > 0) - (back < 0) != -want)
		fail_msg("\"%s\" and \"%s\" compare as %d and %d, wanted %d", a, b, r, back, want);
}

static void test_order_of_all_pairs(void **state)
{
	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(ladder); i++)
		for (size_t j = 0; j < ARRAY_SIZE(ladder); j++)
			for (size_t k = 0; k < 9; k++) {
				const char *a = ladder[i][k / 3], *b = ladder[j][k % 3];

				if (a && b)
					check_pair(a, b, (i > j) - (i < j));
			}
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static void random_version(uint32_t *seed, char out[64])
{
	static const char *const words[] = { "0", "1", "10", "a", "A", "-", "1a", "rc", "alpha",
		"99999999999999999999" };
	int n = snprintf(out, 64, "%u.%u.%u", next_random(seed) % 2, next_random(seed) % 2,
		next_random(seed) % 2);
	uint32_t pieces = next_random(seed) % 4;

	for (uint32_t i = 0; i < pieces; i++)
		n += snprintf(out + n, 64 - (size_t) n, "%c%s", i ? '.' : '-',
			words[next_random(seed) % ARRAY_SIZE(words)]);
}

static int compare_text(const char *a, const char *b)
{
	struct semver x, y;

	assert_int_equal(semver_parse(a, &x), 0);
	assert_int_equal(semver_parse(b, &y), 0);
	return semver_compare(&x, &y);
}

static void test_order_is_antisymmetric_and_transitive(void **state)
{
	uint32_t seed = 7;

	(void) state;
	for (int i = 0; i < 20000; i++) {
		char a[64], b[64], c[64];

		random_version(&seed, a);
		random_version(&seed, b);
		random_version(&seed, c);
		if ((compare_text(a, b) > 0) != (compare_text(b, a) < 0) ||
			(compare_text(a, b) == 0) != (compare_text(b, a) == 0))
			fail_msg("%s and %s differ by the order they are asked in", a, b);
		if (compare_text(a, b) <= 0 && compare_text(b, c) <= 0 && compare_text(a, c) > 0)
			fail_msg("%s <= %s <= %s, but not the first <= the last", a, b, c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_a_version),
		cmocka_unit_test(test_length_is_limited),
		cmocka_unit_test(test_order_of_all_pairs),
		cmocka_unit_test(test_order_is_antisymmetric_and_transitive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
