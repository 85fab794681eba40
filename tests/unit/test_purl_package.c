/* Purls that can be matched: what is taken, what is refused with which words, and the way back. */
#include "policy/identity/purl_package.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "policy/base/cleanup.h"

static void test_read_and_written(void **state)
{
	static const struct {
		const char *name, *text, *package, *version, *canonical;
		enum package_type type; /* 0: npm */
	} cases[] = {
		{ "a plain name", "pkg:npm/foobar", "foobar", "", "pkg:npm/foobar", 0 },
		{ "a version", "pkg:npm/foobar@12.3.1", "foobar", "12.3.1", "pkg:npm/foobar@12.3.1",
			0 },
		{ "a scope, encoded", "pkg:npm/%40angular/animation@12.3.1", "@angular/animation",
			"12.3.1", "pkg:npm/%40angular/animation@12.3.1", 0 },
		{ "a scope, not encoded", "pkg:npm/@babel/core", "@babel/core", "",
			"pkg:npm/%40babel/core", 0 },
		{ "a scope, not encoded, and a version", "pkg:npm/@babel/core@7.0.0", "@babel/core",
			"7.0.0", "pkg:npm/%40babel/core@7.0.0", 0 },
		{ "case is kept in the name", "pkg:npm/JSONStream", "JSONStream", "",
			"pkg:npm/JSONStream", 0 },
		{ "the type in upper case", "pkg:NPM/foo", "foo", "", "pkg:npm/foo", 0 },
		{ "the scheme in upper case", "PKG:npm/foo", "foo", "", "pkg:npm/foo", 0 },
		{ "slashes behind the scheme", "pkg://npm/foo", "foo", "", "pkg:npm/foo", 0 },
		{ "a slash behind the name", "pkg:npm/foo/", "foo", "", "pkg:npm/foo", 0 },
		{ "letters encoded for nothing", "pkg:npm/f%6Fo", "foo", "", "pkg:npm/foo", 0 },
		{ "build metadata", "pkg:npm/foo@1.0.0%2Bb", "foo", "1.0.0+b",
			"pkg:npm/foo@1.0.0%2Bb", 0 },
		{ "an empty version", "pkg:npm/foo@", "foo", "", "pkg:npm/foo", 0 },
		{ "deb", "pkg:deb/debian/transmission-cli@3.00-2.1%2Bdeb12u1",
			"debian/transmission-cli", "3.00-2.1+deb12u1",
			"pkg:deb/debian/transmission-cli@3.00-2.1%2Bdeb12u1", PACKAGE_DEB },
		{ "deb in upper case", "pkg:deb/Debian/GIMP", "debian/gimp", "",
			"pkg:deb/debian/gimp", PACKAGE_DEB },
		{ "deb with an epoch", "pkg:deb/ubuntu/g%2B%2B@4:12.2.0-3", "ubuntu/g++",
			"4:12.2.0-3", "pkg:deb/ubuntu/g%2B%2B@4:12.2.0-3", PACKAGE_DEB },
		{ "rpm", "pkg:rpm/Fedora/NetworkManager@1.44.2-1.fc39", "fedora/NetworkManager",
			"1.44.2-1.fc39", "pkg:rpm/fedora/NetworkManager@1.44.2-1.fc39",
			PACKAGE_RPM },
		{ "pypi in normal form", "pkg:pypi/Aider._-Chat@0.86.1RC1", "aider-chat",
			"0.86.1rc1", "pkg:pypi/aider-chat@0.86.1rc1", PACKAGE_PYPI },
		{ "a VS Code extension", "pkg:vscode-extension/Anthropic/Claude-Code@2.1.91",
			"anthropic/claude-code", "2.1.91",
			"pkg:vscode-extension/anthropic/claude-code@2.1.91",
			PACKAGE_VSCODE_EXTENSION },
		{ "a Go module", "pkg:golang/github.com/Ngrok/ngrok@v3.1.0",
			"github.com/ngrok/ngrok", "v3.1.0",
			"pkg:golang/github.com/ngrok/ngrok@v3.1.0", PACKAGE_GOLANG },
		{ "a crate", "pkg:cargo/codex_cli@0.1.0", "codex_cli", "0.1.0",
			"pkg:cargo/codex_cli@0.1.0", PACKAGE_CARGO },
		{ "an artifact of Maven", "pkg:maven/org.example/tool.core@31.1-jre",
			"org.example/tool.core", "31.1-jre",
			"pkg:maven/org.example/tool.core@31.1-jre", PACKAGE_MAVEN },
		{ "a formula", "pkg:brew/Python%403.12@3.12.1_1", "python@3.12", "3.12.1_1",
			"pkg:brew/python%403.12@3.12.1_1", PACKAGE_BREW },
		{ "a snap", "pkg:generic/snap/code@latest", "snap/code", "latest",
			"pkg:generic/snap/code@latest", PACKAGE_GENERIC },
		{ "a flatpak", "pkg:generic/flatpak/com.visualstudio.Code",
			"flatpak/com.visualstudio.Code", "",
			"pkg:generic/flatpak/com.visualstudio.Code", PACKAGE_GENERIC },
		{ "an AppImage with a blank", "pkg:generic/appimage/Some%20Tool@1",
			"appimage/Some Tool", "1", "pkg:generic/appimage/Some%20Tool@1",
			PACKAGE_GENERIC },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *error = "";
		char text[PURL_PACKAGE_SIZE_MAX];
		struct package p;

		if (purl_package_read(cases[i].text, &p, &error) < 0)
			fail_msg("%s: refused: %s", cases[i].name, error);
		assert_int_equal(purl_package_write(&p, text), 0);
		if (p.type != (cases[i].type ?: PACKAGE_NPM) ||
			strcmp(p.name, cases[i].package) != 0 ||
			strcmp(p.version, cases[i].version) != 0 ||
			strcmp(text, cases[i].canonical) != 0)
			fail_msg("%s: read as \"%s\" \"%s\", written as %s", cases[i].name, p.name,
				p.version, text);
	}
}

#define UNMATCHED                                                                              \
	"files are matched with packages of the types npm, deb, rpm, pypi, vscode-extension, " \
	"golang, cargo, maven, brew and generic"
#define PYTHON                                                                    \
	"a Python name holds letters, digits, '.', '-' and '_', with letters or " \
	"digits at its ends"
#define GENERIC                                                                             \
	"the namespace of a generic package says where it lives: snap, flatpak, appimage, " \
	"electron, jetbrains or nix, as in pkg:generic/snap/code"
#define QUALIFIERS                                                                     \
	"qualifiers (?...) cannot be matched yet: without them, the package is meant " \
	"whatever its arch, distro or epoch"

static const struct {
	const char *name, *text;
	int want;
	const char *error;
} refused[] = {
	{ "nothing", "", -EINVAL, "it does not start with pkg:" },
	{ "no scheme", "npm/foo", -EINVAL, "it does not start with pkg:" },
	{ "an encoded colon", "pkg%3Anpm/foo", -EINVAL, "it does not start with pkg:" },
	{ "no type", "pkg:foo@1.0.0", -EINVAL, "the type is missing: it is pkg:TYPE/NAME" },
	{ "the scheme alone", "pkg:", -EINVAL, "the type is missing: it is pkg:TYPE/NAME" },
	{ "a type nobody knows", "pkg:nmp/foo", -EINVAL,
		"the type is not one of the purl registry" },
	{ "a type that starts with a digit", "pkg:3npm/foo", -EINVAL,
		"a type holds letters, digits, '.' and '-', and starts with a letter" },
	{ "a type with a colon", "pkg:npm:a/foo", -EINVAL,
		"a type holds letters, digits, '.' and '-', and starts with a letter" },
	{ "a type no file has", "pkg:docker/library/nginx", -ENOTSUP, UNMATCHED },
	{ "a type for images", "pkg:oci/debian", -ENOTSUP, UNMATCHED },
	{ "a type for sources", "pkg:github/ngrok/ngrok", -ENOTSUP, UNMATCHED },
	{ "a type of another version without a name", "pkg:maven/@1.3.4", -EINVAL,
		"the name is missing" },
	{ "deb without a distribution", "pkg:deb/nmap@7", -EINVAL,
		"the distribution is missing: it is pkg:deb/debian/NAME (or ubuntu, ...)" },
	{ "rpm without a distribution", "PKG://RPM//nmap/", -EINVAL,
		"the distribution is missing: it is pkg:rpm/fedora/NAME (or redhat, "
		"opensuse, ...)" },
	{ "deb with two namespaces", "pkg:deb/debian/main/nmap", -EINVAL,
		"its namespace has more than one part" },
	{ "a deb name that dpkg refuses", "pkg:deb/debian/a_b", -EINVAL,
		"the name of a deb package holds letters, digits, '+', '-' and '.'" },
	{ "an rpm name with a blank", "pkg:rpm/fedora/a%20b", -EINVAL,
		"the name of an rpm package holds letters, digits, '+', '-', '.' and '_'" },
	{ "a deb version without a number", "pkg:deb/debian/nmap@x_y", -EINVAL,
		"this is not a version of this scheme: [EPOCH:]UPSTREAM[-REVISION] is "
		"wanted, as in 1:2.36-9+deb12u4" },
	{ "a Python name that ends in a dash", "pkg:pypi/aider-", -EINVAL, PYTHON },
	{ "a Python name of dots", "pkg:pypi/...", -EINVAL, PYTHON },
	{ "a Python version", "pkg:pypi/aider@1.x", -EINVAL,
		"this is not a version of this scheme: one of PEP 440 is wanted, as in "
		"1.0, 2024.1rc1 or 1.0.post2" },
	{ "an extension without a publisher", "pkg:vscode-extension/claude-code", -EINVAL,
		"the publisher is missing: it is pkg:vscode-extension/PUBLISHER/NAME" },
	{ "a Go module without a path", "pkg:golang/ngrok", -EINVAL,
		"a Go module is named by its whole path: it is "
		"pkg:golang/github.com/OWNER/NAME" },
	{ "a Go module with a blank", "pkg:golang/github.com/a%20b/c", -EINVAL,
		"there is a blank in the name" },
	{ "a crate's name", "pkg:cargo/a.b", -EINVAL,
		"a crate's name holds letters, digits, '-' and '_'" },
	{ "an artifact without a group", "pkg:maven/tool", -EINVAL,
		"the group is missing: it is pkg:maven/GROUP/ARTIFACT" },
	{ "a formula with a tap", "pkg:brew/homebrew/core/git", -EINVAL,
		"nothing on disk tells the tap of a formula: it is pkg:brew/NAME" },
	{ "something generic", "pkg:generic/tool", -EINVAL, GENERIC },
	{ "something generic from nowhere", "pkg:generic/opt/tool", -EINVAL, GENERIC },
	{ "a slash hidden in a name", "pkg:generic/snap/a%2Fb", -EINVAL,
		"there is a '/' in the name" },
	{ "no name", "pkg:npm/", -EINVAL, "the name is missing" },
	{ "a version without a name", "pkg:npm/@1.0.0", -EINVAL, "the name is missing" },
	{ "two scopes", "pkg:npm/@a/b/c", -EINVAL,
		"its namespace has more parts than its type allows" },
	{ "a scope without @", "pkg:npm/a/b", -EINVAL, "the scope of an npm name starts with @" },
	{ "a slash hidden in the name", "pkg:npm/a%2Fb", -EINVAL,
		"there is a '/' or '@' in the name" },
	{ "a scope hidden in the name", "pkg:npm/%40a%2Fb", -EINVAL,
		"there is a '/' or '@' in the name" },
	{ "a name npm refuses", "pkg:npm/..", -EINVAL, "the name is not one npm allows" },
	{ "a range for a version", "pkg:npm/foo@%5E1.0.0", -EINVAL,
		"this is not a version of this scheme: three numbers are wanted, as in "
		"2.1.91 or 3.0.0-rc.1" },
	{ "a blank", "pkg:npm/a b", -EINVAL, "there is a blank in it" },
	{ "a newline", "pkg:npm/foo\n", -EINVAL, "there is a blank in it" },
	{ "not ASCII", "pkg:npm/caf\xc3\xa9", -EINVAL,
		"characters other than printable ASCII must be percent-encoded" },
	{ "a NUL", "pkg:npm/a%00b", -EINVAL, "there is a control character in it" },
	{ "an escape", "pkg:npm/a%1Bb", -EINVAL, "there is a control character in it" },
	{ "a percent sign alone", "pkg:npm/a%", -EINVAL,
		"a % is not followed by two hexadecimal digits" },
	{ "a wrong digit", "pkg:npm/a%2G", -EINVAL,
		"a % is not followed by two hexadecimal digits" },
	{ "not UTF-8 once decoded", "pkg:npm/a%FF", -EINVAL, "it is not UTF-8 once decoded" },
	{ "a qualifier", "pkg:npm/foo?os=linux", -EINVAL, QUALIFIERS },
	{ "an arch", "pkg:deb/debian/nmap?arch=amd64", -EINVAL, QUALIFIERS },
	{ "an epoch", "pkg:rpm/fedora/nmap?epoch=1&distro=fedora-39", -EINVAL, QUALIFIERS },
	{ "a broken qualifier", "pkg:npm/foo?os", -EINVAL, "a qualifier is not KEY=VALUE" },
	{ "a qualifier with a blank in its key", "pkg:npm/foo?in%20b=1", -EINVAL,
		"a qualifier's key holds letters, digits, '.', '-' and '_'" },
	{ "a subpath", "pkg:npm/foo#lib", -EINVAL, "a subpath cannot be matched yet" },
};

static void test_refused(void **state)
{
	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct package p = { .name = "untouched" };
		const char *error = "";
		int r = purl_package_read(refused[i].text, &p, &error);

		if (r != refused[i].want || strcmp(error, refused[i].error) != 0)
			fail_msg("%s: %d \"%s\", not %d \"%s\"", refused[i].name, r, error,
				refused[i].want, refused[i].error);
		if (strcmp(p.name, "untouched") != 0)
			fail_msg("%s: the result was written although it failed", refused[i].name);
	}
}

static void test_limits(void **state)
{
	char text[5 * PURL_PACKAGE_SIZE_MAX], built[PURL_PACKAGE_SIZE_MAX];
	const char *error = "";
	struct package p;

	(void) state;
	memset(text, 'a', sizeof(text));
	memcpy(text, "pkg:npm/", 8);
	text[8 + PACKAGE_NAME_MAX] = '\0';
	assert_int_equal(purl_package_read(text, &p, &error), 0);
	assert_int_equal(purl_package_write(&p, built), 0);
	assert_string_equal(built, text);
	text[8 + PACKAGE_NAME_MAX] = 'a';
	text[8 + PACKAGE_NAME_MAX + 1] = '\0';
	assert_int_equal(purl_package_read(text, &p, &error), -EINVAL);
	assert_string_equal(error, "a part of it is too long");
	text[8 + PACKAGE_NAME_MAX + 1] = 'a';
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(purl_package_read(text, &p, &error), -EINVAL);
	assert_string_equal(error, "it is too long");
}

static void test_longest_purl_fits_its_buffer(void **state)
{
	struct package p = { .type = PACKAGE_NPM };
	char text[PURL_PACKAGE_SIZE_MAX];

	(void) state;
	memset(p.name, '!', PACKAGE_NAME_MAX);
	memset(p.version, '+', PACKAGE_VERSION_MAX);
	assert_int_equal(purl_package_write(&p, text), 0);
	assert_int_equal(
		strlen(text), strlen("pkg:npm/@") + 3 * (PACKAGE_NAME_MAX + PACKAGE_VERSION_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read_and_written),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_longest_purl_fits_its_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
