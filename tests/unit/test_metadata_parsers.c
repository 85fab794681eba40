/* Each parser of metadata files, from honest to hostile. package.json has test_npm_metadata.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "agent/inspector/crates.h"
#include "agent/inspector/flatpak.h"
#include "agent/inspector/npm.h"
#include "agent/inspector/product.h"
#include "agent/inspector/python.h"
#include "agent/inspector/snap.h"
#include "policy/base/cleanup.h"
#include "policy/base/text.h"

#define TEN     "aaaaaaaaaa"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

/* Any row may hold a NUL. */
#define TEXT(s) s, sizeof(s) - 1

static int crates(const char *text, size_t n, struct package *ret)
{
	return crates_parse(text, n, "/home/u/.cargo/bin/rg", ret);
}

typedef int (*parser)(const char *text, size_t n, struct package *ret);

static const struct row {
	const char *name;
	parser parse;
	const char *text;
	size_t n;
	int want;
	enum package_type type;
	const char *package, *version;
} rows[] = {
	/* package.json of extensions */
	{ "a VS Code extension", npm_parse,
		TEXT("{\"name\":\"claude-code\",\"publisher\":\"Anthropic\",\"version\":\"2.1.91\","
		     "\"engines\":{\"vscode\":\"^1.94.0\"}}"),
		1, PACKAGE_VSCODE_EXTENSION, "anthropic/claude-code", "2.1.91" },
	{ "an extension without a name", npm_parse,
		TEXT("{\"publisher\":\"a\",\"engines\":{\"vscode\":\"1\"}}"), 0, 0, NULL, NULL },
	{ "an extension with a path trick", npm_parse,
		TEXT("{\"name\":\"a/b\",\"publisher\":\"a\",\"engines\":{\"vscode\":\"1\"}}"),
		-EBADMSG, 0, NULL, NULL },
	{ "an extension whose publisher has a newline", npm_parse,
		TEXT("{\"name\":\"b\",\"publisher\":\"a\\n\",\"engines\":{\"vscode\":\"1\"}}"),
		-EBADMSG, 0, NULL, NULL },
	{ "publisher and name too long together", npm_parse,
		TEXT("{\"name\":\"" HUNDRED TEN "\",\"publisher\":\"" HUNDRED
		     "aaaa\",\"engines\":{\"vscode\":\"1\"}}"),
		-EBADMSG, 0, NULL, NULL },
	{ "publisher and name as long as a name may be", npm_parse,
		TEXT("{\"name\":\"" HUNDRED TEN "\",\"publisher\":\"" HUNDRED
		     "aaa\",\"engines\":{\"vscode\":\"1\"}}"),
		1, PACKAGE_VSCODE_EXTENSION, HUNDRED "aaa/" HUNDRED TEN, "" },

	/* codex-package.json */
	{ "Codex", npm_parse_codex,
		TEXT("{\"layoutVersion\":1,\"version\":\"0.169.0\",\"variant\":\"codex\"}"), 1,
		PACKAGE_NPM, "@openai/codex", "0.169.0" },
	{ "Codex without a version", npm_parse_codex, TEXT("{\"layoutVersion\":1}"), 1, PACKAGE_NPM,
		"@openai/codex", "" },
	{ "something else called so", npm_parse_codex, TEXT("{\"version\":\"1.0\"}"), 0, 0, NULL,
		NULL },
	{ "Codex with a version of another type", npm_parse_codex,
		TEXT("{\"layoutVersion\":1,\"version\":1}"), -EBADMSG, 0, NULL, NULL },

	/* Python */
	{ "METADATA", python_parse,
		TEXT("Metadata-Version: 2.1\nName: aider-chat\nVersion: 0.50.0\n\nText\n"), 1,
		PACKAGE_PYPI, "aider-chat", "0.50.0" },
	{ "a name in another spelling", python_parse, TEXT("Name: Claude.Agent__SDK\nVersion: 1\n"),
		1, PACKAGE_PYPI, "claude-agent-sdk", "1" },
	{ "headers in another case, with blanks", python_parse,
		TEXT("NAME:\t a \r\nversion:1.0\r\n\r\nName: b\r\n"), 1, PACKAGE_PYPI, "a", "1.0" },
	{ "no newline at the end", python_parse, TEXT("Version: 1\nName: a"), 1, PACKAGE_PYPI, "a",
		"1" },
	{ "a continuation line is no header", python_parse, TEXT("Summary: x\n Name: b\nName: a\n"),
		1, PACKAGE_PYPI, "a", "" },
	{ "a name in the description", python_parse, TEXT("Version: 1\n\nName: a\n"), -EBADMSG, 0,
		NULL, NULL },
	{ "a description that is not UTF-8", python_parse, TEXT("Name: a\n\n\xff\0"), 1,
		PACKAGE_PYPI, "a", "" },
	{ "two names", python_parse, TEXT("Name: a\nName: b\n"), -EBADMSG, 0, NULL, NULL },
	{ "two versions", python_parse, TEXT("Name: a\nVersion: 1\nVersion: 2\n"), -EBADMSG, 0,
		NULL, NULL },
	{ "no name", python_parse, TEXT("Version: 1\n"), -EBADMSG, 0, NULL, NULL },
	{ "nothing at all", python_parse, TEXT(""), -EBADMSG, 0, NULL, NULL },
	{ "a name with a slash", python_parse, TEXT("Name: a/b\n"), -EBADMSG, 0, NULL, NULL },
	{ "a name that ends in a dash", python_parse, TEXT("Name: a-\n"), -EBADMSG, 0, NULL, NULL },
	{ "a NUL in the name", python_parse, TEXT("Name: a\0b\n"), -EBADMSG, 0, NULL, NULL },
	{ "an escape sequence in the version", python_parse, TEXT("Name: a\nVersion: \x1b[2J\n"),
		-EBADMSG, 0, NULL, NULL },
	{ "a version that is not UTF-8", python_parse, TEXT("Name: a\nVersion: \xff\n"), -EBADMSG,
		0, NULL, NULL },
	{ "a name too long by one", python_parse, TEXT("Name: " HUNDRED HUNDRED TEN "aaaaa\n"),
		-EBADMSG, 0, NULL, NULL },
	{ "the longest name", python_parse, TEXT("Name: " HUNDRED HUNDRED TEN "aaaa\n"), 1,
		PACKAGE_PYPI, HUNDRED HUNDRED TEN "aaaa", "" },

	/* product.json */
	{ "product.json", product_parse,
		TEXT("{\"nameShort\":\"Cursor\",\"applicationName\":\"Cursor\",\"version\":\"0.50."
		     "1\"}"),
		1, PACKAGE_GENERIC, "electron/cursor", "0.50.1" },
	{ "product.json without a version", product_parse, TEXT("{\"applicationName\":\"code\"}"),
		1, PACKAGE_GENERIC, "electron/code", "" },
	{ "product.json without a name", product_parse, TEXT("{\"version\":\"1\"}"), 0, 0, NULL,
		NULL },
	{ "product.json with a path trick", product_parse, TEXT("{\"applicationName\":\"../x\"}"),
		-EBADMSG, 0, NULL, NULL },
	{ "product.json that is a list", product_parse, TEXT("[]"), -EBADMSG, 0, NULL, NULL },

	/* .crates2.json */
	{ "a crate by the program's name", crates,
		TEXT("{\"installs\":{\"a 1.0.0 (registry+x)\":{\"bins\":[\"a\"]},"
		     "\"ripgrep 14.1.0 (registry+https://github.com/rust-lang/crates.io-index)\":"
		     "{\"bins\":[\"x\",\"rg\"]}}}"),
		1, PACKAGE_CARGO, "ripgrep", "14.1.0" },
	{ "a crate from a Git repository", crates,
		TEXT("{\"installs\":{\"codex-cli 0.1.0 "
		     "(git+https://github.com/openai/codex#1a)\":{\"bins\":[\"rg\"]}}}"),
		1, PACKAGE_CARGO, "codex-cli", "0.1.0" },
	{ "no crate of that name", crates,
		TEXT("{\"installs\":{\"a 1.0.0 (x)\":{\"bins\":[\"rg2\",1,[],\"r\"]}}}"), 0, 0,
		NULL, NULL },
	{ "nothing installed", crates, TEXT("{\"installs\":{}}"), 0, 0, NULL, NULL },
	{ "no installs", crates, TEXT("{}"), -EBADMSG, 0, NULL, NULL },
	{ "installs of another type", crates, TEXT("{\"installs\":[]}"), -EBADMSG, 0, NULL, NULL },
	{ "bins of another type", crates, TEXT("{\"installs\":{\"a 1 (x)\":{\"bins\":\"rg\"}}}"), 0,
		0, NULL, NULL },
	{ "an install of another type", crates, TEXT("{\"installs\":{\"a 1 (x)\":7}}"), 0, 0, NULL,
		NULL },
	{ "a crate without a version", crates, TEXT("{\"installs\":{\"a\":{\"bins\":[\"rg\"]}}}"),
		-EBADMSG, 0, NULL, NULL },
	{ "a crate with a strange name", crates,
		TEXT("{\"installs\":{\"a/b 1 (x)\":{\"bins\":[\"rg\"]}}}"), -EBADMSG, 0, NULL,
		NULL },

	/* meta/snap.yaml */
	{ "snap.yaml", snap_parse,
		TEXT("name: code\nversion: '1.96'\nsummary: x\napps:\n  code:\n    command: x\n"),
		1, PACKAGE_GENERIC, "snap/code", "1.96" },
	{ "a version without quotes stays as it is written", snap_parse,
		TEXT("version: 1.10\nname: a\n"), 1, PACKAGE_GENERIC, "snap/a", "1.10" },
	{ "only the top counts", snap_parse,
		TEXT("apps:\n  name: x\n  version: 2\nlist: [name, version]\nname: a\n"), 1,
		PACKAGE_GENERIC, "snap/a", "" },
	{ "snap.yaml with anchors elsewhere", snap_parse,
		TEXT("a: &x [1]\nb: *x\nname: n\nversion: 1\n"), 1, PACKAGE_GENERIC, "snap/n",
		"1" },
	{ "flow style", snap_parse, TEXT("{name: a, version: \"1\", b: {c: d}}"), 1,
		PACKAGE_GENERIC, "snap/a", "1" },
	{ "a mapping as key elsewhere", snap_parse, TEXT("{? {a: b} : c, name: a}"), -EBADMSG, 0,
		NULL, NULL },
	{ "snap.yaml without a name", snap_parse, TEXT("version: 1\n"), 0, 0, NULL, NULL },
	{ "a name by an anchor", snap_parse, TEXT("a: &x y\nname: *x\n"), -EBADMSG, 0, NULL, NULL },
	{ "a name that is a list", snap_parse, TEXT("name: [a]\n"), -EBADMSG, 0, NULL, NULL },
	{ "two snap names", snap_parse, TEXT("name: a\nname: b\n"), -EBADMSG, 0, NULL, NULL },
	{ "a snap name with a newline", snap_parse, TEXT("name: \"a\\nb\"\n"), -EBADMSG, 0, NULL,
		NULL },
	{ "a snap name with a NUL", snap_parse, TEXT("name: \"a\\0b\"\n"), -EBADMSG, 0, NULL,
		NULL },
	{ "a snap name with a slash", snap_parse, TEXT("name: a/b\n"), -EBADMSG, 0, NULL, NULL },
	{ "an empty snap.yaml", snap_parse, TEXT(""), -EBADMSG, 0, NULL, NULL },
	{ "a scalar", snap_parse, TEXT("name\n"), -EBADMSG, 0, NULL, NULL },
	{ "a list of snaps", snap_parse, TEXT("- name: a\n"), -EBADMSG, 0, NULL, NULL },
	{ "snap.yaml that is not UTF-8", snap_parse, TEXT("name: a\nx: \xff\n"), -EBADMSG, 0, NULL,
		NULL },
	{ "snap.yaml with a tab for indentation", snap_parse, TEXT("name: a\nb:\n\tc: d\n"),
		-EBADMSG, 0, NULL, NULL },

	/* flatpak's metadata */
	{ "a flatpak", flatpak_parse,
		TEXT("[Application]\nname=com.visualstudio.code\nruntime=org.x/x86_64/1\n\n"
		     "[Context]\nname=z\n"),
		1, PACKAGE_GENERIC, "flatpak/com.visualstudio.code", "" },
	{ "a runtime, with blanks", flatpak_parse, TEXT("# c\r\n[Runtime]\r\n name = org.x \r\n"),
		1, PACKAGE_GENERIC, "flatpak/org.x", "" },
	{ "a name in another group", flatpak_parse, TEXT("[Context]\nname=a\n[Application]\n"), 0,
		0, NULL, NULL },
	{ "a name before any group", flatpak_parse, TEXT("name=a\n"), 0, 0, NULL, NULL },
	{ "an empty flatpak name", flatpak_parse, TEXT("[Application]\nname=\n"), -EBADMSG, 0, NULL,
		NULL },
	{ "a flatpak name with a slash", flatpak_parse, TEXT("[Application]\nname=a/b\n"), -EBADMSG,
		0, NULL, NULL },
	{ "a flatpak name with an escape", flatpak_parse, TEXT("[Application]\nname=a\x1b\n"),
		-EBADMSG, 0, NULL, NULL },
	{ "a NUL in a flatpak's metadata", flatpak_parse, TEXT("[Application]\nname=a\n\0"),
		-EBADMSG, 0, NULL, NULL },
	{ "an empty flatpak's metadata", flatpak_parse, TEXT(""), 0, 0, NULL, NULL },
};

static void check_valid(const char *name, const struct package *p)
{
	struct facts f = { 0 };

	facts_add_package(&f, p);
	if (!facts_valid(&f))
		fail_msg("%s: facts are not valid", name);
}

static void test_table(void **state)
{
	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		struct package p = { 0 };
		int r = row->parse(row->text, row->n, &p);

		if (r != row->want)
			fail_msg("%s: returned %d, not %d", row->name, r, row->want);
		if (r <= 0 && p.type != PACKAGE_NONE)
			fail_msg("%s: wrote a package all the same", row->name);
		if (r <= 0)
			continue;
		if (p.type != row->type || strcmp(p.name, row->package) != 0 ||
			strcmp(p.version, row->version) != 0)
			fail_msg("%s: found %s %s@%s", row->name,
				package_type_to_string((enum package_type) p.type), p.name,
				p.version);
		check_valid(row->name, &p);
	}
}

/* Cut anywhere, in a buffer that ends where the text does. */
static void test_truncation(void **state)
{
	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (size_t n = 0; n < rows[i].n; n++) {
			_cleanup_free_ char *cut = malloc(n + 1);
			struct package p = { 0 };
			int r;

			assert_non_null(cut);
			memcpy(cut, rows[i].text, n);
			r = rows[i].parse(cut, n, &p);
			if (r > 1 || (r <= 0 && p.type != PACKAGE_NONE))
				fail_msg("%s, cut at %zu: returned %d", rows[i].name, n, r);
			if (r > 0)
				check_valid(rows[i].name, &p);
		}
}

/* @head, @middle @n times, @tail. */
static char *repeat(const char *head, const char *middle, size_t n, const char *tail)
{
	const size_t k = strlen(middle);
	char *text = malloc(strlen(head) + n * k + strlen(tail) + 1), *p = text;

	assert_non_null(text);
	p = stpcpy(p, head);
	for (size_t i = 0; i < n; i++)
		p = mempcpy(p, middle, k);
	(void) stpcpy(p, tail);
	return text;
}

static void test_depth(void **state)
{
	static const struct {
		const char *name, *head, *middle, *tail;
		parser parse;
		size_t fits, over; /* how often */
	} deep[] = {
		{ "lists in product.json", "{\"applicationName\":\"a\",\"x\":", "[", "",
			product_parse, 0, 10000 },
		{ "objects in product.json", "", "{\"a\":", "", product_parse, 0, 10000 },
		{ "objects in .crates2.json", "{\"installs\":", "{\"a\":", "", crates, 0, 10000 },
		{ "lists in a snap", "name: a\nx: ", "[", "", snap_parse, 0, 10000 },
		{ "objects in a snap", "name: a\nx: ", "{a: ", "", snap_parse, 0, 10000 },
		{ "blocks in a snap", "name: a\nx:\n", "- ", "x\n", snap_parse,
			SNAP_NESTING_MAX - 1, SNAP_NESTING_MAX },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(deep); i++) {
		_cleanup_free_ char *over = repeat(
			deep[i].head, deep[i].middle, deep[i].over, deep[i].tail);
		struct package p = { 0 };

		if (deep[i].parse(over, strlen(over), &p) != -EBADMSG)
			fail_msg("%s: too deep, and not refused", deep[i].name);
		if (deep[i].fits > 0) {
			_cleanup_free_ char *fits = repeat(
				deep[i].head, deep[i].middle, deep[i].fits, deep[i].tail);

			if (deep[i].parse(fits, strlen(fits), &p) != 1)
				fail_msg("%s: refused, and not too deep", deep[i].name);
		}
	}
}

static void test_size(void **state)
{
	static const struct {
		const char *name, *head, *tail;
		parser parse;
		size_t max;
	} sizes[] = {
		{ "codex-package.json", "{\"layoutVersion\":1", "}", npm_parse_codex,
			JSON_SIZE_MAX },
		{ "product.json", "{\"applicationName\":\"a\"", "}", product_parse, JSON_SIZE_MAX },
		{ ".crates2.json", "{\"installs\":{\"a 1 (x)\":{\"bins\":[\"rg\"]}}", "}", crates,
			JSON_SIZE_MAX },
		{ "METADATA", "Name: a\n\n", "", python_parse, PYTHON_METADATA_SIZE_MAX },
		{ "snap.yaml", "name: a\nx: y", "\n", snap_parse, SNAP_SIZE_MAX },
		{ "flatpak", "[Application]\nname=a\n", "\n", flatpak_parse, FLATPAK_SIZE_MAX },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		const size_t frame = strlen(sizes[i].head) + strlen(sizes[i].tail);
		_cleanup_free_ char *fits = repeat(sizes[i].head, " ", sizes[i].max - frame,
					    sizes[i].tail),
				    *over = repeat(sizes[i].head, " ", sizes[i].max - frame + 1,
					    sizes[i].tail);
		struct package p = { 0 };

		if (sizes[i].parse(over, strlen(over), &p) != -EBADMSG)
			fail_msg("%s: past its limit, and not refused", sizes[i].name);
		if (sizes[i].parse(fits, strlen(fits), &p) != 1)
			fail_msg("%s: refused at its limit", sizes[i].name);
	}
}

/* ---- which files are a Python package's ---- */

#define SITE "/v/lib/python3.11/site-packages/"

static void test_record(void **state)
{
	static const struct {
		const char *name, *record, *program;
		bool want;
	} records[] = {
		{ "a script", "a/x.py,sha256=1,2\n../../../bin/aider,sha256=3,4\n", "/v/bin/aider",
			true },
		{ "a script in the last line", "../../../bin/aider,,", "/v/bin/aider", true },
		{ "a program in the package", "claude_agent_sdk/_bundled/claude,sha256=1,2\n",
			SITE "claude_agent_sdk/_bundled/claude", true },
		{ "Debian's folder", "a/x.py,,\n", "/usr/lib/python3/dist-packages/a/x.py", true },
		{ "another script", "../../../bin/aider2,,\n../../../bin/aide,,\n", "/v/bin/aider",
			false },
		{ "a longer path that ends so", "x../../../bin/aider,,\n", "/v/bin/aider", false },
		{ "the name without its comma", "../../../bin/aider\n../../../bin/aider",
			"/v/bin/aider", false },
		{ "the name behind a comma", "x,../../../bin/aider,\n", "/v/bin/aider", false },
		{ "a quoted name", "\"a/b,c\",,\n", SITE "a/b,c", true },
		{ "a name with a comma that is not quoted", "a/b,c,,\n", SITE "a/b,c", false },
		{ "quoted without need", "\"a/b\",,\n", SITE "a/b", true },
		{ "a quote that does not end", "\"a/b\n", SITE "a/b", false },
		{ "a program with a newline", "a\nb,,\n", SITE "a\nb", false },
		{ "a program with a quote", "a\"b,,\n", SITE "a\"b", false },
		{ "a script of the same name in the package", "../../../bin/x,,\n", SITE "a/bin/x",
			false },
		{ "the innermost folder of packages", "b/x,,\n", SITE "a/site-packages/b/x", true },
		{ "not the outer one", "a/site-packages/b/x,,\n", SITE "a/site-packages/b/x",
			false },
		{ "in neither", "x,,\n../../../bin/x,,\n", "/v/sbin/x", false },
		{ "bin itself", "../../../bin/,,\n", "/v/bin/", false },
		{ "no slash", "x,,\n", "x", false },
		{ "an empty path", ",,\n", "", false },
		{ "an empty record", "", "/v/bin/x", false },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(records); i++)
		if (python_record_lists(records[i].record, strlen(records[i].record),
			    records[i].program) != records[i].want)
			fail_msg("%s: %s", records[i].name,
				records[i].want ? "not listed" : "listed");
}

static void test_record_limits(void **state)
{
	static char path[8192] = "/v/bin/";
	_cleanup_free_ char *fits = repeat("", "\n", PYTHON_RECORD_SIZE_MAX - 21,
				    "../../../bin/aider,,\n"),
			    *over = repeat("", "\n", PYTHON_RECORD_SIZE_MAX - 20,
				    "../../../bin/aider,,\n");

	(void) state;
	assert_true(python_record_lists(fits, strlen(fits), "/v/bin/aider"));
	assert_false(python_record_lists(over, strlen(over), "/v/bin/aider"));
	memset(path + strlen(path), 'x', sizeof(path) - strlen(path) - 1);
	assert_false(python_record_lists(fits, strlen(fits), path));
}

static void test_named_after(void **state)
{
	static const struct {
		const char *package, *program;
		bool want;
	} names[] = {
		{ "deluge", "/usr/lib/python3/dist-packages/deluge/main.py", true },
		{ "deluge-client", "/usr/lib/python3/dist-packages/Deluge_Client/x", true },
		{ "six", "/usr/lib/python3/dist-packages/six.py", true },
		{ "six", "/usr/lib/python3/dist-packages/six.so", false },
		{ "deluge", "/usr/bin/deluge", true },
		{ "deluge", "/usr/bin/deluged", false },
		{ "deluge", "/usr/sbin/deluge", false },
		{ "deluge", "", false },
		{ "a", "/v/bin/", false },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct package p = { .type = PACKAGE_PYPI };

		assert_int_equal(text_copy(p.name, sizeof(p.name), names[i].package), 0);
		if (python_is_named_after(&p, names[i].program) != names[i].want)
			fail_msg("%s and %s", names[i].package, names[i].program);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_record),
		cmocka_unit_test(test_record_limits),
		cmocka_unit_test(test_named_after),
	};

	npm_prepare();
	return cmocka_run_group_tests_name("metadata parsers", tests, NULL, NULL);
}
