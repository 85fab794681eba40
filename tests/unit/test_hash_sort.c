/* Hashes in the order in which they are looked up, each once, whatever they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "policy/base/cleanup.h"
#include "policy/image/hash_sort.h"

static uint64_t next_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *state >> 33;
}

/* < 0, 0, > 0, told apart by what the format says of them and by nothing else. */
static int order(const void *x, const void *y)
{
	const struct format_hash *a = x, *b = y;
	uint64_t key = format_size_key(format_hash_size(a));
	uint64_t other = format_size_key(format_hash_size(b));
	int r = memcmp(a->digest, b->digest, sizeof(a->digest));

	if (key != other)
		return key < other ? -1 : 1;
	return r ?: a->identity < b->identity ? -1 : a->identity > b->identity;
}

static void check(const char *name, const struct format_hash *hashes, uint32_t n)
{
	struct format_hash *sorted = malloc((n + 1) * sizeof(*sorted));
	_cleanup_free_ struct format_hash *expected = malloc((n + 1) * sizeof(*expected));
	uint32_t n_sorted = n, kept = 0;

	assert_true(sorted && expected);
	memcpy(sorted, hashes, n * sizeof(*sorted));
	memcpy(expected, hashes, n * sizeof(*expected));
	qsort(expected, n, sizeof(*expected), order);
	for (uint32_t i = 0; i < n; i++)
		if (kept == 0 || order(&expected[kept - 1], &expected[i]) != 0)
			expected[kept++] = expected[i];
	assert_int_equal(hash_sort(&sorted, &n_sorted), 0);
	if (n_sorted != kept || memcmp(sorted, expected, kept * sizeof(*sorted)) != 0)
		fail_msg("%s: %u hashes became %u, in another order than these %u", name, n,
			n_sorted, kept);
	free(sorted);
}

static void test_sorting(void **state)
{
	static const struct {
		const char *name;
		uint32_t n;
		uint64_t sizes, digests, identities; /* how many different ones */
	} cases[] = {
		{ "nothing", 0, 1, 1, 1 },
		{ "one", 1, 1, 1, 1 },
		{ "two that are the same", 2, 1, 1, 1 },
		{ "as many as are sorted by insertion", 32, 1, 1000, 1 },
		{ "one more", 33, 1, 1000, 1 },
		{ "many, each of its own size", 5000, UINT64_C(1) << 62, 1000000, 3 },
		{ "many, a few of each size", 5000, 1500, 1000000, 3 },
		{ "many of one size", 5000, 1, 1000000, 3 },
		{ "many of two sizes, with repeated ones", 5000, 2, 100, 3 },
		{ "one digest at many sizes", 5000, 1000000, 1, 1 },
		{ "one hash of many identities", 5000, 1, 1, 100 },
		{ "one hash again and again", 5000, 1, 1, 1 },
	};
	uint64_t seed = 1;

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ struct format_hash *hashes = calloc(cases[i].n + 1, sizeof(*hashes));

		assert_non_null(hashes);
		for (uint32_t k = 0; k < cases[i].n; k++) {
			uint64_t size = (next_random(&seed) << 31 ^ next_random(&seed)) %
				cases[i].sizes;
			uint32_t digest = (uint32_t) (next_random(&seed) % cases[i].digests);

			hashes[k].size_low = (uint32_t) size;
			hashes[k].size_high = (uint32_t) (size >> 32);
			memcpy(hashes[k].digest + 28, &digest, sizeof(digest));
			hashes[k].identity = (uint32_t) (next_random(&seed) % cases[i].identities);
		}
		check(cases[i].name, hashes, cases[i].n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sorting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
