/*
 * agent/scan/resume: what an interrupted scan notes, and what is made of a note that is damaged.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/stat.h>

#include "agent/scan/resume.h"

static void sample(struct resume *r)
{
	static const char *const roots[] = { "/", "/home/\xff\n x", "/opt" };

	assert_int_equal(resume_init(r, roots, ARRAY_SIZE(roots)), 0);
	r->other_filesystems = true;
	r->root = 1;
	r->n_parts = 2;
	(void) strcpy(r->done[0], "/a b/\x01\n/");
	(void) strcpy(r->done[1], "");
}

static void a_note_says_what_was_noted(void **state)
{
	_cleanup_(resume_done) struct resume r, again = { 0 };
	_cleanup_free_ char *text = NULL;

	(void) state;
	sample(&r);
	assert_int_equal(resume_write(&r, &text), 0);
	assert_int_equal(resume_parse(text, &again), 0);
	assert_true(resume_is_of(
		&again, (const char *const *) r.roots, r.n_roots, r.other_filesystems));
	assert_int_equal(again.root, 1);
	assert_int_equal(again.n_parts, 2);
	assert_string_equal(again.done[0], r.done[0]);
	assert_string_equal(again.done[1], "");
	for (const char *s = text; *s; s++)
		assert_true(*s == '\n' || (*s >= ' ' && *s <= '~'));
}

static void half_a_note_is_none(void **state)
{
	_cleanup_(resume_done) struct resume r;
	_cleanup_free_ char *text = NULL;

	(void) state;
	sample(&r);
	assert_int_equal(resume_write(&r, &text), 0);
	for (size_t n = strlen(text); n-- > 0;) {
		struct resume again = { .root = 77 };

		text[n] = '\0';
		if (resume_parse(text, &again) != -EBADMSG)
			fail_msg("%zu bytes were taken", n);
		assert_int_equal(again.root, 77);
	}
}

static void damaged_notes_are_refused(void **state)
{
	static const struct {
		const char *name, *text;
		int want;
	} cases[] = {
		{ "the least there can be", "proscribe-scan 1\nroot 2f\nat 0 \nend\n", 0 },
		{ "past the last root", "proscribe-scan 1\nroot 2f\nat 1 \nend\n", 0 },
		{ "nothing", "", -EBADMSG },
		{ "another version", "proscribe-scan 2\nroot 2f\nat 0 \nend\n", -EBADMSG },
		{ "no root", "proscribe-scan 1\nat 0 \nend\n", -EBADMSG },
		{ "no place", "proscribe-scan 1\nroot 2f\nend\n", -EBADMSG },
		{ "a place too many", "proscribe-scan 1\nroot 2f\nat 0 \nat 0 \nat 0 \nend\n",
			-EBADMSG },
		{ "places in two roots", "proscribe-scan 1\nroot 2f\nat 0 \nat 1 \nend\n",
			-EBADMSG },
		{ "a root that is not there", "proscribe-scan 1\nroot 2f\nat 2 \nend\n", -EBADMSG },
		{ "a negative one", "proscribe-scan 1\nroot 2f\nat -1 \nend\n", -EBADMSG },
		{ "a relative root", "proscribe-scan 1\nroot 61\nat 0 \nend\n", -EBADMSG },
		{ "a NUL in a path", "proscribe-scan 1\nroot 2f00\nat 0 \nend\n", -EBADMSG },
		{ "no digits", "proscribe-scan 1\nroot 2g\nat 0 \nend\n", -EBADMSG },
		{ "an odd number of them", "proscribe-scan 1\nroot 2f6\nat 0 \nend\n", -EBADMSG },
		{ "an unknown word", "proscribe-scan 1\nroot 2f\nspeed 9\nat 0 \nend\n", -EBADMSG },
		{ "something behind", "proscribe-scan 1\nroot 2f\nat 0 \nend\nx", -EBADMSG },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct resume r = { 0 };
		int e = resume_parse(cases[i].text, &r);

		if (e != cases[i].want)
			fail_msg("%s: %d", cases[i].name, e);
		resume_done(&r);
	}
}

static void paths_have_limits(void **state)
{
	char longest[WALK_PATH_MAX + 1], *text = calloc(1, RESUME_SIZE_MAX + 2);
	const char *const one[] = { longest }, *const relative[] = { "a" };
	const char *many[WALK_ROOTS_MAX + 1];
	struct resume r = { 0 };

	(void) state;
	memset(longest, '/', WALK_PATH_MAX);
	longest[WALK_PATH_MAX] = '\0';
	assert_int_equal(resume_init(&r, one, 1), -ENAMETOOLONG);
	longest[WALK_PATH_MAX - 1] = '\0';
	assert_int_equal(resume_init(&r, one, 1), 0);
	resume_done(&r);
	assert_int_equal(resume_init(&r, relative, 1), -EINVAL);
	for (size_t i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = longest;
	assert_int_equal(resume_init(&r, many, ARRAY_SIZE(many)), -E2BIG);
	assert_int_equal(resume_init(&r, many, WALK_ROOTS_MAX), 0);
	resume_done(&r);
	memset(text, 'x', RESUME_SIZE_MAX + 1);
	assert_int_equal(resume_parse(text, &r), -EBADMSG);
	free(text);
}

static void files_are_whole_or_not_there(void **state)
{
	_cleanup_(resume_done) struct resume r, again = { 0 };
	char folder[] = "/tmp/resume-XXXXXX", path[64];
	struct stat st;

	(void) state;
	sample(&r);
	assert_non_null(mkdtemp(folder));
	(void) snprintf(path, sizeof(path), "%s/state", folder);
	assert_int_equal(resume_load(path, &again), -ENOENT);
	for (int twice = 0; twice < 2; twice++)
		assert_int_equal(resume_save(&r, path), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(resume_load(path, &again), 0);
	assert_string_equal(again.done[0], r.done[0]);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(resume_load(path, &again), -ELOOP);
	assert_int_equal(resume_save(&r, path), 0); /* in place of the link, not through it */
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_note_says_what_was_noted),
		cmocka_unit_test(half_a_note_is_none),
		cmocka_unit_test(damaged_notes_are_refused),
		cmocka_unit_test(paths_have_limits),
		cmocka_unit_test(files_are_whole_or_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
