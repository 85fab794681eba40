#include "policy/identity/purl_package.h"

#include <string.h>
#include <strings.h>

#include "policy/base/cleanup.h"
#include "policy/base/text.h"
#include "policy/identity/npm.h"
#include "policy/identity/purl.h"
#include "policy/identity/pypi.h"
#include "policy/identity/version.h"

#define LOWER  "abcdefghijklmnopqrstuvwxyz0123456789"
#define LETTER "ABCDEFGHIJKLMNOPQRSTUVWXYZ" LOWER

/* What this program asks of a purl beyond what the registry does. */
struct kind {
	const char *letters; /* that a name is made of; NULL: anything but blanks */
	bool blanks;         /* they may be in it, too */
	bool namespace_is_path;
	const char *namespace_missing, *name_wrong; /* advice */
};

static const struct kind kinds[_PACKAGE_TYPE_MAX] = {
	[PACKAGE_DEB] = { .letters = LOWER "+-.",
		.namespace_missing = "the distribution is missing: it is pkg:deb/debian/NAME (or "
				     "ubuntu, ...)",
		.name_wrong = "the name of a deb package holds letters, digits, '+', '-' and '.'" },
	[PACKAGE_RPM] = { .letters = LETTER "+-._",
		.namespace_missing = "the distribution is missing: it is pkg:rpm/fedora/NAME (or "
				     "redhat, opensuse, ...)",
		.name_wrong = "the name of an rpm package holds letters, digits, '+', '-', '.' "
			      "and '_'" },
	[PACKAGE_PYPI] = { .letters = LOWER "-", /* in normal form */
		.name_wrong = "a Python name holds letters, digits, '.', '-' and '_', with letters "
			      "or digits at its ends" },
	[PACKAGE_VSCODE_EXTENSION] = { .letters = LOWER "-._",
		.namespace_missing = "the publisher is missing: it is pkg:vscode-extension/"
				     "PUBLISHER/NAME",
		.name_wrong = "an extension's name holds letters, digits, '-', '.' and '_'" },
	[PACKAGE_GOLANG] = { .namespace_is_path = true,
		.namespace_missing = "a Go module is named by its whole path: it is "
				     "pkg:golang/github.com/OWNER/NAME" },
	[PACKAGE_CARGO] = { .letters = LETTER "-_",
		.name_wrong = "a crate's name holds letters, digits, '-' and '_'" },
	[PACKAGE_MAVEN] = { .namespace_missing = "the group is missing: it is "
						 "pkg:maven/GROUP/ARTIFACT" },
	[PACKAGE_BREW] = { .namespace_is_path = true }, /* which is refused with words of its own */
	[PACKAGE_GENERIC] = { .blanks = true },
};

static int fail(const char **ret_error, const char *text)
{
	*ret_error = text;
	return -EINVAL;
}

static int check_npm(const struct purl *p, const struct package *package, const char **ret_error)
{
	if (*p->namespace && *p->namespace != '@')
		return fail(ret_error, "the scope of an npm name starts with @");
	if (strpbrk(p->name, "/@"))
		return fail(ret_error, "there is a '/' or '@' in the name");
	return npm_name_valid(package->name) ? 0
					     : fail(ret_error, "the name is not one npm allows");
}

static int check_generic(const struct purl *p, const char **ret_error)
{
	static const char *const homes[] = { "snap", "flatpak", "appimage", "electron", "jetbrains",
		"nix" };

	for (size_t i = 0; i < ARRAY_SIZE(homes); i++)
		if (strcmp(p->namespace, homes[i]) == 0)
			return 0;
	return fail(ret_error,
		"the namespace of a generic package says where it lives: snap, flatpak, appimage, "
		"electron, jetbrains or nix, as in pkg:generic/snap/code");
}

static int check_name(const struct purl *p, const struct package *package, const char **ret_error)
{
	const struct kind *k = &kinds[package->type];
	const char *name = strrchr(package->name, '/');

	if (package->type == PACKAGE_NPM)
		return check_npm(p, package, ret_error);
	if (strchr(p->name, '/'))
		return fail(ret_error, "there is a '/' in the name");
	if (strchr(p->namespace, '/') && !k->namespace_is_path)
		return fail(ret_error, "its namespace has more than one part");
	if (package->type == PACKAGE_BREW && *p->namespace)
		return fail(ret_error,
			"nothing on disk tells the tap of a formula: it is pkg:brew/NAME");
	if (package->type == PACKAGE_GENERIC && check_generic(p, ret_error) < 0)
		return -EINVAL;
	name = name ? name + 1 : package->name;
	if (k->letters && (name[strspn(name, k->letters)] || strchr("+-.", *name)))
		return fail(ret_error, k->name_wrong);
	if (!k->blanks && strchr(package->name, ' '))
		return fail(ret_error, "there is a blank in the name");
	return 0;
}

static int check_version(const struct package *package, const char **ret_error)
{
	const char *name = package_type_scheme((enum package_type) package->type);
	const struct version_scheme *scheme = name ? version_scheme_find(name) : NULL;

	if (!*package->version || !scheme || version_check(scheme, package->version) == 0)
		return 0;
	return fail(ret_error, version_scheme_wanted(scheme));
}

static int check_rest(const struct purl *p, const char **ret_error)
{
	if (p->n_qualifiers > 0)
		return fail(ret_error,
			"qualifiers (?...) cannot be matched yet: without them, the package is "
			"meant whatever its arch, distro or epoch");
	if (*p->subpath)
		return fail(ret_error, "a subpath cannot be matched yet");
	return 0;
}

static int from_purl(const struct purl *p, struct package *ret, const char **ret_error)
{
	struct package package = { .type = package_type_from_string(p->type) };
	int r, n;

	if (package.type == PACKAGE_NONE) {
		*ret_error = "files are matched with packages of the types npm, deb, rpm, pypi, "
			     "vscode-extension, golang, cargo, maven, brew and generic";
		return -ENOTSUP;
	}
	n = snprintf(package.name, sizeof(package.name), "%s%s%s", p->namespace,
		*p->namespace ? "/" : "", p->name);
	if (n < 0 || (size_t) n >= sizeof(package.name) ||
		text_copy(package.version, sizeof(package.version), p->version) < 0)
		return fail(ret_error, "a part of it is too long");
	if (package.type == PACKAGE_PYPI &&
		!pypi_name_normalize(p->name, strlen(p->name), package.name, sizeof(package.name)))
		return fail(ret_error, kinds[PACKAGE_PYPI].name_wrong);
	r = check_name(p, &package, ret_error);
	if (r == 0)
		r = check_rest(p, ret_error);
	if (r == 0)
		r = check_version(&package, ret_error);
	if (r == 0)
		*ret = package;
	return r;
}

/* What a purl without its namespace should have been; NULL: nothing better than what was said. */
static const char *advise(const char *s)
{
	size_t n;

	s += strlen("pkg:");
	s += strspn(s, "/");
	n = strcspn(s, "/");
	for (unsigned i = PACKAGE_NONE + 1; i < ARRAY_SIZE(kinds); i++) {
		const char *known = package_type_to_string((enum package_type) i);

		if (strlen(known) == n && strncasecmp(s, known, n) == 0)
			return kinds[i].namespace_missing;
	}
	return NULL;
}

int purl_package_read(const char *s, struct package *ret, const char **ret_error)
{
	_cleanup_(purl_done) struct purl p = { 0 };
	int r = purl_parse(s, PURL_LENIENT, &p, ret_error);

	if (r == -EINVAL && strcmp(*ret_error, PURL_NAMESPACE_MISSING) == 0)
		*ret_error = advise(s) ?: *ret_error;
	return r < 0 ? r : from_purl(&p, ret, ret_error);
}

int purl_package_write(const struct package *p, char out[PURL_PACKAGE_SIZE_MAX])
{
	_cleanup_(purl_done) struct purl built = { 0 };
	struct purl parts = { .type = package_type_to_string((enum package_type) p->type),
		.version = p->version };
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
