#include "policy/identity/version.h"

#include <errno.h>
#include <string.h>

#include "policy/base/cleanup.h"
#include "policy/identity/version_schemes.h"

struct version_scheme {
	const char *name;
	bool (*valid)(const char *s);
	int (*compare)(const char *a, const char *b);
	const char *wanted;
};

#define NOT_ONE       "this is not a version of this scheme: "
#define WANTED_SEMVER NOT_ONE "three numbers are wanted, as in 2.1.91 or 3.0.0-rc.1"
#define WANTED_APK    NOT_ONE "one as Alpine has it is wanted, as in 3.1.4_rc1-r2"
#define WANTED_STAR   "the schemes all and none have no order: only * stands behind them"

static const struct version_scheme schemes[] = {
	{ "npm", version_semver_valid, version_semver_compare, WANTED_SEMVER },
	{ "semver", version_semver_valid, version_semver_compare, WANTED_SEMVER },
	{ "deb", version_deb_valid, version_deb_compare,
		NOT_ONE "[EPOCH:]UPSTREAM[-REVISION] is wanted, as in 1:2.36-9+deb12u4" },
	{ "rpm", version_rpm_valid, version_rpm_compare,
		NOT_ONE "[EPOCH:]VERSION[-RELEASE] is wanted, as in 1:4.18.0-2.fc38" },
	{ "pypi", version_pypi_valid, version_pypi_compare,
		NOT_ONE "one of PEP 440 is wanted, as in 1.0, 2024.1rc1 or 1.0.post2" },
	{ "apk", version_apk_valid, version_apk_compare, WANTED_APK },
	{ "alpine", version_apk_valid, version_apk_compare, WANTED_APK },
	{ "maven", version_maven_valid, version_maven_compare,
		NOT_ONE "text without blanks is wanted, as in 31.1-jre or 2.0-SNAPSHOT" },
	{ "gem", version_gem_valid, version_gem_compare,
		NOT_ONE "numbers and words between dots are wanted, as in 7.1.0.rc1" },
	{ "golang", version_golang_valid, version_golang_compare,
		NOT_ONE "up to three numbers are wanted, as in v1.21.0 or v2.0.0-rc.1" },
	{ "intdot", version_intdot_valid, version_intdot_compare,
		NOT_ONE "numbers between dots are wanted, as in 10.2.3" },
	{ "datetime", version_datetime_valid, version_datetime_compare,
		NOT_ONE "a time as RFC 3339 writes it is wanted, as in 2026-07-03T12:00:00Z" },
	{ "lexicographic", version_lexicographic_valid, version_lexicographic_compare,
		NOT_ONE "text in UTF-8 is wanted" },
	{ "all", version_any_valid, NULL, WANTED_STAR },
	{ "none", version_any_valid, NULL, WANTED_STAR },
};

const struct version_scheme *version_scheme_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
		if (strcmp(schemes[i].name, name) == 0)
			return &schemes[i];
	return NULL;
}

const char *version_scheme_name(size_t i)
{
	return i < ARRAY_SIZE(schemes) ? schemes[i].name : NULL;
}

const char *version_scheme_wanted(const struct version_scheme *scheme)
{
	return scheme->wanted;
}

int version_check(const struct version_scheme *scheme, const char *version)
{
	if (strnlen(version, VERSION_LENGTH_MAX + 1) > VERSION_LENGTH_MAX)
		return -EINVAL;
	return scheme->valid(version) ? 0 : -EINVAL;
}

int version_compare(const struct version_scheme *scheme, const char *a, const char *b, int *ret)
{
	int r = version_check(scheme, a);

	if (r == 0)
		r = version_check(scheme, b);
	if (r < 0 || !scheme->compare)
		return -EINVAL;
	*ret = scheme->compare(a, b);
	return 0;
}
