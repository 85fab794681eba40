#include "policy/image/hash_sort.h"

#include <stdlib.h>

#include "policy/base/cleanup.h"

enum { FEW_HASHES = 32 }; /* sorted by the plainest way the soonest */

static int compare(const void *x, const void *y)
{
	const struct format_hash *a = x, *b = y;
	int r = format_compare_hash(a, format_hash_size(b), b->digest);

	return r ? r : (a->identity > b->identity) - (a->identity < b->identity);
}

static void sort_bucket(struct format_hash *hashes, uint32_t n)
{
	if (n > FEW_HASHES) {
		qsort(hashes, n, sizeof(*hashes), compare);
		return;
	}
	for (uint32_t i = 1; i < n; i++) {
		struct format_hash h = hashes[i];
		uint32_t at = i;

		for (; at > 0 && compare(&h, &hashes[at - 1]) < 0; at--)
			hashes[at] = hashes[at - 1];
		hashes[at] = h;
	}
}

static uint32_t bucket_of(const struct format_hash *h, uint32_t n_buckets)
{
	return format_bucket(format_size_key(format_hash_size(h)), n_buckets);
}

/* Copies the hashes to @out, those of one bucket together; @ends, all zero, becomes where each
 * bucket ends. */
static void distribute(const struct format_hash *hashes, uint32_t n, struct format_hash *out,
	uint32_t *ends, uint32_t n_buckets)
{
	uint32_t begin = 0;

	for (uint32_t i = 0; i < n; i++)
		ends[bucket_of(&hashes[i], n_buckets)]++;
	for (uint32_t b = 0; b < n_buckets; b++) {
		uint32_t held = ends[b];

		ends[b] = begin;
		begin += held;
	}
	for (uint32_t i = 0; i < n; i++)
		out[ends[bucket_of(&hashes[i], n_buckets)]++] = hashes[i];
}

static uint32_t drop_repeated(struct format_hash *hashes, uint32_t n)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < n; i++)
		if (kept == 0 || compare(&hashes[kept - 1], &hashes[i]) != 0)
			hashes[kept++] = hashes[i];
	return kept;
}

/* The reader's buckets come one behind the other and hold a few hashes each, unless many files are
 * of one size. */
int hash_sort(struct format_hash **hashes, uint32_t *n)
{
	uint32_t n_buckets = format_n_buckets(*n), begin = 0;
	_cleanup_free_ struct format_hash *sorted = calloc((size_t) *n + 1, sizeof(*sorted));
	_cleanup_free_ uint32_t *ends = calloc(n_buckets, sizeof(*ends));

	if (!sorted || !ends)
		return -ENOMEM;
	distribute(*hashes, *n, sorted, ends, n_buckets);
	free(*hashes);
	for (uint32_t b = 0; b < n_buckets; begin = ends[b++])
		sort_bucket(sorted + begin, ends[b] - begin);
	*n = drop_repeated(sorted, *n);
	*hashes = TAKE_PTR(sorted);
	return 0;
}
