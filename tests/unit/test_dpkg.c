/* dpkg's text files: what counts as installed, what is no record at all, and where limits are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>
#include <sys/mman.h>

#include "agent/inspector/dpkg.h"
#include "agent/inspector/textfile.h"
#include "policy/base/cleanup.h"
#include "policy/base/fd.h"

/* "p:name v:1 f:/x " of everything that was put. */
struct put {
	char text[4096];
	size_t n;
	int error;
};

static int put_record(enum packages_record tag, const char *text, void *context)
{
	struct put *p = context;
	size_t at = strlen(p->text);

	p->n++;
	(void) snprintf(p->text + at, sizeof(p->text) - at, "%c:%.300s ", (char) tag, text);
	return p->error;
}

static int file_with(const void *text, size_t n)
{
	int fd = memfd_create("dpkg", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_full(fd, text, n), 0);
	return fd;
}

static int read_status(
	const char *text, size_t n, const char *wanted, size_t n_wanted, struct put *ret)
{
	_cleanup_close_ int fd = file_with(text, n), names_fd = file_with(wanted, n_wanted);
	_cleanup_(name_list_done) struct name_list names = { 0 };
	struct sink sink = { .put = put_record, .context = ret };

	assert_int_equal(name_list_read(names_fd, &names), 0);
	return dpkg_read_status(fd, &names, &sink);
}

static const char wanted[] = "a.b\0Curl\0x+y-z";

static const struct {
	const char *name, *status, *want;
} stanzas[] = {
	{ "installed", "Package: curl\nStatus: install ok installed\nVersion: 1\n", "p:curl v:1 " },
	{ "all fields, in another order",
		"Version: 1:2.0~rc1-3+b1\nArchitecture: amd64\nStatus: install ok installed\n"
		"Package: a.b\n",
		"p:a.b a:amd64 v:1:2.0~rc1-3+b1 " },
	{ "on hold", "Package: curl\nStatus: hold ok installed\n", "p:curl " },
	{ "half configured", "Package: curl\nStatus: install ok half-configured\n", "p:curl " },
	{ "unpacked", "Package: curl\nStatus: install reinstreq unpacked\n", "p:curl " },
	{ "removed", "Package: curl\nStatus: deinstall ok config-files\n", "" },
	{ "never there", "Package: curl\nStatus: purge ok not-installed\n", "" },
	{ "without a status", "Package: curl\nVersion: 1\n", "" },
	{ "a status of one word", "Package: curl\nStatus: installed\n", "" },
	{ "another package", "Package: bash\nStatus: install ok installed\n", "" },
	{ "two of them",
		"Package: curl\nStatus: install ok installed\n\nPackage: x+y-z\n"
		"Status: install ok installed\n",
		"p:curl p:x+y-z " },
	{ "blank lines of blanks",
		"Package: curl\nStatus: install ok installed\n \t\nPackage: x+y-z\n"
		"Status: install ok installed\n\n\n\n",
		"p:curl p:x+y-z " },
	{ "carriage returns", "Package: curl\r\nStatus: install ok installed\r\nVersion: 1\r\n",
		"p:curl v:1 " },
	{ "no newline at the end", "Package: curl\nStatus: install ok installed", "p:curl " },
	{ "a field in a description",
		"Package: curl\nDescription: x\n Package: bash\n\tPackage: bash\n"
		"Status: install ok installed\n",
		"p:curl " },
	{ "a description that ends the stanza of another",
		"Package: bash\nDescription: x\n .\n Package: curl\nStatus: install ok installed\n",
		"" },
	{ "small letters", "package: curl\nstatus: install ok installed\n", "p:curl " },
	{ "a version that is none", "Package: curl\nStatus: i o installed\nVersion: 1 2\n",
		"p:curl " },
	{ "an architecture with a way up",
		"Package: curl\nStatus: i o installed\nArchitecture: ../x\n", "p:curl " },
	{ "a name with a way up", "Package: ../curl\nStatus: i o installed\n", "" },
	{ "garbage", "\xff\xfe: \x01\n:::\n: x\n\n\nPackage\nStatus\n", "" },
	{ "nothing", "", "" },
};

static void test_status(void **state)
{
	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(stanzas); i++) {
		struct put put = { 0 };
		int r = read_status(
			stanzas[i].status, strlen(stanzas[i].status), wanted, sizeof(wanted), &put);

		if (r != 0 || strcmp(put.text, stanzas[i].want) != 0)
			fail_msg("%s: %d, '%s'", stanzas[i].name, r, put.text);
	}
}

static void test_a_status_cut_at_every_length(void **state)
{
	static const char text[] = "Package: bash\nStatus: install ok installed\n\n"
				   "Package: curl\nStatus: install ok installed\nVersion: 1\n\n"
				   "Package: zsh\nStatus: install ok installed\n";

	(void) state;
	for (size_t n = 0; n < sizeof(text); n++) {
		struct put put = { 0 };

		if (read_status(text, n, wanted, sizeof(wanted), &put) != 0 ||
			(put.n > 0 && strncmp(put.text, "p:curl ", 7) != 0))
			fail_msg("%zu bytes: '%s'", n, put.text);
	}
}

static void test_long_fields(void **state)
{
	static char text[TEXTFILE_BUFFER_SIZE * 2];
	static const char begin[] = "Package: curl\nVersion: ",
			  end[] = "\nStatus: install ok installed\n";
	static const struct {
		size_t length;
		const char *want;
	} rows[] = {
		{ PACKAGE_VERSION_MAX, "p:curl v:" },
		{ PACKAGE_VERSION_MAX + 1, "p:curl " }, /* unknown */
		{ TEXTFILE_LENGTH_MAX, "p:curl " },
		{ TEXTFILE_LENGTH_MAX + 1, "p:curl " },
		{ TEXTFILE_BUFFER_SIZE + 1000, "p:curl " },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct put put = { 0 };
		size_t n = sizeof(begin) - 1;

		memcpy(text, begin, n);
		memset(text + n, '1', rows[i].length);
		memcpy(text + n + rows[i].length, end, sizeof(end));
		n = strlen(text);
		assert_int_equal(read_status(text, n, wanted, sizeof(wanted), &put), 0);
		if (strncmp(put.text, rows[i].want, strlen(rows[i].want)) != 0 ||
			put.n != (i == 0 ? 2 : 1))
			fail_msg("%zu digits: '%s'", rows[i].length, put.text);
	}
}

static void test_the_reader_ends_when_it_is_told_to(void **state)
{
	struct put put = { .error = -ENOSPC };
	const char *text = "Package: curl\nStatus: i o installed\n\nPackage: curl\nStatus: i o "
			   "installed\n";

	(void) state;
	assert_int_equal(read_status(text, strlen(text), wanted, sizeof(wanted), &put), -ENOSPC);
	assert_int_equal(put.n, 1);
}

static void test_names(void **state)
{
	static const struct {
		const char *name, *text;
		size_t n;
		int want;
	} rows[] = {
		{ "none", "", 0, 0 },
		{ "one", "a", 2, 0 },
		{ "in order, capitals between", "a\0B\0c", 6, 0 },
		{ "twice the same", "a\0a", 4, 0 },
		{ "out of order", "b\0a", 4, -EBADMSG },
		{ "without an end", "a\0b", 3, -EBADMSG },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_close_ int fd = file_with(rows[i].text, rows[i].n);
		_cleanup_(name_list_done) struct name_list names = { 0 };
		int r = name_list_read(fd, &names);

		if (r != rows[i].want)
			fail_msg("%s: %d", rows[i].name, r);
		if (r == 0 && rows[i].n > 0)
			assert_true(name_list_hold(&names, "A") && !name_list_hold(&names, "aa"));
	}
}

static void test_one_name_too_many(void **state)
{
	static char text[(PACKAGES_NAMES_MAX + 1) * 2];

	(void) state;
	for (size_t i = 0; i < sizeof(text); i += 2)
		text[i] = 'a';
	for (size_t n = PACKAGES_NAMES_MAX; n <= PACKAGES_NAMES_MAX + 1; n++) {
		_cleanup_close_ int fd = file_with(text, n * 2);
		_cleanup_(name_list_done) struct name_list names = { 0 };

		assert_int_equal(name_list_read(fd, &names), n > PACKAGES_NAMES_MAX ? -E2BIG : 0);
	}
}

static const struct {
	const char *name, *list, *diversions, *want;
} lists[] = {
	{ "files and folders", "/.\n/usr\n/usr/bin/x\n", NULL, "f:/. f:/usr f:/usr/bin/x " },
	{ "no newline at the end", "/a", NULL, "f:/a " },
	{ "blanks and bytes that are not UTF-8", "/a b\n/\xff\n", NULL, "f:/a b f:/\xff " },
	{ "lines that are no paths", "a\n\n/\n ./b\n", NULL, "" },
	{ "diverted by another package", "/a\n/b\n", "/a\n/a.real\nother\n", "f:/a.real f:/b " },
	{ "diverted by the administrator", "/a\n", "/a\n/a.real\n:\n", "f:/a.real " },
	{ "diverted by the package itself", "/a\n", "/a\n/a.real\nme\n", "f:/a " },
	{ "diversions cut short", "/a\n", "/a\n/a.real", "f:/a " },
	{ "no diversions", "/a\n", "", "f:/a " },
};

static void test_lists(void **state)
{
	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		_cleanup_close_ int fd = file_with(lists[i].list, strlen(lists[i].list));
		_cleanup_close_ int diversions = lists[i].diversions
			? file_with(lists[i].diversions, strlen(lists[i].diversions))
			: -1;
		struct put put = { 0 };
		struct sink sink = { .put = put_record, .context = &put };
		int r = dpkg_read_list(fd, diversions, "me", &sink);

		if (r != 0 || strcmp(put.text, lists[i].want) != 0)
			fail_msg("%s: %d, '%s'", lists[i].name, r, put.text);
	}
}

static void test_paths_of_any_length(void **state)
{
	static char text[2 * TEXTFILE_LENGTH_MAX];

	(void) state;
	for (size_t n = PACKAGES_PATH_MAX - 1; n <= PACKAGES_PATH_MAX + 1; n++) {
		_cleanup_close_ int fd = -1;
		struct put put = { 0 };
		struct sink sink = { .put = put_record, .context = &put };

		memset(text, 'x', n);
		text[0] = '/';
		(void) strcpy(text + n, "\n/y\n");
		fd = file_with(text, n + 4);
		assert_int_equal(dpkg_read_list(fd, -1, "me", &sink), 0);
		if (put.n != (n <= PACKAGES_PATH_MAX ? 2 : 1))
			fail_msg("%zu bytes: %zu paths", n, put.n);
	}
}

static void test_one_file_too_many(void **state)
{
	static char text[(PACKAGES_FILES_MAX + 1) * 3];

	(void) state;
	for (size_t i = 0; i < sizeof(text); i += 3)
		(void) memcpy(text + i, (const char[]){ '/', 'x', '\n' }, 3);
	for (size_t n = PACKAGES_FILES_MAX; n <= PACKAGES_FILES_MAX + 1; n++) {
		_cleanup_close_ int fd = file_with(text, n * 3);
		struct put put = { 0 };
		struct sink sink = { .put = put_record, .context = &put };

		assert_int_equal(dpkg_read_list(fd, -1, "me", &sink), 0);
		assert_int_equal(put.n, PACKAGES_FILES_MAX);
		assert_int_equal(sink.cut, n > PACKAGES_FILES_MAX);
	}
}

static void test_files_past_their_limit(void **state)
{
	_cleanup_close_ int fd = file_with("/x\n", 3);
	struct put put = { 0 };
	struct sink sink = { .put = put_record, .context = &put };

	(void) state;
	assert_int_equal(ftruncate(fd, PACKAGES_LIST_MAX), 0);
	assert_int_equal(dpkg_read_list(fd, -1, "me", &sink), 0);
	assert_int_equal(ftruncate(fd, PACKAGES_LIST_MAX + 1), 0);
	assert_int_equal(dpkg_read_list(fd, -1, "me", &sink), -EFBIG);
}

static void test_os_release(void **state)
{
	static const struct {
		const char *name, *text, *want;
	} rows[] = {
		{ "plain", "NAME=x\nID=debian\n", "s:debian " },
		{ "in quotes", "ID=\"rhel\"\nID_LIKE='fedora centos'\n",
			"s:rhel s:fedora s:centos " },
		{ "another field that ends so", "VARIANT_ID=kde\nX_ID_LIKE=y\n", "" },
		{ "no words", "ID=\nID_LIKE=\" \"\n", "" },
		{ "capitals and ways up", "ID=Debian\nID_LIKE=../x\n", "" },
		{ "too many", "ID=a\nID_LIKE=\"a a a a a a a a a a a a a a a b\"\n",
			"s:a s:a s:a s:a s:a s:a s:a s:a s:a s:a s:a s:a s:a s:a s:a s:a " },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_close_ int fd = file_with(rows[i].text, strlen(rows[i].text));
		struct put put = { 0 };
		struct sink sink = { .put = put_record, .context = &put };
		int r = dpkg_read_os_release(fd, &sink);

		if (r != 0 || strcmp(put.text, rows[i].want) != 0)
			fail_msg("%s: %d, '%s'", rows[i].name, r, put.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_a_status_cut_at_every_length),
		cmocka_unit_test(test_long_fields),
		cmocka_unit_test(test_the_reader_ends_when_it_is_told_to),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_one_name_too_many),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_paths_of_any_length),
		cmocka_unit_test(test_one_file_too_many),
		cmocka_unit_test(test_files_past_their_limit),
		cmocka_unit_test(test_os_release),
	};

	return cmocka_run_group_tests_name("dpkg", tests, NULL, NULL);
}
