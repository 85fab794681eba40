/* Names of Python packages and their normal form (PEP 503, PEP 508). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "policy/base/cleanup.h"
#include "policy/identity/pypi.h"

static void test_table(void **state)
{
	static const struct {
		const char *name, *want; /* NULL: no name */
	} rows[] = {
		{ "aider-chat", "aider-chat" },
		{ "Aider_Chat", "aider-chat" },
		{ "a.-_b", "a-b" },
		{ "A1", "a1" },
		{ "7", "7" },
		{ "", NULL },
		{ "-a", NULL },
		{ "a.", NULL },
		{ "_", NULL },
		{ "a b", NULL },
		{ "a/b", NULL },
		{ "a\n", NULL },
		{ "\xc3\xa4", NULL },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char out[32];
		bool is_name = pypi_name_normalize(
			rows[i].name, strlen(rows[i].name), out, sizeof(out));

		if (is_name != (rows[i].want != NULL) ||
			strcmp(out, rows[i].want ? rows[i].want : "") != 0)
			fail_msg("'%s' became '%s'", rows[i].name, out);
		/* The normal form is its own. */
		if (is_name) {
			char again[32];

			assert_true(pypi_name_normalize(out, strlen(out), again, sizeof(again)));
			assert_string_equal(out, again);
		}
	}
}

static void test_room(void **state)
{
	char out[4];

	(void) state;
	assert_true(pypi_name_normalize("abc", 3, out, sizeof(out)));
	assert_false(pypi_name_normalize("abcd", 4, out, sizeof(out)));
	assert_string_equal(out, "");
	assert_true(pypi_name_normalize("a--_b", 5, out, sizeof(out)));
	assert_false(pypi_name_normalize("a", 1, out, 0));
	assert_true(pypi_name_normalize("ab/c", 2, out, sizeof(out))); /* only these bytes */
	assert_string_equal(out, "ab");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_room),
	};

	return cmocka_run_group_tests_name("pypi", tests, NULL, NULL);
}
