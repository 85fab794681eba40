#include "policy/source/schema.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "policy/base/clock.h"
#include "policy/base/text.h"

static const char *shape_of(const struct node *n)
{
	switch (n->type) {
	case NODE_SCALAR:
		return node_is_null(n) ? "nothing" : "a text";
	case NODE_SEQUENCE:
		return "a list";
	case NODE_MAPPING:
		return "a mapping";
	}
	return "nothing";
}

static const char *shape_wanted(unsigned flags)
{
	switch (flags & (KEY_TEXT | KEY_LIST | KEY_MAPPING)) {
	case KEY_LIST:
		return "a list";
	case KEY_MAPPING:
		return "a mapping";
	case KEY_TEXT | KEY_LIST:
		return "a text or a list";
	case KEY_TEXT | KEY_MAPPING:
		return "a text or a mapping";
	case KEY_LIST | KEY_MAPPING:
		return "a list or a mapping";
	default:
		return "a text";
	}
}

static bool shape_fits(const struct node *n, unsigned flags)
{
	switch (n->type) {
	case NODE_SCALAR:
		return (flags & KEY_TEXT) && !node_is_null(n);
	case NODE_SEQUENCE:
		return flags & KEY_LIST;
	case NODE_MAPPING:
		return flags & KEY_MAPPING;
	}
	return false;
}

static size_t find_key(const struct schema *s, const char *name)
{
	size_t i = 0;

	while (i < s->n && strcmp(s->keys[i].name, name) != 0)
		i++;
	return i;
}

/* The key that was probably meant counts as given, so that it is not missed as well. */
static void complain_key(
	const struct schema *s, const struct node *key, struct messages *m, bool given[])
{
	const char *near = message_closest(key->text, &s->keys[0].name, s->n, sizeof(s->keys[0]));

	if (!near) {
		message_error(m, key->at, "unknown key '%s' in %s", key->text, s->what);
		return;
	}
	message_error(
		m, key->at, "unknown key '%s' in %s; did you mean '%s'?", key->text, s->what, near);
	given[find_key(s, near)] = true;
}

static bool check_pair(const struct schema *s, const struct pair *p, struct messages *m,
	const struct node *values[], bool given[])
{
	size_t i = find_key(s, p->key->text);

	if (i == s->n) {
		complain_key(s, p->key, m, given);
		return false;
	}
	if (given[i]) /* repeated: tree.c has said so */
		return false;
	given[i] = true;
	if (s->keys[i].flags & KEY_LATER) {
		message_error(m, p->key->at, "'%s' in %s is not supported yet by this version",
			p->key->text, s->what);
		return false;
	}
	if (!shape_fits(p->value, s->keys[i].flags)) {
		message_error(m, p->value->at, "'%s' must be %s, but here is %s", p->key->text,
			shape_wanted(s->keys[i].flags), shape_of(p->value));
		return false;
	}
	values[i] = p->value;
	return true;
}

bool schema_mapping(const struct schema *s, const struct node *n, struct messages *m,
	const struct node *values[])
{
	bool given[SCHEMA_KEYS_MAX] = { false }, good = true;

	for (size_t i = 0; i < s->n; i++)
		values[i] = NULL;
	if (n->type != NODE_MAPPING) {
		message_error(
			m, n->at, "%s must be a mapping, but here is %s", s->what, shape_of(n));
		return false;
	}
	for (size_t i = 0; i < n->n; i++)
		good &= check_pair(s, &n->pairs[i], m, values, given);
	for (size_t i = 0; i < s->n; i++)
		if ((s->keys[i].flags & KEY_REQUIRED) && !given[i]) {
			message_error(m, n->at, "%s needs the key '%s'", s->what, s->keys[i].name);
			good = false;
		}
	return good;
}

static bool is_scalar(const struct node *n, struct messages *m, const char *what)
{
	if (n->type == NODE_SCALAR && !node_is_null(n))
		return true;
	message_error(m, n->at, "%s must be a text, but here is %s", what, shape_of(n));
	return false;
}

bool schema_text(const struct node *n, struct messages *m, const char *what, size_t max, bool lines,
	const char **ret)
{
	uint32_t c;

	if (!is_scalar(n, m, what))
		return false;
	if (n->n == 0 || n->n > max) {
		message_error(
			m, n->at, "%s must have 1 to %zu bytes, but here are %zu", what, max, n->n);
		return false;
	}
	for (size_t i = 0, k; i < n->n; i += k) {
		k = text_utf8_decode(n->text + i, n->n - i, &c) ?: 1;
		if ((c < 0x20 && !(lines && c == '\n')) || (c >= 0x7f && c < 0xa0)) {
			message_error(
				m, n->at, "%s holds the control character U+%04" PRIX32, what, c);
			return false;
		}
	}
	*ret = n->text;
	return true;
}

bool schema_id(const struct node *n, struct messages *m, const char *what, const char **ret)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	const char *text;

	if (!schema_text(n, m, what, SCHEMA_ID_MAX, false, &text))
		return false;
	if (text[strspn(text, letters)] || !isalnum((unsigned char) text[0])) {
		message_error(m, n->at,
			"%s '%s' may hold only letters, digits, '.', '_' and '-', and begins with "
			"a letter or digit",
			what, text);
		return false;
	}
	*ret = text;
	return true;
}

static bool url_valid(const char *s)
{
	size_t scheme = !strncasecmp(s, "https://", 8) ? 8 : !strncasecmp(s, "http://", 7) ? 7 : 0;
	size_t host = strcspn(s + scheme, "/?#");

	if (scheme == 0 || host == 0 || memchr(s + scheme, '@', host) || s[scheme] == ':')
		return false;
	for (; *s; s++)
		if ((unsigned char) *s <= ' ' || strchr("\"<>\\^`{|}", *s))
			return false;
	return true;
}

bool schema_url(const struct node *n, struct messages *m, const char *what, const char **ret)
{
	const char *text;

	if (!schema_text(n, m, what, SCHEMA_URL_MAX, false, &text))
		return false;
	if (!url_valid(text)) {
		message_error(m, n->at,
			"%s '%s' is not a web address; expected one such as "
			"https://it.example.com/a",
			what, text);
		return false;
	}
	*ret = text;
	return true;
}

bool schema_word(const struct node *n, struct messages *m, const char *what,
	const char *const words[], size_t n_words, size_t *ret)
{
	char list[256] = "";
	const char *near;

	if (!is_scalar(n, m, what))
		return false;
	for (size_t i = 0; i < n_words; i++) {
		size_t used = strlen(list);

		if (!strcmp(n->text, words[i])) {
			*ret = i;
			return true;
		}
		(void) snprintf(list + used, sizeof(list) - used, "%s%s",
			i == 0                     ? ""
				: i + 1 == n_words ? " or "
						   : ", ",
			words[i]);
	}
	near = message_closest(n->text, words, n_words, sizeof(words[0]));
	if (near)
		message_error(m, n->at, "%s must be %s, not '%s'; did you mean '%s'?", what, list,
			n->text, near);
	else
		message_error(m, n->at, "%s must be %s, not '%s'", what, list, n->text);
	return false;
}

bool schema_bool(const struct node *n, struct messages *m, const char *what, bool *ret)
{
	static const char *const words[] = { "false", "true" };
	size_t i;

	if (!schema_word(n, m, what, words, ARRAY_SIZE(words), &i))
		return false;
	*ret = i == 1;
	return true;
}

/* Digits only, without the signs and blanks that strtoull(3) would take. */
static bool parse_digits(const char *s, size_t n, uint64_t *ret)
{
	uint64_t value = 0;

	for (size_t i = 0; i < n; i++)
		if (!isdigit((unsigned char) s[i]) || __builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(value, (uint64_t) (s[i] - '0'), &value))
			return false;
	*ret = value;
	return n > 0;
}

bool schema_number(const struct node *n, struct messages *m, const char *what, uint64_t min,
	uint64_t max, uint64_t *ret)
{
	uint64_t value;

	if (!is_scalar(n, m, what))
		return false;
	if (!parse_digits(n->text, n->n, &value) || value < min || value > max) {
		message_error(m, n->at,
			"%s must be a whole number from %" PRIu64 " to %" PRIu64 ", not '%s'", what,
			min, max, n->text);
		return false;
	}
	*ret = value;
	return true;
}

bool schema_duration(const struct node *n, struct messages *m, const char *what, uint64_t min_usec,
	uint64_t max_usec, uint64_t *ret_usec)
{
	size_t digits;
	uint64_t value, unit;

	if (!is_scalar(n, m, what))
		return false;
	digits = strspn(n->text, "0123456789");
	unit = !strcmp(n->text + digits, "ms")   ? USEC_PER_MSEC
		: !strcmp(n->text + digits, "s") ? USEC_PER_SEC
						 : 0;
	if (unit == 0 || !parse_digits(n->text, digits, &value) ||
		__builtin_mul_overflow(value, unit, &value) || value < min_usec ||
		value > max_usec) {
		message_error(m, n->at,
			"%s must be a time from %" PRIu64 "ms to %" PRIu64
			"s such as 500ms or 2s, not '%s'",
			what, min_usec / USEC_PER_MSEC, max_usec / USEC_PER_SEC, n->text);
		return false;
	}
	*ret_usec = value;
	return true;
}

/* Every component of a path says something: no "", "." or "..". */
static bool components_valid(const char *s)
{
	for (;;) {
		size_t n = strcspn(s, "/");

		if (n == 0 || (n == 1 && s[0] == '.') || (n == 2 && !strncmp(s, "..", 2)))
			return false;
		s += n;
		if (!*s++)
			return true;
	}
}

bool schema_path(
	const struct node *n, struct messages *m, const char *what, bool glob, const char **ret)
{
	const char *text, *rest = NULL;

	if (!schema_text(n, m, what, SCHEMA_PATH_MAX, false, &text))
		return false;
	if (text[0] == '/')
		rest = text + 1;
	else if (glob && !strncmp(text, "~/", 2))
		rest = text + 2;
	if (!rest) {
		message_error(m, n->at, "%s '%s' must begin with '/'%s", what, text,
			glob ? " or '~/'" : "");
		return false;
	}
	if (*rest && !components_valid(rest)) {
		message_error(m, n->at,
			"%s '%s' has an empty, '.' or '..' part, so it names no file", what, text);
		return false;
	}
	*ret = text;
	return true;
}
