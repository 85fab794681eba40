#include "policy/identity/purl.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "policy/base/cleanup.h"
#include "policy/base/text.h"
#include "policy/identity/npm.h"
#include "policy/identity/semver.h"

enum { TYPE_MAX = 31 };

/* A stretch of the text that is being taken apart. */
struct span {
	const char *s;
	size_t n;
};

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int fail(const char **ret_error, const char *text)
{
	*ret_error = text;
	return -EINVAL;
}

/* Every type of the purl registry: a rule that names another one has a typing error in it. */
static bool type_known(const char *type)
{
	static const char *const types[] = { "alpm", "apk", "bazel", "bitbucket", "bitnami", "brew",
		"cargo", "chrome-extension", "cocoapods", "composer", "conan", "conda", "cpan",
		"cran", "deb", "docker", "gem", "generic", "git", "github", "golang", "hackage",
		"hex", "huggingface", "julia", "luarocks", "maven", "mlflow", "npm", "nuget", "oci",
		"opam", "otp", "pub", "pypi", "qpkg", "rpm", "swid", "swift", "vcpkg",
		"vscode-extension", "yocto" };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strcmp(types[i], type) == 0)
			return true;
	return false;
}

/* Decodes @in into @out (NUL-terminated, at most @size bytes with it). */
static int decode(struct span in, char *out, size_t size, const char **ret_error)
{
	size_t k = 0;

	for (size_t i = 0; i < in.n; i++) {
		int c = (unsigned char) in.s[i];

		if (c == '%') {
			int high = i + 1 < in.n ? hex_value(in.s[i + 1]) : -1;
			int low = i + 2 < in.n ? hex_value(in.s[i + 2]) : -1;

			if (high < 0 || low < 0)
				return fail(
					ret_error, "a % is not followed by two hexadecimal digits");
			c = high << 4 | low;
			i += 2;
		}
		if (c < 0x20 || c == 0x7f)
			return fail(ret_error, "there is a control character in it");
		if (k + 1 >= size)
			return fail(ret_error, "a part of it is too long");
		out[k++] = (char) c;
	}
	out[k] = '\0';
	return text_utf8_valid(out, k) ? 0 : fail(ret_error, "it is not UTF-8 once decoded");
}

static int check_characters(const char *s, const char **ret_error)
{
	for (; *s; s++) {
		if (*s == ' ' || (*s >= '\t' && *s <= '\r'))
			return fail(ret_error, "there is a blank in it");
		if ((unsigned char) *s < 0x20 || (unsigned char) *s >= 0x7f)
			return fail(ret_error,
				"characters other than printable ASCII must be percent-encoded");
	}
	return 0;
}

/* Cuts @whole at the last @separator; *ret_tail is what stood behind it. */
static bool cut_last(struct span *whole, char separator, struct span *ret_tail)
{
	const char *at = memrchr(whole->s, separator, whole->n);

	if (!at)
		return false;
	*ret_tail = (struct span){ at + 1, (size_t) (whole->s + whole->n - at) - 1 };
	whole->n = (size_t) (at - whole->s);
	return true;
}

static int take_type(struct span *rest, char type[TYPE_MAX + 1], const char **ret_error)
{
	const char *slash = memchr(rest->s, '/', rest->n);
	size_t n = slash ? (size_t) (slash - rest->s) : 0;

	if (n == 0)
		return fail(ret_error, "the type is missing: it is pkg:TYPE/NAME");
	if (n > TYPE_MAX)
		return fail(ret_error, "the type is not one of the purl registry");
	for (size_t i = 0; i < n; i++) {
		char c = rest->s[i];

		if (!is_alpha(c) && !(i > 0 && (is_digit(c) || c == '.' || c == '-')))
			return fail(ret_error,
				"a type holds letters, digits, '.' and '-', and starts with a "
				"letter");
		type[i] = (char) (c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
	}
	type[n] = '\0';
	*rest = (struct span){ slash + 1, rest->n - n - 1 };
	return 0;
}

static int check_qualifier(struct span q, const char **ret_error)
{
	const char *equals = memchr(q.s, '=', q.n);
	size_t n = equals ? (size_t) (equals - q.s) : 0;
	char scratch[1024];

	if (n == 0)
		return fail(ret_error, "a qualifier is not KEY=VALUE");
	for (size_t i = 0; i < n; i++) {
		char c = q.s[i];

		if (!is_alpha(c) && !(i > 0 && (is_digit(c) || c == '.' || c == '-' || c == '_')))
			return fail(ret_error,
				"a qualifier's key holds letters, digits, '.', '-' and '_'");
	}
	return decode(
		(struct span){ equals + 1, q.n - n - 1 }, scratch, sizeof(scratch), ret_error);
}

static int check_qualifiers(struct span q, const char **ret_error)
{
	for (;;) {
		const char *amp = memchr(q.s, '&', q.n);
		struct span one = { q.s, amp ? (size_t) (amp - q.s) : q.n };
		int r = check_qualifier(one, ret_error);

		if (r < 0)
			return r;
		if (!amp)
			return 0;
		q = (struct span){ amp + 1, q.n - one.n - 1 };
	}
}

/* What this version has no use for, but still wants well-formed. */
struct extras {
	bool qualifiers, subpath;
};

static int take_extras(struct span *rest, struct extras *ret, const char **ret_error)
{
	struct span tail;
	char scratch[1024];
	int r = 0;

	if (cut_last(rest, '#', &tail)) {
		ret->subpath = true;
		r = decode(tail, scratch, sizeof(scratch), ret_error);
	}
	if (r == 0 && cut_last(rest, '?', &tail)) {
		ret->qualifiers = true;
		r = check_qualifiers(tail, ret_error);
	}
	return r;
}

/* "pkg:" and the type; slashes behind the colon mean nothing (pkg:// is a common mistake that the
 * standard lets pass). */
static int take_scheme(struct span *rest, char type[TYPE_MAX + 1], const char **ret_error)
{
	if (rest->n < 4 || strncasecmp(rest->s, "pkg:", 4) != 0)
		return fail(ret_error, "it does not start with pkg:");
	*rest = (struct span){ rest->s + 4, rest->n - 4 };
	while (rest->n > 0 && *rest->s == '/')
		*rest = (struct span){ rest->s + 1, rest->n - 1 };
	return take_type(rest, type, ret_error);
}

/* An '@' that has a '/' behind it starts a scope somebody did not encode; it does not separate a
 * version, whose '/' would be encoded. */
static void take_version(struct span *rest, struct span *ret)
{
	struct span whole = *rest;

	if (cut_last(&whole, '@', ret) && !memchr(ret->s, '/', ret->n))
		*rest = whole;
	else
		*ret = (struct span){ "", 0 };
}

static int read_name(struct span path, struct purl *p, const char **ret_error)
{
	struct span name;
	bool scoped = cut_last(&path, '/', &name);
	size_t n = 0;
	int r;

	if (!scoped)
		name = path;
	if (scoped && memchr(path.s, '/', path.n))
		return fail(ret_error, "an npm name has one scope at most");
	if (scoped) {
		r = decode(path, p->name, sizeof(p->name) - 1, ret_error);
		if (r < 0)
			return r;
		if (*p->name != '@')
			return fail(ret_error, "the scope of an npm name starts with @");
		n = strlen(p->name);
		p->name[n++] = '/';
	}
	r = decode(name, p->name + n, sizeof(p->name) - n, ret_error);
	if (r < 0)
		return r;
	if (strchr(p->name + n, '/') || strchr(p->name + n, '@'))
		return fail(ret_error, "there is a '/' or '@' in the name");
	return npm_name_valid(p->name) ? 0 : fail(ret_error, "the name is not one npm allows");
}

static int read_version(struct span version, struct purl *p, const char **ret_error)
{
	struct semver v;
	int r = decode(version, p->version, sizeof(p->version), ret_error);

	if (r == 0 && *p->version && semver_parse(p->version, &v) < 0)
		return fail(ret_error, "the version is not one npm allows (MAJOR.MINOR.PATCH)");
	return r;
}

int purl_parse(const char *s, struct purl *ret, const char **ret_error)
{
	struct span rest = { s, strnlen(s, 4 * PURL_SIZE_MAX) }, version, name;
	struct purl p = { .type = PACKAGE_NPM };
	struct extras extras = { 0 };
	char type[TYPE_MAX + 1];
	int r;

	if (s[rest.n])
		return fail(ret_error, "it is too long");
	r = check_characters(s, ret_error);
	if (r == 0)
		r = take_extras(&rest, &extras, ret_error);
	if (r == 0)
		r = take_scheme(&rest, type, ret_error);
	if (r < 0)
		return r;
	if (!type_known(type))
		return fail(ret_error, "the type is not one of the purl registry");
	while (rest.n > 0 && rest.s[rest.n - 1] == '/')
		rest.n--;
	take_version(&rest, &version);
	name = rest;
	if (name.n == 0 || (cut_last(&rest, '/', &name) && name.n == 0))
		return fail(ret_error, "the name is missing");
	if (strcmp(type, "npm") != 0) {
		*ret_error = "packages of this type cannot be matched yet";
		return -ENOTSUP;
	}
	rest.n = (size_t) (name.s + name.n - rest.s);
	r = read_name(rest, &p, ret_error);
	if (r == 0)
		r = read_version(version, &p, ret_error);
	if (r < 0)
		return r;
	if (extras.qualifiers)
		return fail(ret_error, "qualifiers cannot be matched yet");
	if (extras.subpath)
		return fail(ret_error, "a subpath cannot be matched yet");
	*ret = p;
	return 0;
}

/* Appends @s percent-encoded but for purl's unreserved characters, ':' and @keep. */
static char *encode(char *out, const char *s, char keep)
{
	static const char digits[] = "0123456789ABCDEF";

	for (; *s; s++) {
		unsigned char c = (unsigned char) *s;

		if (is_alpha(*s) || is_digit(*s) || strchr(".-_~:", c) || *s == keep) {
			*out++ = *s;
			continue;
		}
		*out++ = '%';
		*out++ = digits[c >> 4];
		*out++ = digits[c & 15];
	}
	return out;
}

void purl_build(const struct purl *p, char out[PURL_SIZE_MAX])
{
	out += snprintf(out, 32, "pkg:%s/", package_type_to_string(p->type));
	out = encode(out, p->name, '/');
	if (*p->version) {
		*out++ = '@';
		out = encode(out, p->version, '\0');
	}
	*out = '\0';
}
