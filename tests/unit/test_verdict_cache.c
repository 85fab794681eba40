/*
 * agent/verdict/cache: what counts as the same content under the same policy, and that memory stays
 * bounded whatever is put in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>

#include "agent/verdict/cache.h"

static const struct verdict_key base = {
	.device = 1, .inode = 2, .ctime_nsec = 3, .size = 4, .path_hash = 5
};

static void put(
	struct verdict_cache *c, const struct verdict_key *key, uint64_t generation, enum verdict v)
{
	struct finding *f = v == VERDICT_ALLOW ? NULL : calloc(1, sizeof(*f));

	verdict_cache_put(c, key, generation, v, f);
}

static void differing_keys_miss(void **state)
{
	static const struct {
		const char *name;
		struct verdict_key key;
		uint64_t generation;
		int want;
	} cases[] = {
		{ "the very same content", { 1, 2, 3, 4, 5 }, 7, 0 },
		{ "another filesystem", { 9, 2, 3, 4, 5 }, 7, VERDICT_CACHE_MISS },
		{ "another inode", { 1, 9, 3, 4, 5 }, 7, VERDICT_CACHE_MISS },
		{ "written to since: ctime moved", { 1, 2, 9, 4, 5 }, 7, VERDICT_CACHE_MISS },
		{ "another size", { 1, 2, 3, 9, 5 }, 7, VERDICT_CACHE_MISS },
		{ "another of its names", { 1, 2, 3, 4, 9 }, 7, VERDICT_CACHE_MISS },
		{ "another policy", { 1, 2, 3, 4, 5 }, 8, VERDICT_CACHE_MISS },
	};
	struct verdict_cache *c;

	(void) state;
	assert_int_equal(verdict_cache_new(&c), 0);
	put(c, &base, 7, VERDICT_ALLOW);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct finding *f;
		enum verdict v;
		int r = verdict_cache_find(c, &cases[i].key, cases[i].generation, &v, &f);

		if (r != cases[i].want)
			fail_msg("%s: %d, expected %d", cases[i].name, r, cases[i].want);
	}
	verdict_cache_free(c);
}

static void putting_again_replaces(void **state)
{
	struct verdict_cache *c;
	struct finding *f;
	enum verdict v;

	(void) state;
	assert_int_equal(verdict_cache_new(&c), 0);
	put(c, &base, 1, VERDICT_ALLOW);
	put(c, &base, 1, VERDICT_BLOCK);
	assert_int_equal(verdict_cache_find(c, &base, 1, &v, &f), 0);
	assert_int_equal(v, VERDICT_BLOCK);
	assert_non_null(f);
	put(c, &base, 2, VERDICT_ALLOW);
	assert_int_equal(verdict_cache_find(c, &base, 2, &v, &f), 0);
	assert_int_equal(v, VERDICT_ALLOW);
	assert_null(f);
	assert_int_equal(verdict_cache_find(c, &base, 1, &v, &f), VERDICT_CACHE_MISS);
	verdict_cache_free(c);
}

static void more_files_than_entries(void **state)
{
	struct verdict_cache *c;
	size_t found = 0;

	(void) state;
	assert_int_equal(verdict_cache_new(&c), 0);
	for (uint64_t i = 0; i < VERDICT_CACHE_ENTRIES * 3; i++) {
		struct verdict_key key = base;

		key.inode = i;
		put(c, &key, 1, i % 3 ? VERDICT_ALLOW : VERDICT_BLOCK);
	}
	for (uint64_t i = 0; i < VERDICT_CACHE_ENTRIES * 3; i++) {
		struct verdict_key key = base;
		struct finding *f;
		enum verdict v;

		key.inode = i;
		if (verdict_cache_find(c, &key, 1, &v, &f) != 0)
			continue;
		found++;
		assert_int_equal(v, i % 3 ? VERDICT_ALLOW : VERDICT_BLOCK);
		assert_int_equal(!!f, i % 3 == 0);
	}
	assert_in_range(found, VERDICT_CACHE_ENTRIES / 2, VERDICT_CACHE_ENTRIES);
	verdict_cache_free(c);
}

static void the_latest_of_a_full_set_stays(void **state)
{
	struct verdict_cache *c;
	struct finding *f;
	enum verdict v;

	(void) state;
	assert_int_equal(verdict_cache_new(&c), 0);
	/* Same inode and device: same set, whatever else differs. */
	for (int64_t i = 0; i < 100; i++) {
		struct verdict_key key = base;

		key.ctime_nsec = i;
		put(c, &key, 1, VERDICT_ALLOW);
		assert_int_equal(verdict_cache_find(c, &key, 1, &v, &f), 0);
	}
	verdict_cache_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(differing_keys_miss),
		cmocka_unit_test(putting_again_replaces),
		cmocka_unit_test(more_files_than_entries),
		cmocka_unit_test(the_latest_of_a_full_set_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
