#include "agent/walker/place.h"

#include <string.h>

#include "policy/identity/pypi.h"

enum { NIX_HASH_LENGTH = 32 };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), k = strlen(end);

	return n > k && strcmp(s + n - k, end) == 0;
}

static bool is_listed(const struct policy *p, enum package_type type, const char *prefix,
	const char *name, size_t n)
{
	char full[PACKAGE_NAME_MAX + 1];
	int length = snprintf(full, sizeof(full), "%s%.*s", prefix, (int) n, name);

	return n > 0 && length > 0 && (size_t) length < sizeof(full) &&
		policy_lists_package(p, type, full);
}

/* NAME-VERSION, where either may hold dashes: every cut before a digit is tried. */
static bool any_cut_is_listed(
	const struct policy *p, enum package_type type, const char *prefix, const char *name)
{
	if (is_listed(p, type, prefix, name, strlen(name)))
		return true;
	for (const char *dash = name; (dash = strchr(dash, '-')); dash++)
		if (is_digit(dash[1]) && is_listed(p, type, prefix, name, (size_t) (dash - name)))
			return true;
	return false;
}

static bool scoped_is_listed(const struct policy *p, const char *scope, const char *name)
{
	char prefix[PACKAGE_NAME_MAX + 1];

	return snprintf(prefix, sizeof(prefix), "%s/", scope) < (int) sizeof(prefix) &&
		is_listed(p, PACKAGE_NPM, prefix, name, strlen(name));
}

static bool extension_is_listed(const struct policy *p, const char *name)
{
	const char *dot = strchr(name, '.');
	char prefix[PACKAGE_NAME_MAX + 1];

	return dot &&
		snprintf(prefix, sizeof(prefix), "%.*s/", (int) (dot - name), name) <
		(int) sizeof(prefix) &&
		any_cut_is_listed(p, PACKAGE_VSCODE_EXTENSION, prefix, dot + 1);
}

/* NAME-VERSION.dist-info; what belongs to the name holds no dash there. */
static bool distribution_is_listed(const struct policy *p, const char *name)
{
	char normal[PACKAGE_NAME_MAX + 1];

	return pypi_name_normalize(name, strcspn(name, "-"), normal, sizeof(normal)) &&
		policy_lists_package(p, PACKAGE_PYPI, normal);
}

static enum place_kind kind_of(
	const struct policy *p, const struct place *above, const char *above_name, const char *name)
{
	static const struct {
		const char *name;
		enum place_kind kind;
	} kinds[] = {
		{ "node_modules", PLACE_NODE_MODULES },
		{ "extensions", PLACE_EXTENSIONS },
		{ "Cellar", PLACE_CELLAR },
		{ "Caskroom", PLACE_CELLAR },
		{ "bin", PLACE_BIN },
		{ "cache", PLACE_CACHE },
		{ "nix", PLACE_NIX },
	};

	if (above->kind == PLACE_NODE_MODULES && name[0] == '@')
		return PLACE_SCOPE;
	if (strcmp(name, "store") == 0 && strcmp(above_name, "nix") == 0)
		return PLACE_NIX_STORE;
	if ((ends_with(name, ".dist-info") || ends_with(name, ".egg-info")) &&
		distribution_is_listed(p, name))
		return PLACE_DIST_INFO;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(name, kinds[i].name) == 0)
			return kinds[i].kind;
	return PLACE_PLAIN;
}

/* Is @name in @above the topmost folder of a listed package? */
static bool starts_listed(
	const struct policy *p, const struct place *above, const char *above_name, const char *name)
{
	switch ((enum place_kind) above->kind) {
	case PLACE_NODE_MODULES:
		return name[0] != '@' && is_listed(p, PACKAGE_NPM, "", name, strlen(name));
	case PLACE_SCOPE:
		return scoped_is_listed(p, above_name, name);
	case PLACE_EXTENSIONS:
		return extension_is_listed(p, name);
	case PLACE_CELLAR:
		return is_listed(p, PACKAGE_BREW, "", name, strlen(name));
	case PLACE_NIX_STORE:
		return strlen(name) > NIX_HASH_LENGTH + 1 && name[NIX_HASH_LENGTH] == '-' &&
			any_cut_is_listed(p, PACKAGE_GENERIC, "nix/", name + NIX_HASH_LENGTH + 1);
	case PLACE_PLAIN:
	case PLACE_NIX:
	case PLACE_DIST_INFO:
	case PLACE_BIN:
	case PLACE_CACHE:
		break;
	}
	return false;
}

void place_enter(const struct policy *p, const struct place *above, const char *above_name,
	const char *name, struct place *ret)
{
	struct place here = { .kind = (uint8_t) kind_of(p, above, above_name, name) };

	here.starts_listed = starts_listed(p, above, above_name, name);
	here.listed = here.starts_listed || (above->listed && here.kind != PLACE_NODE_MODULES);
	if (here.kind != PLACE_NODE_MODULES && above->near_left > 0)
		here.near_left = (uint8_t) (above->near_left - 1);
	*ret = here;
}
