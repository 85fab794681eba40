/* Archives made here, as they should be and as nobody should make them: what comes out of each, and
 * how much at most. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sys/mman.h>

#include "agent/inspector/archive.h"
#include "policy/base/cleanup.h"
#include "tests/support/seed_zip.h"
#include "tests/support/sink.h"

enum { MIB = 1 << 20 };

static int read_bytes(const uint8_t *p, size_t n, struct sink *to)
{
	const struct view v = {
		.fd = -1, .size = n, .head = p, .n_head = n, .tail = p, .n_tail = n
	};

	return archive_read(&v, &to->sink);
}

/* The seed is used up. */
static int read_seed(struct seed_zip *z, struct sink *to)
{
	int r;

	seed_zip_end(z);
	r = read_bytes(z->bytes, z->n, to);
	seed_zip_done(z);
	return r;
}

static void expect(const char *name, int r, int want, const struct sink *n, const char *text)
{
	if (r != want || strcmp(n->text, text) != 0)
		fail_msg("%s: %d and %s, not %d and %s", name, r, n->text, want, text);
}

static void test_entries(void **state)
{
	static const struct {
		const char *name;
		struct seed_entry entry;
		uint16_t flags;
		int result;
		const char *text;
	} cases[] = {
		{ "stored", { "a", "hello", 5, ZIP_STORED, 0, 0, 0 }, 0, 0, ";a(5)=hello" },
		{ "packed", { "a", "hello", 5, ZIP_DEFLATED, 0, 0, 0 }, 0, 0, ";a(5)=hello" },
		{ "data descriptor", { "a", "hello", 5, ZIP_DEFLATED, 0, 0, 0 }, 8, 0,
			";a(5)=hello" },
		{ "empty", { "a", "", 0, ZIP_STORED, 0, 0, 0 }, 0, 0, ";a(0)=" },
		{ "empty, packed", { "a", "", 0, ZIP_DEFLATED, 0, 0, 0 }, 0, 0, ";a(0)=" },
		{ "folder", { "a/", "", 0, ZIP_STORED, 0, 0, 0 }, 0, 0, "" },
		{ "encrypted", { "a", "hello", 5, ZIP_STORED, 0, 0, 0 }, 1, 0, "" },
		{ "unknown method", { "a", "hello", 5, 99, 0, 0, 0 }, 0, 0, "" },
		{ "claims another size", { "a", "hello", 5, ZIP_DEFLATED, 9, 0, 0 }, 0, 0,
			";a(9)=hello" },
		{ "name with a way up", { "../../a", "hello", 5, ZIP_STORED, 0, 0, 0 }, 0, 0,
			";../../a(5)=hello" },
		{ "cut stream", { "a", "hello", 5, ZIP_DEFLATED, 0, 3, 0 }, 0, -EBADMSG,
			";a(5)=hello" },
		{ "not a stream", { "a", "\xff\xff\xff", 3, ZIP_STORED, 0, 0, 0 }, 0, 0,
			";a(3)=\xff\xff\xff" },
		{ "reaches past the archive", { "a", "hello", 5, ZIP_STORED, 0, 9999, 0 }, 0,
			-EBADMSG, ";a(5)=" },
		{ "packed size of 2^32 - 1", { "a", "hello", 5, ZIP_STORED, 0, UINT32_MAX, 0 }, 0,
			-EBADMSG, ";a(5)=" },
		{ "header past the archive", { "a", "hello", 5, ZIP_STORED, 0, 0, 9999 }, 0,
			-EBADMSG, ";a(5)=" },
		{ "header is none", { "a", "hello", 5, ZIP_STORED, 0, 0, 2 }, 0, -EBADMSG,
			";a(5)=" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct seed_zip z = { .flags = cases[i].flags };
		struct sink n = sink_new(true);
		char want[SINK_TEXT_MAX];
		int r;

		seed_zip_entry(&z, &cases[i].entry);
		z.flags = 0;
		seed_zip_add_text(&z, "next", "is there all the same");
		r = read_seed(&z, &n);
		(void) snprintf(
			want, sizeof(want), "%s;next(21)=is there all the same", cases[i].text);
		if (strcmp(cases[i].name, "cut stream") == 0) /* how much comes is zlib's affair */
			(void) snprintf(want, sizeof(want), "%s", n.text);
		expect(cases[i].name, r, cases[i].result, &n, want);
	}
}

static void test_sink_decides(void **state)
{
	static const struct {
		const char *name, *skip;
		int on_begin, on_bytes, result;
		const char *text;
	} cases[] = {
		{ "takes all", NULL, 1, 0, 0, ";a(3)=one;b(3)=two" },
		{ "skips one", "a", 1, 0, 0, ";b(3)=two" },
		{ "wants none", NULL, 0, 0, 0, ";a(3)=;b(3)=" },
		{ "stops at an entry", NULL, -ECANCELED, 0, -ECANCELED, ";a(3)=" },
		{ "stops at bytes", NULL, 1, -ECANCELED, -ECANCELED, ";a(3)=one" },
		{ "stops with our own word", NULL, 1, -EBADMSG, -EBADMSG, ";a(3)=one" },
		{ "has enough of each", NULL, 1, 1, 0, ";a(3)=one;b(3)=two" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct seed_zip z = { 0 };
		struct sink n = sink_new(true);

		n.skip = cases[i].skip;
		n.on_begin = cases[i].on_begin;
		n.on_bytes = cases[i].on_bytes;
		seed_zip_add(&z, "a", "one", 3, ZIP_STORED);
		seed_zip_add_text(&z, "b", "two");
		expect(cases[i].name, read_seed(&z, &n), cases[i].result, &n, cases[i].text);
	}
}

static void test_large_entries_come_in_chunks(void **state)
{
	static const uint16_t methods[] = { ZIP_STORED, ZIP_DEFLATED };
	_cleanup_free_ uint8_t *data = malloc(3 * MIB + 1);

	(void) state;
	assert_non_null(data);
	for (size_t i = 0; i < 3 * MIB + 1; i++)
		data[i] = (uint8_t) (i * i >> 7);
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		struct seed_zip z = { 0 };
		struct sink n = sink_new(false);

		seed_zip_add(&z, "a", data, 3 * MIB + 1, methods[i]);
		assert_int_equal(read_seed(&z, &n), 0);
		assert_int_equal(n.n_bytes, 3 * MIB + 1);
		assert_true(n.largest <= ARCHIVE_CHUNK);
	}
}

/* @n entries, of which all but the first have no bytes of their own. */
static int read_many(size_t n, struct sink *to)
{
	struct seed_zip z = { 0 };

	for (size_t i = 0; i < n; i++)
		seed_zip_add(&z, "x", "", 0, ZIP_STORED);
	return read_seed(&z, to);
}

static void test_number_of_entries(void **state)
{
	struct sink n = sink_new(false);

	(void) state;
	assert_int_equal(read_many(CONTENT_ENTRIES_MAX, &n), 0);
	assert_int_equal(n.n_entries, CONTENT_ENTRIES_MAX);
	n = sink_new(false);
	assert_int_equal(read_many(CONTENT_ENTRIES_MAX + 1, &n), -E2BIG);
	assert_int_equal(n.n_entries, CONTENT_ENTRIES_MAX);
}

static void test_long_names_are_cut(void **state)
{
	static char name[65536];
	static const size_t lengths[] = { CONTENT_NAME_MAX, CONTENT_NAME_MAX + 1, 65535 };

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		struct seed_zip z = { 0 };
		struct sink n = sink_new(true);

		memset(name, 'n', lengths[i]);
		name[lengths[i]] = '\0';
		seed_zip_add(&z, name, "", 0, ZIP_STORED);
		seed_zip_add(&z, "b", "two", 3, ZIP_STORED);
		assert_int_equal(read_seed(&z, &n), 0);
		assert_int_equal(strspn(n.text + 1, "n"), CONTENT_NAME_MAX);
		assert_non_null(strstr(n.text, ";b(3)=two"));
	}
}

/* Entries of zeros, all of which use the packed bytes of the first one. */
static int read_overlapping(size_t n_entries, size_t size, struct sink *to)
{
	_cleanup_free_ uint8_t *zeros = calloc(1, size);
	struct seed_zip z = { 0 };
	size_t packed;

	assert_non_null(zeros);
	seed_zip_add(&z, "a", zeros, size, ZIP_DEFLATED);
	packed = z.n - 31;
	for (size_t i = 1; i < n_entries; i++)
		seed_zip_entry(&z,
			&(struct seed_entry){ .name = "a",
				.data = "",
				.method = ZIP_STORED,
				.packed = (uint32_t) packed,
				.size = (uint32_t) size,
				.header = 1 });
	/* the method of those that only point there is the first one's */
	for (size_t i = 1, at = 47; i < n_entries; i++, at += 47)
		z.directory[at + 10] = ZIP_DEFLATED;
	return read_seed(&z, to);
}

static void test_bombs(void **state)
{
	_cleanup_free_ uint8_t *zeros = calloc(1, 64 * MIB);
	struct seed_zip z = { 0 };
	struct sink n = sink_new(false);

	(void) state;
	assert_non_null(zeros);
	seed_zip_add(&z, "zeros", zeros, CONTENT_RATIO_FREE, ZIP_DEFLATED);
	assert_int_equal(read_seed(&z, &n), 0); /* a ratio of a thousand, but not much */
	assert_int_equal(n.n_bytes, CONTENT_RATIO_FREE);

	n = sink_new(false);
	seed_zip_add(&z, "zeros", zeros, 64 * MIB, ZIP_DEFLATED);
	assert_int_equal(read_seed(&z, &n), -E2BIG);
	assert_true(n.n_bytes <= CONTENT_RATIO_FREE);

	n = sink_new(false);
	assert_int_equal(read_overlapping(100, 15 * MIB, &n), -E2BIG);
	assert_true(n.n_bytes <= CONTENT_RATIO_FREE);

	n = sink_new(false);
	assert_int_equal(read_overlapping(1000, 4, &n), 0); /* the archive holds that many bytes */
	n = sink_new(false);
	n.on_bytes = 1;
	assert_int_equal(read_overlapping(60000, 15 * MIB, &n), -E2BIG); /* of reading */
}

static void test_archives_inside_are_bytes(void **state)
{
	struct seed_zip inner = { 0 }, z = { 0 };
	struct sink n = sink_new(true);

	(void) state;
	seed_zip_add(&inner, "b", "hello", 5, ZIP_STORED);
	seed_zip_end(&inner);
	seed_zip_add(&z, "a.zip", inner.bytes, inner.n, ZIP_DEFLATED);
	seed_zip_done(&inner);
	assert_int_equal(read_seed(&z, &n), 0);
	assert_int_equal(n.n_entries, 1);
	assert_memory_equal(strchr(n.text, '=') + 1, "PK\3\4", 4);
}

static void test_every_truncation(void **state)
{
	struct seed_zip z = { 0 };

	(void) state;
	seed_zip_add_text(&z, "a", "some text, some text, some text");
	seed_zip_add(&z, "b", "two", 3, ZIP_STORED);
	seed_zip_end(&z);
	for (size_t i = 0; i < z.n; i++) {
		_cleanup_free_ uint8_t *copy = malloc(i + 1);
		struct sink n = sink_new(true);

		assert_non_null(copy);
		memcpy(copy, z.bytes, i);
		if (read_bytes(copy, i, &n) != -ENOENT)
			fail_msg("the first %zu bytes are an archive", i);
		memcpy(copy, z.bytes + z.n - i, i); /* cut at its beginning */
		n = sink_new(true);
		(void) read_bytes(copy, i, &n);
		if (n.n_bytes > 34)
			fail_msg("the last %zu bytes hold %zu", i, (size_t) n.n_bytes);
	}
	seed_zip_done(&z);
}

/* A terabyte that is not there, between a program and the archive behind it. */
static void test_sparse_terabyte(void **state)
{
	_cleanup_close_ int fd = memfd_create("sparse", MFD_CLOEXEC);
	const off_t far = (off_t) 1 << 40;
	struct seed_zip z = { 0 };
	struct sink n = sink_new(true);
	uint8_t tail[4096];
	struct view v = { .fd = fd, .tail = tail };

	(void) state;
	seed_zip_add_text(&z, "a", "hello");
	seed_zip_end(&z);
	assert_int_equal(pwrite(fd, z.bytes, z.n, far), (ssize_t) z.n);
	v.size = (uint64_t) far + z.n;
	v.n_tail = sizeof(tail);
	assert_int_equal(
		pread(fd, tail, sizeof(tail), (off_t) (v.size - sizeof(tail))), sizeof(tail));
	expect("archive behind a terabyte", archive_read(&v, &n.sink), 0, &n, ";a(5)=hello");

	/* and an entry that is the whole of it */
	n = sink_new(false);
	seed_zip_done(&z);
	seed_zip_entry(&z,
		&(struct seed_entry){
			.name = "a", .data = "", .method = ZIP_STORED, .packed = UINT32_MAX - 1 });
	seed_zip_end(&z);
	assert_int_equal(pwrite(fd, z.bytes, z.n, far), (ssize_t) z.n);
	assert_int_equal(ftruncate(fd, far + (off_t) z.n), 0);
	v.size = (uint64_t) far + z.n;
	assert_int_equal(
		pread(fd, tail, sizeof(tail), (off_t) (v.size - sizeof(tail))), sizeof(tail));
	assert_int_equal(archive_read(&v, &n.sink), -EBADMSG);
	seed_zip_done(&z);
}

/* What is large is written in another way; a small archive may be, too. */
static void test_zip64(void **state)
{
	static const struct {
		const char *name, *prefix;
		bool wide_entry;
		uint64_t skew;
		bool damaged; /* the record's mark */
		int result;
	} cases[] = {
		{ "numbers of 64 bits", "", false, 0, false, 0 },
		{ "behind something else", "#!/usr/bin/python3\n", false, 0, false, 0 },
		{ "in its entry, too", "", true, 0, false, 0 },
		{ "archive that begins before the file", "", false, 1, false, -ENOENT },
		{ "directory past 2^63", "", false, INT64_MAX, false, -ENOENT },
		{ "without its record", "", false, 0, true, -ENOENT },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ uint8_t *all = NULL;
		struct sink n = sink_new(true);
		struct seed_zip z = { 0 };
		size_t size = 0;

		seed_zip_add_text(&z, "a", "hello");
		if (cases[i].wide_entry)
			seed_zip_widen_entry(&z);
		seed_zip_end64(&z, cases[i].skew);
		if (cases[i].damaged)
			z.bytes[z.n - 98] = '?';
		seed_put(&all, &size, cases[i].prefix, strlen(cases[i].prefix));
		seed_put(&all, &size, z.bytes, z.n);
		seed_zip_done(&z);
		expect(cases[i].name, read_bytes(all, size, &n), cases[i].result, &n,
			cases[i].result == 0 ? ";a(5)=hello" : "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_sink_decides),
		cmocka_unit_test(test_large_entries_come_in_chunks),
		cmocka_unit_test(test_number_of_entries),
		cmocka_unit_test(test_long_names_are_cut),
		cmocka_unit_test(test_bombs),
		cmocka_unit_test(test_archives_inside_are_bytes),
		cmocka_unit_test(test_every_truncation),
		cmocka_unit_test(test_sparse_terabyte),
		cmocka_unit_test(test_zip64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
