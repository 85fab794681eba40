/* Messages: order, carets, windows, limits, suggestions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "policy/base/text.h"
#include "policy/source/message.h"

static struct messages *new_messages(void)
{
	struct messages *m;

	assert_int_equal(messages_new(&m), 0);
	return m;
}

/* What is said of one place in @text. */
static char *said(const char *text, uint32_t line, uint32_t column, const char *what)
{
	struct source s = { .name = "p.yaml", .text = text, .size = strlen(text) };
	struct messages *m = new_messages();
	char *out;

	message_error(m, ((struct place){ &s, line, column }), "%s", what);
	assert_int_equal(messages_format(m, 1 << 20, &out), 0);
	messages_free(m);
	return out;
}

static const struct {
	const char *name, *text;
	uint32_t line, column;
	const char *expected; /* without the first line */
} carets[] = {
	{ "the first column", "abc", 1, 1, "      1 | abc\n        | ^\n" },
	{ "behind the last column", "abc", 1, 4, "      1 | abc\n        |    ^\n" },
	{ "past the end of the line", "abc\n", 1, 40, "      1 | abc\n        |    ^\n" },
	{ "an empty last line", "abc\n", 2, 1, "      2 | \n        | ^\n" },
	{ "past the end of the file", "abc\n", 7, 1, "" },
	{ "no line at all", "abc", 0, 0, "" },
	{ "after a tab", "\tx: 1", 1, 2, "      1 |         x: 1\n        |         ^\n" },
	{ "after a tab in the middle", "ab\tx", 1, 4,
		"      1 | ab      x\n        |         ^\n" },
	{ "two-byte letters", "\xc3\xa9\xc3\xa9 x", 1, 4,
		"      1 | \xc3\xa9\xc3\xa9 x\n        |    ^\n" },
	{ "wide letters", "\xe9\xab\x98\xe9\xa3\x8e x", 1, 4,
		"      1 | \xe9\xab\x98\xe9\xa3\x8e x\n        |      ^\n" },
	{ "a control character before it", "\x1b[2Jx", 1, 5,
		"      1 | \\x1b[2Jx\n        |        ^\n" },
	{ "a change of direction", "\xe2\x80\xaex", 1, 2,
		"      1 | \\u202ex\n        |       ^\n" },
	{ "bytes that are not UTF-8", "\xff\xfex", 1, 3,
		"      1 | \\xff\\xfex\n        |         ^\n" },
	{ "lines that end with CR LF", "a\r\nb\r\n", 2, 1, "      2 | b\n        | ^\n" },
	{ "lines that end with CR", "a\rb\r", 2, 1, "      2 | b\n        | ^\n" },
	{ "lines that end with NEL and LS",
		"a\xc2\x85"
		"b\xe2\x80\xa8"
		"c",
		3, 1, "      3 | c\n        | ^\n" },
};

static void test_carets(void **state)
{
	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(carets); i++) {
		char *out = said(carets[i].text, carets[i].line, carets[i].column, "x");
		const char *rest = strchr(out, '\n') + 1;

		if (strcmp(rest, carets[i].expected) != 0)
			fail_msg("%s: showed\n%s", carets[i].name, rest);
		free(out);
	}
}

static void test_long_lines_are_windowed_around_the_caret(void **state)
{
	enum { LENGTH = 100000 };
	char *text = malloc(LENGTH + 1);
	const uint32_t columns[] = { 1, 2, 57, 58, 59, 60, 66, 67, 68, 500, 99990, LENGTH };

	(void) state;
	assert_non_null(text);
	for (size_t i = 0; i < LENGTH; i++)
		text[i] = (char) ('a' + i % 26);
	text[LENGTH] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		char *out = said(text, 1, columns[i], "x"), *line = strchr(out, '\n') + 1;
		char *below = strchr(line, '\n') + 1;
		size_t caret = (size_t) (strchr(below, '^') - below);

		if (line[caret] != text[columns[i] - 1])
			fail_msg("column %u: the caret is at '%c'\n%s", columns[i], line[caret],
				out);
		if (below - line > 81)
			fail_msg("column %u: 80 columns do not hold it\n%s", columns[i], out);
		free(out);
	}
	free(text);
}

static void test_messages_are_sorted_by_place(void **state)
{
	struct source a = { "a", "1\n2\n3\n", 6, 0, 0 }, b = { "b", "1\n", 2, 1, 0 };
	struct messages *m = new_messages();
	char *out;

	(void) state;
	message_error(m, ((struct place){ &b, 1, 1 }), "six");
	message_warning(m, ((struct place){ &a, 3, 1 }), "five");
	message_error(m, ((struct place){ &a, 2, 1 }), "three");
	message_error(m, ((struct place){ &a, 2, 1 }), "four");
	message_error(m, ((struct place){ &a, 0, 0 }), "two");
	message_error(m, ((struct place){ 0 }), "one");
	assert_int_equal(messages_format(m, 1 << 20, &out), 0);
	assert_string_equal(out,
		"error: one\na: error: two\n"
		"a:2:1: error: three\n      2 | 2\n        | ^\n"
		"a:2:1: error: four\n      2 | 2\n        | ^\n"
		"a:3:1: warning: five\n      3 | 3\n        | ^\n"
		"b:1:1: error: six\n      1 | 1\n        | ^\n");
	free(out);
	messages_free(m);
}

static void test_the_number_kept_is_limited(void **state)
{
	struct messages *m = new_messages();
	char *out;

	(void) state;
	for (int i = 0; i < MESSAGES_MAX; i++)
		message_error(m, ((struct place){ 0 }), "e");
	for (int i = 0; i < MESSAGES_MAX + 1; i++)
		message_warning(m, ((struct place){ 0 }), "w");
	assert_int_equal(messages_count(m, MESSAGE_ERROR), MESSAGES_MAX);
	assert_int_equal(messages_count(m, MESSAGE_WARNING), MESSAGES_MAX + 1);
	assert_int_equal(messages_format(m, 1 << 20, &out), 0);
	assert_null(strstr(out, "more errors"));
	assert_non_null(strstr(out, "1 more warnings not shown\n"));
	free(out);
	messages_free(m);
}

static void test_the_text_ends_with_a_whole_message(void **state)
{
	struct messages *m = new_messages();
	char *out;

	(void) state;
	for (int i = 0; i < 10; i++)
		message_error(m, ((struct place){ 0 }), "12");
	for (size_t max = 0; max < 110; max++) {
		assert_int_equal(messages_format(m, max, &out), 0);
		assert_int_equal(strlen(out), max / 10 > 10 ? 100 : max / 10 * 10);
		free(out);
	}
	messages_free(m);
}

static void test_foreign_words_are_cut_and_escaped(void **state)
{
	char word[4 * MESSAGE_TEXT_MAX], *out;

	(void) state;
	memset(word, '\x1b', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	out = said("", 0, 0, word);
	assert_int_equal(strlen(out), strlen("p.yaml: error: \n") + 4 * (MESSAGE_TEXT_MAX - 1));
	assert_null(strchr(out, '\x1b'));
	free(out);
}

static void test_suggestions(void **state)
{
	static const char *const words[] = { "id", "software", "versions", "unknown_version",
		"reason" };
	static const struct {
		const char *name, *word, *expected;
	} cases[] = {
		{ "a letter is missing", "version", "versions" },
		{ "two letters are swapped", "sotfware", "software" },
		{ "capital letters", "Reason", "reason" },
		{ "one of two letters", "ix", "id" },
		{ "a short word is not like every other", "xy", NULL },
		{ "three edits", "softwaaare", "software" },
		{ "four edits", "softwaaaaare", NULL },
		{ "nothing", "", NULL },
	};
	char longest[MESSAGE_WORD_MAX + 2];

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *w = message_closest(
			cases[i].word, words, ARRAY_SIZE(words), sizeof(words[0]));

		if (!w != !cases[i].expected || (w && strcmp(w, cases[i].expected) != 0))
			fail_msg("%s: suggested %s", cases[i].name, w ? w : "nothing");
	}
	memset(longest, 'x', sizeof(longest));
	longest[MESSAGE_WORD_MAX + 1] = '\0';
	assert_null(message_closest(longest, words, ARRAY_SIZE(words), sizeof(words[0])));
	longest[MESSAGE_WORD_MAX] = '\0';
	assert_null(message_closest(longest, words, ARRAY_SIZE(words), sizeof(words[0])));
}

static void test_places_of_bytes(void **state)
{
	static const char text[] = "a\r\nb\xc3\xa9"
				   "c\r\n";
	struct source s = { .name = "p", .text = text, .size = strlen(text) };

	(void) state;
	assert_int_equal(message_place(&s, 0).column, 1);
	assert_int_equal(message_place(&s, 3).line, 2);
	assert_int_equal(message_place(&s, 6).column, 3);
	assert_int_equal(message_place(&s, 1000).line, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_carets),
		cmocka_unit_test(test_long_lines_are_windowed_around_the_caret),
		cmocka_unit_test(test_messages_are_sorted_by_place),
		cmocka_unit_test(test_the_number_kept_is_limited),
		cmocka_unit_test(test_the_text_ends_with_a_whole_message),
		cmocka_unit_test(test_foreign_words_are_cut_and_escaped),
		cmocka_unit_test(test_suggestions),
		cmocka_unit_test(test_places_of_bytes),
	};

	return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
