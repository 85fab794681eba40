/*
 * Go modules: golang.org/x/mod/semver, and for pseudo-versions "Pseudo-versions" of the Go Modules
 * Reference: they are pre-releases whose time stamps put them in order. "v1" and "v1.2" are short
 * for "v1.0.0" and "v1.2.0"; "+incompatible" and other build metadata do not count. The "v" may
 * be left out, as in lists that drop it.
 */
#include <string.h>

#include "policy/identity/version_schemes.h"

#define IDENTIFIER VERSION_DIGITS VERSION_LETTERS "-"

struct golang {
	struct version_part numbers[3], prerelease;
};

static bool leading_zero(struct version_part p)
{
	return p.length > 1 && *p.text == '0';
}

static bool is_number(struct version_part p)
{
	size_t n = 0;

	while (n < p.length && version_is_digit(p.text[n]))
		n++;
	return n == p.length;
}

static bool take_identifiers(const char **s, bool prerelease)
{
	for (;;) {
		struct version_part p = version_take(s, IDENTIFIER);

		if (p.length == 0 || (prerelease && is_number(p) && leading_zero(p)))
			return false;
		if (**s != '.')
			return true;
		(*s)++;
	}
}

static bool parse(const char *s, struct golang *v)
{
	size_t n = 0;

	*v = (struct golang){ 0 };
	s += *s == 'v';
	do {
		s += n > 0;
		v->numbers[n] = version_take(&s, VERSION_DIGITS);
		if (v->numbers[n].length == 0 || leading_zero(v->numbers[n]))
			return false;
	} while (++n < 3 && *s == '.');
	if (n == 3 && *s == '-') {
		v->prerelease.text = ++s;
		if (!take_identifiers(&s, true))
			return false;
		v->prerelease.length = (size_t) (s - v->prerelease.text);
	}
	if (n == 3 && *s == '+' && (s++, !take_identifiers(&s, false)))
		return false;
	return !*s;
}

bool version_golang_valid(const char *s)
{
	struct golang v;

	return parse(s, &v);
}

static struct version_part next_piece(struct version_part *p)
{
	const char *dot = p->length > 0 ? memchr(p->text, '.', p->length) : NULL;
	struct version_part piece = { p->text, dot ? (size_t) (dot - p->text) : p->length };

	p->text += piece.length + !!dot;
	p->length -= piece.length + !!dot;
	return piece;
}

static int compare_prereleases(struct version_part a, struct version_part b)
{
	if (a.length == 0 || b.length == 0)
		return (a.length == 0) - (b.length == 0);
	while (a.length > 0 && b.length > 0) {
		struct version_part x = next_piece(&a), y = next_piece(&b);
		bool number = is_number(x);
		int r = (int) is_number(y) - (int) number;

		if (r == 0)
			r = number ? version_compare_digits(x, y) : version_compare_bytes(x, y);
		if (r)
			return r;
	}
	return (a.length > 0) - (b.length > 0);
}

int version_golang_compare(const char *a, const char *b)
{
	struct golang x, y;
	int r = 0;

	if (!parse(a, &x) || !parse(b, &y))
		return 0;
	for (size_t i = 0; r == 0 && i < 3; i++)
		r = version_compare_digits(x.numbers[i], y.numbers[i]);
	return r ? r : compare_prereleases(x.prerelease, y.prerelease);
}
