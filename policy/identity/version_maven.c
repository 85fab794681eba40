/*
 * Maven artifacts: "Version Order Specification" of Maven's POM reference. A version is cut at
 * dots, hyphens and wherever digits and letters meet; what means nothing (0, final, ga, release) is
 * dropped from the end and from before each hyphen and each qualifier. Maven itself nests lists and
 * so goes round in circles (1.0.a < 1 < 1-1 < 1.0.a); this order does not.
 */
#include <string.h>

#include "policy/identity/version.h"
#include "policy/identity/version_schemes.h"

/* What may stand at one place, in its order; a qualifier counts the same behind a dot. */
enum kind {
	KIND_ALPHA,
	KIND_BETA,
	KIND_MILESTONE,
	KIND_RC,
	KIND_SNAPSHOT,
	KIND_NOTHING, /* the end as well */
	KIND_SP,
	KIND_QUALIFIER,
	KIND_HYPHEN_NUMBER,
	KIND_DOT_NUMBER,
};

struct token {
	enum kind kind;
	struct version_part text;
};

enum { TOKENS_MAX = VERSION_LENGTH_MAX + 1 };

struct maven {
	size_t n;
	struct token tokens[TOKENS_MAX];
};

static enum kind qualifier_kind(struct version_part word, bool before_digit)
{
	static const struct {
		const char *text;
		enum kind kind;
		bool before_digit;
	} words[] = { { "alpha", KIND_ALPHA, false }, { "beta", KIND_BETA, false },
		{ "milestone", KIND_MILESTONE, false }, { "rc", KIND_RC, false },
		{ "cr", KIND_RC, false }, { "snapshot", KIND_SNAPSHOT, false },
		{ "ga", KIND_NOTHING, false }, { "final", KIND_NOTHING, false },
		{ "release", KIND_NOTHING, false }, { "sp", KIND_SP, false },
		{ "a", KIND_ALPHA, true }, { "b", KIND_BETA, true },
		{ "m", KIND_MILESTONE, true } };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if ((before_digit || !words[i].before_digit) &&
			version_compare_lower(word,
				(struct version_part){ words[i].text, strlen(words[i].text) }) == 0)
			return words[i].kind;
	return KIND_QUALIFIER;
}

static bool means_nothing(const struct token *t)
{
	return t->kind == KIND_NOTHING ||
		(t->kind >= KIND_HYPHEN_NUMBER && version_digits_zero(t->text));
}

static void trim(struct maven *v)
{
	while (v->n > 0 && means_nothing(&v->tokens[v->n - 1]))
		v->n--;
}

static struct token take(const char **s, bool hyphen)
{
	struct token t = { .text = { *s, strcspn(*s, VERSION_DIGITS ".-") } };

	if (t.text.length > 0) {
		*s += t.text.length;
		t.kind = qualifier_kind(t.text, version_is_digit(**s));
		return t;
	}
	t.text = version_take(s, VERSION_DIGITS); /* nothing at all is zero */
	t.kind = hyphen ? KIND_HYPHEN_NUMBER : KIND_DOT_NUMBER;
	return t;
}

static void parse(const char *s, struct maven *v)
{
	bool hyphen = false;

	v->n = 0;
	while (v->n < TOKENS_MAX) {
		struct token t = take(&s, hyphen);

		if (t.kind != KIND_DOT_NUMBER)
			trim(v);
		v->tokens[v->n++] = t;
		if (!*s)
			break;
		hyphen = *s != '.';
		s += *s == '.' || *s == '-';
	}
	trim(v);
}

bool version_maven_valid(const char *s)
{
	return version_is_plain(s);
}

int version_maven_compare(const char *a, const char *b)
{
	static const struct token end = { .kind = KIND_NOTHING };
	struct maven x, y;

	parse(a, &x);
	parse(b, &y);
	for (size_t i = 0; i < x.n || i < y.n; i++) {
		const struct token *t = i < x.n ? &x.tokens[i] : &end;
		const struct token *u = i < y.n ? &y.tokens[i] : &end;
		int r = (int) t->kind - (int) u->kind;

		if (r == 0 && t->kind >= KIND_HYPHEN_NUMBER)
			r = version_compare_digits(t->text, u->text);
		else if (r == 0 && t->kind == KIND_QUALIFIER)
			r = version_compare_lower(t->text, u->text);
		if (r)
			return r;
	}
	return 0;
}
