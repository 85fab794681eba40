/*
 * Runs inside the inspector. An employee chooses the path like everything else: what is not exactly
 * as the ecosystem writes it names nothing.
 */
#include "agent/inspector/layout.h"

#include <stdbool.h>
#include <string.h>

#include "agent/inspector/field.h"
#include "policy/base/cleanup.h"
#include "policy/base/text.h"
#include "policy/identity/npm.h"

enum { NIX_HASH_LENGTH = 32 };

/* A name in the path, and what follows its slash. */
struct part {
	const char *s;
	size_t n;
	const char *rest;
};

/* The name that @p begins with, if it is a folder's. */
static bool take_part(const char *p, struct part *ret)
{
	const size_t n = strcspn(p, "/");

	if (n == 0 || p[n] != '/' || !p[n + 1])
		return false;
	*ret = (struct part){ p, n, p + n + 1 };
	return true;
}

/* What lies behind the last @folder in @path, or NULL. */
static const char *behind_last(const char *path, const char *folder)
{
	const char *last = NULL;

	for (const char *p = path; (p = strstr(p, folder)); p++)
		last = p + strlen(folder);
	return last;
}

static const char *later(const char *a, const char *b)
{
	return !a || (b && b > a) ? b : a;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool starts_with(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

static bool set_version(struct package *p, const char *s, size_t n)
{
	return is_digit(*s) && field_copy(s, n, p->version, sizeof(p->version)) > 0;
}

/* Sets "@namespace/@n bytes of name". */
static bool set_qualified(struct package *p, const char *namespace, const char *s, size_t n)
{
	char name[PACKAGE_NAME_MAX + 1];

	return field_copy(s, n, name, sizeof(name)) > 0 && field_qualify(p, namespace, name) > 0;
}

static bool set_npm_name(struct package *p, const char *s, size_t n)
{
	p->type = PACKAGE_NPM;
	return field_copy(s, n, p->name, sizeof(p->name)) > 0 && npm_name_valid(p->name);
}

/* ---- Nix ---- */

static bool is_nix_hash(const char *s, size_t n)
{
	if (n <= NIX_HASH_LENGTH || s[NIX_HASH_LENGTH] != '-')
		return false;
	return strspn(s, "0123456789abcdfghijklmnpqrsvwxyz") >= NIX_HASH_LENGTH;
}

/* Outputs ("-bin") are no part of a version. */
static size_t without_output(const char *version, size_t n)
{
	static const char *const outputs[] = { "-bin", "-out", "-lib", "-dev", "-man", "-doc" };

	for (size_t i = 0; i < ARRAY_SIZE(outputs); i++) {
		const size_t k = strlen(outputs[i]);

		if (n > k && memcmp(version + n - k, outputs[i], k) == 0)
			return n - k;
	}
	return n;
}

/* The version begins behind the first dash that a digit follows. */
static bool read_nix(const char *path, struct package *p)
{
	const char *name = behind_last(path, "/nix/store/");
	size_t n = name ? strcspn(name, "/") : 0, n_name = 1;

	if (!name || !is_nix_hash(name, n))
		return false;
	name += NIX_HASH_LENGTH + 1;
	n -= NIX_HASH_LENGTH + 1;
	while (n_name < n && !(name[n_name] == '-' && is_digit(name[n_name + 1])))
		n_name++;
	p->type = PACKAGE_GENERIC;
	if (n_name >= n)
		return set_qualified(p, "nix", name, n);
	return set_qualified(p, "nix", name, n_name) &&
		set_version(
			p, name + n_name + 1, without_output(name + n_name + 1, n - n_name - 1));
}

/* ---- Homebrew ---- */

static bool read_brew(const char *path, struct package *p)
{
	const char *start = later(behind_last(path, "/Cellar/"), behind_last(path, "/Caskroom/"));
	struct part name, version;

	if (!start || !take_part(start, &name) || !take_part(name.rest, &version))
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (!((name.s[i] >= 'a' && name.s[i] <= 'z') || is_digit(name.s[i]) ||
			    (i > 0 && strchr("+-._@", name.s[i]))))
			return false;
	p->type = PACKAGE_BREW;
	return field_copy(name.s, name.n, p->name, sizeof(p->name)) > 0 &&
		set_version(p, version.s, version.n);
}

/* ---- npm, by the folders of those who install from it ---- */

/* Is the file of the package itself, not of one that it brought along? */
static bool is_own_file(const char *rest, const char *name)
{
	const size_t n = strlen(name);

	return starts_with(rest, "node_modules/") &&
		strncmp(rest + strlen("node_modules/"), name, n) == 0 &&
		rest[strlen("node_modules/") + n] == '/' &&
		!strstr(rest + strlen("node_modules/") + n, "/node_modules/");
}

/* "@scope+name@version", with "_peers" or "(peers)" behind it. */
static bool read_store(const char *path, struct package *p)
{
	static const char *const stores[] = { "/.pnpm/", "/.bun/", "/.deno/" };
	const char *start = NULL, *at;
	struct part entry;
	char *plus;

	for (size_t i = 0; i < ARRAY_SIZE(stores); i++)
		start = later(start, behind_last(path, stores[i]));
	if (!start || !take_part(start, &entry))
		return false;
	p->type = PACKAGE_NPM;
	at = memchr(entry.s + 1, '@', entry.n - 1);
	if (!at || field_copy(entry.s, (size_t) (at - entry.s), p->name, sizeof(p->name)) <= 0)
		return false;
	plus = *p->name == '@' ? strchr(p->name, '+') : NULL;
	if (plus)
		*plus = '/';
	if (!npm_name_valid(p->name))
		return false;
	return set_version(p, at + 1, strcspn(at + 1, "_(/")) && is_own_file(entry.rest, p->name);
}

/* "name" or "@scope/name" at the beginning of @path; *rest is what lies behind. */
static bool take_npm_name(const char *path, struct package *p, const char **rest)
{
	struct part first, second;
	size_t n;

	if (!take_part(path, &first))
		return false;
	n = first.n;
	*rest = first.rest;
	if (*path == '@') {
		if (!take_part(first.rest, &second))
			return false;
		n += 1 + second.n;
		*rest = second.rest;
	}
	return set_npm_name(p, path, n);
}

static bool read_deno(const char *path, struct package *p)
{
	const char *start = behind_last(path, "deno/npm/"), *rest;
	struct part host, version;

	return start && take_part(start, &host) && memchr(host.s, '.', host.n) &&
		take_npm_name(host.rest, p, &rest) && take_part(rest, &version) &&
		set_version(p, version.s, version.n) && !strstr(version.rest, "node_modules/");
}

static bool read_volta(const char *path, struct package *p)
{
	const char *start = behind_last(path, "volta/tools/image/packages/"), *rest;

	return start && take_npm_name(start, p, &rest) && starts_with(rest, "lib/") &&
		is_own_file(rest + strlen("lib/"), p->name);
}

static bool read_mise(const char *path, struct package *p)
{
	const char *start = behind_last(path, "/mise/installs/npm-");
	struct part name, version;

	return start && take_part(start, &name) && !memchr(name.s, '-', name.n) &&
		take_part(name.rest, &version) && set_npm_name(p, name.s, name.n) &&
		set_version(p, version.s, version.n) && starts_with(version.rest, "lib/") &&
		is_own_file(version.rest + strlen("lib/"), p->name);
}

/* ---- VS Code ---- */

static void lower(char *s)
{
	for (; *s; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s = (char) (*s - 'A' + 'a');
}

/* The dash in front of "1." or the like, or NULL. */
static const char *find_release(const char *s, const char *end)
{
	for (; s < end; s++) {
		size_t n = *s == '-' ? strspn(s + 1, "0123456789") : 0;

		if (n > 0 && s[1 + n] == '.')
			return s;
	}
	return NULL;
}

/* "publisher.name-1.2.3", with "-linux-x64" behind it. */
static bool read_extension(const char *path, struct package *p)
{
	const char *start = behind_last(path, "/extensions/"), *dot, *dash;
	char publisher[PACKAGE_NAME_MAX + 1], version[PACKAGE_VERSION_MAX + 1];
	struct part folder;

	if (!start || !take_part(start, &folder))
		return false;
	dot = memchr(folder.s, '.', folder.n);
	if (!dot ||
		field_copy(folder.s, (size_t) (dot - folder.s), publisher, sizeof(publisher)) <= 0)
		return false;
	dash = find_release(dot, folder.s + folder.n);
	if (!dash)
		return false;
	p->type = PACKAGE_VSCODE_EXTENSION;
	if (!set_qualified(p, publisher, dot + 1, (size_t) (dash - dot - 1)) ||
		!set_version(p, dash + 1, (size_t) (folder.s + folder.n - dash - 1)))
		return false;
	lower(p->name);
	npm_version_base(p->version, version, sizeof(version));
	memset(p->version, 0, sizeof(p->version));
	return text_copy(p->version, sizeof(p->version), version) == 0;
}

size_t layout_read(const char *path, struct package ret[LAYOUT_PACKAGES_MAX])
{
	static bool (*const readers[])(const char *path, struct package *p) = { read_nix, read_brew,
		read_store, read_deno, read_volta, read_mise, read_extension };
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(readers) && n < LAYOUT_PACKAGES_MAX; i++) {
		struct package p = { .told = METADATA_PATH };

		if (readers[i](path, &p))
			ret[n++] = p;
	}
	return n;
}
