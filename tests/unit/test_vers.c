/* Version ranges: only the canonical text is taken, and what a range holds. */
#include "policy/identity/vers.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "policy/base/cleanup.h"

static const struct {
	const char *name, *text;
	int want;
	const char *error, *canonical; /* "": there is none */
} refused[] = {
	{ "nothing", "", -EINVAL, "it does not start with vers:", "" },
	{ "a native range", "^1.0.0", -EINVAL, "it does not start with vers:", "" },
	{ "no scheme", "vers:/1.0.0", -EINVAL,
		"the version scheme is missing: it is vers:npm/RANGE", "" },
	{ "no slash", "vers:npm", -EINVAL, "the '/' behind the version scheme is missing", "" },
	{ "a scheme in upper case", "vers:NPM/1.0.0", -EINVAL,
		"the version scheme must be in lower case", "vers:npm/1.0.0" },
	{ "an unknown scheme", "vers:nmp/1.0.0", -EINVAL,
		"this version scheme is not known (npm, semver, deb and others are)", "" },
	{ "a scheme too long for any", "vers:nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn/1.0.0", -EINVAL,
		"this version scheme is not known (npm, semver, deb and others are)", "" },
	{ "a scheme with a blank", "vers:n pm/1.0.0", -EINVAL, "blanks are not allowed in it",
		"vers:npm/1.0.0" },
	{ "a scheme with a sign", "vers:n_m/1.0.0", -EINVAL,
		"a version scheme holds letters, digits, '.' and '-'", "" },
	{ "a scheme of another version", "vers:nuget/1.0", -ENOTSUP,
		"versions of this scheme cannot be compared yet", "" },
	{ "the scheme without an order", "vers:generic/1.0", -EINVAL,
		"the scheme generic has no order: intdot (numbers and dots), datetime or "
		"lexicographic has one",
		"" },
	{ "a version of the scheme all", "vers:all/1.0", -EINVAL,
		"the schemes all and none have no order: only * stands behind them", "" },
	{ "a version that deb does not have", "vers:deb/>=1.0-", -EINVAL,
		"this is not a version of this scheme: [EPOCH:]UPSTREAM[-REVISION] is wanted, as "
		"in 1:2.36-9+deb12u4",
		"" },
	{ "deb versions in the wrong order", "vers:deb/>=1.0|<1.0~rc1", -EINVAL,
		"versions must stand in ascending order", "vers:deb/<1.0~rc1|>=1.0" },
	{ "no range", "vers:npm/", -EINVAL, "the range is missing behind the '/'", "" },
	{ "a blank", "vers:npm/>= 2.1.91", -EINVAL, "blanks are not allowed in it",
		"vers:npm/>=2.1.91" },
	{ "a newline", "vers:npm/1.0.0\n", -EINVAL, "blanks are not allowed in it",
		"vers:npm/1.0.0" },
	{ "not ASCII", "vers:npm/1.0.0-\xc3\xa9", -EINVAL, "only printable ASCII is allowed in it",
		"" },
	{ "a pipe before", "vers:npm/|1.0.0", -EINVAL,
		"there is nothing between two | (or before or after one)", "vers:npm/1.0.0" },
	{ "a pipe behind", "vers:npm/>=1.0.0|", -EINVAL,
		"there is nothing between two | (or before or after one)", "vers:npm/>=1.0.0" },
	{ "two pipes", "vers:npm/>=1.0.0||<2.0.0", -EINVAL,
		"there is nothing between two | (or before or after one)",
		"vers:npm/>=1.0.0|<2.0.0" },
	{ "an equals sign", "vers:npm/=1.0.0", -EINVAL,
		"an exact version is written without '=': 2.1.91", "vers:npm/1.0.0" },
	{ "a leading v", "vers:npm/>=v1.0.0", -EINVAL,
		"a version is written without a leading v or blank: 2.1.91", "vers:npm/>=1.0.0" },
	{ "a comparator without a version", "vers:npm/>=", -EINVAL,
		"a version is missing behind a comparator", "" },
	{ "a comparator twice", "vers:npm/>>1.0.0", -EINVAL,
		"a comparator stands where the version should: > < >= <= or != come once, "
		"before it",
		"" },
	{ "a star beside others", "vers:npm/*|1.0.0", -EINVAL, "* stands alone: vers:npm/*", "" },
	{ "a star for a number", "vers:npm/1.*", -EINVAL,
		"a comparator stands where the version should: > < >= <= or != come once, "
		"before it",
		"" },
	{ "two numbers", "vers:npm/>=2.1", -EINVAL,
		"this is not a version of this scheme: three numbers are wanted, as in "
		"2.1.91 or 3.0.0-rc.1",
		"" },
	{ "decoded once, not twice", "vers:npm/1.0.0%2525", -EINVAL,
		"this is not a version of this scheme: three numbers are wanted, as in "
		"2.1.91 or 3.0.0-rc.1",
		"" },
	{ "a percent sign alone", "vers:npm/1.0.0%", -EINVAL,
		"a % in a version is not followed by two hexadecimal digits", "" },
	{ "a wrong digit", "vers:npm/1.0.0%2G", -EINVAL,
		"a % in a version is not followed by two hexadecimal digits", "" },
	{ "a triplet in lower case", "vers:npm/1.0.0%3e", -EINVAL,
		"percent-encoding in a version must be in upper case (%2B)", "" },
	{ "a triplet that needs none", "vers:npm/1.0.0%2B1", -EINVAL,
		"only > < = ! * | % and the blank are percent-encoded in a version", "" },
	{ "an encoded NUL", "vers:npm/1.0.0%00", -EINVAL,
		"only > < = ! * | % and the blank are percent-encoded in a version", "" },
	{ "an encoded blank", "vers:npm/1.0.0%20", -EINVAL,
		"this is not a version of this scheme: three numbers are wanted, as in "
		"2.1.91 or 3.0.0-rc.1",
		"" },
	{ "in the wrong order", "vers:npm/>=2.0.0|<1.0.0", -EINVAL,
		"versions must stand in ascending order", "vers:npm/<1.0.0|>=2.0.0" },
	{ "a version twice", "vers:npm/1.0.0|1.0.0", -EINVAL, "the same version stands there twice",
		"" },
	{ "equal versions that look different", "vers:npm/>=1.0.0|<1.0.0+build", -EINVAL,
		"the same version stands there twice", "" },
	{ "two upper bounds", "vers:npm/<1.0.0|<2.0.0", -EINVAL,
		"an upper bound (< or <=) makes the one before it redundant", "" },
	{ "a version below an upper bound", "vers:npm/1.0.0|<2.0.0", -EINVAL,
		"an upper bound (< or <=) makes the one before it redundant", "" },
	{ "two lower bounds", "vers:npm/>1.0.0|>=2.0.0", -EINVAL,
		"a lower bound (> or >=) makes the one behind it redundant", "" },
	{ "a version above a lower bound", "vers:npm/>1.0.0|2.0.0", -EINVAL,
		"a lower bound (> or >=) makes the one behind it redundant", "" },
	{ "bounds with an exclusion between", "vers:npm/>1.0.0|!=1.5.0|>2.0.0", -EINVAL,
		"a lower bound (> or >=) makes the one behind it redundant", "" },
};

static void test_refused(void **state)
{
	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		char text[VERS_LENGTH_MAX];
		struct vers v = { .n = 99 };
		const char *error = "";
		int r = vers_parse(refused[i].text, &v, &error);

		if (r != refused[i].want || strcmp(error, refused[i].error) != 0)
			fail_msg("%s: %d \"%s\", not %d \"%s\"", refused[i].name, r, error,
				refused[i].want, refused[i].error);
		if (v.n != 99)
			fail_msg("%s: the result was written although it failed", refused[i].name);
		r = vers_canonical(refused[i].text, text, sizeof(text));
		if (strcmp(text, refused[i].canonical) != 0 || r != (*text ? 0 : -EINVAL))
			fail_msg("%s: canonical is \"%s\", not \"%s\"", refused[i].name, text,
				refused[i].canonical);
	}
}

static void test_containment(void **state)
{
	static const struct {
		const char *name, *range, *version;
		int want;
	} cases[] = {
		{ "any", "vers:npm/*", "1.0.0", 1 },
		{ "any, but not a version", "vers:npm/*", "banana", -EINVAL },
		{ "the scheme semver", "vers:semver/>=1.0.0", "1.0.0", 1 },
		{ "everything, of any scheme", "vers:all/*", "banana", 1 },
		{ "nothing, of any scheme", "vers:none/*", "1.0.0", 0 },
		{ "a security update of a package", "vers:deb/<1:2.36-9+deb12u4",
			"1:2.36-9+deb12u3", 1 },
		{ "its epoch counts", "vers:deb/<1:2.36-9+deb12u4", "2.40-1", 1 },
		{ "a Go version without its v", "vers:golang/>=v1.2.0", "1.3.0", 1 },
		{ "a Python pre-release", "vers:pypi/>=1.0|<2.0", "2.0rc1", 1 },
		{ "vers-spec's example of intdot", "vers:intdot/>=1.2|<2.0", "1.5.0", 1 },
		{ "vers-spec's other example of intdot", "vers:intdot/>=1.2|<2.0", "2.0", 0 },
		{ "the lower bound itself", "vers:npm/>=2.1.91", "2.1.91", 1 },
		{ "just below it", "vers:npm/>=2.1.91", "2.1.90", 0 },
		{ "far above it", "vers:npm/>=2.1.91", "99.0.0", 1 },
		{ "numbers, not letters, are compared", "vers:npm/>=2.1.91", "2.1.113", 1 },
		{ "a pre-release of the bound is below it", "vers:npm/>=2.1.91", "2.1.91-beta", 0 },
		{ "a pre-release above it is a version like any other", "vers:npm/>=2.1.91",
			"3.0.0-rc.1", 1 },
		{ "an open lower bound", "vers:npm/>2.1.91", "2.1.91", 0 },
		{ "above an open lower bound", "vers:npm/>2.1.91", "2.1.92", 1 },
		{ "an upper bound alone", "vers:npm/<2.0.0", "1.9.9", 1 },
		{ "an open upper bound itself", "vers:npm/<2.0.0", "2.0.0", 0 },
		{ "a closed upper bound itself", "vers:npm/<=2.0.0", "2.0.0", 1 },
		{ "above a closed upper bound", "vers:npm/<=2.0.0", "2.0.1", 0 },
		{ "inside an interval", "vers:npm/>=1.0.0|<2.0.0", "1.5.0", 1 },
		{ "below an interval", "vers:npm/>=1.0.0|<2.0.0", "0.9.0", 0 },
		{ "above an interval", "vers:npm/>=1.0.0|<2.0.0", "2.0.0", 0 },
		{ "between two intervals", "vers:npm/>=1.0.0|<2.0.0|>=3.0.0|<4.0.0", "2.5.0", 0 },
		{ "in the second interval", "vers:npm/>=1.0.0|<2.0.0|>=3.0.0|<4.0.0", "3.5.0", 1 },
		{ "below the first upper bound", "vers:npm/<1.4.1|>=2.0.0|<2.17.2", "1.0.0", 1 },
		{ "between, with an open start", "vers:npm/<1.4.1|>=2.0.0|<2.17.2", "1.5.0", 0 },
		{ "above the last lower bound", "vers:npm/<1.0.0|>2.0.0", "3.0.0", 1 },
		{ "an exact version", "vers:npm/1.2.3", "1.2.3", 1 },
		{ "an exact version, with build metadata", "vers:npm/1.2.3", "1.2.3+b", 1 },
		{ "another exact version", "vers:npm/1.2.3", "1.2.4", 0 },
		{ "one of two exact versions", "vers:npm/1.2.3|1.2.5", "1.2.5", 1 },
		{ "between two exact versions", "vers:npm/1.2.3|1.2.5", "1.2.4", 0 },
		{ "an exact version before an interval", "vers:npm/1.0.0|>=2.0.0|<3.0.0", "1.0.0",
			1 },
		{ "between it and the interval", "vers:npm/1.0.0|>=2.0.0|<3.0.0", "1.5.0", 0 },
		{ "an excluded version", "vers:npm/>=2.2.0|!=2.2.1|<2.3.0", "2.2.1", 0 },
		{ "beside an excluded version", "vers:npm/>=2.2.0|!=2.2.1|<2.3.0", "2.2.2", 1 },
		{ "an exclusion alone", "vers:npm/!=2.2.1", "2.2.1", 0 },
		{ "all but an exclusion", "vers:npm/!=2.2.1", "2.2.2", 1 },
		{ "a leading v in what is asked", "vers:npm/>=2.1.91", "v2.1.91", 1 },
		{ "what is no version", "vers:npm/>=2.1.91", "2.1", -EINVAL },
		{ "nothing", "vers:npm/>=2.1.91", "", -EINVAL },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(vers_done) struct vers v = { 0 };
		const char *error = "";
		int r;

		if (vers_parse(cases[i].range, &v, &error) < 0)
			fail_msg("%s: %s is refused: %s", cases[i].name, cases[i].range, error);
		r = vers_contains(&v, cases[i].version);
		if (r != cases[i].want)
			fail_msg("%s: %s and %s give %d, not %d", cases[i].name, cases[i].range,
				cases[i].version, r, cases[i].want);
	}
}

/* Every range of up to four bounds that the parser takes, against the plain meaning of a set of
 * intervals. */
static bool in_plain_sense(const struct vers *v, int tested)
{
	bool inside = v->constraints[0].comparator == VERS_LESS ||
		v->constraints[0].comparator == VERS_LESS_EQUAL;

	for (size_t i = 0; i < v->n; i++) {
		enum vers_comparator c = v->constraints[i].comparator;
		int bound = v->constraints[i].version[0] - '0';

		if (tested == bound)
			return c == VERS_LESS_EQUAL || c == VERS_GREATER_EQUAL || c == VERS_EQUAL;
		if (tested < bound)
			return inside && c != VERS_EQUAL;
		if (c != VERS_EQUAL)
			inside = c == VERS_GREATER || c == VERS_GREATER_EQUAL;
	}
	return inside;
}

static void test_all_small_ranges(void **state)
{
	static const char *const comparators[] = { "", "<", "<=", ">", ">=" };
	int taken = 0;

	(void) state;
	for (int i = 0; i < 5 * 5 * 5 * 5; i++) {
		_cleanup_(vers_done) struct vers v = { 0 };
		const char *error;
		char text[100];

		(void) snprintf(text, sizeof(text), "vers:npm/%s1.0.0|%s3.0.0|%s5.0.0|%s7.0.0",
			comparators[i % 5], comparators[i / 5 % 5], comparators[i / 25 % 5],
			comparators[i / 125]);
		if (vers_parse(text, &v, &error) < 0)
			continue;
		taken++;
		for (int tested = 0; tested < 9; tested++) {
			char version[] = { (char) ('0' + tested), '.', '0', '.', '0', '\0' };

			if (vers_contains(&v, version) != in_plain_sense(&v, tested))
				fail_msg("%s: wrong about %s", text, version);
		}
	}
	assert_int_equal(taken, 85);
}

static void test_limits(void **state)
{
	static char text[VERS_LENGTH_MAX + 2];
	const char *error = "";
	struct vers v;
	int n = snprintf(text, sizeof(text), "vers:npm/0.0.0");

	(void) state;
	for (int i = 1; i < VERS_CONSTRAINTS_MAX; i++)
		n += snprintf(text + n, sizeof(text) - (size_t) n, "|%d.0.0", i);
	assert_int_equal(vers_parse(text, &v, &error), 0);
	assert_int_equal(v.n, VERS_CONSTRAINTS_MAX);
	vers_done(&v);
	assert_int_equal(v.n, 0);
	(void) snprintf(text + n, sizeof(text) - (size_t) n, "|999.0.0");
	assert_int_equal(vers_parse(text, &v, &error), -EINVAL);
	assert_string_equal(error, "there are too many constraints (64 are allowed)");
	n = snprintf(text, sizeof(text), "vers:npm/");
	memset(text + n, 'a', sizeof(text) - 1 - (size_t) n);
	assert_int_equal(vers_parse(text, &v, &error), -EINVAL);
	assert_string_equal(error, "it is too long (8192 bytes are allowed)");
	assert_int_equal(vers_canonical(text, text, sizeof(text)), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_containment),
		cmocka_unit_test(test_all_small_ranges),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
