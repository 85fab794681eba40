#include "policy/trust/search.h"

#include <openssl/evp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/text.h"

struct step {
	const char *role, *delegator;
};

struct tuf_search {
	const char *path; /* or prefix */
	char digest[65];  /* hexadecimal; of path */
	bool all;
	size_t roles_max;
	struct step *steps; /* a stack */
	size_t n_steps, n_allocated;
	const char **visited; /* roles_max, and "targets" */
	size_t n_visited;
};

/* ---- patterns ---- */
static size_t decode(const char *s, uint32_t *ret)
{
	size_t n = text_utf8_decode(s, strnlen(s, 4), ret);

	if (n > 0)
		return n;
	*ret = (unsigned char) *s;
	return 1;
}

/* Behind the ']' that closes the '[' at @p; NULL when none does in this part of the path. */
static const char *closing(const char *p)
{
	const char *end;

	p++;
	if (*p == '!')
		p++;
	end = p + (*p == ']');
	while (*end != ']') {
		if (*end == '\0' || *end == '/')
			return NULL;
		end++;
	}
	return end + 1;
}

static bool in_set(const char *p, const char *end, uint32_t c)
{
	bool negated = p[1] == '!', found = false;

	for (p += 1 + negated; p < end - 1;) {
		uint32_t low, high;

		p += decode(p, &low);
		high = low;
		if (*p == '-' && p + 1 < end - 1)
			p += 1 + decode(p + 1, &high);
		found |= low <= c && c <= high;
	}
	return found != negated;
}

/* Does what stands at *pattern, other than '*', match the code point at *path? Steps over both. */
static bool one_matches(const char **pattern, const char **path)
{
	uint32_t want, c;
	const char *p = *pattern, *end;
	bool same;

	if (**path == '\0' || *p == '\0')
		return false;
	*path += decode(*path, &c);
	end = *p == '[' ? closing(p) : NULL;
	if (end) {
		same = c != '/' && in_set(p, end, c);
	} else {
		end = p + decode(p, &want);
		same = want == '?' ? c != '/' : c == want;
	}
	*pattern = end;
	return same;
}

/* No '*' matches a '/', so the parts of pattern and path between slashes meet one by one, and in
 * each of them only the last '*' ever has to take more. */
static bool matches(const char *pattern, const char *path, bool whole)
{
	const char *star = NULL, *taken = NULL;
	uint32_t c;

	while (*path || (whole && *pattern)) {
		const char *p = pattern, *s = path;

		if (*pattern == '*') {
			star = ++pattern;
			taken = path;
			continue;
		}
		if (one_matches(&p, &s)) {
			if (s[-1] == '/')
				star = NULL;
			pattern = p;
			path = s;
			continue;
		}
		if (!star || *taken == '\0' || *taken == '/')
			return false;
		taken += decode(taken, &c);
		pattern = star;
		path = taken;
	}
	return true;
}

bool tuf_pattern_matches(const char *pattern, const char *path)
{
	return matches(pattern, path, true);
}

bool tuf_pattern_may_begin(const char *pattern, const char *prefix)
{
	return matches(pattern, prefix, false);
}

/* ---- delegations ---- */
static int hash_path(const char *path, char out[65])
{
	uint8_t digest[32];
	unsigned int size;

	if (EVP_Digest(path, strlen(path), digest, &size, EVP_sha256(), NULL) != 1)
		return -ENOMEM;
	text_hex(digest, sizeof(digest), out);
	return 0;
}

static bool covers(const struct tuf_delegation *d, const char *path, const char *digest)
{
	for (size_t i = 0; i < d->n_patterns; i++) {
		if (d->paths && tuf_pattern_matches(d->paths[i], path))
			return true;
		if (!d->paths && strncmp(digest, d->prefixes[i], strlen(d->prefixes[i])) == 0)
			return true;
	}
	return false;
}

static bool may_cover(const struct tuf_delegation *d, const char *prefix)
{
	if (!d->paths)
		return d->n_patterns > 0;
	for (size_t i = 0; i < d->n_patterns; i++)
		if (tuf_pattern_may_begin(d->paths[i], prefix))
			return true;
	return false;
}

/* ---- the search ---- */
static int push(struct tuf_search *s, const char *role, const char *delegator)
{
	if (s->n_steps == s->n_allocated) {
		size_t n = s->n_allocated ? 2 * s->n_allocated : 16;
		struct step *steps = reallocarray(s->steps, n, sizeof(*steps));

		if (!steps)
			return -ENOMEM;
		s->steps = steps;
		s->n_allocated = n;
	}
	s->steps[s->n_steps++] = (struct step){ role, delegator };
	return 0;
}

int tuf_search_new_all(const char *prefix, size_t roles_max, struct tuf_search **ret)
{
	_cleanup_(tuf_search_freep) struct tuf_search *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->path = prefix;
	s->all = true;
	s->roles_max = roles_max;
	s->visited = calloc(roles_max + 1, sizeof(*s->visited));
	if (!s->visited || hash_path(prefix, s->digest) < 0 || push(s, "targets", "root") < 0)
		return -ENOMEM;
	*ret = TAKE_PTR(s);
	return 0;
}

int tuf_search_new(const char *path, struct tuf_search **ret)
{
	int r = tuf_search_new_all(path, TUF_DELEGATIONS_MAX, ret);

	if (r == 0)
		(*ret)->all = false;
	return r;
}

struct tuf_search *tuf_search_free(struct tuf_search *s)
{
	if (!s)
		return NULL;
	free(s->steps);
	free(s->visited);
	free(s);
	return NULL;
}

static bool was_visited(const struct tuf_search *s, const char *role)
{
	for (size_t i = 0; i < s->n_visited; i++)
		if (strcmp(s->visited[i], role) == 0)
			return true;
	return false;
}

int tuf_search_next(struct tuf_search *s, const char **ret_role, const char **ret_delegator)
{
	while (s->n_steps > 0) {
		struct step step = s->steps[--s->n_steps];

		if (was_visited(s, step.role))
			continue;
		if (s->n_visited > s->roles_max)
			return -ELOOP;
		s->visited[s->n_visited++] = step.role;
		*ret_role = step.role;
		*ret_delegator = step.delegator;
		return 1;
	}
	return 0;
}

int tuf_search_enter(struct tuf_search *s, const struct tuf_metadata *m)
{
	const char *delegator = s->visited[s->n_visited - 1];
	size_t first = s->n_steps;
	int r;

	for (size_t i = 0; i < m->n_delegations; i++) {
		const struct tuf_delegation *d = &m->delegations[i];

		if (s->all ? !may_cover(d, s->path) : !covers(d, s->path, s->digest))
			continue;
		r = push(s, d->role.name, delegator);
		if (r < 0)
			return r;
		if (d->terminating && !s->all) {
			/* nobody else is asked any more, neither here nor further up */
			s->n_steps -= first;
			memmove(s->steps, s->steps + first, s->n_steps * sizeof(*s->steps));
			first = 0;
			break;
		}
	}
	for (size_t i = first, j = s->n_steps; i + 1 < j; i++) {
		struct step step = s->steps[--j];

		s->steps[j] = s->steps[i];
		s->steps[i] = step;
	}
	return 0;
}
