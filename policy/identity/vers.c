#include "policy/identity/vers.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "policy/base/cleanup.h"
#include "policy/identity/version.h"

static int fail(const char **ret_error, const char *text)
{
	*ret_error = text;
	return -EINVAL;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool is_lower_hex(char c)
{
	return c >= 'a' && c <= 'f';
}

/* Schemes of vers-spec whose order this version does not know. */
static bool scheme_planned(const char *scheme)
{
	static const char *const schemes[] = { "alpm", "cargo", "composer", "conan", "cpan",
		"gentoo", "github", "hex", "nginx", "nuget", "openssl" };

	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
		if (strcmp(schemes[i], scheme) == 0)
			return true;
	return false;
}

#define UNKNOWN_SCHEME "this version scheme is not known (npm, semver, deb and others are)"

static int check_scheme(const char *scheme, const char **ret_error)
{
	if (!*scheme)
		return fail(ret_error, "the version scheme is missing: it is vers:npm/RANGE");
	for (const char *c = scheme; *c; c++) {
		if (*c >= 'A' && *c <= 'Z')
			return fail(ret_error, "the version scheme must be in lower case");
		if (!((*c >= 'a' && *c <= 'z') ||
			    (c > scheme && ((*c >= '0' && *c <= '9') || *c == '.' || *c == '-'))))
			return fail(
				ret_error, "a version scheme holds letters, digits, '.' and '-'");
	}
	if (strcmp(scheme, "generic") == 0)
		return fail(ret_error,
			"the scheme generic has no order: intdot (numbers and dots), datetime or "
			"lexicographic has one");
	if (version_scheme_find(scheme))
		return 0;
	if (!scheme_planned(scheme))
		return fail(ret_error, UNKNOWN_SCHEME);
	*ret_error = "versions of this scheme cannot be compared yet";
	return -ENOTSUP;
}

/* Triplets are for the characters that mean something to VERS, and only in upper case: one text per
 * range, so that two policies can be compared. Decodes once. */
static int decode_version(const char *s, size_t n, char *out, const char **ret_error)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		char c = s[i];

		if (c == '%') {
			int high = i + 1 < n ? hex_value(s[i + 1]) : -1;
			int low = i + 2 < n ? hex_value(s[i + 2]) : -1;

			if (high < 0 || low < 0)
				return fail(ret_error,
					i + 2 < n &&
							(is_lower_hex(s[i + 1]) ||
								is_lower_hex(s[i + 2]))
						? "percent-encoding in a version must be in upper "
						  "case (%2B)"
						: "a % in a version is not followed by two "
						  "hexadecimal digits");
			c = (char) (high << 4 | low);
			if (!c || !strchr("><=!*|% ", c))
				return fail(ret_error,
					"only > < = ! * | % and the blank are percent-encoded in a "
					"version");
			i += 2;
		} else if (strchr("><=!*", c)) {
			return fail(ret_error,
				"a comparator stands where the version should: > < >= <= or != "
				"come "
				"once, before it");
		}
		out[k++] = c;
	}
	out[k] = '\0';
	return 0;
}

static bool is_semver(const char *scheme)
{
	return strcmp(scheme, "npm") == 0 || strcmp(scheme, "semver") == 0;
}

static int check_version(const char *scheme, const char *version, const char **ret_error)
{
	const struct version_scheme *known = version_scheme_find(scheme);
	int order;

	if (is_semver(scheme) && (*version == 'v' || *version == '=' || *version == ' '))
		return fail(ret_error, "a version is written without a leading v or blank: 2.1.91");
	if (strchr(version, ' ') || version_compare(known, version, version, &order) < 0)
		return fail(ret_error, version_scheme_wanted(known));
	return 0;
}

static enum vers_comparator take_comparator(const char **s, size_t *n)
{
	static const struct {
		const char *text;
		enum vers_comparator comparator;
	} comparators[] = {
		{ ">=", VERS_GREATER_EQUAL },
		{ "<=", VERS_LESS_EQUAL },
		{ "!=", VERS_NOT_EQUAL },
		{ ">", VERS_GREATER },
		{ "<", VERS_LESS },
	};

	for (size_t i = 0; i < ARRAY_SIZE(comparators); i++) {
		size_t k = strlen(comparators[i].text);

		if (*n >= k && memcmp(*s, comparators[i].text, k) == 0) {
			*s += k;
			*n -= k;
			return comparators[i].comparator;
		}
	}
	return VERS_EQUAL;
}

static int add_constraint(struct vers *v, const char *s, size_t n, const char **ret_error)
{
	_cleanup_free_ char *version = NULL;
	enum vers_comparator comparator;
	int r;

	if (n == 0)
		return fail(ret_error, "there is nothing between two | (or before or after one)");
	if (*s == '=')
		return fail(ret_error, "an exact version is written without '=': 2.1.91");
	if (*s == '*')
		return fail(ret_error, "* stands alone: vers:npm/*");
	if (v->n == VERS_CONSTRAINTS_MAX)
		return fail(ret_error, "there are too many constraints (64 are allowed)");
	comparator = take_comparator(&s, &n);
	if (n == 0)
		return fail(ret_error, "a version is missing behind a comparator");
	version = malloc(n + 1);
	if (!version) {
		*ret_error = "out of memory";
		return -ENOMEM;
	}
	r = decode_version(s, n, version, ret_error);
	if (r == 0)
		r = check_version(v->scheme, version, ret_error);
	if (r < 0)
		return r;
	v->constraints[v->n++] = (struct vers_constraint){ .comparator = comparator,
		.version = TAKE_PTR(version) };
	return 0;
}

/* Both were parsed before. */
static int compare(const char *scheme, const char *a, const char *b)
{
	int order = 0;

	(void) version_compare(version_scheme_find(scheme), a, b, &order);
	return order;
}

static bool is_upper(enum vers_comparator c)
{
	return c == VERS_LESS || c == VERS_LESS_EQUAL;
}

static bool is_lower(enum vers_comparator c)
{
	return c == VERS_GREATER || c == VERS_GREATER_EQUAL;
}

static int check_order(const struct vers *v, const char **ret_error)
{
	const struct vers_constraint *last = NULL; /* but for != */

	for (size_t i = 0; i < v->n; i++) {
		const struct vers_constraint *c = &v->constraints[i];
		int order = i > 0 ? compare(v->scheme, v->constraints[i - 1].version, c->version)
				  : -1;

		if (order == 0)
			return fail(ret_error, "the same version stands there twice");
		if (order > 0)
			return fail(ret_error, "versions must stand in ascending order");
		if (c->comparator == VERS_NOT_EQUAL)
			continue;
		if (last && is_upper(c->comparator) && !is_lower(last->comparator))
			return fail(ret_error,
				"an upper bound (< or <=) makes the one before it redundant");
		if (last && is_lower(last->comparator) && !is_upper(c->comparator))
			return fail(ret_error,
				"a lower bound (> or >=) makes the one behind it redundant");
		last = c;
	}
	return 0;
}

static int parse_constraints(const char *s, struct vers *v, const char **ret_error)
{
	if (!*s)
		return fail(ret_error, "the range is missing behind the '/'");
	if (strcmp(s, "*") == 0) {
		v->constraints[v->n++].comparator = VERS_ANY;
		return 0;
	}
	for (;;) {
		size_t n = strcspn(s, "|");
		int r = add_constraint(v, s, n, ret_error);

		if (r < 0)
			return r;
		if (!s[n])
			return check_order(v, ret_error);
		s += n + 1;
	}
}

static int check_characters(const char *s, const char **ret_error)
{
	if (strnlen(s, VERS_LENGTH_MAX + 1) > VERS_LENGTH_MAX)
		return fail(ret_error, "it is too long (8192 bytes are allowed)");
	for (; *s; s++) {
		if (*s == ' ' || (*s >= '\t' && *s <= '\r'))
			return fail(ret_error, "blanks are not allowed in it");
		if ((unsigned char) *s < 0x20 || (unsigned char) *s >= 0x7f)
			return fail(ret_error, "only printable ASCII is allowed in it");
	}
	return 0;
}

int vers_parse(const char *s, struct vers *ret, const char **ret_error)
{
	struct vers v = { 0 };
	const char *slash;
	int r = check_characters(s, ret_error);

	if (r < 0)
		return r;
	if (strncmp(s, "vers:", 5) != 0)
		return fail(ret_error, "it does not start with vers:");
	s += 5;
	slash = strchr(s, '/');
	if (!slash)
		return fail(ret_error, "the '/' behind the version scheme is missing");
	if ((size_t) (slash - s) >= sizeof(v.scheme))
		return fail(ret_error, UNKNOWN_SCHEME);
	memcpy(v.scheme, s, (size_t) (slash - s));
	r = check_scheme(v.scheme, ret_error);
	if (r == 0)
		r = parse_constraints(slash + 1, &v, ret_error);
	if (r < 0) {
		vers_done(&v);
		return r;
	}
	*ret = v;
	return 0;
}

void vers_done(struct vers *v)
{
	for (size_t i = 0; i < v->n; i++)
		free(v->constraints[i].version);
	*v = (struct vers){ 0 };
}

/* A constraint as somebody wrote it, blanks left out. */
struct draft {
	const char *comparator; /* "" for an exact version */
	const char *version;
	const char *scheme;
};

static int compare_drafts(const void *a, const void *b)
{
	const struct draft *x = a, *y = b;

	return compare(x->scheme, x->version, y->version);
}

/* Takes one constraint apart in place. */
static int read_draft(const char *scheme, char *s, struct draft *ret)
{
	static const char *const comparators[] = { ">=", "<=", "!=", ">", "<" };
	int order;

	ret->comparator = "";
	for (size_t i = 0; i < ARRAY_SIZE(comparators); i++)
		if (!*ret->comparator && strncmp(s, comparators[i], strlen(comparators[i])) == 0)
			ret->comparator = comparators[i];
	s += strlen(ret->comparator);
	ret->version = s + strspn(s, is_semver(scheme) ? "=vV" : "=");
	ret->scheme = scheme;
	return version_compare(version_scheme_find(scheme), ret->version, ret->version, &order);
}

static int write_drafts(const struct draft drafts[], size_t n, char *out, size_t size, size_t used)
{
	for (size_t i = 0; i < n; i++) {
		int k = snprintf(out + used, size - used, "%s%s%s", i > 0 ? "|" : "",
			drafts[i].comparator, drafts[i].version);

		if (k < 0 || (size_t) k >= size - used)
			return -EINVAL;
		used += (size_t) k;
	}
	return 0;
}

/* @s: what stands behind "vers:", without blanks; is cut into pieces. */
static int canonical(char *s, char *out, size_t size)
{
	struct draft drafts[VERS_CONSTRAINTS_MAX];
	char *rest = strchr(s, '/'), *state = NULL;
	size_t n = 0;
	int k;

	if (!rest)
		return -EINVAL;
	*rest++ = '\0';
	for (char *c = s; *c; c++)
		*c = (char) (*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
	k = snprintf(out, size, "vers:%s/%s", s, strcmp(rest, "*") == 0 ? "*" : "");
	if (k < 0 || (size_t) k >= size)
		return -EINVAL;
	if (strcmp(rest, "*") == 0)
		return 0;
	if (!version_scheme_find(s))
		return -EINVAL;
	for (rest = strtok_r(rest, "|", &state); rest; rest = strtok_r(NULL, "|", &state))
		if (n == ARRAY_SIZE(drafts) || read_draft(s, rest, &drafts[n++]) < 0)
			return -EINVAL;
	if (n > 1)
		qsort(drafts, n, sizeof(drafts[0]), compare_drafts);
	return write_drafts(drafts, n, out, size, (size_t) k);
}

int vers_canonical(const char *s, char *out, size_t size)
{
	_cleanup_free_ char *copy = NULL;
	struct vers v = { 0 };
	const char *error;
	size_t n = strnlen(s, VERS_LENGTH_MAX + 1), k = 0;
	int r = -EINVAL;

	if (size > 0)
		*out = '\0';
	copy = n > VERS_LENGTH_MAX ? NULL : calloc(1, n + 1);
	if (!copy)
		return -EINVAL;
	for (; *s; s++)
		if (*s != ' ' && !(*s >= '\t' && *s <= '\r'))
			copy[k++] = *s;
	if (strncasecmp(copy, "vers:", 5) == 0)
		r = canonical(copy + 5, out, size);
	if (r == 0)
		r = vers_parse(out, &v, &error);
	vers_done(&v);
	if (r < 0 && size > 0)
		*out = '\0';
	return r < 0 ? -EINVAL : 0;
}

/* Equality first: -1 says that it decides nothing. */
static int contains_exactly(const struct vers *v, const int order[])
{
	for (size_t i = 0; i < v->n; i++) {
		enum vers_comparator c = v->constraints[i].comparator;

		if (order[i] != 0)
			continue;
		if (c == VERS_EQUAL || c == VERS_LESS_EQUAL || c == VERS_GREATER_EQUAL)
			return 1;
		return 0;
	}
	return -1;
}

/* Between the bounds: the nearest one below the version and the nearest one above it decide. */
static int contains_between(const struct vers *v, const int order[])
{
	enum vers_comparator below = VERS_ANY, above = VERS_ANY;
	bool only_exclusions = true;

	for (size_t i = 0; i < v->n; i++) {
		enum vers_comparator c = v->constraints[i].comparator;

		only_exclusions = only_exclusions && c == VERS_NOT_EQUAL;
		if (c == VERS_EQUAL || c == VERS_NOT_EQUAL)
			continue;
		if (order[i] > 0)
			below = c;
		else if (above == VERS_ANY)
			above = c;
	}
	/* vers-spec leaves open what "!=1.0.0" alone means; every reader takes it for the rest. */
	return only_exclusions || is_lower(below) || (below == VERS_ANY && is_upper(above));
}

int vers_contains(const struct vers *v, const char *version)
{
	const struct version_scheme *scheme = version_scheme_find(v->scheme);
	int order[VERS_CONSTRAINTS_MAX];
	int r;

	if (!scheme || version_check(scheme, version) < 0)
		return -EINVAL;
	if (v->n > 0 && v->constraints[0].comparator == VERS_ANY)
		return strcmp(v->scheme, "none") != 0;
	for (size_t i = 0; i < v->n; i++) {
		r = version_compare(scheme, version, v->constraints[i].version, &order[i]);
		if (r < 0)
			return r;
	}
	r = contains_exactly(v, order);
	return r >= 0 ? r : contains_between(v, order);
}
