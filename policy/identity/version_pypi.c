/*
 * Python packages: PEP 440, "Summary of permitted suffixes and relative ordering", with the
 * spellings that its normalisation takes ("1.0-Alpha.1", "v1.0-r4").
 */
#include <strings.h>

#include "policy/identity/version_schemes.h"

enum phase { PHASE_ALPHA, PHASE_BETA, PHASE_RC };

struct pypi {
	struct version_part epoch, release, local;
	struct version_part pre, post, dev; /* their numbers */
	enum phase phase;
	bool has_pre, has_post, has_dev, has_local;
};

static const struct {
	const char *text;
	size_t length;
	enum phase phase;
} pre_words[] = { { "alpha", 5, PHASE_ALPHA }, { "beta", 4, PHASE_BETA },
	{ "preview", 7, PHASE_RC }, { "pre", 3, PHASE_RC }, { "rc", 2, PHASE_RC },
	{ "a", 1, PHASE_ALPHA }, { "b", 1, PHASE_BETA }, { "c", 1, PHASE_RC } };

static bool is_separator(char c)
{
	return c == '.' || c == '-' || c == '_';
}

/* "alpha.1": a word, and maybe a number with a separator before it. */
static bool take_word(const char **s, const char *word, size_t length, struct version_part *ret)
{
	const char *p = *s + is_separator(**s);

	if (strncasecmp(p, word, length) != 0)
		return false;
	p += length;
	p += is_separator(*p);
	*ret = version_take(&p, VERSION_DIGITS);
	*s = p;
	return true;
}

static void take_pre(const char **s, struct pypi *v)
{
	for (size_t i = 0; !v->has_pre && i < sizeof(pre_words) / sizeof(pre_words[0]); i++) {
		v->has_pre = take_word(s, pre_words[i].text, pre_words[i].length, &v->pre);
		v->phase = pre_words[i].phase;
	}
}

static void take_post(const char **s, struct pypi *v)
{
	if (**s == '-' && version_is_digit((*s)[1])) {
		(*s)++;
		v->post = version_take(s, VERSION_DIGITS);
		v->has_post = true;
		return;
	}
	v->has_post = take_word(s, "post", 4, &v->post) || take_word(s, "rev", 3, &v->post) ||
		take_word(s, "r", 1, &v->post);
}

static bool take_release(const char **s, struct pypi *v)
{
	const char *start = *s;

	do {
		*s += **s == '.';
		if (version_take(s, VERSION_DIGITS).length == 0)
			return false;
	} while (**s == '.' && version_is_digit((*s)[1]));
	v->release = (struct version_part){ start, (size_t) (*s - start) };
	return true;
}

static bool take_local(const char **s, struct pypi *v)
{
	const char *start = ++*s;

	v->has_local = true;
	while (version_take(s, VERSION_DIGITS VERSION_LETTERS).length > 0 && is_separator(**s))
		(*s)++;
	v->local = (struct version_part){ start, (size_t) (*s - start) };
	return v->local.length > 0 && !is_separator((*s)[-1]);
}

static bool parse(const char *s, struct pypi *v)
{
	struct version_part epoch;
	const char *p;

	*v = (struct pypi){ 0 };
	s += version_lower(*s) == 'v';
	p = s;
	epoch = version_take(&p, VERSION_DIGITS);
	if (*p == '!') {
		v->epoch = epoch;
		s = p + 1;
		if (epoch.length == 0)
			return false;
	}
	if (*s == '.' || !take_release(&s, v))
		return false;
	take_pre(&s, v);
	take_post(&s, v);
	v->has_dev = take_word(&s, "dev", 3, &v->dev);
	return (*s != '+' || take_local(&s, v)) && !*s;
}

bool version_pypi_valid(const char *s)
{
	struct pypi v;

	return parse(s, &v);
}

static struct version_part next_piece(struct version_part *p)
{
	struct version_part piece = { p->text, 0 };

	while (piece.length < p->length && !is_separator(p->text[piece.length]))
		piece.length++;
	p->text += piece.length + (piece.length < p->length);
	p->length -= piece.length + (piece.length < p->length);
	return piece;
}

static int compare_releases(struct version_part a, struct version_part b)
{
	int r = 0;

	while (r == 0 && (a.length > 0 || b.length > 0))
		r = version_compare_digits(next_piece(&a), next_piece(&b));
	return r;
}

static bool is_number(struct version_part p)
{
	size_t n = 0;

	while (n < p.length && version_is_digit(p.text[n]))
		n++;
	return n == p.length;
}

static int compare_locals(struct version_part a, struct version_part b)
{
	while (a.length > 0 && b.length > 0) {
		struct version_part x = next_piece(&a), y = next_piece(&b);
		bool number = is_number(x);
		int r = (int) number - (int) is_number(y);

		if (r == 0)
			r = number ? version_compare_digits(x, y) : version_compare_lower(x, y);
		if (r)
			return r;
	}
	return (a.length > 0) - (b.length > 0);
}

/* Where a version stands among those of one release: .devN, a, b, rc, the release and its posts. */
static int stage(const struct pypi *v)
{
	if (v->has_pre)
		return (int) v->phase;
	return v->has_dev && !v->has_post ? -1 : PHASE_RC + 1;
}

int version_pypi_compare(const char *a, const char *b)
{
	struct pypi x, y;
	int r;

	if (!parse(a, &x) || !parse(b, &y))
		return 0;
	r = version_compare_digits(x.epoch, y.epoch);
	if (r == 0)
		r = compare_releases(x.release, y.release);
	if (r == 0)
		r = stage(&x) - stage(&y);
	if (r == 0)
		r = version_compare_digits(x.pre, y.pre);
	if (r == 0)
		r = (int) x.has_post - (int) y.has_post;
	if (r == 0)
		r = version_compare_digits(x.post, y.post);
	if (r == 0)
		r = (int) y.has_dev - (int) x.has_dev;
	if (r == 0)
		r = version_compare_digits(x.dev, y.dev);
	if (r == 0)
		r = (int) x.has_local - (int) y.has_local;
	return r ? r : compare_locals(x.local, y.local);
}
