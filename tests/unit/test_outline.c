/* Where rules and the keys of their meta stand, whatever lies between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "policy/base/cleanup.h"
#include "policy/source/outline.h"

/* "name@line:column[key@line:column...];..." of all rules in @text. */
static void read_outline(const char *text, char found[512], uint32_t *ret_errors)
{
	struct source s = { .name = "signatures/a.yar", .text = text, .size = strlen(text) };
	_cleanup_(messages_freep) struct messages *m = NULL;
	struct outline o = { 0 };
	size_t n = 0;

	assert_int_equal(messages_new(&m), 0);
	assert_int_equal(outline_add(&o, &s, m), 0);
	assert_int_equal(outline_sort(&o, m), 0);
	found[0] = '\0';
	for (size_t i = 0; i < o.n_rules; i++) {
		const struct outline_rule *r = &o.rules[i];

		n += (size_t) snprintf(
			found + n, 512 - n, "%s@%u:%u", r->name, r->at.line, r->at.column);
		for (size_t k = 0; k < r->keys; k++)
			n += (size_t) snprintf(found + n, 512 - n, "[%s@%u:%u]",
				o.keys[r->first_key + k].name, o.keys[r->first_key + k].at.line,
				o.keys[r->first_key + k].at.column);
		n += (size_t) snprintf(found + n, 512 - n, ";");
		assert_non_null(outline_find(&o, r->name));
	}
	*ret_errors = messages_count(m, MESSAGE_ERROR);
	outline_done(&o);
}

static void test_places(void **state)
{
	static const struct {
		const char *name, *text, *found;
		uint32_t errors;
	} cases[] = {
		{ "nothing", "", "", 0 },
		{ "a rule", "rule a { condition: true }", "a@1:6;", 0 },
		{ "two on a line", "rule a{condition:true}rule b{condition:a}", "a@1:6;b@1:28;",
			0 },
		{ "kinds and tags", "private\nrule a : t u\n{ condition: true }", "a@2:6;", 0 },
		{ "keys of meta", "rule a { meta: x = 1 y=\"z = 2\"\n\tv = true condition: true }",
			"a@1:6[x@1:16][y@1:22][v@2:2];", 0 },
		{ "no keys elsewhere", "rule a { strings: $x = \"b\" condition: filesize == 5 }",
			"a@1:6;", 0 },
		{ "a colon in a condition",
			"rule a { condition: for any i in (1..2) : ( i == 1 ) }\nrule b {}",
			"a@1:6;b@2:6;", 0 },
		{ "rules in comments", "// rule x {\n/* rule y {\n*/ rule a {}", "a@3:9;", 0 },
		{ "rules in texts",
			"rule a { strings: $ = \"} rule x { \\\" }\" $ = /} rule y \\/ {/ }\nrule "
			"b {}",
			"a@1:6;b@2:6;", 0 },
		{ "hexadecimal text with a brace in a comment",
			"rule a { strings: $ = { 41 /* } */ 42 // }\n 43 } condition: $ }\nrule b "
			"{}",
			"a@1:6;b@3:6;", 0 },
		{ "columns are characters", "rule a { meta: x = \"\xc3\xa9\xc3\xa9\" y = 1 }",
			"a@1:6[x@1:16][y@1:25];", 0 },
		{ "an import", "import \"pe\"\nrule a {}", "a@2:6;", 1 },
		{ "an include", "include \"rule x {}\" rule a {}", "a@1:26;", 1 },
		{ "an import in a text", "rule a { strings: $ = \"import\" $ = /include/ }",
			"a@1:6;", 0 },
		{ "the same name twice", "rule a {} rule a {}", "a@1:6;a@1:16;", 1 },
		{ "a comment without an end", "rule a {} /* rule b {}", "a@1:6;", 1 },
		{ "cut short", "rule a { meta: x = \"", "a@1:6[x@1:16];", 0 },
		{ "cut behind a backslash", "rule a { meta: x = \"\\", "a@1:6[x@1:16];", 0 },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char found[512];
		uint32_t errors;

		read_outline(cases[i].text, found, &errors);
		if (strcmp(found, cases[i].found) != 0 || errors != cases[i].errors)
			fail_msg("%s: found %s and %u errors", cases[i].name, found, errors);
	}
}

/* Whatever is cut off, what is before it stays where it was. */
static void test_every_length(void **state)
{
	static const char whole[] =
		"private rule a : t { meta: x = \"\\\"\" /* } */ strings: $ = { "
		"41 } $ = /b\\// condition: $ } // c\nrule b { meta: y = 1 }";

	(void) state;
	for (size_t n = 0; n < sizeof(whole); n++) {
		_cleanup_free_ char *text = strndup(whole, n);
		char found[512];
		uint32_t errors;

		read_outline(text, found, &errors);
		if (n > 15 && strncmp(found, "a@1:14", 6) != 0)
			fail_msg("the first %zu bytes: found %s", n, found);
	}
}

static void test_long_words_are_cut(void **state)
{
	char text[512] = "rule ", found[512];
	uint32_t errors;

	(void) state;
	memset(text + 5, 'a', 300);
	strcpy(text + 305, " {}");
	read_outline(text, found, &errors);
	assert_int_equal(strcspn(found, "@"), OUTLINE_WORD_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_every_length),
		cmocka_unit_test(test_long_words_are_cut),
	};

	return cmocka_run_group_tests_name("outline", tests, NULL, NULL);
}
