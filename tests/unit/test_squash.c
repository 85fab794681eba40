/* squashfs images made here, as they should be and as nobody should make them: what comes out of
 * each, and how much at most. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sqfs/compressor.h>
#include <sys/mman.h>

#include "agent/inspector/container.h"
#include "agent/inspector/squash.h"
#include "policy/base/cleanup.h"
#include "tests/support/seed_squash.h"
#include "tests/support/sink.h"

enum { MIB = 1 << 20, BOMB_FILES = 200 };

static int read_bytes(const uint8_t *p, size_t n, struct sink *to)
{
	const struct view v = { .fd = -1, .size = n, .head = p, .n_head = n };
	struct range image;

	if (!container_find_squashfs(&v, 0, &image))
		return -ENOENT;
	return squash_read(&v, &image, &to->sink);
}

/* The seed is used up. */
static int read_seed(struct seed_squash *q, uint64_t root, struct sink *to)
{
	int r;

	seed_squash_end(q, root);
	r = read_bytes(q->bytes, q->n, to);
	seed_squash_done(q);
	return r;
}

/* A folder with one file "f". */
static int read_one(struct seed_squash *q, uint64_t file, struct sink *to)
{
	const struct seed_listed listed = { "f", file };

	return read_seed(q, seed_squash_folder(q, &listed, 1), to);
}

static void expect(const char *name, int r, int want, const struct sink *n, const char *text)
{
	if (r != want || strcmp(n->text, text) != 0)
		fail_msg("%s: %d and %s, not %d and %s", name, r, n->text, want, text);
}

static void test_tree(void **state)
{
	struct sink to = sink_new(true);
	struct seed_squash q;
	uint64_t root;

	(void) state;
	seed_squash_init(&q);
	const struct seed_listed inner[] = { { "packed", seed_squash_file(&q, "two", 3, true) },
		{ "tail", seed_squash_tail(&q, "one two three", 13, 4, 3) } };
	const struct seed_listed outer[] = { { "bin", seed_squash_folder(&q, inner, 2) },
		{ "empty", seed_squash_folder(&q, NULL, 0) },
		{ "link", seed_squash_other(&q, SQFS_INODE_SLINK) },
		{ "null", seed_squash_other(&q, SQFS_INODE_CDEV) },
		{ "pipe", seed_squash_other(&q, SQFS_INODE_FIFO) },
		{ "stored", seed_squash_file(&q, "one", 3, false) },
		{ "void", seed_squash_file(&q, "", 0, false) } };

	root = seed_squash_folder(&q, outer, ARRAY_SIZE(outer));
	expect("tree", read_seed(&q, root, &to), 0, &to,
		";bin/packed(3)=two;bin/tail(3)=two;stored(3)=one;void(0)=");
	assert_int_equal(to.n_entries, 4);
}

static void test_sink_decides(void **state)
{
	static const struct {
		const char *name, *skip;
		int on_begin, on_bytes, result;
		const char *text;
	} cases[] = {
		{ "skips one", "a", 1, 0, 0, ";b(3)=two" },
		{ "wants none", NULL, 0, 0, 0, ";a(3)=;b(3)=" },
		{ "stops at an entry", NULL, -ECANCELED, 0, -ECANCELED, ";a(3)=" },
		{ "stops at bytes", NULL, 1, -ECANCELED, -ECANCELED, ";a(3)=one" },
		{ "stops with our own word", NULL, 1, -EBADMSG, -EBADMSG, ";a(3)=one" },
		{ "has enough of each", NULL, 1, 1, 0, ";a(3)=one;b(3)=two" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sink to = sink_new(true);
		struct seed_squash q;

		seed_squash_init(&q);
		const struct seed_listed listed[] = {
			{ "a", seed_squash_file(&q, "one", 3, false) },
			{ "b", seed_squash_tail(&q, "two", 3, 0, 3) },
		};
		uint64_t root = seed_squash_folder(&q, listed, 2);

		to.skip = cases[i].skip;
		to.on_begin = cases[i].on_begin;
		to.on_bytes = cases[i].on_bytes;
		expect(cases[i].name, read_seed(&q, root, &to), cases[i].result, &to,
			cases[i].text);
	}
}

static void test_large_files(void **state)
{
	_cleanup_free_ uint8_t *data = malloc(MIB + 1);

	(void) state;
	assert_non_null(data);
	for (size_t i = 0; i < MIB + 1; i++)
		data[i] = (uint8_t) (i * i >> 7);
	for (int pack = 0; pack < 2; pack++) {
		struct sink to = sink_new(false);
		struct seed_squash q;

		seed_squash_init(&q);
		assert_int_equal(read_one(&q, seed_squash_file(&q, data, MIB + 1, pack), &to), 0);
		assert_int_equal(to.n_bytes, MIB + 1);
		assert_true(to.largest <= SQUASH_BLOCK_MAX);
	}
}

/* A damaged file does not hide the one behind it. */
static void test_damaged_files(void **state)
{
	static const struct {
		const char *name;
		uint64_t start, size;
		uint32_t words[2];
		size_t n_words;
		int result;
		const char *text;
	} cases[] = {
		{ "one block", sizeof(sqfs_super_t), 3, { 3 | SEED_STORED }, 1, 0, ";f(3)=one" },
		{ "a hole", sizeof(sqfs_super_t), 3, { 0 }, 1, 0, ";f(3)=" },
		{ "not packed after all", sizeof(sqfs_super_t), 3, { 3 }, 1, -EBADMSG, ";f(3)=" },
		{ "block shorter than its file", sizeof(sqfs_super_t), 3, { 2 | SEED_STORED }, 1,
			-EBADMSG, ";f(3)=" },
		{ "block longer than its file", sizeof(sqfs_super_t), 3, { 4 | SEED_STORED }, 1,
			-EBADMSG, ";f(3)=" },
		{ "block past the block size", sizeof(sqfs_super_t), SEED_BLOCK,
			{ (SEED_BLOCK + 1) | SEED_STORED }, 1, -EBADMSG, ";f(4096)=" },
		{ "begins past the image", 1 << 20, 3, { 3 | SEED_STORED }, 1, -EBADMSG, ";f(3)=" },
		{ "begins at 2^64 - 1", UINT64_MAX, 3, { 3 | SEED_STORED }, 1, -EBADMSG, ";f(3)=" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sink to = sink_new(true);
		struct seed_squash q;
		char want[SINK_TEXT_MAX];

		seed_squash_init(&q);
		(void) seed_block(&q, "one", 3, false);
		const struct seed_listed listed[] = {
			{ "f",
				seed_squash_inode(&q, cases[i].start, cases[i].size, cases[i].words,
					cases[i].n_words) },
			{ "next", seed_squash_file(&q, "is there", 8, true) },
		};
		uint64_t root = seed_squash_folder(&q, listed, 2);

		(void) snprintf(want, sizeof(want), "%s;next(8)=is there", cases[i].text);
		expect(cases[i].name, read_seed(&q, root, &to), cases[i].result, &to, want);
	}
}

/* More blocks than there are in the image, whatever the size: no memory is had for them. */
static void test_sizes_that_are_not_there(void **state)
{
	static const uint64_t sizes[] = { SEED_BLOCK + 1, UINT32_MAX, UINT64_C(1) << 40, INT64_MAX,
		UINT64_MAX };

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct sink to = sink_new(false);
		struct seed_squash q;
		int r;

		seed_squash_init(&q);
		r = read_one(&q, seed_squash_inode(&q, 0, sizes[i], (uint32_t[]){ 0 }, 1), &to);
		if (r != -EBADMSG || to.n_bytes > MIB)
			fail_msg("a file of %llu bytes: %d", (unsigned long long) sizes[i], r);
	}
}

static uint64_t nest(struct seed_squash *q, unsigned depth)
{
	struct seed_listed listed = { "f", seed_squash_file(q, "deep", 4, false) };

	for (unsigned i = 1; i < depth; i++)
		listed = (struct seed_listed){ "d", seed_squash_folder(q, &listed, 1) };
	return seed_squash_folder(q, &listed, 1);
}

static void test_depth(void **state)
{
	struct sink to = sink_new(false);
	struct seed_squash q;

	(void) state;
	seed_squash_init(&q);
	assert_int_equal(read_seed(&q, nest(&q, SQUASH_DEPTH_MAX), &to), 0);
	assert_int_equal(to.n_bytes, 4);
	to = sink_new(false);
	seed_squash_init(&q);
	assert_int_equal(read_seed(&q, nest(&q, SQUASH_DEPTH_MAX + 1), &to), -E2BIG);
	assert_int_equal(to.n_bytes, 0);
}

/* A folder whose entries, twice over, are the folder itself. */
static void test_loop(void **state)
{
	struct sink to = sink_new(false);
	struct seed_squash q;

	(void) state;
	seed_squash_init(&q);
	const uint64_t root = seed_squash_file(&q, "", 0, false); /* the folder comes behind it */
	const struct seed_listed listed[] = { { "f", root }, { "a", q.n_inodes },
		{ "b", q.n_inodes } };

	assert_int_equal(read_seed(&q, seed_squash_folder(&q, listed, 3), &to), -E2BIG);
	assert_true(to.n_entries <= CONTENT_ENTRIES_MAX);
}

static int read_many(size_t n, struct sink *to)
{
	_cleanup_free_ struct seed_listed *listed = calloc(n, sizeof(*listed));
	struct seed_squash q;

	assert_non_null(listed);
	seed_squash_init(&q);
	for (size_t i = 0; i < n; i++)
		listed[i] = (struct seed_listed){ "f",
			i > 0 ? listed[0].inode : seed_squash_file(&q, "x", 1, false) };
	return read_seed(&q, seed_squash_folder(&q, listed, n), to);
}

static void test_number_of_entries(void **state)
{
	struct sink to = sink_new(false);

	(void) state;
	assert_int_equal(read_many(CONTENT_ENTRIES_MAX, &to), 0);
	assert_int_equal(to.n_entries, CONTENT_ENTRIES_MAX);
	to = sink_new(false);
	assert_int_equal(read_many(CONTENT_ENTRIES_MAX + 1, &to), -E2BIG);
	assert_int_equal(to.n_entries, CONTENT_ENTRIES_MAX);
}

static void test_long_paths_are_cut(void **state)
{
	char name[257];
	struct sink to = sink_new(true);
	struct seed_squash q;

	(void) state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	seed_squash_init(&q);
	struct seed_listed listed = { name, seed_squash_file(&q, "deep", 4, false) };
	for (int i = 0; i < 4; i++)
		listed.inode = seed_squash_folder(&q, &listed, 1);

	assert_int_equal(read_seed(&q, seed_squash_folder(&q, &listed, 1), &to), 0);
	assert_int_equal(strcspn(to.text + 1, "("), CONTENT_NAME_MAX);
	assert_non_null(strstr(to.text, "(4)=deep"));
}

static void test_bombs(void **state)
{
	static const uint8_t zeros[SEED_BLOCK];
	_cleanup_free_ uint32_t *holes = calloc(CONTENT_SIZE_MAX / SEED_BLOCK, sizeof(*holes));
	struct seed_listed listed[BOMB_FILES];
	struct sink to = sink_new(false);
	struct seed_squash q;

	(void) state;
	assert_non_null(holes);
	seed_squash_init(&q); /* holes, but not too many */
	assert_int_equal(read_one(&q,
				 seed_squash_inode(&q, 0, CONTENT_RATIO_FREE, holes,
					 CONTENT_RATIO_FREE / SEED_BLOCK),
				 &to),
		0);
	assert_int_equal(to.n_bytes, CONTENT_RATIO_FREE);

	to = sink_new(false); /* holes without end; the list of them is small */
	seed_squash_init(&q);
	listed[0].inode = seed_squash_inode(&q, 0, 4 * MIB, holes, 4 * MIB / SEED_BLOCK);
	for (size_t i = 0; i < BOMB_FILES; i++)
		listed[i] = (struct seed_listed){ "f", listed[0].inode };
	assert_int_equal(read_seed(&q, seed_squash_folder(&q, listed, BOMB_FILES), &to), -E2BIG);
	assert_true(to.n_bytes <= CONTENT_RATIO_FREE);

	to = sink_new(false); /* a byte of each of two fragments, in turn */
	to.on_bytes = 1;
	seed_squash_init(&q);
	listed[0].inode = seed_squash_tail(&q, zeros, sizeof(zeros), 0, 1);
	listed[1].inode = seed_squash_tail(&q, zeros, sizeof(zeros), 0, 1);
	for (size_t i = 0; i < BOMB_FILES; i++)
		listed[i] = (struct seed_listed){ "f", listed[i % 2].inode };
	assert_int_equal(read_seed(&q, seed_squash_folder(&q, listed, BOMB_FILES), &to), 0);
	assert_int_equal(to.n_bytes, BOMB_FILES);
}

static void test_every_truncation(void **state)
{
	struct seed_squash q;
	uint64_t size;

	(void) state;
	seed_squash_init(&q);
	const struct seed_listed listed[] = { { "a", seed_squash_file(&q, "one", 3, true) },
		{ "b", seed_squash_tail(&q, "two", 3, 0, 3) } };
	seed_squash_end(&q, seed_squash_folder(&q, listed, 2));
	for (size = 0; size < q.n; size++) {
		_cleanup_free_ uint8_t *copy = malloc(size + 1);
		struct sink to = sink_new(false);

		assert_non_null(copy);
		memcpy(copy, q.bytes, size);
		assert_int_equal(read_bytes(copy, size, &to), -ENOENT);
		if (size < sizeof(sqfs_super_t))
			continue;
		/* the same, where the image says that it ends there */
		memcpy(copy + offsetof(sqfs_super_t, bytes_used), &size, sizeof(size));
		(void) read_bytes(copy, size, &to);
		assert_true(to.n_bytes <= 6);
	}
	seed_squash_done(&q);
}

static void test_unknown_compressors(void **state)
{
	static const struct {
		uint16_t id;
		int result;
	} cases[] = { { SQFS_COMP_GZIP, 0 }, { SQFS_COMP_LZO, -ENOTSUP }, { 0, -ENOTSUP },
		{ 7, -ENOTSUP }, { UINT16_MAX, -ENOTSUP } };

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sink to = sink_new(false);
		struct seed_squash q;
		int r;

		seed_squash_init(&q);
		const struct seed_listed listed = { "f", seed_squash_file(&q, "x", 1, false) };
		seed_squash_end(&q, seed_squash_folder(&q, &listed, 1));
		memcpy(q.bytes + offsetof(sqfs_super_t, compression_id), &cases[i].id, 2);
		r = read_bytes(q.bytes, q.n, &to);
		if (r != cases[i].result)
			fail_msg("compressor %u: %d, not %d", cases[i].id, r, cases[i].result);
		seed_squash_done(&q);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_sink_decides),
		cmocka_unit_test(test_large_files),
		cmocka_unit_test(test_damaged_files),
		cmocka_unit_test(test_sizes_that_are_not_there),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_loop),
		cmocka_unit_test(test_number_of_entries),
		cmocka_unit_test(test_long_paths_are_cut),
		cmocka_unit_test(test_bombs),
		cmocka_unit_test(test_every_truncation),
		cmocka_unit_test(test_unknown_compressors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
