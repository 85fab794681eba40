/*
 * npm and semver: Semantic Versioning 2.0.0, section 11, as node-semver reads it (semver.h).
 */
#include "policy/identity/semver.h"
#include "policy/identity/version_schemes.h"

bool version_semver_valid(const char *s)
{
	struct semver v;

	return semver_parse(s, &v) == 0;
}

int version_semver_compare(const char *a, const char *b)
{
	struct semver x, y;

	return semver_parse(a, &x) < 0 || semver_parse(b, &y) < 0 ? 0 : semver_compare(&x, &y);
}
