/* Values: what each kind takes, and every limit at limit and limit + 1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "policy/base/clock.h"
#include "policy/source/schema.h"

enum kind { TEXT, LINES, ID, URL, WORD, BOOL, NUMBER, DURATION, PATH, GLOB };

static bool check(enum kind kind, const struct node *n, struct messages *m, uint64_t *ret)
{
	static const char *const words[] = { "log", "warn", "block" };
	const char *text;
	size_t word;
	bool flag, good = false;

	switch (kind) {
	case TEXT:
		return schema_text(n, m, "x", 8, false, &text);
	case LINES:
		return schema_text(n, m, "x", 8, true, &text);
	case ID:
		return schema_id(n, m, "x", &text);
	case URL:
		return schema_url(n, m, "x", &text);
	case WORD:
		good = schema_word(n, m, "x", words, ARRAY_SIZE(words), &word);
		*ret = good ? word : 0;
		return good;
	case BOOL:
		good = schema_bool(n, m, "x", &flag);
		*ret = good && flag;
		return good;
	case NUMBER:
		return schema_number(n, m, "x", 1, 16, ret);
	case DURATION:
		return schema_duration(n, m, "x", 100 * USEC_PER_MSEC, 30 * USEC_PER_SEC, ret);
	case PATH:
		return schema_path(n, m, "x", false, &text);
	case GLOB:
		return schema_path(n, m, "x", true, &text);
	}
	return good;
}

static const struct {
	const char *name;
	enum kind kind;
	const char *yaml;
	bool good;
	uint64_t value;
} cases[] = {
	{ "a text", TEXT, "abc", true, 0 },
	{ "a text at the limit", TEXT, "12345678", true, 0 },
	{ "a text past it", TEXT, "123456789", false, 0 },
	{ "a number is a text, too", TEXT, "2.10", true, 0 },
	{ "an empty text", TEXT, "''", false, 0 },
	{ "nothing", TEXT, "~", false, 0 },
	{ "the word null in quotes", TEXT, "'null'", true, 0 },
	{ "the word null", TEXT, "null", false, 0 },
	{ "a list for a text", TEXT, "[a]", false, 0 },
	{ "a line break in a line", TEXT, "\"a\\nb\"", false, 0 },
	{ "a line break where lines may be", LINES, "\"a\\nb\"", true, 0 },
	{ "a carriage return where lines may be", LINES, "\"a\\rb\"", false, 0 },
	{ "an escape character", LINES, "\"\\e[2J\"", false, 0 },
	{ "a C1 control character", LINES, "\"\\N\"", false, 0 },
	{ "an id", ID, "HRS-2026_1.a", true, 0 },
	{ "an id that begins with a dash", ID, "-a", false, 0 },
	{ "an id with a blank", ID, "a b", false, 0 },
	{ "an id with a slash", ID, "a/b", false, 0 },
	{ "an id in other letters", ID, "\xe9\xab\x98", false, 0 },
	{ "an https address", URL, "https://it.example.com/a?b#c", true, 0 },
	{ "an http address", URL, "HTTP://it", true, 0 },
	{ "another scheme", URL, "ftp://it.example.com", false, 0 },
	{ "a scheme that runs something", URL, "javascript:alert(1)", false, 0 },
	{ "an address without a host", URL, "https:///a", false, 0 },
	{ "an address with only a port", URL, "https://:80/", false, 0 },
	{ "an address that hides its host behind a name", URL, "https://it@evil.example/", false,
		0 },
	{ "an at sign in the path", URL, "https://it.example.com/@a", true, 0 },
	{ "an address with a blank", URL, "https://it.example.com/a b", false, 0 },
	{ "an address with a quote", URL, "'https://it.example.com/\"'", false, 0 },
	{ "a word", WORD, "block", true, 2 },
	{ "a word in capitals", WORD, "Block", false, 0 },
	{ "another word", WORD, "deny", false, 0 },
	{ "true", BOOL, "true", true, 1 },
	{ "false", BOOL, "false", true, 0 },
	{ "yes", BOOL, "yes", false, 0 },
	{ "1", BOOL, "1", false, 0 },
	{ "the least number", NUMBER, "1", true, 1 },
	{ "one less", NUMBER, "0", false, 0 },
	{ "the greatest number", NUMBER, "16", true, 16 },
	{ "one more", NUMBER, "17", false, 0 },
	{ "a number past 64 bits", NUMBER, "18446744073709551617", false, 0 },
	{ "a negative number", NUMBER, "-1", false, 0 },
	{ "a number with a sign", NUMBER, "+1", false, 0 },
	{ "a broken number", NUMBER, "1.5", false, 0 },
	{ "a hexadecimal number", NUMBER, "0x1", false, 0 },
	{ "milliseconds", DURATION, "500ms", true, 500000 },
	{ "seconds", DURATION, "2s", true, 2000000 },
	{ "the shortest time", DURATION, "100ms", true, 100000 },
	{ "a shorter one", DURATION, "99ms", false, 0 },
	{ "the longest time", DURATION, "30s", true, 30000000 },
	{ "a longer one", DURATION, "30001ms", false, 0 },
	{ "a time without a unit", DURATION, "2", false, 0 },
	{ "a unit without a time", DURATION, "s", false, 0 },
	{ "another unit", DURATION, "2min", false, 0 },
	{ "a time past 64 bits", DURATION, "18446744073710s", false, 0 },
	{ "a blank before the unit", DURATION, "2 s", false, 0 },
	{ "a path", PATH, "/home", true, 0 },
	{ "the root", PATH, "/", true, 0 },
	{ "a path from nowhere", PATH, "home", false, 0 },
	{ "a home where no glob may be", PATH, "~/a", false, 0 },
	{ "a home", GLOB, "~/a", true, 0 },
	{ "the home of a user", GLOB, "~root/a", false, 0 },
	{ "two slashes", GLOB, "/a//b", false, 0 },
	{ "a slash at the end", GLOB, "/a/", false, 0 },
	{ "a way up", GLOB, "/a/../b", false, 0 },
	{ "a way up at the end", GLOB, "/a/..", false, 0 },
	{ "a name of dots", GLOB, "/a/...", true, 0 },
	{ "no way at all", GLOB, "/a/./b", false, 0 },
};

static void test_values(void **state)
{
	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct source s = {
			.name = "t", .text = cases[i].yaml, .size = strlen(cases[i].yaml)
		};
		struct messages *m;
		struct tree *t;
		uint64_t value = 0;
		bool good;

		assert_int_equal(messages_new(&m), 0);
		if (tree_parse(&s, m, &t) < 0)
			fail_msg("%s: not YAML", cases[i].name);
		good = check(cases[i].kind, tree_root(t), m, &value);
		if (good != cases[i].good || value != cases[i].value)
			fail_msg("%s: taken %d, value %lu", cases[i].name, good, value);
		if (messages_count(m, MESSAGE_ERROR) != (good ? 0 : 1))
			fail_msg("%s: %u errors", cases[i].name, messages_count(m, MESSAGE_ERROR));
		tree_free(t);
		messages_free(m);
	}
}

/* A scalar of @n bytes: @before and as many 'x' as it takes. */
static bool check_length(enum kind kind, const char *before, size_t n)
{
	char *text = malloc(n + 1);
	struct node node = { .type = NODE_SCALAR, .n = n };
	struct messages *m;
	uint64_t value;
	bool good;

	assert_non_null(text);
	memset(text, 'x', n);
	memcpy(text, before, strlen(before));
	text[n] = '\0';
	node.text = text;
	assert_int_equal(messages_new(&m), 0);
	good = check(kind, &node, m, &value);
	messages_free(m);
	free(text);
	return good;
}

static void test_lengths(void **state)
{
	(void) state;
	assert_true(check_length(ID, "", SCHEMA_ID_MAX));
	assert_false(check_length(ID, "", SCHEMA_ID_MAX + 1));
	assert_true(check_length(URL, "https://", SCHEMA_URL_MAX));
	assert_false(check_length(URL, "https://", SCHEMA_URL_MAX + 1));
	assert_true(check_length(GLOB, "/", SCHEMA_PATH_MAX));
	assert_false(check_length(GLOB, "/", SCHEMA_PATH_MAX + 1));
}

static const struct key keys[] = {
	{ "name", KEY_TEXT | KEY_REQUIRED },
	{ "items", KEY_LIST },
	{ "either", KEY_TEXT | KEY_MAPPING },
	{ "later", KEY_LATER },
};
static const struct schema schema = { "a thing", keys, ARRAY_SIZE(keys) };

static const struct {
	const char *name, *yaml;
	unsigned values; /* bits: which keys have one */
	uint32_t errors;
	const char *said;
} mappings[] = {
	{ "all there is", "{name: a, items: [], either: {}}", 7, 0, "" },
	{ "text for text or mapping", "{name: a, either: b}", 5, 0, "" },
	{ "list for text or mapping", "{name: a, either: []}", 1, 1,
		"'either' must be a text or a mapping, but here is a list" },
	{ "nothing where a text is wanted", "{name: }", 0, 1,
		"'name' must be a text, but here is nothing" },
	{ "a required key is not there", "{items: []}", 2, 1, "a thing needs the key 'name'" },
	{ "a required key is misspelt", "{nmae: a}", 0, 1, "did you mean 'name'?" },
	{ "an unknown key", "{name: a, zebra: b}", 1, 1, "unknown key 'zebra' in a thing\n" },
	{ "a key of a later version", "{name: a, later: [1, 2]}", 1, 1,
		"'later' in a thing is not supported yet by this version" },
	{ "a repeated key keeps the first", "{name: a, name: [b]}", 1, 1, "is given twice" },
	{ "no mapping", "[name]", 0, 1, "a thing must be a mapping, but here is a list" },
	{ "nothing at all", "~", 0, 1, "a thing must be a mapping, but here is nothing" },
};

static void test_mappings(void **state)
{
	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(mappings); i++) {
		struct source s = {
			.name = "t", .text = mappings[i].yaml, .size = strlen(mappings[i].yaml)
		};
		const struct node *v[ARRAY_SIZE(keys)];
		struct messages *m;
		struct tree *t;
		unsigned values = 0;
		char *said;

		assert_int_equal(messages_new(&m), 0);
		assert_int_equal(tree_parse(&s, m, &t), 0);
		(void) schema_mapping(&schema, tree_root(t), m, v);
		for (size_t k = 0; k < ARRAY_SIZE(keys); k++)
			values |= v[k] ? 1u << k : 0;
		assert_int_equal(messages_format(m, 1 << 20, &said), 0);
		if (values != mappings[i].values ||
			messages_count(m, MESSAGE_ERROR) != mappings[i].errors ||
			!strstr(said, mappings[i].said))
			fail_msg("%s: values %x, said %s", mappings[i].name, values, said);
		free(said);
		tree_free(t);
		messages_free(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_mappings),
	};

	return cmocka_run_group_tests_name("schema", tests, NULL, NULL);
}
