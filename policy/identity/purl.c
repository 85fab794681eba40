/*
 * A purl on its way from text or parts to its normal form. Both ways meet in finish(), so that
 * what is built is held to the same rules as what is read. The rules of a type are a row in
 * purl_types.c; nothing here knows a type by name.
 */
#include "policy/identity/purl.h"

#include <regex.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "policy/base/cleanup.h"
#include "policy/base/text.h"
#include "policy/identity/purl_types.h"

enum { TYPE_MAX = 31 };

enum part {
	PART_NAMESPACE,
	PART_NAME,
	PART_VERSION,
	PART_SUBPATH,
	_PART_MAX,
};

struct pair {
	char *key, *value;
};

/* A purl that is being made. All strings lie in store and only ever get shorter. */
struct draft {
	const struct purl_type *type;
	char *parts[_PART_MAX]; /* never NULL in finish() */
	struct pair pairs[PURL_QUALIFIERS_MAX];
	size_t n_pairs;
	char *store, *at;
};

/* A stretch of the text that is being taken apart. */
struct span {
	const char *s;
	size_t n;
};

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || is_upper(c);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int fail(const char **ret_error, const char *text)
{
	*ret_error = text;
	return -EINVAL;
}

static void draft_done(struct draft *d)
{
	free(d->store);
}

static int draft_init(struct draft *d, size_t text_size)
{
	/* each part and each half of a qualifier ends in a NUL that the text had no room for */
	d->store = malloc(text_size + _PART_MAX + 2 * PURL_QUALIFIERS_MAX + 1);
	if (!d->store)
		return -ENOMEM;
	d->at = d->store;
	for (int i = 0; i < _PART_MAX; i++)
		d->parts[i] = d->at;
	*d->at++ = '\0';
	return 0;
}

/* ---- normal form ---- */

static void lower(char *s)
{
	for (; *s; s++)
		*s = (char) (is_upper(*s) ? *s - 'A' + 'a' : *s);
}

static void upper(char *s)
{
	for (; *s; s++)
		*s = (char) (*s >= 'a' && *s <= 'z' ? *s - 'a' + 'A' : *s);
}

/* Takes empty parts out of a path, and "." and ".." if @dots. */
static void tidy(char *path, bool dots)
{
	char *out = path;

	for (const char *in = path, *end; *in; in = *end ? end + 1 : end) {
		size_t n;

		end = strchrnul(in, '/');
		n = (size_t) (end - in);
		if (n == 0 || (dots && n <= 2 && in[0] == '.' && in[n - 1] == '.'))
			continue;
		if (out > path)
			*out++ = '/';
		memmove(out, in, n);
		out += n;
	}
	*out = '\0';
}

static const char *value_of(const struct draft *d, const char *key)
{
	for (size_t i = 0; i < d->n_pairs; i++)
		if (strcmp(d->pairs[i].key, key) == 0)
			return d->pairs[i].value;
	return "";
}

/* Whether names are the same in any case where this one comes from, whatever the type says. */
static bool place_folds(const struct draft *d)
{
	const struct purl_type *t = d->type;

	if (t->lower_if_repository && strstr(value_of(d, "repository_url"), t->lower_if_repository))
		return true;
	for (size_t i = 0; i < PURL_TYPE_HOSTS_MAX && t->lower_on_hosts[i]; i++)
		if (strcasecmp(t->lower_on_hosts[i], d->parts[PART_NAMESPACE]) == 0)
			return true;
	return false;
}

static void normalize_name(struct draft *d)
{
	uint32_t rules = d->type->rules;
	char *name = d->parts[PART_NAME];

	if (rules & PURL_NAME_IS_PATH)
		tidy(name, false);
	if (place_folds(d)) {
		lower(name);
		lower(d->parts[PART_NAMESPACE]);
	}
	for (; *name; name++) {
		if ((rules & PURL_NAME_DASHES) && *name == '_')
			*name = '-';
		if ((rules & PURL_NAME_UNDERSCORES) && !is_alpha(*name) && !is_digit(*name))
			*name = '_';
	}
}

static void normalize_parts(struct draft *d)
{
	static const uint32_t to_lower[_PART_MAX] = {
		[PART_NAMESPACE] = PURL_NAMESPACE_LOWER,
		[PART_NAME] = PURL_NAME_LOWER,
		[PART_VERSION] = PURL_VERSION_LOWER,
		[PART_SUBPATH] = PURL_SUBPATH_LOWER,
	};

	tidy(d->parts[PART_NAMESPACE], false);
	tidy(d->parts[PART_SUBPATH], true);
	for (int i = 0; i < _PART_MAX; i++)
		if (d->type->rules & to_lower[i])
			lower(d->parts[i]);
	if (d->type->rules & PURL_NAMESPACE_UPPER)
		upper(d->parts[PART_NAMESPACE]);
	normalize_name(d);
}

static bool type_defines(const struct purl_type *t, const char *key)
{
	for (size_t i = 0; i < PURL_TYPE_QUALIFIERS_MAX && t->qualifiers[i]; i++)
		if (strcmp(t->qualifiers[i], key) == 0)
			return true;
	return false;
}

static int normalize_key(struct draft *d, char *key, enum purl_mode mode, const char **ret_error)
{
	bool was_lower = true;

	for (size_t i = 0; key[i] || i == 0; i++) {
		char c = key[i];

		if (!is_alpha(c) && !(i > 0 && (is_digit(c) || strchr(".-_", c))))
			return fail(ret_error,
				"a qualifier's key holds letters, digits, '.', '-' and '_'");
		was_lower = was_lower && !is_upper(c);
	}
	lower(key);
	if (mode == PURL_STRICT && !was_lower && type_defines(d->type, key))
		return fail(ret_error, "the key of a qualifier of its type is not in lower case");
	return 0;
}

static int compare_pairs(const void *a, const void *b)
{
	return strcmp(((const struct pair *) a)->key, ((const struct pair *) b)->key);
}

/* Sorted, in lower case, those without a value dropped. */
static int normalize_qualifiers(struct draft *d, enum purl_mode mode, const char **ret_error)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n_pairs; i++) {
		int r = normalize_key(d, d->pairs[i].key, mode, ret_error);

		if (r < 0)
			return r;
		if (*d->pairs[i].value)
			d->pairs[n++] = d->pairs[i];
	}
	d->n_pairs = n;
	qsort(d->pairs, n, sizeof(*d->pairs), compare_pairs);
	for (size_t i = 1; i < n; i++)
		if (strcmp(d->pairs[i - 1].key, d->pairs[i].key) == 0)
			return fail(ret_error, "a qualifier is there twice");
	return 0;
}

/* ---- what a type asks for ---- */

static int check_text(const char *s, const char **ret_error)
{
	for (const char *c = s; *c; c++)
		if ((unsigned char) *c < 0x20 || *c == 0x7f)
			return fail(ret_error, "there is a control character in it");
	return text_utf8_valid(s, strlen(s)) ? 0 : fail(ret_error, "it is not UTF-8 once decoded");
}

static int check_texts(const struct draft *d, const char **ret_error)
{
	int r = 0;

	for (int i = 0; i < _PART_MAX && r == 0; i++)
		r = check_text(d->parts[i], ret_error);
	for (size_t i = 0; i < d->n_pairs && r == 0; i++)
		r = check_text(d->pairs[i].value, ret_error);
	return r;
}

/* 0, -EINVAL when @s is not as @pattern (NULL: anything is), -ENOMEM */
static int check_pattern(const char *pattern, const char *s)
{
	regex_t compiled;
	int r;

	if (!pattern)
		return 0;
	if (regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return -ENOMEM;
	r = regexec(&compiled, s, 0, NULL, 0) == 0 ? 0 : -EINVAL;
	regfree(&compiled);
	return r;
}

static int check_namespace(const struct draft *d, const char **ret_error)
{
	const char *s = d->parts[PART_NAMESPACE];
	unsigned parts = 1;

	if (!*s)
		return d->type->rules & PURL_NAMESPACE_REQUIRED
			? fail(ret_error, PURL_NAMESPACE_MISSING)
			: 0;
	if (d->type->rules & PURL_NAMESPACE_PROHIBITED)
		return fail(ret_error, "its type has no namespace: it is pkg:TYPE/NAME");
	while ((s = strchr(s, '/'))) {
		s++;
		parts++;
	}
	if (d->type->namespace_parts_max && parts > d->type->namespace_parts_max)
		return fail(ret_error, "its namespace has more parts than its type allows");
	return 0;
}

static int check_type(const struct draft *d, const char **ret_error)
{
	const struct purl_type *t = d->type;
	int r;

	if (!*d->parts[PART_NAME])
		return fail(ret_error, "the name is missing");
	r = check_namespace(d, ret_error);
	if (r < 0)
		return r;
	r = check_pattern(t->name_pattern, d->parts[PART_NAME]);
	if (r == -EINVAL)
		return fail(ret_error, "the name is not one that its type allows");
	if (r == 0 && *d->parts[PART_VERSION])
		r = check_pattern(t->version_pattern, d->parts[PART_VERSION]);
	if (r == -EINVAL)
		return fail(ret_error, "the version is not one that its type allows");
	if (r == 0 && t->required_qualifier && !*value_of(d, t->required_qualifier))
		return fail(ret_error, "a qualifier that its type wants is missing");
	return r;
}

/* ---- the canonical text ---- */

/* Appends @s percent-encoded but for purl's unreserved characters, ':' and @keep. */
static char *encode(char *out, const char *s, char keep)
{
	static const char digits[] = "0123456789ABCDEF";

	for (; *s; s++) {
		unsigned char c = (unsigned char) *s;

		if (is_alpha(*s) || is_digit(*s) || strchr(".-_~:", c) || *s == keep) {
			*out++ = *s;
			continue;
		}
		*out++ = '%';
		*out++ = digits[c >> 4];
		*out++ = digits[c & 15];
	}
	return out;
}

static char *encode_part(char *out, char separator, const char *s, char keep)
{
	if (!*s)
		return out;
	*out++ = separator;
	return encode(out, s, keep);
}

static size_t text_size(const struct draft *d)
{
	size_t n = strlen("pkg:") + strlen(d->type->name) + 1;

	for (int i = 0; i < _PART_MAX; i++)
		n += 1 + 3 * strlen(d->parts[i]);
	for (size_t i = 0; i < d->n_pairs; i++)
		n += 2 + strlen(d->pairs[i].key) + 3 * strlen(d->pairs[i].value);
	return n;
}

static int write_text(const struct draft *d, char **ret, const char **ret_error)
{
	_cleanup_free_ char *text = malloc(text_size(d));
	char *out = text;

	if (!text)
		return -ENOMEM;
	out = stpcpy(stpcpy(out, "pkg:"), d->type->name);
	out = encode_part(out, '/', d->parts[PART_NAMESPACE], '/');
	out = encode_part(
		out, '/', d->parts[PART_NAME], d->type->rules & PURL_NAME_IS_PATH ? '/' : '\0');
	out = encode_part(out, '@', d->parts[PART_VERSION], '\0');
	for (size_t i = 0; i < d->n_pairs; i++) {
		*out++ = i == 0 ? '?' : '&';
		out = encode_part(stpcpy(out, d->pairs[i].key), '=', d->pairs[i].value, '\0');
	}
	out = encode_part(out, '#', d->parts[PART_SUBPATH], '/');
	*out = '\0';
	if (out - text > PURL_TEXT_MAX)
		return fail(ret_error, "it is too long");
	*ret = TAKE_PTR(text);
	return 0;
}

static int finish(struct draft *d, enum purl_mode mode, struct purl *ret, const char **ret_error)
{
	struct purl p = { .type = d->type->name, .n_qualifiers = 0 };
	int r = check_texts(d, ret_error);

	if (r == 0)
		r = normalize_qualifiers(d, mode, ret_error);
	if (r < 0)
		return r;
	normalize_parts(d);
	r = check_type(d, ret_error);
	if (r == 0)
		r = write_text(d, &p.text, ret_error);
	if (r < 0)
		return r;
	p.namespace = d->parts[PART_NAMESPACE];
	p.name = d->parts[PART_NAME];
	p.version = d->parts[PART_VERSION];
	p.subpath = d->parts[PART_SUBPATH];
	for (; p.n_qualifiers < d->n_pairs; p.n_qualifiers++)
		p.qualifiers[p.n_qualifiers] = (struct purl_qualifier){
			d->pairs[p.n_qualifiers].key, d->pairs[p.n_qualifiers].value
		};
	p.store = TAKE_PTR(d->store);
	*ret = p;
	return 0;
}

void purl_done(struct purl *p)
{
	free(p->text);
	free(p->store);
	*p = (struct purl){ 0 };
}

/* ---- reading ---- */

/* Decodes @in as the next string of @d. */
static int decode(struct draft *d, struct span in, char **ret, const char **ret_error)
{
	char *out = d->at;

	for (size_t i = 0; i < in.n; i++) {
		int c = (unsigned char) in.s[i];

		if (c == '%') {
			int high = i + 1 < in.n ? hex_value(in.s[i + 1]) : -1;
			int low = i + 2 < in.n ? hex_value(in.s[i + 2]) : -1;

			if (high < 0 || low < 0)
				return fail(
					ret_error, "a % is not followed by two hexadecimal digits");
			c = high << 4 | low;
			i += 2;
		}
		if (c == '\0')
			return fail(ret_error, "there is a control character in it");
		*out++ = (char) c;
	}
	*out++ = '\0';
	*ret = d->at;
	d->at = out;
	return 0;
}

/* The same for a path, in which an encoded '/' would become one that separates. */
static int decode_path(struct draft *d, struct span in, char **ret, const char **ret_error)
{
	for (size_t i = 0; i + 2 < in.n; i++)
		if (in.s[i] == '%' && in.s[i + 1] == '2' && (in.s[i + 2] | 0x20) == 'f')
			return fail(ret_error, "a part of a path has a '/' in it");
	return decode(d, in, ret, ret_error);
}

static int check_characters(const char *s, const char **ret_error)
{
	for (; *s; s++) {
		if (*s == ' ' || (*s >= '\t' && *s <= '\r'))
			return fail(ret_error, "there is a blank in it");
		if ((unsigned char) *s < 0x20 || (unsigned char) *s >= 0x7f)
			return fail(ret_error,
				"characters other than printable ASCII must be percent-encoded");
	}
	return 0;
}

/* Cuts @whole at the last @separator; *ret_tail is what stood behind it. */
static bool cut_last(struct span *whole, char separator, struct span *ret_tail)
{
	const char *at = memrchr(whole->s, separator, whole->n);

	if (!at)
		return false;
	*ret_tail = (struct span){ at + 1, (size_t) (whole->s + whole->n - at) - 1 };
	whole->n = (size_t) (at - whole->s);
	return true;
}

static int find_type(struct span type, const struct purl_type **ret, const char **ret_error)
{
	char name[TYPE_MAX + 1];

	if (type.n == 0)
		return fail(ret_error, "the type is missing: it is pkg:TYPE/NAME");
	for (size_t i = 0; i < type.n; i++) {
		char c = type.s[i];

		if (!is_alpha(c) && !(i > 0 && (is_digit(c) || c == '.' || c == '-')))
			return fail(ret_error,
				"a type holds letters, digits, '.' and '-', and starts with a "
				"letter");
	}
	*ret = NULL;
	if (type.n <= TYPE_MAX) {
		memcpy(name, type.s, type.n);
		name[type.n] = '\0';
		lower(name);
		*ret = purl_type_find(name);
	}
	return *ret ? 0 : fail(ret_error, "the type is not one of the purl registry");
}

/* "pkg:" and the type; slashes behind the colon mean nothing (pkg:// is a common mistake that the
 * standard lets pass). */
static int take_type(struct span *rest, const struct purl_type **ret, const char **ret_error)
{
	struct span type;
	const char *slash;

	if (rest->n < 4 || strncasecmp(rest->s, "pkg:", 4) != 0)
		return fail(ret_error, "it does not start with pkg:");
	*rest = (struct span){ rest->s + 4, rest->n - 4 };
	while (rest->n > 0 && *rest->s == '/')
		*rest = (struct span){ rest->s + 1, rest->n - 1 };
	slash = memchr(rest->s, '/', rest->n);
	type = (struct span){ rest->s, slash ? (size_t) (slash - rest->s) : 0 };
	if (slash)
		*rest = (struct span){ slash + 1, rest->n - type.n - 1 };
	return find_type(type, ret, ret_error);
}

static int take_qualifier(struct draft *d, struct span q, const char **ret_error)
{
	const char *equals = memchr(q.s, '=', q.n);
	size_t n = equals ? (size_t) (equals - q.s) : 0;
	struct pair *pair;

	if (n == 0)
		return fail(ret_error, "a qualifier is not KEY=VALUE");
	if (d->n_pairs == PURL_QUALIFIERS_MAX)
		return fail(ret_error, "it has too many qualifiers");
	pair = &d->pairs[d->n_pairs++];
	pair->key = memcpy(d->at, q.s, n);
	pair->key[n] = '\0';
	d->at += n + 1;
	return decode(d, (struct span){ equals + 1, q.n - n - 1 }, &pair->value, ret_error);
}

static int take_qualifiers(struct draft *d, struct span q, const char **ret_error)
{
	for (;;) {
		const char *amp = memchr(q.s, '&', q.n);
		struct span one = { q.s, amp ? (size_t) (amp - q.s) : q.n };
		int r = take_qualifier(d, one, ret_error);

		if (r < 0 || !amp)
			return r;
		q = (struct span){ amp + 1, q.n - one.n - 1 };
	}
}

/* An '@' that has a '/' behind it starts a scope somebody did not encode; it does not separate a
 * version, whose '/' would be encoded. */
static int take_version(struct draft *d, struct span *rest, const char **ret_error)
{
	struct span whole = *rest, version;

	if (!cut_last(&whole, '@', &version) || memchr(version.s, '/', version.n))
		return 0;
	*rest = whole;
	return decode(d, version, &d->parts[PART_VERSION], ret_error);
}

static int take_name(struct draft *d, struct span rest, const char **ret_error)
{
	struct span namespace = { rest.s, 0 }, name = rest;
	bool is_path = d->type->rules & PURL_NAME_IS_PATH;
	const char *slash = is_path ? memchr(rest.s, '/', rest.n) : memrchr(rest.s, '/', rest.n);
	int r;

	if (slash) {
		namespace.n = (size_t) (slash - rest.s);
		name = (struct span){ slash + 1, rest.n - namespace.n - 1 };
	}
	r = decode_path(d, namespace, &d->parts[PART_NAMESPACE], ret_error);
	if (r < 0)
		return r;
	return (is_path ? decode_path : decode)(d, name, &d->parts[PART_NAME], ret_error);
}

int purl_parse(const char *s, enum purl_mode mode, struct purl *ret, const char **ret_error)
{
	_cleanup_(draft_done) struct draft d = { 0 };
	struct span rest = { s, strnlen(s, PURL_TEXT_MAX + 1) }, tail;
	int r = rest.n > PURL_TEXT_MAX ? fail(ret_error, "it is too long")
				       : check_characters(s, ret_error);

	if (r == 0)
		r = draft_init(&d, rest.n);
	if (r == 0 && cut_last(&rest, '#', &tail))
		r = decode_path(&d, tail, &d.parts[PART_SUBPATH], ret_error);
	if (r == 0 && cut_last(&rest, '?', &tail))
		r = take_qualifiers(&d, tail, ret_error);
	if (r == 0)
		r = take_type(&rest, &d.type, ret_error);
	if (r == 0) {
		while (rest.n > 0 && (*rest.s == '/' || rest.s[rest.n - 1] == '/'))
			rest = (struct span){ rest.s + (*rest.s == '/'), rest.n - 1 };
		r = take_version(&d, &rest, ret_error);
	}
	if (r == 0)
		r = take_name(&d, rest, ret_error);
	return r < 0 ? r : finish(&d, mode, ret, ret_error);
}

/* ---- building ---- */

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

static char *copy(struct draft *d, const char *s)
{
	char *start = d->at;

	d->at = stpcpy(start, or_empty(s)) + 1;
	return start;
}

static size_t parts_size(const struct purl *p)
{
	const char *const parts[] = { p->namespace, p->name, p->version, p->subpath };
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		n += strlen(or_empty(parts[i]));
	for (size_t i = 0; i < p->n_qualifiers; i++)
		n += strlen(or_empty(p->qualifiers[i].key)) +
			strlen(or_empty(p->qualifiers[i].value));
	return n;
}

int purl_build(const struct purl *parts, struct purl *ret, const char **ret_error)
{
	_cleanup_(draft_done) struct draft d = { 0 };
	const char *type = or_empty(parts->type);
	int r = find_type((struct span){ type, strlen(type) }, &d.type, ret_error);

	if (r < 0)
		return r;
	if (parts->n_qualifiers > PURL_QUALIFIERS_MAX)
		return fail(ret_error, "it has too many qualifiers");
	if (parts_size(parts) > PURL_TEXT_MAX)
		return fail(ret_error, "it is too long");
	r = draft_init(&d, parts_size(parts));
	if (r < 0)
		return r;
	d.parts[PART_NAMESPACE] = copy(&d, parts->namespace);
	d.parts[PART_NAME] = copy(&d, parts->name);
	d.parts[PART_VERSION] = copy(&d, parts->version);
	d.parts[PART_SUBPATH] = copy(&d, parts->subpath);
	for (; d.n_pairs < parts->n_qualifiers; d.n_pairs++) {
		d.pairs[d.n_pairs].key = copy(&d, parts->qualifiers[d.n_pairs].key);
		d.pairs[d.n_pairs].value = copy(&d, parts->qualifiers[d.n_pairs].value);
	}
	return finish(&d, PURL_LENIENT, ret, ret_error);
}
