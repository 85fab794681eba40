#include "policy/source/range.h"

#include <inttypes.h>
#include <stdio.h>

#include "policy/identity/semver.h"

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

/* A range changes only at the versions it names. So whatever it holds, it holds the least version
 * of all, one that it names, or the one right behind such a one. */
int range_holds_any(const struct vers *v)
{
	char next[SUCCESSOR_MAX];

	if (vers_contains(v, "0.0.0-0") > 0)
		return 1;
	for (size_t i = 0; i < v->n; i++) {
		const char *version = v->constraints[i].version;

		if (!version || vers_contains(v, version) > 0)
			return 1;
		if (successor(version, next) == 0 && vers_contains(v, next) > 0)
			return 1;
	}
	return 0;
}
