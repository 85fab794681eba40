/*
 * Verdicts by inode: what a launch of this very content meant under this very policy. Fixed memory,
 * no allocation on look-up, oldest entry of a set goes first. Used by the gate's thread alone.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/verdict/verdict.h"

enum { VERDICT_CACHE_ENTRIES = 8192 };

/* Identity of content: ctime moves with every write, also one through a shared mapping (the first
 * store after the page was clean; while such a mapping exists the read lease is refused). */
struct verdict_key {
	uint64_t device, inode;
	int64_t ctime_nsec;
	uint64_t size;
	uint64_t path_hash; /* 0, unless the verdict holds for one path only */
};

/* What a rule said of a file; kept for everything but plain allows. Immutable but for the digest.
 */
struct finding {
	struct decision decision;
	uint32_t have_sha256;
	bool digest_pending;
	uint8_t sha256[SHA256_SIZE];
	uint64_t size;
};

struct verdict_cache;

int verdict_cache_new(struct verdict_cache **ret);
struct verdict_cache *verdict_cache_free(struct verdict_cache *c);

struct verdict_entry {
	enum verdict verdict;
	struct finding *finding;     /* NULL for VERDICT_ALLOW */
	uint64_t guarded_until_usec; /* the gate's: a read lease keeps writers out until then */
};

/* Borrowed until the next put; NULL: not there. Entries of another @generation of the policy do not
 * count. */
struct verdict_entry *verdict_cache_find(
	struct verdict_cache *c, const struct verdict_key *key, uint64_t generation);
/* Takes @finding over (NULL for VERDICT_ALLOW). */
void verdict_cache_put(struct verdict_cache *c, const struct verdict_key *key, uint64_t generation,
	enum verdict verdict, struct finding *finding);
