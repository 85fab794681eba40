/* The #! line, row by row against what Linux 6 does with such a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "agent/inspector/script.h"
#include "policy/base/cleanup.h"

static const struct {
	const char *name, *head;
	size_t n; /* 0: strlen(head) */
	const char *interpreter, *argument;
} cases[] = {
	{ "plain", "#!/bin/sh\necho", 0, "/bin/sh", "" },
	{ "blanks around the name", "#! \t/bin/sh \t\n", 0, "/bin/sh", "" },
	{ "one argument, however many words", "#!/usr/bin/env -S node  x\n", 0, "/usr/bin/env",
		"-S node  x" },
	{ "blanks before and after the argument", "#!/bin/a \t b \t\n", 0, "/bin/a", "b" },
	{ "carriage return belongs to the name", "#!/bin/sh\r\n", 0, "/bin/sh\r", "" },
	{ "carriage return belongs to the argument", "#!/bin/env node\r\n", 0, "/bin/env",
		"node\r" },
	{ "no newline before the end of the file", "#!/bin/sh", 0, "/bin/sh", "" },
	{ "NUL ends the name", "#!/bin/sh\0x y\n", 14, "/bin/sh", "" },
	{ "NUL ends the argument", "#!/bin/sh a\0b\n", 15, "/bin/sh", "a" },
	{ "relative name", "#!sh\n", 0, "sh", "" },
	{ "bytes that are not UTF-8", "#!/\xff\xfe\n", 0, "/\xff\xfe", "" },
	{ "nothing at all", "", 0, NULL, NULL },
	{ "only #", "#", 0, NULL, NULL },
	{ "no interpreter", "#!\n/bin/sh\n", 0, NULL, NULL },
	{ "only #!", "#!", 0, NULL, NULL },
	{ "blanks and no interpreter", "#! \t \n", 0, NULL, NULL },
	{ "NUL in place of the interpreter", "#!\0/bin/sh\n", 11, NULL, NULL },
	{ "comment", "# !/bin/sh\n", 0, NULL, NULL },
	{ "blank before #!", " #!/bin/sh\n", 0, NULL, NULL },
	{ "byte order mark before #!", "\xef\xbb\xbf#!/bin/sh\n", 0, NULL, NULL },
};

static void test_table(void **state)
{
	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct script s = { 0 };
		size_t n = cases[i].n ? cases[i].n : strlen(cases[i].head);
		int r = script_parse(cases[i].head, n, &s);

		if (r != (cases[i].interpreter != NULL))
			fail_msg("%s: returned %d", cases[i].name, r);
		if (r > 0 && cases[i].interpreter &&
			(strcmp(s.interpreter, cases[i].interpreter) != 0 ||
				strcmp(s.argument, cases[i].argument) != 0))
			fail_msg("%s: found '%s' '%s'", cases[i].name, s.interpreter, s.argument);
	}
}

/* "#!" and @n bytes of name, then @rest. */
static size_t long_line(char *out, size_t n, const char *rest)
{
	out[0] = '#';
	out[1] = '!';
	memset(out + 2, 'x', n);
	memcpy(out + 2 + n, rest, strlen(rest) + 1);
	return 2 + n + strlen(rest);
}

static void test_the_kernel_s_buffer_is_the_limit(void **state)
{
	char line[1024];
	struct script s;

	(void) state;
	assert_int_equal(script_parse(line, long_line(line, 252, "\nrest"), &s), 1);
	assert_int_equal(strlen(s.interpreter), 252);
	assert_int_equal(script_parse(line, long_line(line, 253, "\n"), &s), 1);
	assert_int_equal(strlen(s.interpreter), 253);
	assert_int_equal(script_parse(line, long_line(line, 254, "\n"), &s), 0);
	assert_int_equal(script_parse(line, long_line(line, 253, " argument\n"), &s), 1);
	assert_int_equal(script_parse(line, long_line(line, 600, "\n"), &s), 0);
	assert_int_equal(script_parse(line, long_line(line, 100, " "), &s), 1);
	memset(line + 103, 'y', 500);
	assert_int_equal(script_parse(line, 603, &s), 1);
	assert_int_equal(strlen(s.interpreter), 100);
	assert_int_equal(strlen(s.argument), SCRIPT_LINE_MAX - 1 - 103);
	memset(line + 2, ' ', 600);
	assert_int_equal(script_parse(line, 602, &s), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_the_kernel_s_buffer_is_the_limit),
	};

	return cmocka_run_group_tests_name("script", tests, NULL, NULL);
}
