/* Which role is asked for a target, and in which order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "policy/trust/search.h"

static void patterns(void **state)
{
	static const struct {
		const char *pattern, *path;
		bool matches;
	} cases[] = {
		{ "", "", true },
		{ "a", "", false },
		{ "", "a", false },
		{ "*", "", true },
		{ "*", "a.txt", true },
		{ "*", "a/b", false },
		{ "*", "/", false },
		{ "*/*", "a/b", true },
		{ "*/*", "a/b/c", false },
		{ "*/*", "/", true },
		{ "a/*", "a/", true },
		{ "a/*", "a", false },
		{ "a*/b", "a/b", true },
		{ "a*/b", "axx/b", true },
		{ "a*/b", "ax/yb", false },
		{ "*.py", "x.py", true },
		{ "*.py", "x.PY", false },
		{ "*.py", "d/x.py", false },
		{ "*a*b*c", "xxaxxbxxc", true },
		{ "*a*b*c", "xxaxxbxxcx", false },
		{ "**", "abc", true },
		{ "?", "a", true },
		{ "?", "", false },
		{ "?", "/", false },
		{ "?", "\xc3\xa4", true },
		{ "??", "\xc3\xa4", false },
		{ "a?c/d", "abc/d", true },
		{ "[abc]", "b", true },
		{ "[abc]", "d", false },
		{ "[!abc]", "d", true },
		{ "[!abc]", "b", false },
		{ "[!abc]", "/", false },
		{ "[a-f]x", "ex", true },
		{ "[a-f]x", "gx", false },
		{ "[\xc3\xa4-\xc3\xb6]", "\xc3\xb6", true },
		{ "[]]", "]", true },
		{ "[!]]", "]", false },
		{ "[a-]", "-", true },
		{ "[-a]", "-", true },
		{ "[z-a]", "b", false },
		{ "[a", "[a", true },
		{ "[a/b]", "a", false },
		{ "[a/b]", "[a/b]", true },
		{ "[]", "[]", true },
		{ "[!]", "[!]", true },
		{ "a\\*", "a\\b", true },
		{ "a\\*", "a*", false },
		{ "\xff*", "\xff\xfe", true },
		{ "releases/*/*.zip", "releases/x/y.zip", true },
		{ "releases/*/*.zip", "releases/x/y/z.zip", false },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (tuf_pattern_matches(cases[i].pattern, cases[i].path) != cases[i].matches)
			fail_msg("\"%s\" and \"%s\": expected %d", cases[i].pattern, cases[i].path,
				cases[i].matches);
}

static void beginnings(void **state)
{
	static const struct {
		const char *pattern, *prefix;
		bool may;
	} cases[] = {
		{ "*", "", true },
		{ "", "", true },
		{ "", "p", false },
		{ "*", "policy/", false },
		{ "policy/*", "policy/", true },
		{ "policy/a", "policy/", true },
		{ "policy", "policy/", false },
		{ "policy", "pol", true },
		{ "pol", "policy", false },
		{ "p*y/*", "policy/", true },
		{ "p*z/*", "policy/", false },
		{ "*/*", "policy/", true },
		{ "*/*/*", "policy/", true },
		{ "policy/*", "policy/lists/", false },
		{ "policy/x*", "policy/li", false },
		{ "policy/*x", "policy/li", true },
		{ "policy/l?", "policy/li", true },
		{ "policy/l", "policy/li", false },
		{ "other/*", "policy/", false },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (tuf_pattern_may_begin(cases[i].pattern, cases[i].prefix) != cases[i].may)
			fail_msg("\"%s\" and what begins with \"%s\": expected %d",
				cases[i].pattern, cases[i].prefix, cases[i].may);
}

/* Matchers that try every way take longer than the universe has. */
static void hostile_patterns_end_soon(void **state)
{
	char pattern[2048], path[4096];
	clock_t began = clock();

	(void) state;
	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = i % 2 ? 'a' : '*';
	pattern[sizeof(pattern) - 2] = 'b';
	pattern[sizeof(pattern) - 1] = '\0';
	memset(path, 'a', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	assert_false(tuf_pattern_matches(pattern, path));
	assert_true(clock() - began < 2 * CLOCKS_PER_SEC);
}

/* ---- the walk ---- */
enum { ROLES = 6 };

struct graph {
	struct tuf_metadata roles[ROLES]; /* "targets", then "A" to "E" */
	struct tuf_delegation links[ROLES][4];
};

static char *names[ROLES] = { "targets", "A", "B", "C", "D", "E" };

static void link_roles(
	struct graph *g, int from, int to, char **paths, char **prefixes, bool terminating)
{
	struct tuf_metadata *m = &g->roles[from];

	m->delegations = g->links[from];
	m->delegations[m->n_delegations++] = (struct tuf_delegation){
		.role = { .name = names[to], .threshold = 1 },
		.terminating = terminating,
		.paths = paths,
		.prefixes = prefixes,
		.n_patterns = 1,
	};
}

/* "A<targets C<A ", or how it ended. */
static void walk(struct graph *g, struct tuf_search *s, char out[256])
{
	const char *role, *delegator;
	int r;

	out[0] = '\0';
	while ((r = tuf_search_next(s, &role, &delegator)) > 0) {
		size_t used = strlen(out), i = 0;

		(void) snprintf(out + used, 256 - used, "%s<%s ", role, delegator);
		while (strcmp(names[i], role) != 0)
			i++;
		assert_int_equal(tuf_search_enter(s, &g->roles[i]), 0);
	}
	if (r < 0)
		(void) snprintf(out + strlen(out), 256 - strlen(out), "%d", r);
}

static void walks(void **state)
{
	static char *any[] = { "*" }, *txt[] = { "*.txt" }, *py[] = { "*.py" };
	/* the SHA-256 of "a.txt" begins with 18b7 */
	static char *bin[] = { "18b" }, *other_bin[] = { "18c" };
	static const struct {
		const char *what;
		struct {
			int from, to;
			char **paths, **prefixes;
			bool terminating;
		} links[6];
		const char *visited, *all;
	} cases[] = {
		{ "none", { { 0 } }, "targets<root ", "targets<root " },
		{ "pre-order, depth first",
			{ { 0, 1, any, NULL, false }, { 0, 2, any, NULL, false },
				{ 1, 3, any, NULL, false }, { 1, 4, any, NULL, false } },
			"targets<root A<targets C<A D<A B<targets ",
			"targets<root A<targets C<A D<A B<targets " },
		{ "terminating ends the search further up too",
			{ { 0, 1, any, NULL, false }, { 0, 2, any, NULL, false },
				{ 1, 3, any, NULL, true }, { 1, 4, any, NULL, false },
				{ 3, 5, any, NULL, false } },
			"targets<root A<targets C<A E<C ",
			"targets<root A<targets C<A E<C D<A B<targets " },
		{ "terminating without a match ends nothing",
			{ { 0, 1, py, NULL, true }, { 0, 2, txt, NULL, false } },
			"targets<root B<targets ", "targets<root A<targets B<targets " },
		{ "a cycle",
			{ { 0, 1, any, NULL, false }, { 1, 2, any, NULL, false },
				{ 2, 1, any, NULL, false }, { 2, 3, any, NULL, false } },
			"targets<root A<targets B<A C<B ", "targets<root A<targets B<A C<B " },
		{ "a diamond",
			{ { 0, 1, any, NULL, false }, { 0, 2, any, NULL, false },
				{ 1, 3, py, NULL, false }, { 2, 3, txt, NULL, false } },
			"targets<root A<targets B<targets C<B ",
			"targets<root A<targets C<A B<targets " },
		{ "hashed bins", { { 0, 1, NULL, other_bin, false }, { 0, 2, NULL, bin, false } },
			"targets<root B<targets ", "targets<root A<targets B<targets " },
		{ "back to targets", { { 0, 1, any, NULL, false }, { 1, 0, any, NULL, false } },
			"targets<root A<targets ", "targets<root A<targets " },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(tuf_search_freep) struct tuf_search *s = NULL, *all = NULL;
		struct graph g = { 0 };
		char visited[256];

		for (size_t k = 0; k < 6 && (cases[i].links[k].paths || cases[i].links[k].prefixes);
			k++)
			link_roles(&g, cases[i].links[k].from, cases[i].links[k].to,
				cases[i].links[k].paths, cases[i].links[k].prefixes,
				cases[i].links[k].terminating);
		assert_int_equal(tuf_search_new("a.txt", &s), 0);
		walk(&g, s, visited);
		if (strcmp(visited, cases[i].visited) != 0)
			fail_msg("%s: expected %s\nfound %s", cases[i].what, cases[i].visited,
				visited);
		assert_int_equal(tuf_search_new_all("a.t", ROLES, &all), 0);
		walk(&g, all, visited);
		if (strcmp(visited, cases[i].all) != 0)
			fail_msg("%s, all: expected %s\nfound %s", cases[i].what, cases[i].all,
				visited);
	}
}

static void limit_of_roles(void **state)
{
	static char *any[] = { "*" };
	struct graph g = { 0 };
	char visited[256];

	(void) state;
	for (int i = 0; i + 1 < ROLES; i++)
		link_roles(&g, i, i + 1, any, NULL, false);
	for (size_t max = 3; max < ROLES; max++) {
		_cleanup_(tuf_search_freep) struct tuf_search *s = NULL;

		assert_int_equal(tuf_search_new_all("a", max, &s), 0);
		walk(&g, s, visited);
		assert_int_equal(strstr(visited, "-40") != NULL, max < ROLES - 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns),
		cmocka_unit_test(beginnings),
		cmocka_unit_test(hostile_patterns_end_soon),
		cmocka_unit_test(walks),
		cmocka_unit_test(limit_of_roles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
