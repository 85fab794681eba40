#include "agent/verdict/cache.h"

#include <stdlib.h>
#include <string.h>

enum { WAYS = 4, SETS = VERDICT_CACHE_ENTRIES / WAYS };

struct entry {
	struct verdict_key key;
	uint64_t generation; /* 0: empty */
	uint64_t used;
	struct verdict_entry value;
};

struct verdict_cache {
	uint64_t tick;
	struct entry entries[SETS][WAYS];
};

int verdict_cache_new(struct verdict_cache **ret)
{
	struct verdict_cache *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	*ret = c;
	return 0;
}

struct verdict_cache *verdict_cache_free(struct verdict_cache *c)
{
	if (!c)
		return NULL;
	for (size_t s = 0; s < SETS; s++)
		for (size_t w = 0; w < WAYS; w++)
			free(c->entries[s][w].value.finding);
	free(c);
	return NULL;
}

static bool key_equal(const struct verdict_key *a, const struct verdict_key *b)
{
	return a->inode == b->inode && a->device == b->device && a->ctime_nsec == b->ctime_nsec &&
		a->size == b->size && a->path_hash == b->path_hash;
}

/* Any inode number can be had by whoever makes enough files, so a set may be filled on purpose:
 * that costs its launches a fresh inspection, nothing more. */
static struct entry *set_of(struct verdict_cache *c, const struct verdict_key *key)
{
	uint64_t h = (key->inode ^ key->device << 40 ^ key->path_hash) *
		UINT64_C(0x9e3779b97f4a7c15);

	return c->entries[(h >> 32) % SETS];
}

struct verdict_entry *verdict_cache_find(
	struct verdict_cache *c, const struct verdict_key *key, uint64_t generation)
{
	struct entry *set = set_of(c, key);

	for (size_t w = 0; w < WAYS; w++) {
		struct entry *e = &set[w];

		if (e->generation != generation || !key_equal(&e->key, key))
			continue;
		e->used = ++c->tick;
		return &e->value;
	}
	return NULL;
}

static struct entry *victim(struct entry *set, const struct verdict_key *key, uint64_t generation)
{
	struct entry *oldest = &set[0];

	for (size_t w = 0; w < WAYS; w++) {
		if (set[w].generation && key_equal(&set[w].key, key))
			return &set[w];
		if (set[w].generation != generation)
			set[w].used = 0;
		if (set[w].used < oldest->used)
			oldest = &set[w];
	}
	return oldest;
}

void verdict_cache_put(struct verdict_cache *c, const struct verdict_key *key, uint64_t generation,
	enum verdict verdict, struct finding *finding)
{
	struct entry *e = victim(set_of(c, key), key, generation);

	free(e->value.finding);
	*e = (struct entry){
		.key = *key,
		.generation = generation,
		.used = ++c->tick,
		.value = { .verdict = verdict, .finding = finding },
	};
}
