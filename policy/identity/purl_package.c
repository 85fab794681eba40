#include "policy/identity/purl_package.h"

#include <string.h>

#include "policy/base/cleanup.h"
#include "policy/base/text.h"
#include "policy/identity/npm.h"
#include "policy/identity/purl.h"
#include "policy/identity/semver.h"

static int fail(const char **ret_error, const char *text)
{
	*ret_error = text;
	return -EINVAL;
}

static int check_name(const struct purl *p, const struct package *package, const char **ret_error)
{
	if (*p->namespace && *p->namespace != '@')
		return fail(ret_error, "the scope of an npm name starts with @");
	if (strpbrk(p->name, "/@"))
		return fail(ret_error, "there is a '/' or '@' in the name");
	return npm_name_valid(package->name) ? 0
					     : fail(ret_error, "the name is not one npm allows");
}

static int from_npm(const struct purl *p, struct package *ret, const char **ret_error)
{
	struct package package = { .type = PACKAGE_NPM };
	struct semver version;
	int r,
		n = snprintf(package.name, sizeof(package.name), "%s%s%s", p->namespace,
			*p->namespace ? "/" : "", p->name);

	if (n < 0 || (size_t) n >= sizeof(package.name) ||
		text_copy(package.version, sizeof(package.version), p->version) < 0)
		return fail(ret_error, "a part of it is too long");
	r = check_name(p, &package, ret_error);
	if (r < 0)
		return r;
	if (*p->version && semver_parse(p->version, &version) < 0)
		return fail(ret_error, "the version is not one npm allows (MAJOR.MINOR.PATCH)");
	if (p->n_qualifiers > 0)
		return fail(ret_error, "qualifiers cannot be matched yet");
	if (*p->subpath)
		return fail(ret_error, "a subpath cannot be matched yet");
	*ret = package;
	return 0;
}

int purl_package_read(const char *s, struct package *ret, const char **ret_error)
{
	_cleanup_(purl_done) struct purl p = { 0 };
	int r = purl_parse(s, PURL_LENIENT, &p, ret_error);

	if (r < 0)
		return r;
	if (strcmp(p.type, "npm") == 0)
		return from_npm(&p, ret, ret_error);
	*ret_error = "packages of this type cannot be matched yet";
	return -ENOTSUP;
}

int purl_package_write(const struct package *p, char out[PURL_PACKAGE_SIZE_MAX])
{
	_cleanup_(purl_done) struct purl built = { 0 };
	struct purl parts = { .type = package_type_to_string(p->type), .version = p->version };
	char name[PACKAGE_NAME_MAX + 1], *slash;
	const char *error;
	int r;

	*out = '\0';
	memcpy(name, p->name, sizeof(name));
	slash = strrchr(name, '/');
	parts.name = slash ? slash + 1 : name;
	if (slash) {
		*slash = '\0';
		parts.namespace = name;
	}
	r = purl_build(&parts, &built, &error);
	return r < 0 ? r : text_copy(out, PURL_PACKAGE_SIZE_MAX, built.text);
}
