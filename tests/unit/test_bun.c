/* Where the contents of a Bun program's modules lie, for tables as Bun writes them and for others.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "agent/inspector/bun.h"
#include "policy/base/cleanup.h"
#include "policy/base/fd.h"

enum { MODULE_SIZE = 52, OLD_MODULE_SIZE = 36, PAGE = 4096, MODULES_MAX = 8, BASE = 100 };

struct module {
	uint32_t offset, size;
};

static const uint8_t trailer[16] = "\n---- Bun! ----\n";

static void put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t) (v >> 8 * i);
}

/* BASE bytes, @size bytes with the table of @modules as their last, numbers, trailer. */
static int program_of(const struct module modules[], size_t n, uint32_t size, uint32_t table_skew,
	uint32_t module_size)
{
	const uint32_t length = (uint32_t) (n * module_size);
	uint8_t numbers[32 + 16] = { 0 };
	int fd = memfd_create("program", MFD_CLOEXEC);

	assert_true(fd >= 0);
	for (size_t i = 0; i < n; i++) {
		uint8_t record[MODULE_SIZE] = { 0 };

		put32(record + 8, modules[i].offset);
		put32(record + 12, modules[i].size);
		assert_int_equal(pwrite(fd, record, module_size,
					 (off_t) (BASE + size - length + i * module_size)),
			module_size);
	}
	put32(numbers, size);
	put32(numbers + 8, size - length + table_skew);
	put32(numbers + 12, length);
	memcpy(numbers + 32, trailer, sizeof(trailer));
	assert_int_equal(pwrite(fd, numbers, sizeof(numbers), BASE + size), sizeof(numbers));
	return fd;
}

static int program(const struct module modules[], size_t n, uint32_t size, uint32_t table_skew)
{
	return program_of(modules, n, size, table_skew, MODULE_SIZE);
}

static struct view view_of(int fd, uint64_t size)
{
	return (struct view){ .fd = fd, .size = size + BASE + 32 + 16 };
}

static void test_contents(void **state)
{
	static const uint32_t size = 16 * PAGE;
	static const struct {
		const char *name;
		size_t n;
		struct module modules[MODULES_MAX];
		int r;
		size_t n_ranges;
		struct range ranges[2]; /* counted from the modules' start */
	} cases[] = {
		{ "one module", 1, { { 0, 10 } }, 0, 1, { { 0, PAGE } } },
		{ "an empty one", 1, { { 5, 0 } }, 0, 0, { { 0 } } },
		{ "an empty one at the end", 1, { { 16 * PAGE, 0 } }, 0, 0, { { 0 } } },
		{ "two pages", 1, { { PAGE, PAGE + 1 } }, 0, 1, { { PAGE, 2 * PAGE } } },
		{ "exactly a page", 1, { { PAGE, PAGE } }, 0, 1, { { PAGE, PAGE } } },
		{ "neighbours", 2, { { 0, 4000 }, { 4100, 4000 } }, 0, 1, { { 0, 2 * PAGE } } },
		{ "neighbours, last one first", 2, { { 4100, 4000 }, { 0, 4000 } }, 0, 1,
			{ { 0, 2 * PAGE } } },
		{ "far from each other", 2, { { 0, 1 }, { 2 * PAGE, 1 } }, 0, 2,
			{ { 0, PAGE }, { 2 * PAGE, PAGE } } },
		{ "the same bytes twice", 2, { { 0, 100 }, { 0, 100 } }, 0, 1, { { 0, PAGE } } },
		{ "all there is", 1, { { 0, 16 * PAGE } }, 0, 1, { { 0, 16 * PAGE } } },
		{ "more than there is, in two parts", 2, { { 0, 16 * PAGE }, { 0, 1 } }, -EBADMSG,
			0, { { 0 } } },
		{ "one byte past the end", 1, { { 1, 16 * PAGE } }, -EBADMSG, 0, { { 0 } } },
		{ "past 2^32", 1, { { UINT32_MAX, UINT32_MAX } }, -EBADMSG, 0, { { 0 } } },
		{ "nothing, past the end", 1, { { 16 * PAGE + 1, 0 } }, -EBADMSG, 0, { { 0 } } },
	};

	(void) state;
	for (size_t k = 0; k < 2 * ARRAY_SIZE(cases); k++) {
		const size_t i = k / 2;
		_cleanup_close_ int fd = program_of(cases[i].modules, cases[i].n, size, 0,
			k % 2 ? MODULE_SIZE : OLD_MODULE_SIZE);
		const struct range modules = { BASE, size };
		const struct view v = view_of(fd, size);
		_cleanup_free_ struct range *ranges = NULL;
		size_t n = 0;
		int r = bun_find_contents(&v, &modules, &ranges, &n);

		if (r != cases[i].r || n != cases[i].n_ranges)
			fail_msg("%s: %d, %zu ranges", cases[i].name, r, n);
		for (size_t j = 0; j < n; j++)
			if (ranges[j].offset != BASE + cases[i].ranges[j].offset ||
				ranges[j].size != cases[i].ranges[j].size)
				fail_msg("%s: range %zu is %llu bytes at %llu", cases[i].name, j,
					(unsigned long long) ranges[j].size,
					(unsigned long long) ranges[j].offset);
	}
}

/* What is not a whole page at the end is not made one. */
static void test_last_page(void **state)
{
	const struct module module = { PAGE, 10 };
	_cleanup_close_ int fd = program(&module, 1, PAGE + 100, 0);
	const struct range modules = { BASE, PAGE + 100 };
	const struct view v = view_of(fd, PAGE + 100);
	_cleanup_free_ struct range *ranges = NULL;
	size_t n = 0;

	(void) state;
	assert_int_equal(bun_find_contents(&v, &modules, &ranges, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(ranges[0].offset, BASE + PAGE);
	assert_int_equal(ranges[0].size, 100);
}

static int contents_of_many(size_t n_modules)
{
	_cleanup_free_ struct module *m = calloc(n_modules, sizeof(*m));
	const uint32_t size = (uint32_t) (n_modules * MODULE_SIZE + n_modules);
	_cleanup_free_ struct range *ranges = NULL;
	_cleanup_close_ int fd = -1;
	size_t n = 0;
	int r;

	assert_non_null(m);
	for (size_t i = 0; i < n_modules; i++)
		m[i] = (struct module){ (uint32_t) i, 1 };
	fd = program(m, n_modules, size, 0);
	const struct view v = view_of(fd, size);
	r = bun_find_contents(&v, &(struct range){ BASE, size }, &ranges, &n);
	if (r == 0)
		assert_int_equal(ranges[0].size, (n_modules + PAGE - 1) / PAGE * PAGE);
	return r;
}

static void test_number_of_modules(void **state)
{
	(void) state;
	assert_int_equal(contents_of_many(511), 0);
	assert_int_equal(contents_of_many(512), 0);
	assert_int_equal(contents_of_many(513), 0);
	assert_int_equal(contents_of_many(BUN_MODULES_MAX), 0);
	assert_int_equal(contents_of_many(BUN_MODULES_MAX + 1), -E2BIG);
}

/* The table changed or went after the trailer was found. */
static void test_tables_that_changed(void **state)
{
	const struct module module = { 0, 10 };
	const struct range modules = { BASE, PAGE };
	_cleanup_free_ struct range *ranges = NULL;
	size_t n;

	(void) state;
	for (uint64_t size = 0; size < BASE + PAGE + 32; size += 1 + size / 8) {
		_cleanup_close_ int fd = program(&module, 1, PAGE, 0);
		struct view v = view_of(fd, PAGE);

		assert_int_equal(ftruncate(fd, (off_t) size), 0);
		assert_int_equal(bun_find_contents(&v, &modules, &ranges, &n), -ENODATA);
		v.size = size;
		assert_int_equal(bun_find_contents(&v, &modules, &ranges, &n), -ENODATA);
	}
	for (uint32_t skew = 1; skew < 100; skew++) {
		_cleanup_close_ int fd = program(&module, 1, PAGE, skew);
		const struct view v = view_of(fd, PAGE);

		assert_int_equal(bun_find_contents(&v, &modules, &ranges, &n), -EBADMSG);
	}
}

/* A sparse file may claim a payload that no number of the table reaches. */
static void test_enormous_payload(void **state)
{
	const uint64_t size = UINT64_C(1) << 40;
	_cleanup_close_ int fd = memfd_create("program", MFD_CLOEXEC);
	const struct view v = view_of(fd, size);
	_cleanup_free_ struct range *ranges = NULL;
	uint8_t numbers[32] = { 0 }, record[MODULE_SIZE] = { 0 };
	size_t n = 0;

	(void) state;
	put32(numbers + 8, 0);
	put32(numbers + 12, MODULE_SIZE);
	put32(record + 8, UINT32_MAX);
	put32(record + 12, UINT32_MAX);
	assert_int_equal(ftruncate(fd, (off_t) v.size), 0);
	assert_int_equal(
		pwrite(fd, numbers, sizeof(numbers), (off_t) (BASE + size)), sizeof(numbers));
	assert_int_equal(pwrite(fd, record, sizeof(record), BASE), sizeof(record));
	assert_int_equal(bun_find_contents(&v, &(struct range){ BASE, size }, &ranges, &n), 0);
	assert_int_equal(n, 1);
	assert_true(ranges[0].offset <= BASE + UINT64_C(0xffffffff));
	assert_true(ranges[0].offset + ranges[0].size >= BASE + UINT64_C(0x1fffffffe));
}

/* A trailer that somebody appended counts only when the ELF file has none of its own. */
static void test_appended_trailer(void **state)
{
	static const struct {
		const char *name;
		uint64_t behind; /* bytes between the ELF file's end and what is appended */
		bool has_end;
		uint64_t found;
	} cases[] = {
		{ "right behind", 0, true, BASE },
		{ "far behind", 1 << 20, true, BASE },
		{ "end of the ELF file not known", 0, false, BASE + PAGE + 48 + BASE },
	};
	const struct module module = { 0, 10 };

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_close_ int fd = program(&module, 1, PAGE, 0),
				    other = program(&module, 1, PAGE, 0);
		const uint64_t end = BASE + PAGE + 48, n = end + cases[i].behind;
		uint8_t bytes[BASE + PAGE + 48];
		struct view v = { .fd = fd, .size = n + end, .tail = bytes, .n_tail = end };
		struct range modules = { 0 };

		assert_int_equal(pread(other, bytes, end, 0), (ssize_t) end);
		assert_int_equal(pwrite(fd, bytes, end, (off_t) n), (ssize_t) end);
		if (!bun_find_modules(&v, cases[i].has_end ? end : 0, &modules) ||
			modules.offset != cases[i].found || modules.size != PAGE)
			fail_msg("%s: %llu bytes at %llu", cases[i].name,
				(unsigned long long) modules.size,
				(unsigned long long) modules.offset);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_contents),
		cmocka_unit_test(test_last_page),
		cmocka_unit_test(test_number_of_modules),
		cmocka_unit_test(test_tables_that_changed),
		cmocka_unit_test(test_enormous_payload),
		cmocka_unit_test(test_appended_trailer),
	};

	return cmocka_run_group_tests_name("bun", tests, NULL, NULL);
}
