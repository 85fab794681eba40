/* agent.yaml: what each key takes, and what a caller does not take the compiler's word for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "policy/source/settings.h"
#include "policy/source/settings_file.h"

static int read_text(const char *text, struct settings *ret, char **ret_said)
{
	struct source s = { .name = "agent.yaml", .text = text, .size = strlen(text) };
	struct messages *m;
	int r;

	assert_int_equal(messages_new(&m), 0);
	r = settings_file_read(&s, m, ret);
	assert_int_equal(messages_format(m, 1 << 20, ret_said), 0);
	messages_free(m);
	return r;
}

/* Byte by byte, whatever they are. */
static bool same(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct settings)) == 0;
}

static void test_everything_can_be_said(void **state)
{
	static const char text[] = "fail_mode: deny\naudit: true\nnotice: {terminal: false}\n"
				   "inspectors: 16\ninspect_timeout: 500ms\nwatch: [/, /home]\n";
	struct settings s;
	char *said;

	(void) state;
	assert_int_equal(read_text(text, &s, &said), 0);
	assert_string_equal(said, "");
	assert_int_equal(s.fail_mode, FAIL_MODE_DENY);
	assert_int_equal(s.audit, 1);
	assert_int_equal(s.notice_terminal, 0);
	assert_int_equal(s.n_inspectors, 16);
	assert_int_equal(s.inspect_timeout_usec, 500000);
	assert_int_equal(s.n_watch, 2);
	assert_string_equal(s.watch[0], "/");
	assert_string_equal(s.watch[1], "/home");
	assert_true(settings_valid(&s));
	free(said);
}

static void test_nothing_said_gives_the_defaults(void **state)
{
	static const char *const texts[] = { "", "# nothing\n", "{}", "~" };

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct settings s, expected;
		char *said;

		settings_default(&expected);
		if (read_text(texts[i], &s, &said) != 0 || !same(&s, &expected))
			fail_msg("'%s': %s", texts[i], said);
		assert_true(settings_valid(&s));
		assert_int_equal(s.notice_terminal, 1);
		assert_int_equal(s.inspect_timeout_usec, 2000000);
		free(said);
	}
}

static const struct {
	const char *name, *text, *said;
} wrong[] = {
	{ "an unknown key", "a: 1\n", "agent.yaml:1:1: error: unknown key 'a' in the settings\n" },
	{ "a misspelt key", "\n\n  inspector: 1\n",
		"agent.yaml:3:3: error: unknown key 'inspector' in the settings; did you mean "
		"'inspectors'?" },
	{ "a misspelt key further in", "notice:\n  terminl: true\n",
		"agent.yaml:2:3: error: unknown key 'terminl' in 'notice'; did you mean" },
	{ "another fail mode", "fail_mode: open\n",
		"agent.yaml:1:12: error: fail_mode must be allow or deny, not 'open'" },
	{ "a flag that is no flag", "audit: yes\n",
		"agent.yaml:1:8: error: audit must be false or true, not 'yes'" },
	{ "no inspectors", "inspectors: 0\n",
		"agent.yaml:1:13: error: inspectors must be a whole number from 1 to 16, not '0'" },
	{ "one inspector too many", "inspectors: 17\n", "agent.yaml:1:13: error: inspectors" },
	{ "too short a time", "inspect_timeout: 99ms\n",
		"agent.yaml:1:18: error: inspect_timeout must be a time from 100ms to 30s" },
	{ "too long a time", "inspect_timeout: 31s\n", "agent.yaml:1:18: error: inspect_timeout" },
	{ "an empty list of paths", "watch: []\n",
		"agent.yaml:1:8: error: watch must name 1 to 16 paths, but here are 0" },
	{ "one path too many", "watch: [/,/,/,/,/,/,/,/,/,/,/,/,/,/,/,/,/]\n",
		"agent.yaml:1:8: error: watch must name 1 to 16 paths, but here are 17" },
	{ "a path from nowhere", "watch: [/, home]\n",
		"agent.yaml:1:12: error: watch 'home' must begin with '/'\n" },
	{ "no mapping", "[a]", "agent.yaml:1:1: error: the settings must be a mapping" },
	{ "several errors", "audit: 1\ninspectors: x\n",
		"agent.yaml:1:8: error: audit must be false or true, not '1'\n"
		"      1 | audit: 1\n        |        ^\nagent.yaml:2:13: error: inspectors" },
	{ "no YAML", "a: [", "agent.yaml:2:1: error: this is not YAML" },
};

static void test_what_is_wrong_changes_nothing(void **state)
{
	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct settings s, before;
		char *said;

		memset(&s, 'x', sizeof(s));
		memcpy(&before, &s, sizeof(s));
		if (read_text(wrong[i].text, &s, &said) != -EINVAL ||
			strncmp(said, wrong[i].said, strlen(wrong[i].said)) != 0)
			fail_msg("%s: said %s", wrong[i].name, said);
		if (!same(&s, &before))
			fail_msg("%s: changed the settings", wrong[i].name);
		free(said);
	}
}

static void test_paths_to_watch_are_limited_in_length(void **state)
{
	char text[SETTINGS_PATH_MAX + 64], *said;
	struct settings s;
	char *end = stpcpy(text, "watch: /");

	(void) state;
	memset(end, 'x', SETTINGS_PATH_MAX);
	end[SETTINGS_PATH_MAX - 2] = '\0';
	assert_int_equal(read_text(text, &s, &said), 0);
	assert_int_equal(strlen(s.watch[0]), SETTINGS_PATH_MAX - 1);
	free(said);
	end[SETTINGS_PATH_MAX - 2] = 'x';
	end[SETTINGS_PATH_MAX - 1] = '\0';
	assert_int_equal(read_text(text, &s, &said), -EINVAL);
	assert_non_null(strstr(said, "a path to watch has fewer than 1024 bytes"));
	free(said);
}

static void test_settings_that_no_compiler_would_make(void **state)
{
	struct settings s;

	(void) state;
#define REFUSES(change)                    \
	do {                               \
		settings_default(&s);      \
		change;                    \
		if (settings_valid(&s))    \
			fail_msg(#change); \
	} while (0)
	REFUSES(s.fail_mode = _FAIL_MODE_MAX);
	REFUSES(s.audit = 2);
	REFUSES(s.notice_terminal = 2);
	REFUSES(s.n_inspectors = SETTINGS_INSPECTORS_MAX + 1);
	REFUSES(s.inspect_timeout_usec = SETTINGS_TIMEOUT_MIN_USEC - 1);
	REFUSES(s.inspect_timeout_usec = SETTINGS_TIMEOUT_MAX_USEC + 1);
	REFUSES(s.n_watch = SETTINGS_WATCH_MAX + 1);
	REFUSES(s.n_watch = 1);
	REFUSES((s.n_watch = 1, memset(s.watch[0], '/', SETTINGS_PATH_MAX)));
	REFUSES((s.n_watch = 1, strcpy(s.watch[0], "/\xff")));
#undef REFUSES
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything_can_be_said),
		cmocka_unit_test(test_nothing_said_gives_the_defaults),
		cmocka_unit_test(test_what_is_wrong_changes_nothing),
		cmocka_unit_test(test_paths_to_watch_are_limited_in_length),
		cmocka_unit_test(test_settings_that_no_compiler_would_make),
	};

	return cmocka_run_group_tests_name("settings_file", tests, NULL, NULL);
}
