/* package.json, from honest to hostile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "agent/inspector/npm.h"
#include "policy/base/cleanup.h"

#define TEN      "aaaaaaaaaa"
#define HUNDRED  TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
#define NAME_214 HUNDRED HUNDRED "aaaaaaaaaaaaaa"

static const struct {
	const char *name, *text;
	size_t n; /* 0: strlen(text) */
	int want;
	const char *package, *version;
} cases[] = {
	{ "plain", "{\"name\":\"a\",\"version\":\"1.0.0\"}", 0, 1, "a", "1.0.0" },
	{ "scope", "{\"version\":\"2.1.91\",\"name\":\"@anthropic-ai/claude-code\"}", 0, 1,
		"@anthropic-ai/claude-code", "2.1.91" },
	{ "escapes in the name", "{\"name\":\"\\u0061b\",\"version\":\"1\"}", 0, 1, "ab", "1" },
	{ "byte order mark", "\xef\xbb\xbf{\"name\":\"a\",\"version\":\"1\"}", 0, 1, "a", "1" },
	{ "no version", "{\"name\":\"a\"}", 0, 1, "a", "" },
	{ "empty version", "{\"name\":\"a\",\"version\":\"\"}", 0, 1, "a", "" },
	{ "longest name", "{\"name\":\"" NAME_214 "\"}", 0, 1, NAME_214, "" },
	{ "no name", "{\"version\":\"1\"}", 0, 0, NULL, NULL },
	{ "type only", "{\"type\":\"module\"}", 0, 0, NULL, NULL },
	{ "empty name", "{\"name\":\"\"}", 0, 0, NULL, NULL },
	{ "empty object", " {} ", 0, 0, NULL, NULL },
	{ "name too long by one", "{\"name\":\"" NAME_214 "a\"}", 0, -EBADMSG, NULL, NULL },
	{ "version too long", "{\"name\":\"a\",\"version\":\"" HUNDRED HUNDRED HUNDRED "\"}", 0,
		-EBADMSG, NULL, NULL },
	{ "name is a number", "{\"name\":1,\"version\":\"1\"}", 0, -EBADMSG, NULL, NULL },
	{ "name is null", "{\"name\":null,\"version\":\"1\"}", 0, -EBADMSG, NULL, NULL },
	{ "version is a list", "{\"name\":\"a\",\"version\":[]}", 0, -EBADMSG, NULL, NULL },
	{ "version without a name is a list", "{\"version\":[]}", 0, -EBADMSG, NULL, NULL },
	{ "name with a path trick", "{\"name\":\"../a\",\"version\":\"1\"}", 0, -EBADMSG, NULL,
		NULL },
	{ "name with a blank", "{\"name\":\"a b\",\"version\":\"1\"}", 0, -EBADMSG, NULL, NULL },
	{ "escape sequence in the version", "{\"name\":\"a\",\"version\":\"\\u001b[2J\"}", 0,
		-EBADMSG, NULL, NULL },
	{ "NUL in the name", "{\"name\":\"a\\u0000b\",\"version\":\"1\"}", 0, -EBADMSG, NULL,
		NULL },
	{ "NUL in the text", "{\"name\":\"a\",\0\"version\":\"1\"}", 27, -EBADMSG, NULL, NULL },
	{ "NUL after the text", "{\"name\":\"a\"}\0", 13, -EBADMSG, NULL, NULL },
	{ "name twice", "{\"name\":\"a\",\"name\":\"b\"}", 0, -EBADMSG, NULL, NULL },
	{ "not UTF-8", "{\"name\":\"a\",\"x\":\"\xff\"}", 0, -EBADMSG, NULL, NULL },
	{ "lone surrogate", "{\"name\":\"a\",\"x\":\"\\ud800\"}", 0, -EBADMSG, NULL, NULL },
	{ "UTF-16", "{\0\"\0n\0", 6, -EBADMSG, NULL, NULL },
	{ "control character in the name", "{\"name\":\"a\\nb\"}", 0, -EBADMSG, NULL, NULL },
	{ "publisher without an engine is npm's", "{\"name\":\"a\",\"publisher\":\"p\"}", 0, 1, "a",
		"" },
	{ "engine without a publisher is npm's",
		"{\"name\":\"a\",\"engines\":{\"vscode\":\"^1.9\"}}", 0, 1, "a", "" },
	{ "engines of another type", "{\"name\":\"a\",\"publisher\":\"p\",\"engines\":[]}", 0, 1,
		"a", "" },
	{ "a list", "[\"name\"]", 0, -EBADMSG, NULL, NULL },
	{ "a string", "\"name\"", 0, -EBADMSG, NULL, NULL },
	{ "cut short", "{\"name\":\"a\",", 0, -EBADMSG, NULL, NULL },
	{ "two objects", "{\"name\":\"a\"}{}", 0, -EBADMSG, NULL, NULL },
	{ "empty", "", 0, -EBADMSG, NULL, NULL },
};

static void test_table(void **state)
{
	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct package p = { 0 };
		size_t n = cases[i].n ? cases[i].n : strlen(cases[i].text);
		int r = npm_parse(cases[i].text, n, &p);

		if (r != cases[i].want)
			fail_msg("%s: returned %d, not %d", cases[i].name, r, cases[i].want);
		if (r <= 0 && p.type != PACKAGE_NONE)
			fail_msg("%s: wrote a package all the same", cases[i].name);
		if (r > 0 &&
			(strcmp(p.name, cases[i].package) != 0 ||
				strcmp(p.version, cases[i].version) != 0))
			fail_msg("%s: found %s@%s", cases[i].name, p.name, p.version);
	}
}

/* @head, then @middle @n times, then @tail. */
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
	_cleanup_free_ char *deep = repeat("{\"name\":\"a\",\"x\":", "[", 10000, ""),
			    *closed = repeat(deep, "]", 10000, "}"),
			    *objects = repeat("", "{\"a\":", 10000, ""),
			    *shallow = repeat("{\"name\":\"a\",\"x\":", "[", 100, "");
	_cleanup_free_ char *fine = repeat(shallow, "]", 100, "}");
	struct package p;

	(void) state;
	assert_int_equal(npm_parse(deep, strlen(deep), &p), -EBADMSG);
	assert_int_equal(npm_parse(closed, strlen(closed), &p), -EBADMSG);
	assert_int_equal(npm_parse(objects, strlen(objects), &p), -EBADMSG);
	assert_int_equal(npm_parse(fine, strlen(fine), &p), 1);
}

static void test_size(void **state)
{
	const size_t frame = strlen("{\"name\":\"a\"}");
	_cleanup_free_ char *fits = repeat(
				    "{\"name\":\"a\"", " ", NPM_METADATA_SIZE_MAX - frame, "}"),
			    *over = repeat(
				    "{\"name\":\"a\"", " ", NPM_METADATA_SIZE_MAX - frame + 1, "}");
	struct package p;

	(void) state;
	assert_int_equal(npm_parse(fits, strlen(fits), &p), 1);
	assert_int_equal(npm_parse(over, strlen(over), &p), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_size),
	};

	npm_prepare();
	return cmocka_run_group_tests_name("npm metadata", tests, NULL, NULL);
}
