/*
 * RPM packages: rpm-version(7) and "Version comparison" in rpm's manual. Epoch, version and release
 * are each cut into runs of digits, runs of letters, "~" and "^"; everything else only separates.
 * At the same place "~" comes before the end, then "^", letters and numbers. A version without a
 * release comes before the same one with any.
 */
#include <string.h>

#include "policy/identity/version_schemes.h"

#define CHARACTERS VERSION_DIGITS VERSION_LETTERS "._+~^"

struct rpm {
	struct version_part epoch, version, release;
};

enum kind { KIND_TILDE, KIND_END, KIND_CARET, KIND_LETTERS, KIND_DIGITS };

static struct rpm split(const char *s)
{
	struct rpm v = { 0 };
	const char *colon = strchr(s, ':'), *hyphen;

	if (colon) {
		v.epoch = (struct version_part){ s, (size_t) (colon - s) };
		s = colon + 1;
	}
	hyphen = strchr(s, '-');
	v.version = (struct version_part){ s, hyphen ? (size_t) (hyphen - s) : strlen(s) };
	if (hyphen)
		v.release = (struct version_part){ hyphen + 1, strlen(hyphen + 1) };
	return v;
}

static bool part_valid(struct version_part p)
{
	return p.length > 0 && strspn(p.text, CHARACTERS) == p.length;
}

bool version_rpm_valid(const char *s)
{
	static const struct version_part epoch_max = { "4294967295", 10 };
	struct rpm v = split(s);

	if (strchr(s, ':') &&
		(v.epoch.length == 0 || strspn(v.epoch.text, VERSION_DIGITS) != v.epoch.length ||
			version_compare_digits(v.epoch, epoch_max) > 0))
		return false;
	return part_valid(v.version) && (!v.release.text || part_valid(v.release));
}

static bool in_run(enum kind kind, char c)
{
	return kind == KIND_DIGITS ? version_is_digit(c) : version_is_letter(c);
}

static enum kind take(struct version_part *p, struct version_part *ret)
{
	enum kind kind;

	while (p->length > 0 && strchr("._+", *p->text)) {
		p->text++;
		p->length--;
	}
	*ret = (struct version_part){ p->text, 0 };
	if (p->length == 0)
		return KIND_END;
	if (*p->text == '~' || *p->text == '^') {
		kind = *p->text == '~' ? KIND_TILDE : KIND_CARET;
		ret->length = 1;
	} else {
		kind = version_is_digit(*p->text) ? KIND_DIGITS : KIND_LETTERS;
		while (ret->length < p->length && in_run(kind, p->text[ret->length]))
			ret->length++;
	}
	p->text += ret->length;
	p->length -= ret->length;
	return kind;
}

static int compare_parts(struct version_part a, struct version_part b)
{
	for (;;) {
		struct version_part x, y;
		enum kind kind = take(&a, &x), other = take(&b, &y);
		int r;

		if (kind != other)
			return kind < other ? -1 : 1;
		if (kind == KIND_END)
			return 0;
		r = kind == KIND_DIGITS ? version_compare_digits(x, y)
					: version_compare_bytes(x, y);
		if (r)
			return r;
	}
}

int version_rpm_compare(const char *a, const char *b)
{
	struct rpm x = split(a), y = split(b);
	int r = version_compare_digits(x.epoch, y.epoch);

	if (r == 0)
		r = compare_parts(x.version, y.version);
	if (r == 0 && (!x.release.text || !y.release.text))
		return !!x.release.text - !!y.release.text;
	return r ? r : compare_parts(x.release, y.release);
}
