/*
 * Alpine packages: apk-package(5), "pkgver" and "pkgrel":
 *   number{.number}[letter]{_suffix[number]}[~hash][-rN]
 * Suffixes are alpha, beta, pre, rc (before the release), cvs, svn, git, hg, p (after it). Behind a
 * dot, a number with a leading zero is compared as a fraction is, digit by digit.
 */
#include <string.h>

#include "policy/identity/version_schemes.h"

/* What may stand at one place, in its order. */
enum kind {
	KIND_SUFFIX_BEFORE,
	KIND_END,
	KIND_REVISION,
	KIND_HASH,
	KIND_SUFFIX_NUMBER,
	KIND_SUFFIX_AFTER,
	KIND_LETTER,
	KIND_NUMBER,
	KIND_FIRST,
	KIND_WRONG,
};

struct token {
	enum kind kind;
	struct version_part text;
	size_t suffix;
};

static const char *const suffixes[] = { "alpha", "beta", "pre", "rc", "cvs", "svn", "git", "hg",
	"p" };
enum { SUFFIXES_BEFORE = 4 };

static struct token take_suffix(const char **s)
{
	struct version_part word = version_take(s, VERSION_LETTERS);

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		if (strlen(suffixes[i]) == word.length &&
			memcmp(suffixes[i], word.text, word.length) == 0)
			return (struct token){ i < SUFFIXES_BEFORE ? KIND_SUFFIX_BEFORE
								   : KIND_SUFFIX_AFTER,
				word, i };
	return (struct token){ .kind = KIND_WRONG };
}

static struct token take_number(const char **s, enum kind kind)
{
	struct token t = { .kind = kind, .text = version_take(s, VERSION_DIGITS) };

	return t.text.length > 0 ? t : (struct token){ .kind = KIND_WRONG };
}

static bool is_suffix(enum kind kind)
{
	return kind == KIND_SUFFIX_BEFORE || kind == KIND_SUFFIX_AFTER;
}

static struct token take_hash(const char **s)
{
	struct token t = { .kind = KIND_HASH, .text = version_take(s, "0123456789abcdef") };

	return t.text.length > 0 ? t : (struct token){ .kind = KIND_WRONG };
}

/* The token behind one of the kind @last; KIND_WRONG as well when it may not stand there. */
static struct token take(const char **s, enum kind last)
{
	const char c = **s;

	if (last == KIND_END)
		return take_number(s, KIND_FIRST);
	if (!c)
		return (struct token){ .kind = KIND_END };
	if (is_suffix(last) && version_is_digit(c))
		return take_number(s, KIND_SUFFIX_NUMBER);
	if (last >= KIND_NUMBER && c >= 'a' && c <= 'z')
		return (struct token){ KIND_LETTER, { (*s)++, 1 }, 0 };
	(*s)++;
	if (last >= KIND_NUMBER && c == '.')
		return take_number(s, KIND_NUMBER);
	if (last >= KIND_SUFFIX_NUMBER || is_suffix(last)) {
		if (c == '_')
			return take_suffix(s);
		if (c == '~')
			return take_hash(s);
	}
	if (last != KIND_REVISION && c == '-' && **s == 'r') {
		(*s)++;
		return take_number(s, KIND_REVISION);
	}
	return (struct token){ .kind = KIND_WRONG };
}

bool version_apk_valid(const char *s)
{
	enum kind kind = KIND_END;

	do
		kind = take(&s, kind).kind;
	while (kind != KIND_END && kind != KIND_WRONG);
	return kind == KIND_END;
}

static int compare_tokens(const struct token *x, const struct token *y)
{
	bool fraction = x->kind == KIND_NUMBER && (*x->text.text == '0' || *y->text.text == '0');

	if (is_suffix(x->kind))
		return (x->suffix > y->suffix) - (x->suffix < y->suffix);
	if (x->kind == KIND_HASH || x->kind == KIND_LETTER || fraction)
		return version_compare_bytes(x->text, y->text);
	return version_compare_digits(x->text, y->text);
}

int version_apk_compare(const char *a, const char *b)
{
	enum kind last = KIND_END;

	for (;;) {
		struct token x = take(&a, last), y = take(&b, last);
		int r = (x.kind > y.kind) - (x.kind < y.kind);

		if (r == 0 && x.kind != KIND_END && x.kind != KIND_WRONG)
			r = compare_tokens(&x, &y);
		if (r || x.kind == KIND_END || x.kind == KIND_WRONG)
			return r;
		last = x.kind;
	}
}
