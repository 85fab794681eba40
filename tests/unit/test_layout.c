/* What paths name by themselves, and what they only seem to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "agent/inspector/layout.h"
#include "policy/base/cleanup.h"

#define HASH  "/nix/store/0c0mrvfmrv5hzxz1lprglm7vb0dqd8z2"
#define TEN   "aaaaaaaaaa"
#define FIFTY TEN TEN TEN TEN TEN

static const struct {
	const char *name, *path;
	enum package_type type; /* PACKAGE_NONE: names nothing */
	const char *package, *version;
} rows[] = {
	{ "Nix", HASH "-claude-code-2.1.91/bin/.claude-wrapped", PACKAGE_GENERIC, "nix/claude-code",
		"2.1.91" },
	{ "Nix, a digit in the name", HASH "-python3.11-aider-chat-0.50.0/bin/aider",
		PACKAGE_GENERIC, "nix/python3.11-aider-chat", "0.50.0" },
	{ "Nix, an output", HASH "-openssl-3.0.14-bin/bin/openssl", PACKAGE_GENERIC, "nix/openssl",
		"3.0.14" },
	{ "Nix, no version", HASH "-wrapper/bin/x", PACKAGE_GENERIC, "nix/wrapper", "" },
	{ "Nix, a file by itself", HASH "-script-1.0", PACKAGE_GENERIC, "nix/script", "1.0" },
	{ "Nix, a store somewhere else", "/home/u/.local/share/nix/root" HASH "-a-1/b",
		PACKAGE_GENERIC, "nix/a", "1" },
	{ "Nix, a short hash", "/nix/store/0c0mrvfmrv5hzxz1lprglm7vb0dqd8z-a-1/b", 0, NULL, NULL },
	{ "Nix, a letter that no hash has", "/nix/store/ec0mrvfmrv5hzxz1lprglm7vb0dqd8z2-a-1/b", 0,
		NULL, NULL },
	{ "Nix, nothing behind the hash", HASH "-/b", 0, NULL, NULL },
	{ "Nix, a name with a blank", HASH "-a b-1/b", 0, NULL, NULL },

	{ "Homebrew's formula", "/home/linuxbrew/.linuxbrew/Cellar/openssl@3/3.4.1_1/bin/openssl",
		PACKAGE_BREW, "openssl@3", "3.4.1_1" },
	{ "Homebrew's cask", "/home/linuxbrew/.linuxbrew/Caskroom/claude-code/2.1.91/claude",
		PACKAGE_BREW, "claude-code", "2.1.91" },
	{ "Homebrew, no file behind the version", "/x/Cellar/a/1", 0, NULL, NULL },
	{ "Homebrew, a version that is none", "/x/Cellar/a/bin/b", 0, NULL, NULL },
	{ "Homebrew, a name in upper case", "/x/Cellar/A/1/b", 0, NULL, NULL },

	{ "pnpm",
		"/p/.pnpm/@anthropic-ai+claude-code@2.1.91/node_modules/@anthropic-ai/claude-code/"
		"cli.js",
		PACKAGE_NPM, "@anthropic-ai/claude-code", "2.1.91" },
	{ "pnpm with peers", "/p/.pnpm/a@1.0.0_react@18.0.0/node_modules/a/x", PACKAGE_NPM, "a",
		"1.0.0" },
	{ "pnpm with peers of version 8", "/p/.pnpm/a@1.0.0(react@18.0.0)/node_modules/a/x",
		PACKAGE_NPM, "a", "1.0.0" },
	{ "pnpm, a package that another brought along",
		"/p/.pnpm/a@1.0.0/node_modules/a/node_modules/b/x", 0, NULL, NULL },
	{ "pnpm, another package beside", "/p/.pnpm/a@1.0.0/node_modules/b/x", 0, NULL, NULL },
	{ "pnpm, another package with a longer name", "/p/.pnpm/a@1.0.0/node_modules/ab/x", 0, NULL,
		NULL },
	{ "pnpm, a package of a folder", "/p/.pnpm/a@file+b/node_modules/a/x", 0, NULL, NULL },
	{ "pnpm, no version", "/p/.pnpm/a/node_modules/a/x", 0, NULL, NULL },
	{ "pnpm, the store's lock file", "/p/node_modules/.pnpm/lock.yaml", 0, NULL, NULL },
	{ "pnpm, a scope only", "/p/.pnpm/@a@1.0.0/node_modules/@a/x", 0, NULL, NULL },
	{ "Bun's store", "/p/node_modules/.bun/a@1.0.0/node_modules/a/x", PACKAGE_NPM, "a",
		"1.0.0" },
	{ "Deno's store", "/p/node_modules/.deno/@s+a@1.0.0/node_modules/@s/a/x", PACKAGE_NPM,
		"@s/a", "1.0.0" },
	{ "Deno's cache", "/c/deno/npm/packages.example.com/@s/a/1.0.0/x", PACKAGE_NPM, "@s/a",
		"1.0.0" },
	{ "Deno's cache, no scope", "/c/deno/npm/packages.example.com/a/1.0.0/x", PACKAGE_NPM, "a",
		"1.0.0" },
	{ "Deno's cache, a package inside",
		"/c/deno/npm/packages.example.com/a/1.0.0/node_modules/b/x", 0, NULL, NULL },
	{ "Volta", "/home/u/.volta/tools/image/packages/@s/a/lib/node_modules/@s/a/cli.js",
		PACKAGE_NPM, "@s/a", "" },
	{ "Volta, a package that another brought along",
		"/home/u/.volta/tools/image/packages/a/lib/node_modules/b/cli.js", 0, NULL, NULL },
	{ "mise",
		"/home/u/.local/share/mise/installs/npm-prettier/3.0.0/lib/node_modules/prettier/x",
		PACKAGE_NPM, "prettier", "3.0.0" },
	{ "mise, a scope or a dash",
		"/home/u/.local/share/mise/installs/npm-a-b/3.0.0/lib/node_modules/a-b/x", 0, NULL,
		NULL },

	{ "a VS Code extension",
		"/home/u/.vscode/extensions/anthropic.claude-code-2.1.91-linux-x64/resources/"
		"native-binary/claude",
		PACKAGE_VSCODE_EXTENSION, "anthropic/claude-code", "2.1.91" },
	{ "an extension for any platform", "/x/extensions/GitHub.copilot-1.300.0/dist/x.js",
		PACKAGE_VSCODE_EXTENSION, "github/copilot", "1.300.0" },
	{ "an extension with a digit in its name", "/x/extensions/a.b-4-c-1.0.0/x",
		PACKAGE_VSCODE_EXTENSION, "a/b-4-c", "1.0.0" },
	{ "an extension without a publisher", "/x/extensions/claude-code-2.1.91/x", 0, NULL, NULL },
	{ "an extension without a version", "/x/extensions/a.b/x", 0, NULL, NULL },
	{ "an extension's folder, and no file in it", "/x/extensions/a.b-1.0.0", 0, NULL, NULL },
	{ "an extension with an empty name", "/x/extensions/a.-1.0.0/x", 0, NULL, NULL },
	{ "an extension with a newline", "/x/extensions/a.b\n-1.0.0/x", 0, NULL, NULL },
	{ "an extension that is not UTF-8", "/x/extensions/a.b\xff-1.0.0/x", 0, NULL, NULL },
	{ "an extension with an escape in its version", "/x/extensions/a.b-1.0\x1b[2J/x", 0, NULL,
		NULL },
	{ "an extension with the longest name",
		"/x/extensions/" FIFTY "." FIFTY FIFTY FIFTY TEN "aaa-1.0.0/x",
		PACKAGE_VSCODE_EXTENSION, FIFTY "/" FIFTY FIFTY FIFTY TEN "aaa", "1.0.0" },
	{ "an extension with a name too long by one",
		"/x/extensions/" FIFTY "." FIFTY FIFTY FIFTY TEN "aaaa-1.0.0/x", 0, NULL, NULL },

	{ "a system program", "/usr/bin/ls", 0, NULL, NULL },
	{ "a program in the root", "/init", 0, NULL, NULL },
	{ "no path", "", 0, NULL, NULL },
	{ "slashes only", "////", 0, NULL, NULL },
};

static void test_table(void **state)
{
	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct package found[LAYOUT_PACKAGES_MAX];
		size_t n = layout_read(rows[i].path, found);

		if (n != (rows[i].type != PACKAGE_NONE))
			fail_msg("%s: %zu packages, the first %s@%s", rows[i].name, n,
				n ? found[0].name : "", n ? found[0].version : "");
		if (n > 0 &&
			(found[0].type != rows[i].type || found[0].told != METADATA_PATH ||
				strcmp(found[0].name, rows[i].package) != 0 ||
				strcmp(found[0].version, rows[i].version) != 0))
			fail_msg("%s: found %s@%s", rows[i].name, found[0].name, found[0].version);
	}
}

static void test_truncation(void **state)
{
	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (size_t n = 0; n < strlen(rows[i].path); n++) {
			_cleanup_free_ char *cut = strndup(rows[i].path, n);
			struct package found[LAYOUT_PACKAGES_MAX];
			struct facts f = { 0 };
			size_t n_found;

			assert_non_null(cut);
			n_found = layout_read(cut, found);
			for (size_t k = 0; k < n_found; k++)
				facts_add_package(&f, &found[k]);
			if (!facts_valid(&f))
				fail_msg("%s, cut at %zu: facts are not valid", rows[i].name, n);
		}
}

/* Each layout inside the other: as many as there is room for. */
static void test_all_at_once(void **state)
{
	static const char path[] = HASH "-a-1/Cellar/b/2/.pnpm/c@3.0.0/extensions/d.e-4.0.0/"
					"deno/npm/packages.example.com/f/5.0.0/node_modules/c/x";
	struct package found[LAYOUT_PACKAGES_MAX];

	(void) state;
	assert_int_equal(layout_read(path, found), 3);
	assert_string_equal(found[0].name, "nix/a");
	assert_string_equal(found[1].name, "b");
	assert_string_equal(found[2].name, "d/e");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_all_at_once),
	};

	return cmocka_run_group_tests_name("layout", tests, NULL, NULL);
}
