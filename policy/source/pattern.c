#include "policy/source/pattern.h"

#include <ctype.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "policy/base/cleanup.h"
#include "policy/image/signature.h"

/* Repetitions within repetitions multiply, and so does the memory that they take. */
enum { PATTERN_REPEATS_MAX = 1000 };

static int fail(const char **ret_error, const char *text)
{
	*ret_error = text;
	return -EINVAL;
}

static int check_characters(const char *s, const char **ret_error)
{
	size_t n = strnlen(s, SIGNATURE_PATTERN_MAX + 1);

	if (n == 0 || n > SIGNATURE_PATTERN_MAX)
		return fail(ret_error, "it has 1 to 255 characters");
	for (size_t i = 0; i < n; i++)
		if (s[i] < ' ' || s[i] > '~')
			return fail(ret_error, "it holds printable ASCII characters only");
	return 0;
}

/* From behind '[' to behind its ']', or to the end. */
static int check_bracket(const char **s, const char **ret_error)
{
	const char *p = *s;

	p += *p == '^';
	p += *p == ']';
	for (; *p && *p != ']'; p++) {
		if (*p == '\\')
			return fail(ret_error,
				"a backslash within [...] means two things; leave it out, and put "
				"- last and ] first");
		if (*p == '[' && strchr(":.=", p[1]))
			return fail(ret_error,
				"[: :] is not known to YARA; write [0-9] or [A-Za-z] instead");
	}
	*s = p + (*p == ']');
	return 0;
}

/* From behind '{': multiplies *repeats by how often it repeats at most. */
static int check_bounds(const char *s, unsigned *repeats, const char **ret_error)
{
	unsigned bound = 0;

	for (; isdigit((unsigned char) *s) || *s == ','; s++) {
		bound = *s == ',' ? (s[1] == '}' ? bound : 0) : bound * 10 + (unsigned) (*s - '0');
		if (bound > PATTERN_REPEATS_MAX)
			break;
	}
	*repeats *= bound ?: 1;
	if (bound > PATTERN_REPEATS_MAX || *repeats > PATTERN_REPEATS_MAX)
		return fail(ret_error, "the bounds in it {...} multiply to more than 1000");
	return 0;
}

/* What the two engines take for different things. */
static int check_meaning(const char *s, const char **ret_error)
{
	unsigned repeats = 1;
	int r = 0;

	while (r == 0 && *s) {
		char c = *s++;

		if (c == '\\' && isalnum((unsigned char) *s))
			return fail(ret_error,
				"a backslash before a letter or digit means two things; write "
				"[0-9] for \\d and [A-Za-z0-9_] for \\w");
		if (c == '\\')
			s += *s != '\0';
		else if (c == '[')
			r = check_bracket(&s, ret_error);
		else if (c == '{')
			r = check_bounds(s, &repeats, ret_error);
		else if (strchr("*+?}", c) && strchr("*+?{", *s) && *s)
			return fail(ret_error, "a repetition of a repetition means two things");
	}
	return r;
}

int pattern_check(const char *pattern, const char **ret_error)
{
	regex_t compiled;
	int r = check_characters(pattern, ret_error), k;

	r = r ?: check_meaning(pattern, ret_error);
	if (r < 0)
		return r;
	k = regcomp(&compiled, pattern, REG_EXTENDED);
	if (k == REG_ESPACE)
		return -ENOMEM;
	if (k != 0)
		return fail(ret_error, "it is not an extended regular expression of POSIX");
	if (compiled.re_nsub == 0)
		r = fail(ret_error,
			"it has no group (...): the first one is the version, as in version "
			"([0-9.]+)");
	else if (regexec(&compiled, "", 0, NULL, 0) == 0)
		r = fail(ret_error, "it matches where there is nothing");
	regfree(&compiled);
	return r;
}

int pattern_rule(const char *name, const char *pattern, char **ret)
{
	char escaped[2 * SIGNATURE_PATTERN_MAX + 1], *out = escaped;

	for (const char *s = pattern; *s; s++) {
		if (*s == '/')
			*out++ = '\\';
		else if (*s == '\\')
			*out++ = *s++;
		*out++ = *s;
	}
	*out = '\0';
	return asprintf(ret,
		       "rule " SIGNATURE_VERSION_PREFIX "%s { strings: $version = /%s/ "
		       "condition: $version }",
		       name, escaped) < 0
		? -ENOMEM
		: 0;
}
