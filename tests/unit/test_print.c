/*
 * What proscribectl prints: widths, cuts, escapes, times as people type them, likely commands.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/arguments.h"
#include "ctl/print.h"
#include "ctl/when.h"
#include "policy/base/clock.h"
#include "policy/base/text.h"

static void check_text(const char *row, const char *got, const char *want)
{
	if (!got || strcmp(got, want) != 0)
		fail_msg("%s:\n  got  '%s'\n  want '%s'", row, got ? got : "(null)", want);
}

static void test_cut(void **state)
{
	static const struct {
		const char *name, *text;
		unsigned columns;
		bool keep_end;
		const char *want;
	} cases[] = {
		{ "what fits stays whole", "claude", 6, false, "claude" },
		{ "one column too few costs two characters", "claude", 5, false, "clau…" },
		{ "a path keeps its end", "/opt/tools/claude", 8, true, "…/claude" },
		{ "one column holds the ellipsis alone", "claude", 1, false, "…" },
		{ "no column holds nothing", "claude", 0, false, "" },
		{ "wide characters take two columns", "经全面评估", 5, false, "经全…" },
		{ "a wide character that does not fit leaves a gap", "经全面评估", 4, false,
			"经…" },
		{ "wide characters from the end", "经全面评估", 5, true, "…评估" },
		{ "an empty text stays empty", "", 5, true, "" },
		{ "escapes are made before the cut", "\033[31mred", 20, false, "\\x1b[31mred" },
		{ "bytes that are no UTF-8 are escaped",
			"a\xff"
			"b",
			20, false, "a\\xffb" },
		{ "a right-to-left override is shown, not obeyed",
			"a\xe2\x80\xae"
			"b",
			20, false, "a\\u202eb" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *got = print_cut(
			cases[i].text, cases[i].columns, cases[i].keep_end);

		check_text(cases[i].name, got, cases[i].want);
	}
}

/* What a table with these rows prints at that width. */
static char *table_text(unsigned columns, const char *const rows[][3], size_t n)
{
	static const struct table_column layout[] = {
		{ "FILE", 8, true, false },
		{ "TYPE", 4, false, true },
		{ "VERDICT", 7, false, false },
	};
	_cleanup_(table_freep) struct table *t = NULL;
	struct style style = { .columns = columns };
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(f);
	assert_int_equal(table_new(layout, ARRAY_SIZE(layout), &t), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(table_add(t, TINT_NONE, rows[i]), 0);
	assert_int_equal(table_print(t, f, &style, 0), 0);
	assert_int_equal(fclose(f), 0);
	return text;
}

static void test_table(void **state)
{
	static const char *const rows[][3] = {
		{ "/usr/bin/claude", "elf", "block" },
		{ "/opt/经全面/x\ny", "script", NULL },
	};
	static const struct {
		const char *name;
		unsigned columns;
		const char *want;
	} cases[] = {
		{ "not a terminal: nothing is cut", 0,
			"FILE                TYPE    VERDICT\n"
			"/usr/bin/claude     elf     block\n"
			"/opt/经全面/x\\x0ay  script\n" },
		{ "as wide as needed", 35,
			"FILE                TYPE    VERDICT\n"
			"/usr/bin/claude     elf     block\n"
			"/opt/经全面/x\\x0ay  script\n" },
		{ "the widest column gives way", 28,
			"FILE         TYPE    VERDICT\n"
			"…bin/claude  elf     block\n"
			"…面/x\\x0ay   script\n" },
		{ "a column is dropped when the least widths do not fit", 20,
			"FILE         VERDICT\n"
			"…bin/claude  block\n"
			"…面/x\\x0ay\n" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *got = table_text(cases[i].columns, rows, ARRAY_SIZE(rows));

		check_text(cases[i].name, got, cases[i].want);
	}
}

static void test_table_fits_every_width(void **state)
{
	static const char *const rows[][3] = {
		{ "/a/very/long/path/to/some/file/or/other", "javascript", "would be blocked" },
	};

	(void) state;
	for (unsigned columns = 17; columns <= 120; columns++) {
		_cleanup_free_ char *text = table_text(columns, rows, 1);
		char *save = NULL;

		for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
			if (text_columns(l) > columns)
				fail_msg("at %u columns a line takes %zu: '%s'", columns,
					text_columns(l), l);
	}
}

static void test_table_limits(void **state)
{
	struct table_column columns[TABLE_COLUMNS_MAX + 1] = { 0 };
	struct table *t = NULL;

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		columns[i].header = "X";
	assert_int_equal(table_new(columns, TABLE_COLUMNS_MAX, &t), 0);
	t = table_free(t);
	assert_int_equal(table_new(columns, TABLE_COLUMNS_MAX + 1, &t), -EINVAL);
	assert_int_equal(table_new(columns, 0, &t), -EINVAL);
	assert_null(t);
}

static void test_labelled(void **state)
{
	static const struct {
		const char *name;
		unsigned columns;
		const char *text, *want;
	} cases[] = {
		{ "not a terminal: one line", 0, "one two three four five six",
			"  why     one two three four five six\n" },
		{ "lines break between words and start under the text", 24,
			"one two three four five",
			"  why     one two three\n          four five\n" },
		{ "a link is never broken", 24, "see https://it.example.com/hrs/014 now",
			"  why     see\n          https://it.example.com/hrs/014\n          "
			"now\n" },
		{ "line ends in a text are shown, not obeyed", 40, "a\nb", "  why     a\\x0ab\n" },
		{ "an empty text is an empty line", 40, "", "  why     \n" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *got = NULL;
		struct style style = { .columns = cases[i].columns };
		size_t size;
		FILE *f = open_memstream(&got, &size);

		assert_non_null(f);
		print_labelled(f, &style, 2, 8, "why", TINT_NONE, cases[i].text);
		assert_int_equal(fclose(f), 0);
		check_text(cases[i].name, got, cases[i].want);
	}
}

static void test_size(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *want;
	} cases[] = {
		{ 0, "0 bytes" },
		{ 999, "999 bytes" },
		{ 1000, "1.0 kB" },
		{ 999949, "999.9 kB" },
		{ 999950, "1.0 MB" },
		{ 236000000, "236.0 MB" },
		{ UINT64_MAX, "18.4 EB" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char got[PRINT_SIZE_SIZE];

		print_size(cases[i].bytes, got);
		check_text("size", got, cases[i].want);
	}
}

static void test_when(void **state)
{
	static const int64_t now = 1783080000 * NSEC_PER_SEC; /* 2026-07-03T12:00:00Z */
	static const struct {
		const char *text;
		int result;
		int64_t ago_sec;
	} cases[] = {
		{ "now", 0, 0 },
		{ "2h", 0, 7200 },
		{ "3d", 0, 3 * 86400 },
		{ "45m", 0, 45 * 60 },
		{ "30s", 0, 30 },
		{ "1w", 0, 7 * 86400 },
		{ "0h", 0, 0 },
		{ "100000000w", 0, 1783080000 }, /* before 1970: everything */
		{ "100000001w", -EINVAL, 0 },
		{ "today", 0, 12 * 3600 },
		{ "yesterday", 0, 36 * 3600 },
		{ "2026-07-03T12:00:00Z", 0, 0 },
		{ "2026-07-03T18:00:00+08:00", 0, 7200 },
		{ "2026-07-03", -EINVAL, 0 },
		{ "2026-07-03T12:00:00", -EINVAL, 0 },
		{ "2026-02-30T12:00:00Z", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ "2", -EINVAL, 0 },
		{ "h", -EINVAL, 0 },
		{ "-2h", -EINVAL, 0 },
		{ "2hh", -EINVAL, 0 },
		{ "2 h", -EINVAL, 0 },
		{ "tomorrow", -EINVAL, 0 },
		{ "99999999999999999999d", -EINVAL, 0 },
	};

	(void) state;
	(void) setenv("TZ", "UTC", 1);
	tzset();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t got = -1;
		int r = when_parse(cases[i].text, now, &got);

		if (r != cases[i].result)
			fail_msg("'%s': %d, not %d", cases[i].text, r, cases[i].result);
		if (r == 0 && got != now - cases[i].ago_sec * NSEC_PER_SEC)
			fail_msg("'%s': %lld s ago, not %lld", cases[i].text,
				(long long) ((now - got) / NSEC_PER_SEC),
				(long long) cases[i].ago_sec);
		if (r < 0 && got != -1)
			fail_msg("'%s': wrote its result on failure", cases[i].text);
	}
}

static void test_likely(void **state)
{
	static const char *const names[] = { "status", "check", "identify", "why", "policy check",
		NULL };
	static const struct {
		const char *typed, *want;
	} cases[] = {
		{ "chek", "check" },
		{ "statsu", "status" },
		{ "policy chekc", "policy check" },
		{ "wy", "why" },
		{ "frobnicate", NULL },
		{ "", NULL },
		{ "x", NULL },
		{ "a word that is longer than any command could be, by far", NULL },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *got = arguments_likely(cases[i].typed, names);

		if (!got != !cases[i].want || (got && strcmp(got, cases[i].want) != 0))
			fail_msg("'%s': likely '%s', not '%s'", cases[i].typed, got ? got : "-",
				cases[i].want ? cases[i].want : "-");
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_table_fits_every_width),
		cmocka_unit_test(test_table_limits),
		cmocka_unit_test(test_labelled),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_when),
		cmocka_unit_test(test_likely),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
