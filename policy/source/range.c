#include "policy/source/range.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "policy/base/cleanup.h"
#include "policy/identity/semver.h"
#include "policy/identity/version.h"

enum { SUCCESSOR_MAX = SEMVER_LENGTH_MAX + 64 };

/* The version right behind @version in the order of semver: there is none between the two. */
static int successor(const char *version, char out[SUCCESSOR_MAX])
{
	struct semver v;
	int r = semver_parse(version, &v);

	if (r < 0)
		return r;
	if (v.prerelease)
		(void) snprintf(out, SUCCESSOR_MAX, "%" PRIu64 ".%" PRIu64 ".%" PRIu64 "-%.*s.0",
			v.major, v.minor, v.patch, v.prerelease_length, v.prerelease);
	else
		(void) snprintf(out, SUCCESSOR_MAX, "%" PRIu64 ".%" PRIu64 ".%" PRIu64 "-0",
			v.major, v.minor, v.patch + 1);
	return 0;
}

static bool is_semver(const char *scheme)
{
	return !strcmp(scheme, "npm") || !strcmp(scheme, "semver");
}

/* A range changes only at the versions it names. So whatever it holds, it holds the least version
 * of all, one that it names, or the one right behind such a one. */
static bool semver_holds_any(const struct vers *v)
{
	char next[SUCCESSOR_MAX];

	if (vers_contains(v, "0.0.0-0") > 0)
		return true;
	for (size_t i = 0; i < v->n; i++) {
		const char *version = v->constraints[i].version;

		if (!version || vers_contains(v, version) > 0)
			return true;
		if (successor(version, next) == 0 && vers_contains(v, next) > 0)
			return true;
	}
	return false;
}

/* The least version of all, where there is one that can be told. */
static const char *least_version(const char *scheme)
{
	static const struct {
		const char *scheme, *version;
	} least[] = {
		{ "golang", "v0.0.0-0" },
		{ "intdot", "0" },
		{ "pypi", "0.dev0" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(least); i++)
		if (!strcmp(least[i].scheme, scheme))
			return least[i].version;
	return NULL;
}

int range_holds_any(const struct vers *v)
{
	const struct vers_constraint *c = &v->constraints[0];
	const char *least = least_version(v->scheme);
	int order;

	if (is_semver(v->scheme))
		return semver_holds_any(v);
	if (!strcmp(v->scheme, "none"))
		return 0;
	if (least && v->n == 1 && c->comparator == VERS_LESS &&
		version_compare(version_scheme_find(v->scheme), c->version, least, &order) == 0)
		return order > 0;
	return 1;
}

bool range_orders(const struct vers *v, enum package_type type)
{
	const char *scheme = package_type_scheme(type);

	return !scheme || !strcmp(scheme, v->scheme) || !strcmp(v->scheme, "all") ||
		!strcmp(v->scheme, "none") || (is_semver(scheme) && is_semver(v->scheme));
}

bool range_reads(const struct vers *v, const char *version)
{
	return version_check(version_scheme_find(v->scheme), version) == 0;
}
