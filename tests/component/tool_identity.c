/*
 * Answers questions about names and versions, one per line, so that tests in other languages can
 * hold the parsers to published data. Fields are separated by tabs:
 *   semver V | compare V V | version SCHEME V V | purl TEXT | normal-purl TEXT | vers TEXT
 *   contains RANGE VERSION
 * Answers: "ok", then what was read; or "invalid" or "unsupported", and why.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/cleanup.h"
#include "policy/identity/purl.h"
#include "policy/identity/purl_package.h"
#include "policy/identity/semver.h"
#include "policy/identity/vers.h"
#include "policy/identity/version.h"

enum { FIELDS_MAX = 4 };

static void refuse(int r, const char *error)
{
	printf("%s\t%s\n", r == -ENOTSUP ? "unsupported" : "invalid", error);
}

static void answer_semver(char *const fields[])
{
	struct semver v;

	if (semver_parse(fields[1], &v) < 0)
		refuse(-EINVAL, "not a version");
	else
		printf("ok\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%.*s\n", v.major, v.minor,
			v.patch, v.prerelease_length, v.prerelease ? v.prerelease : "");
}

static void answer_compare(char *const fields[])
{
	struct semver a, b;
	int r;

	if (semver_parse(fields[1], &a) < 0 || semver_parse(fields[2], &b) < 0) {
		refuse(-EINVAL, "not a version");
		return;
	}
	r = semver_compare(&a, &b);
	printf("ok\t%d\n", (r > 0) - (r < 0));
}

static void answer_version(char *const fields[])
{
	const struct version_scheme *scheme = version_scheme_find(fields[1]);
	int order;

	if (!scheme)
		refuse(-ENOTSUP, "not a scheme");
	else if (version_compare(scheme, fields[2], fields[3], &order) < 0)
		refuse(-EINVAL, version_scheme_wanted(scheme));
	else
		printf("ok\t%d\n", (order > 0) - (order < 0));
}

static void answer_purl(char *const fields[])
{
	char canonical[PURL_PACKAGE_SIZE_MAX];
	const char *error = "";
	struct package p;
	int r = purl_package_read(fields[1], &p, &error);

	if (r == 0)
		r = purl_package_write(&p, canonical);
	if (r < 0)
		refuse(r, error);
	else
		printf("ok\t%s\t%s\t%s\n", p.name, p.version, canonical);
}

static void answer_normal_purl(char *const fields[])
{
	_cleanup_(purl_done) struct purl p = { 0 };
	const char *error = "";
	int r = purl_parse(fields[1], PURL_LENIENT, &p, &error);

	if (r < 0)
		refuse(r, error);
	else
		printf("ok\t%s\n", p.text);
}

static void answer_vers(char *const fields[])
{
	static const char *const comparators[] = { [VERS_EQUAL] = "=",
		[VERS_NOT_EQUAL] = "!=",
		[VERS_LESS] = "<",
		[VERS_LESS_EQUAL] = "<=",
		[VERS_GREATER] = ">",
		[VERS_GREATER_EQUAL] = ">=",
		[VERS_ANY] = "*" };
	_cleanup_(vers_done) struct vers v = { 0 };
	const char *error = "";
	int r = vers_parse(fields[1], &v, &error);

	if (r < 0) {
		refuse(r, error);
		return;
	}
	printf("ok\t%s", v.scheme);
	for (size_t i = 0; i < v.n; i++)
		printf("\t%s\t%s", comparators[v.constraints[i].comparator],
			v.constraints[i].version ? v.constraints[i].version : "");
	printf("\n");
}

static void answer_contains(char *const fields[])
{
	_cleanup_(vers_done) struct vers v = { 0 };
	const char *error = "not a version";
	int r = vers_parse(fields[1], &v, &error);

	if (r == 0)
		r = vers_contains(&v, fields[2]);
	if (r < 0)
		refuse(r, error);
	else
		printf("ok\t%d\n", r);
}

static const struct {
	const char *word;
	void (*answer)(char *const fields[]);
} questions[] = {
	{ "semver", answer_semver },
	{ "compare", answer_compare },
	{ "version", answer_version },
	{ "purl", answer_purl },
	{ "normal-purl", answer_normal_purl },
	{ "vers", answer_vers },
	{ "contains", answer_contains },
};

static void answer(char *line)
{
	char *fields[FIELDS_MAX], *rest = line;

	for (int i = 0; i < FIELDS_MAX; i++)
		fields[i] = rest ? strsep(&rest, "\t") : line + strlen(line);
	for (size_t i = 0; i < ARRAY_SIZE(questions); i++)
		if (strcmp(questions[i].word, fields[0]) == 0) {
			questions[i].answer(fields);
			return;
		}
	refuse(-EINVAL, "not a question");
}

int main(void)
{
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	ssize_t n;

	while ((n = getline(&line, &size, stdin)) > 0) {
		if (line[n - 1] == '\n')
			line[n - 1] = '\0';
		answer(line);
	}
	return ferror(stdin) || fflush(stdout) ? 1 : 0;
}
