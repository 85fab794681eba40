/*
 * Ruby gems: the documentation of Gem::Version. A version is cut into numbers and words, "-" being
 * the word "pre"; words come before numbers, what is missing is zero, and zeros before the first
 * word do not count.
 */
#include <string.h>

#include "policy/identity/version.h"
#include "policy/identity/version_schemes.h"

struct gem {
	size_t n;
	struct version_part segments[VERSION_LENGTH_MAX];
};

static bool take_pieces(const char **s, const char *allowed)
{
	for (;;) {
		if (version_take(s, allowed).length == 0)
			return false;
		if (**s != '.')
			return true;
		(*s)++;
	}
}

bool version_gem_valid(const char *s)
{
	if (!version_is_digit(*s))
		return false;
	s += strspn(s, VERSION_DIGITS);
	if (*s == '.' && (s++, !take_pieces(&s, VERSION_DIGITS VERSION_LETTERS)))
		return false;
	if (*s == '-' && (s++, !take_pieces(&s, VERSION_DIGITS VERSION_LETTERS "-")))
		return false;
	return !*s;
}

static bool is_word(struct version_part p)
{
	return p.length > 0 && !version_is_digit(*p.text);
}

static void trim(struct gem *v)
{
	while (v->n > 0 && !is_word(v->segments[v->n - 1]) &&
		version_digits_zero(v->segments[v->n - 1]))
		v->n--;
}

static void parse(const char *s, struct gem *v)
{
	bool words = false;

	v->n = 0;
	while (*s && v->n < VERSION_LENGTH_MAX) {
		struct version_part p;

		if (*s == '.') {
			s++;
			continue;
		}
		if (*s == '-') {
			p = (struct version_part){ "pre", 3 };
			s++;
		} else {
			p = version_take(
				&s, version_is_digit(*s) ? VERSION_DIGITS : VERSION_LETTERS);
		}
		if (is_word(p) && !words) {
			trim(v);
			words = true;
		}
		v->segments[v->n++] = p;
	}
	trim(v);
}

int version_gem_compare(const char *a, const char *b)
{
	static const struct version_part zero = { "0", 1 };
	struct gem x, y;

	parse(a, &x);
	parse(b, &y);
	for (size_t i = 0; i < x.n || i < y.n; i++) {
		struct version_part p = i < x.n ? x.segments[i] : zero;
		struct version_part q = i < y.n ? y.segments[i] : zero;
		bool word = is_word(p);
		int r = (int) is_word(q) - (int) word;

		if (r == 0)
			r = word ? version_compare_bytes(p, q) : version_compare_digits(p, q);
		if (r)
			return r;
	}
	return 0;
}
