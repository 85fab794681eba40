/* The table of installed files: look-ups, limits, and what makes two of them differ. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "agent/installed/path.h"
#include "agent/installed/table.h"

static struct package package(const char *name)
{
	struct package p = { .type = PACKAGE_DEB, .told = METADATA_DPKG, .version = "1" };

	(void) snprintf(p.name, sizeof(p.name), "%s", name);
	return p;
}

static struct installed *new_table(void)
{
	struct installed *t = NULL;

	assert_int_equal(installed_table_new(&t), 0);
	return t;
}

static uint32_t add_package(struct installed *t, const char *name)
{
	const struct package p = package(name);
	uint32_t i = UINT32_MAX;

	assert_int_equal(installed_table_add_package(t, &p, &i), 0);
	return i;
}

static void add_file(struct installed *t, uint32_t i, uint64_t device, uint64_t inode, int64_t born)
{
	assert_int_equal(
		installed_table_add_file(t, i, &(struct installed_file){ device, inode, born }), 0);
}

static size_t find(const struct installed *t, uint64_t device, uint64_t inode, int64_t born)
{
	struct package found[4];

	return installed_find(
		t, &(struct installed_file){ device, inode, born }, found, ARRAY_SIZE(found));
}

static void test_look_ups(void **state)
{
	_cleanup_(installed_unrefp) struct installed *t = new_table();
	uint32_t a = add_package(t, "debian/a"), b = add_package(t, "debian/b");
	struct installed_counts counts;
	struct package found[2];

	(void) state;
	for (uint64_t i = 1000; i > 0; i--)
		add_file(t, a, 1 + i % 3, i, (int64_t) i);
	add_file(t, b, 2, 1, 1);
	add_file(t, a, 2, 1, 1); /* another name of the same file */
	installed_table_finish(t);
	installed_counts(t, &counts);
	assert_int_equal(counts.n_packages, 2);
	assert_int_equal(counts.n_files, 1001);
	for (uint64_t i = 2; i <= 1000; i++)
		if (find(t, 1 + i % 3, i, (int64_t) i) != 1 || find(t, 4, i, (int64_t) i) != 0 ||
			find(t, 1 + i % 3, i, 0) != 0)
			fail_msg("inode %u", (unsigned) i);
	assert_int_equal(find(t, 2, 1, 1), 2);
	assert_int_equal(find(t, 2, 0, 0), 0);
	assert_int_equal(find(t, 2, 1001, 0), 0);
	assert_int_equal(installed_find(t, &(struct installed_file){ 2, 1, 1 }, found, 1), 1);
	assert_string_equal(found[0].name, "debian/a");
	assert_int_equal(find(NULL, 2, 1, 1), 0);
}

static void test_they_come_before_what_lies_beside_the_file(void **state)
{
	_cleanup_(installed_unrefp) struct installed *t = new_table();
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct facts f = { .n_packages = FACTS_PACKAGES_MAX };
	struct path_status st;

	(void) state;
	assert_int_equal(path_status(fd, "", &st), 0);
	for (uint32_t i = 0; i < FACTS_PACKAGES_MAX; i++) {
		f.packages[i] = package("beside");
		(void) snprintf(f.packages[i].version, sizeof(f.packages[i].version), "%u", i);
	}
	add_file(t, add_package(t, "debian/a"), st.file.device, st.file.inode, st.file.born_nsec);
	installed_table_finish(t);
	installed_add_facts(t, fd, st.file.device, st.file.inode, &f);
	assert_true(facts_valid(&f));
	assert_int_equal(f.n_packages, FACTS_PACKAGES_MAX);
	assert_string_equal(f.packages[0].name, "debian/a");
	assert_string_equal(f.packages[1].name, "beside");
	assert_string_equal(f.packages[1].version, "0");
	installed_add_facts(t, fd, st.file.device, st.file.inode, &f); /* once is enough */
	assert_string_equal(f.packages[1].name, "beside");
	installed_add_facts(NULL, fd, st.file.device, st.file.inode, &f);
	assert_string_equal(f.packages[0].name, "debian/a");
}

static void test_one_file_too_many(void **state)
{
	_cleanup_(installed_unrefp) struct installed *t = new_table();
	uint32_t a = add_package(t, "debian/a");

	(void) state;
	for (uint64_t i = 0; i < INSTALLED_FILES_MAX; i++)
		add_file(t, a, 1, i, 0);
	assert_int_equal(
		installed_table_add_file(t, a, &(struct installed_file){ 1, 1, 1 }), -ENOSPC);
	installed_table_finish(t);
	assert_int_equal(find(t, 1, INSTALLED_FILES_MAX - 1, 0), 1);
}

static void test_one_package_too_many(void **state)
{
	_cleanup_(installed_unrefp) struct installed *t = new_table();
	const struct package p = package("debian/x");
	uint32_t i = 0;

	(void) state;
	for (int n = 0; n < INSTALLED_PACKAGES_MAX; n++)
		(void) add_package(t, "debian/a");
	assert_int_equal(installed_table_add_package(t, &p, &i), -ENOSPC);
	assert_int_equal(i, 0);
}

static void test_notes(void **state)
{
	_cleanup_(installed_unrefp) struct installed *t = new_table();
	char long_text[2 * INSTALLED_NOTE_SIZE];
	struct installed_counts counts;

	(void) state;
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	installed_table_note(t, "%s", long_text);
	installed_table_note(t, "twice");
	installed_table_note(t, "twice");
	installed_counts(t, &counts);
	assert_int_equal(counts.n_notes, 2);
	assert_int_equal(strlen(installed_note(t, 0)), INSTALLED_NOTE_SIZE - 1);
	for (int i = 0; i < INSTALLED_NOTES_MAX + 1; i++)
		installed_table_note(t, "%d", i);
	installed_counts(t, &counts);
	assert_int_equal(counts.n_notes, INSTALLED_NOTES_MAX);
}

/* Two tables, the second of which @change made another one. */
static void check_difference(const char *name, void (*change)(struct installed *t), bool equal)
{
	_cleanup_(installed_unrefp) struct installed *one = new_table(), *other = new_table();
	struct installed *both[] = { one, other };

	for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
		uint32_t a = add_package(both[i], "debian/a");

		add_file(both[i], a, 1, i == 0 ? 1 : 2, 0);
		add_file(both[i], a, 1, i == 0 ? 2 : 1, 0);
		if (i == 1 && change)
			change(both[i]);
		installed_table_finish(both[i]);
	}
	if (installed_equal(one, other) != equal || installed_equal(other, one) != equal)
		fail_msg("%s: %s", name, equal ? "differ" : "equal");
}

static void more_files(struct installed *t)
{
	add_file(t, 0, 1, 3, 0);
}

static void same_file(struct installed *t)
{
	add_file(t, 0, 1, 2, 0);
}

static void another_birth(struct installed *t)
{
	add_file(t, 0, 1, 2, 5);
}

static void more_packages(struct installed *t)
{
	(void) add_package(t, "debian/a");
}

static void more_notes(struct installed *t)
{
	installed_table_note(t, "x");
}

static void test_differences(void **state)
{
	_cleanup_(installed_unrefp) struct installed *empty = new_table(), *full = new_table();

	(void) state;
	check_difference("the same in another order", NULL, true);
	check_difference("a file twice", same_file, true);
	check_difference("one more file", more_files, false);
	check_difference("a file of another birth", another_birth, false);
	check_difference("one more package", more_packages, false);
	check_difference("one more note", more_notes, false);
	(void) add_package(full, "debian/a");
	assert_true(installed_equal(NULL, NULL) && installed_equal(empty, NULL));
	assert_false(installed_equal(full, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_look_ups),
		cmocka_unit_test(test_they_come_before_what_lies_beside_the_file),
		cmocka_unit_test(test_one_file_too_many),
		cmocka_unit_test(test_one_package_too_many),
		cmocka_unit_test(test_notes),
		cmocka_unit_test(test_differences),
	};

	return cmocka_run_group_tests_name("installed table", tests, NULL, NULL);
}
