#include "policy/identity/semver.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define SEMVER_NUMBER_MAX ((UINT64_C(1) << 53) - 1)

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_identifier(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
}

/* A number without leading zeros; *s moves behind it. */
static int take_number(const char **s, const char *end, uint64_t *ret)
{
	const char *p = *s;
	uint64_t n = 0;

	if (p == end || !is_digit(*p) || (*p == '0' && p + 1 < end && is_digit(p[1])))
		return -EINVAL;
	for (; p < end && is_digit(*p); p++) {
		n = n * 10 + (uint64_t) (*p - '0');
		if (n > SEMVER_NUMBER_MAX)
			return -EINVAL;
	}
	*s = p;
	*ret = n;
	return 0;
}

static int take_dot(const char **s, const char *end)
{
	if (*s == end || **s != '.')
		return -EINVAL;
	(*s)++;
	return 0;
}

/* Dot-separated identifiers up to @end or @stop; of a pre-release, numeric ones must not have
 * leading zeros. */
static int take_identifiers(const char **s, const char *end, char stop, bool prerelease)
{
	const char *p = *s;

	for (;;) {
		const char *start = p;
		bool numeric = true;

		for (; p < end && is_identifier(*p); p++)
			numeric = numeric && is_digit(*p);
		if (p == start || (prerelease && numeric && *start == '0' && p > start + 1))
			return -EINVAL;
		if (p == end || *p == stop)
			break;
		if (*p++ != '.')
			return -EINVAL;
	}
	*s = p;
	return 0;
}

static int take_main(const char **s, const char *end, struct semver *v)
{
	uint64_t *const numbers[] = { &v->major, &v->minor, &v->patch };

	for (size_t i = 0; i < 3; i++) {
		int r = i > 0 ? take_dot(s, end) : 0;

		if (r == 0)
			r = take_number(s, end, numbers[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

int semver_parse(const char *s, struct semver *ret)
{
	size_t n = strnlen(s, SEMVER_LENGTH_MAX + 1);
	const char *end = s + n;
	struct semver v = { 0 };
	int r;

	if (n > SEMVER_LENGTH_MAX)
		return -EINVAL;
	while (s < end && (is_blank(*s) || *s == 'v' || *s == '='))
		s++;
	while (end > s && is_blank(end[-1]))
		end--;
	r = take_main(&s, end, &v);
	if (r == 0 && s < end && *s == '-') {
		v.prerelease = ++s;
		r = take_identifiers(&s, end, '+', true);
		v.prerelease_length = (int) (s - v.prerelease);
	}
	if (r == 0 && s < end && *s == '+') {
		s++;
		r = take_identifiers(&s, end, '\0', false);
	}
	if (r < 0 || s != end)
		return -EINVAL;
	*ret = v;
	return 0;
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

struct piece {
	const char *text;
	size_t length;
	bool numeric;
};

/* The next identifier of a pre-release; false at its end. */
static bool next_piece(const char **s, const char *end, struct piece *ret)
{
	const char *p = *s;

	if (p >= end)
		return false;
	ret->text = p;
	ret->numeric = true;
	for (; p < end && *p != '.'; p++)
		ret->numeric = ret->numeric && is_digit(*p);
	ret->length = (size_t) (p - ret->text);
	*s = p + (p < end);
	return true;
}

/* Numeric identifiers have no leading zeros, so the longer one is the greater, however long. */
static int compare_pieces(const struct piece *a, const struct piece *b)
{
	size_t n = a->length < b->length ? a->length : b->length;
	int r;

	if (a->numeric != b->numeric)
		return a->numeric ? -1 : 1;
	if (a->numeric && a->length != b->length)
		return a->length < b->length ? -1 : 1;
	r = memcmp(a->text, b->text, n);
	return r ? r : compare_numbers(a->length, b->length);
}

static int compare_prereleases(const struct semver *a, const struct semver *b)
{
	const char *s = a->prerelease, *s_end = s + a->prerelease_length;
	const char *t = b->prerelease, *t_end = t + b->prerelease_length;

	for (;;) {
		struct piece p, q;
		bool more_p = next_piece(&s, s_end, &p), more_q = next_piece(&t, t_end, &q);
		int r;

		if (!more_p || !more_q)
			return more_p - more_q;
		r = compare_pieces(&p, &q);
		if (r)
			return r;
	}
}

int semver_compare(const struct semver *a, const struct semver *b)
{
	int r = compare_numbers(a->major, b->major);

	if (r == 0)
		r = compare_numbers(a->minor, b->minor);
	if (r == 0)
		r = compare_numbers(a->patch, b->patch);
	if (r != 0)
		return r;
	if (!a->prerelease || !b->prerelease)
		return !a->prerelease - !b->prerelease;
	return compare_prereleases(a, b);
}
