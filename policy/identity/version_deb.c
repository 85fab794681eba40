/*
 * Debian packages: deb-version(7) and Debian Policy 5.6.12. Epochs are compared as numbers, then
 * upstream versions and revisions by turns as text and as numbers; in text "~" comes before the
 * end, the end before letters, letters before everything else.
 */
#include <string.h>

#include "policy/identity/version_schemes.h"

#define REVISION_CHARACTERS VERSION_DIGITS VERSION_LETTERS "+.~"

struct deb {
	struct version_part epoch, upstream, revision;
};

static struct deb split(const char *s)
{
	struct deb v = { .epoch = { "", 0 }, .revision = { "", 0 } };
	const char *colon = strchr(s, ':'), *hyphen;

	if (colon) {
		v.epoch = (struct version_part){ s, (size_t) (colon - s) };
		s = colon + 1;
	}
	hyphen = strrchr(s, '-');
	v.upstream = (struct version_part){ s, hyphen ? (size_t) (hyphen - s) : strlen(s) };
	if (hyphen)
		v.revision = (struct version_part){ hyphen + 1, strlen(hyphen + 1) };
	return v;
}

bool version_deb_valid(const char *s)
{
	static const struct version_part epoch_max = { "2147483647", 10 };
	struct deb v = split(s);

	if (strchr(s, ':') &&
		(v.epoch.length == 0 || strspn(v.epoch.text, VERSION_DIGITS) != v.epoch.length ||
			version_compare_digits(v.epoch, epoch_max) > 0))
		return false;
	if (!version_is_digit(*v.upstream.text) ||
		strspn(v.upstream.text, REVISION_CHARACTERS "-:") < v.upstream.length)
		return false;
	if (v.upstream.text[v.upstream.length] == '\0')
		return true;
	return v.revision.length > 0 &&
		strspn(v.revision.text, REVISION_CHARACTERS) == v.revision.length;
}

/* Of a character outside a number; a number that begins counts like the end. */
static int rank(struct version_part p, size_t i)
{
	char c = i < p.length ? p.text[i] : '0';

	if (version_is_digit(c))
		return 0;
	if (c == '~')
		return -1;
	return version_is_letter(c) ? c : c + 256;
}

static struct version_part take_digits(struct version_part *p)
{
	struct version_part digits = { p->text, 0 };

	while (digits.length < p->length && version_is_digit(p->text[digits.length]))
		digits.length++;
	p->text += digits.length;
	p->length -= digits.length;
	return digits;
}

static int compare_parts(struct version_part a, struct version_part b)
{
	int r = 0;

	while (r == 0 && (a.length > 0 || b.length > 0)) {
		size_t i = 0;

		for (; r == 0 && (rank(a, i) || rank(b, i)); i++)
			r = rank(a, i) - rank(b, i);
		if (r)
			break;
		a.text += i;
		a.length -= i;
		b.text += i;
		b.length -= i;
		r = version_compare_digits(take_digits(&a), take_digits(&b));
	}
	return r;
}

int version_deb_compare(const char *a, const char *b)
{
	struct deb x = split(a), y = split(b);
	int r = version_compare_digits(x.epoch, y.epoch);

	if (r == 0)
		r = compare_parts(x.upstream, y.upstream);
	return r ? r : compare_parts(x.revision, y.revision);
}
