/* Lists of hashes: what is read, what is refused and where, and lines across blocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>
#include <sys/mman.h>

#include "policy/base/cleanup.h"
#include "policy/base/fd.h"
#include "policy/base/text.h"
#include "policy/source/list.h"

#define HASH "30e2724e000000000000000000000000000000000000000000000000000000aB"

struct taken {
	size_t n;
	char text[4096]; /* "size version;" of the first ones */
	int answer;      /* 0, or what taking fails with */
};

static int take(
	void *context, const uint8_t digest[SHA256_SIZE], uint64_t size, const char *version)
{
	struct taken *t = context;
	size_t used = strlen(t->text);

	assert_int_equal(digest[0], 0x30);
	assert_int_equal(digest[31], 0xab);
	t->n++;
	(void) snprintf(t->text + used, sizeof(t->text) - used, "%lu %s;", size, version);
	return t->answer;
}

static int take_digest(
	void *context, const uint8_t digest[SHA256_SIZE], uint64_t size, const char *version)
{
	(void) size;
	(void) version;
	memcpy(context, digest, SHA256_SIZE);
	return 0;
}

static int file_of(const char *text, size_t n)
{
	int fd = memfd_create("list", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_full(fd, text, n), 0);
	return fd;
}

static int read_one(struct list l, struct taken *t, char **ret_said)
{
	struct messages *m;
	int r;

	assert_int_equal(messages_new(&m), 0);
	l.source.name = "lists/a.txt";
	r = list_read(&l, m, take, t);
	assert_int_equal(messages_format(m, 1 << 20, ret_said), 0);
	list_done(&l);
	messages_free(m);
	return r;
}

/* Reads @text, in a file and in memory, which makes no difference; *ret_said belongs to the caller.
 * In memory it has no byte behind its end that could be read. */
static int read_list(const char *text, size_t n, struct taken *t, char **ret_said)
{
	_cleanup_free_ char *said = NULL, *copy = malloc(n + (n == 0));
	_cleanup_close_ int fd = file_of(text, n);
	struct taken same = *t;
	int r;

	assert_non_null(copy);
	memcpy(copy, text, n);
	r = read_one((struct list){ .fd = fd }, t, ret_said);
	assert_int_equal(
		read_one((struct list){ .text = copy, .size = n, .fd = -1 }, &same, &said), r);
	assert_int_equal(same.n, t->n);
	assert_string_equal(same.text, t->text);
	assert_string_equal(said, *ret_said);
	return r;
}

static void test_lines(void **state)
{
	static const struct {
		const char *name, *text, *taken, *said;
	} cases[] = {
		{ "a line", HASH " 5\n", "5 ;", "" },
		{ "a version", HASH " 5 1.0-a\n", "5 1.0-a;", "" },
		{ "no end", HASH " 5 1.0", "5 1.0;", "" },
		{ "blanks", "\t " HASH "\t5  1.0 \t\r\n", "5 1.0;", "" },
		{ "comments", "# x\n   # y\n" HASH " 5 # z\n" HASH " 6 v #z\n", "5 ;6 v;", "" },
		{ "blank lines", "\n\r\n \n" HASH " 5\n\n", "5 ;", "" },
		{ "a byte order mark", "\xef\xbb\xbf" HASH " 5\n", "5 ;", "" },
		{ "a # within a version", HASH " 5 a#b\n", "5 a#b;", "" },
		{ "the largest size", HASH " 9223372036854775807\n", "9223372036854775807 ;", "" },
		{ "one more", HASH " 9223372036854775808\n", "",
			"lists/a.txt:1:66: error: the size" },
		{ "nothing", "", "", "lists/a.txt: warning: this list is empty" },
		{ "no size", "\n" HASH "\n", "", "lists/a.txt:2:65: error: the size of the file" },
		{ "a comment for a size", HASH " # 5\n", "",
			"lists/a.txt:1:66: error: the size of the file" },
		{ "a short hash", "30e2 5\n" HASH " 5", "5 ;", "lists/a.txt:1:1: error: a line" },
		{ "a sign", HASH " +5\n", "", "lists/a.txt:1:66: error: the size" },
		{ "a control character", HASH " 5 \x1b[2J\n", "",
			"lists/a.txt:1:68: error: a version" },
		{ "not UTF-8", HASH " 5 \xff\n", "", "lists/a.txt:1:68: error: a version" },
		{ "too much", HASH " 5 1.0 x\n", "", "lists/a.txt:1:72: error: a line is" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *said = NULL;
		struct taken t = { 0 };

		if (read_list(cases[i].text, strlen(cases[i].text), &t, &said) != 0 ||
			strcmp(t.text, cases[i].taken) != 0 ||
			strncmp(said, cases[i].said, strlen(cases[i].said)) != 0 ||
			(!*cases[i].said && *said))
			fail_msg("%s: took %s, said %s", cases[i].name, t.text, said);
	}
}

static void test_digits(void **state)
{
	static const size_t places[] = { 0, 1, 32, 62, 63 };

	(void) state;
	for (unsigned c = 1; c < 256; c++)
		for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
			char text[] = "30303030303030303030303030303030"
				      "303030303030303030303030303030ab 5";
			bool is_digit = strchr("0123456789abcdefABCDEF", (int) c) != NULL;
			_cleanup_(messages_freep) struct messages *m = NULL;
			struct list l = { .source = { .name = "lists/a.txt" },
				.text = text,
				.size = strlen(text),
				.fd = -1 };
			uint8_t expected = 0, taken[SHA256_SIZE] = { 0 };

			text[places[i]] = (char) c;
			assert_int_equal(messages_new(&m), 0);
			assert_int_equal(list_read(&l, m, take_digest, taken), 0);
			if (is_digit) {
				char pair[3] = { text[places[i] & ~1UL], text[places[i] | 1] };

				expected = (uint8_t) strtoul(pair, NULL, 16);
			}
			if (taken[places[i] / 2] != expected ||
				(is_digit && messages_count(m, MESSAGE_ERROR) > 0))
				fail_msg("byte %u as digit %zu", c, places[i]);
			list_done(&l);
		}
}

static void test_a_nul_is_no_end(void **state)
{
	static const char text[] = HASH " 5 a\0b\n" HASH " 6\n";
	_cleanup_free_ char *said = NULL;
	struct taken t = { 0 };

	(void) state;
	assert_int_equal(read_list(text, sizeof(text) - 1, &t, &said), 0);
	assert_string_equal(t.text, "6 ;");
	assert_non_null(strstr(said, "lists/a.txt:1:68: error: a version"));
}

static void test_lengths_are_limited(void **state)
{
	char text[LIST_LINE_MAX + 2], *blank = strcpy(text, HASH " 5 ") + strlen(HASH " 5 ");
	_cleanup_free_ char *said = NULL, *more = NULL, *version = NULL;
	struct taken t = { 0 };

	(void) state;
	memset(blank, ' ', sizeof(text) - (size_t) (blank - text));
	assert_int_equal(read_list(text, LIST_LINE_MAX, &t, &said), 0);
	assert_string_equal(said, "");
	assert_int_equal(read_list(text, LIST_LINE_MAX + 1, &t, &more), 0);
	assert_non_null(strstr(more, "lists/a.txt:1:1: error: this line is longer than 1024"));
	memset(blank, 'v', PACKAGE_VERSION_MAX + 1);
	assert_int_equal(
		read_list(text, strlen(HASH " 5 ") + PACKAGE_VERSION_MAX + 1, &t, &version), 0);
	assert_non_null(strstr(version, "a version has at most 256 bytes"));
	assert_int_equal(t.n, 1);
}

static void test_lines_across_blocks(void **state)
{
	const size_t n = 20000, one = strlen(HASH " 5 1.0\n");
	_cleanup_free_ char *text = malloc(n * one + 1), *said = NULL;
	struct taken t = { 0 };
	char *end = text;

	(void) state;
	for (size_t i = 0; i < n; i++)
		end = stpcpy(end, HASH " 5 1.0\n");
	assert_int_equal(read_list(text, n * one, &t, &said), 0);
	assert_int_equal(t.n, n);
	assert_string_equal(said, "");
}

static void test_a_line_longer_than_a_block_ends_the_list(void **state)
{
	const size_t n = 1 << 20;
	_cleanup_free_ char *text = malloc(n), *said = NULL;
	struct taken t = { 0 };

	(void) state;
	memset(text, 'x', n);
	*stpcpy(text, HASH " 5\n") = 'x';
	assert_int_equal(read_list(text, n, &t, &said), 0);
	assert_int_equal(t.n, 1);
	assert_non_null(strstr(said, "lists/a.txt:2:1: error: this line is longer than 1024"));
}

static void test_a_comment_is_shorter_than_a_block(void **state)
{
	static const struct {
		const char *name;
		size_t n; /* bytes of the comment */
		size_t taken;
	} cases[] = {
		{ "just as long as fits", LIST_BLOCK_SIZE - 1, 2 },
		{ "one byte more", LIST_BLOCK_SIZE, 1 },
	};
	const size_t one = strlen(HASH " 5\n");

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t size = one + cases[i].n + 1 + one;
		_cleanup_free_ char *text = malloc(size + 1), *said = NULL;
		struct taken t = { 0 };

		assert_non_null(text);
		memset(stpcpy(text, HASH " 5\n"), '#', cases[i].n);
		(void) stpcpy(text + one + cases[i].n, "\n" HASH " 5\n");
		assert_int_equal(read_list(text, size, &t, &said), 0);
		if (t.n != cases[i].taken)
			fail_msg("%s: took %zu, said %s", cases[i].name, t.n, said);
	}
}

static void test_complaints_are_limited_and_made_once(void **state)
{
	static const char text[] = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\n";
	struct list l = { .source = { .name = "lists/a.txt" },
		.fd = file_of(text, sizeof(text) - 1) };
	_cleanup_(messages_freep) struct messages *m = NULL;
	_cleanup_free_ char *said = NULL;
	struct taken t = { 0 };

	(void) state;
	assert_int_equal(messages_new(&m), 0);
	assert_int_equal(list_read(&l, m, take, &t), 0);
	assert_int_equal(messages_count(m, MESSAGE_ERROR), LIST_COMPLAINTS_MAX + 1);
	assert_int_equal(list_read(&l, m, take, &t), 0);
	assert_int_equal(messages_count(m, MESSAGE_ERROR), LIST_COMPLAINTS_MAX + 1);
	assert_int_equal(messages_format(m, 1 << 20, &said), 0);
	assert_non_null(strstr(said, "lists/a.txt:10:1: error: a line begins with a sha256"));
	assert_non_null(strstr(said, "     10 | j\n        | ^\n"));
	assert_non_null(strstr(said,
		"lists/a.txt:11:1: error: from here on, 2 more lines of this list are wrong\n"));
	list_done(&l);
	close(l.fd);
}

static void test_what_takes_it_can_end_it(void **state)
{
	_cleanup_free_ char *said = NULL;
	struct taken t = { .answer = -E2BIG };

	(void) state;
	assert_int_equal(
		read_list(HASH " 5\n" HASH " 6\n", 2 * strlen(HASH " 5\n"), &t, &said), -E2BIG);
	assert_int_equal(t.n, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_digits),
		cmocka_unit_test(test_a_nul_is_no_end),
		cmocka_unit_test(test_lengths_are_limited),
		cmocka_unit_test(test_lines_across_blocks),
		cmocka_unit_test(test_a_line_longer_than_a_block_ends_the_list),
		cmocka_unit_test(test_a_comment_is_shorter_than_a_block),
		cmocka_unit_test(test_complaints_are_limited_and_made_once),
		cmocka_unit_test(test_what_takes_it_can_end_it),
	};

	return cmocka_run_group_tests_name("list", tests, NULL, NULL);
}
