/*
 * What was accepted in earlier runs, in two folders: trusted/, the store of the client, and roots/,
 * every root that was accepted since the anchor, which the mirror needs as well.
 */
#pragma once

#include "policy/trust/store.h"
#include "policy/trust/transport.h"

struct accepted;

/* @anchor: the root that trust begins with. When it is another one than last time, or what is kept
 * is not whole, everything begins afresh from it. */
int accepted_open(int state, int64_t now_utc_sec, const void *anchor, size_t n,
	struct accepted **ret, struct tuf_error *e);
struct accepted *accepted_free(struct accepted *k);
DEFINE_CLEANUP(struct accepted, accepted_free)

/* Forgets all that was accepted but @anchor. */
int accepted_begin(
	struct accepted *k, int64_t now_utc_sec, const void *anchor, size_t n, struct tuf_error *e);

/* Lives as long as @k. */
const struct tuf_store *accepted_store(const struct accepted *k);
/* The folder of N.root.json (borrowed), from the anchor's version on. */
int accepted_roots(const struct accepted *k, int64_t *ret_first);
