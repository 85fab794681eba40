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
		bool found;
	} cases[] = {
		{ "the very same content", { 1, 2, 3, 4, 5 }, 7, true },
		{ "another filesystem", { 9, 2, 3, 4, 5 }, 7, false },
		{ "another inode", { 1, 9, 3, 4, 5 }, 7, false },
		{ "written to since: ctime moved", { 1, 2, 9, 4, 5 }, 7, false },
		{ "another size", { 1, 2, 3, 9, 5 }, 7, false },
		{ "another of its names", { 1, 2, 3, 4, 9 }, 7, false },
		{ "another policy", { 1, 2, 3, 4, 5 }, 8, false },
	};
	struct verdict_cache *c;

	(void) state;
	assert_int_equal(verdict_cache_new(&c), 0);
	put(c, &base, 7, VERDICT_ALLOW);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		bool found = verdict_cache_find(c, &cases[i].key, cases[i].generation);

		if (found != cases[i].found)
			fail_msg("%s: %s", cases[i].name, found ? "found" : "missed");
	}
	verdict_cache_free(c);
}

static void putting_again_replaces(void **state)
{
	struct verdict_entry *e;
	struct verdict_cache *c;

	(void) state;
	assert_int_equal(verdict_cache_new(&c), 0);
	put(c, &base, 1, VERDICT_ALLOW);
	put(c, &base, 1, VERDICT_BLOCK);
	e = verdict_cache_find(c, &base, 1);
	assert_non_null(e);
	assert_int_equal(e->verdict, VERDICT_BLOCK);
	assert_non_null(e->finding);
	put(c, &base, 2, VERDICT_ALLOW);
	e = verdict_cache_find(c, &base, 2);
	assert_non_null(e);
	assert_int_equal(e->verdict, VERDICT_ALLOW);
	assert_null(e->finding);
	assert_null(verdict_cache_find(c, &base, 1));
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
		struct verdict_entry *e;

		key.inode = i;
		e = verdict_cache_find(c, &key, 1);
		if (!e)
			continue;
		found++;
		assert_int_equal(e->verdict, i % 3 ? VERDICT_ALLOW : VERDICT_BLOCK);
		assert_int_equal(!!e->finding, i % 3 == 0);
	}
	assert_in_range(found, VERDICT_CACHE_ENTRIES / 2, VERDICT_CACHE_ENTRIES);
	verdict_cache_free(c);
}

static void the_latest_of_a_full_set_stays(void **state)
{
	struct verdict_cache *c;

	(void) state;
	assert_int_equal(verdict_cache_new(&c), 0);
	/* Same inode and device: same set, whatever else differs. */
	for (int64_t i = 0; i < 100; i++) {
		struct verdict_key key = base;

		key.ctime_nsec = i;
		put(c, &key, 1, VERDICT_ALLOW);
		assert_non_null(verdict_cache_find(c, &key, 1));
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
