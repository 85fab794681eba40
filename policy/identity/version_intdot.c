/*
 * VERS's intdot: numbers between dots (vers-spec, tests/intdot_version_cmp_test.json). What is
 * missing is zero; everything from the first other character on does not count.
 */
#include "policy/identity/version_schemes.h"

bool version_intdot_valid(const char *s)
{
	return version_is_digit(*s) && version_is_plain(s);
}

/* Behind the last number: no digit, and *s stays. */
static struct version_part next_number(const char **s)
{
	struct version_part number = version_take(s, VERSION_DIGITS);

	*s += **s == '.';
	return number;
}

static bool more(const char *s)
{
	return version_is_digit(*s) || *s == '.';
}

int version_intdot_compare(const char *a, const char *b)
{
	int r = 0;

	while (r == 0 && (more(a) || more(b)))
		r = version_compare_digits(next_number(&a), next_number(&b));
	return r;
}
