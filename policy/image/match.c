/*
 * Simulates all ways a glob could go at once: "here" marks the places in the path that the part of
 * the glob read so far can end at. Each token of the glob moves the marks along once, so nothing is
 * ever tried twice, and the marked stretch is narrow for the globs people write.
 */
#include "policy/image/match.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "policy/base/text.h"

struct run {
	const char *path;
	size_t length;
	size_t low, high; /* no mark lies outside; low > high: none is left */
	bool here[PATH_MAX + 1];
};

struct set {
	const char *s; /* behind the '[' and the '!' */
	size_t n;
	bool negated;
};

/* One character, or one byte where the text is not UTF-8. */
static size_t take_character(const char *s, size_t n, uint32_t *ret)
{
	size_t k = text_utf8_decode(s, n, ret);

	if (k == 0) {
		*ret = 0xdc00u | (unsigned char) *s; /* equals no real character */
		return 1;
	}
	return k;
}

/* @s is behind a '['. Returns where the set ends (behind its ']'), or NULL. */
static const char *take_set(const char *s, struct set *ret)
{
	const char *end;

	ret->negated = *s == '!' || *s == '^';
	s += ret->negated;
	if (!*s)
		return NULL;
	end = strchr(s + 1, ']'); /* one that comes first is a member */
	if (!end)
		return NULL;
	ret->s = s;
	ret->n = (size_t) (end - s);
	return end + 1;
}

static bool set_holds(const struct set *set, uint32_t c)
{
	bool found = false;

	for (size_t i = 0; i < set->n;) {
		uint32_t first, last;

		i += take_character(set->s + i, set->n - i, &first);
		last = first;
		if (i + 1 < set->n && set->s[i] == '-') {
			i++;
			i += take_character(set->s + i, set->n - i, &last);
		}
		found = found || (first <= c && c <= last);
	}
	return found != set->negated;
}

static void mark(struct run *r, size_t at)
{
	r->here[at] = true;
	if (at > r->high)
		r->high = at;
}

/* Every mark whose next character is the wanted one moves behind it; the others go out. From the
 * end, so that no mark moves twice. @c: a literal byte; -1: any character of @set (NULL: any). */
static void step_one(struct run *r, int c, const struct set *set)
{
	size_t low = r->low, high = r->high;

	r->low = r->length + 1;
	r->high = 0;
	for (size_t i = high + 1; i-- > low;) {
		uint32_t character;
		size_t n = 1;

		if (!r->here[i])
			continue;
		r->here[i] = false;
		if (i == r->length)
			continue;
		if (c >= 0 ? (unsigned char) r->path[i] != c : r->path[i] == '/')
			continue;
		if (c < 0)
			n = take_character(r->path + i, r->length - i, &character);
		if (set && !set_holds(set, character))
			continue;
		mark(r, i + n);
		if (i + n < r->low)
			r->low = i + n;
	}
}

static void step_star(struct run *r)
{
	for (size_t i = r->low; i <= r->high && i < r->length; i++)
		if (r->here[i] && r->path[i] != '/')
			mark(r, i + 1);
}

static void step_globstar(struct run *r)
{
	for (size_t i = r->low + 1; i <= r->length; i++)
		r->here[i] = true;
	r->high = r->length;
}

/* A whole name "**" and its '/': no name, or any number of them. */
static void step_directories(struct run *r)
{
	for (size_t i = r->low + 1; i <= r->length; i++)
		if (r->path[i - 1] == '/')
			mark(r, i);
}

/* Moves the marks by the first token of @glob; returns the rest. */
static const char *step(struct run *r, const char *glob, const char *start)
{
	struct set set;
	const char *rest;

	if (glob[0] == '*' && glob[1] == '*') {
		bool whole = glob == start || glob[-1] == '/';

		while (*glob == '*')
			glob++;
		if (whole && *glob == '/') {
			step_directories(r);
			return glob + 1;
		}
		step_globstar(r);
		return glob;
	}
	if (*glob == '*') {
		step_star(r);
		return glob + 1;
	}
	if (*glob == '?') {
		step_one(r, -1, NULL);
		return glob + 1;
	}
	rest = *glob == '[' ? take_set(glob + 1, &set) : NULL;
	step_one(r, rest ? -1 : (unsigned char) *glob, rest ? &set : NULL);
	return rest ? rest : glob + 1;
}

static bool matches(const char *glob, const char *path)
{
	const char *start = glob;
	struct run r;

	/* Most globs begin with words, and most paths with others. */
	for (; *glob && !strchr("*?[", *glob); glob++, path++)
		if (*glob != *path)
			return false;
	r.path = path;
	r.length = strlen(path);
	if (!*glob)
		return r.length == 0;
	memset(r.here, 0, (r.length + 1) * sizeof(r.here[0]));
	r.low = r.high = 0;
	r.here[0] = true;
	while (*glob && r.low <= r.high)
		glob = step(&r, glob, start);
	return r.low <= r.high && !*glob && r.here[r.length];
}

static bool below_home(const char *glob, const char *path, const char *home)
{
	size_t n = strlen(home);

	while (n > 0 && home[n - 1] == '/')
		n--;
	/* An account whose home is "/" (or nothing) has no files of its own there. */
	return n > 0 && strncmp(path, home, n) == 0 && path[n] == '/' && matches(glob, path + n);
}

bool match_glob(const char *glob, const char *path, const char *const homes[])
{
	const char *name;

	if (strnlen(path, PATH_MAX + 1) > PATH_MAX)
		return false;
	if (strncmp(glob, "~/", 2) != 0)
		return matches(glob, path);
	glob++;
	for (; homes && *homes; homes++)
		if (below_home(glob, path, *homes))
			return true;
	if (homes)
		return false;
	if (below_home(glob, path, "/root"))
		return true;
	if (strncmp(path, "/home/", 6) != 0)
		return false;
	name = path + 6;
	path = strchr(name, '/');
	return path && path > name && matches(glob, path);
}

int match_glob_check(const char *glob, const char **ret_error)
{
	struct set set;

	*ret_error = NULL;
	if (strlen(glob) > MATCH_GLOB_MAX)
		*ret_error = "it is too long (1024 bytes are allowed)";
	else if (*glob != '/' && strncmp(glob, "~/", 2) != 0)
		*ret_error = "a path starts with '/' or '~/'";
	else if (glob[strlen(glob) - 1] == '/')
		*ret_error = "a path to a file does not end in '/'";
	else if (strstr(glob, "//") || strstr(glob, "/./") || strstr(glob, "/../"))
		*ret_error = "a path holds no '//', '/./' or '/../'";
	else if (!text_utf8_valid(glob, strlen(glob)))
		*ret_error = "it is not UTF-8";
	while (!*ret_error && *glob) {
		if (*glob++ != '[')
			continue;
		glob = take_set(glob, &set);
		if (!glob || memchr(set.s, '/', set.n))
			*ret_error = "a '[' has no ']' in the same name";
	}
	return *ret_error ? -EINVAL : 0;
}
