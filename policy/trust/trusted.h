/*
 * The set of trusted metadata, and the only code that lets anything into it: the rules of section 5
 * of the specification (signatures, thresholds, versions, expiry, rollback, mix-and-match), without
 * I/O. Files are offered in the order root*, timestamp, snapshot, targets, delegated targets.
 */
#pragma once

#include "policy/trust/metadata.h"

struct tuf_trusted;

/* Starts from a root that is trusted as it is, as long as its own keys have signed it. */
int tuf_trusted_new(int64_t now_utc_sec, const void *root, size_t n, struct tuf_trusted **ret,
	struct tuf_error *e);
struct tuf_trusted *tuf_trusted_free(struct tuf_trusted *t);
DEFINE_CLEANUP(struct tuf_trusted, tuf_trusted_free)

/* Each takes one file (@bytes borrowed) or refuses it with @e and changes nothing. @file: its name
 * for
 * @e. A local file (@local) is what was accepted earlier: it may be expired and then serves as
 * reference for rollback only, which -EKEYEXPIRED says. */
int tuf_trusted_root(
	struct tuf_trusted *t, const char *file, const void *bytes, size_t n, struct tuf_error *e);
/* After the last root: -EKEYEXPIRED. From here on no root is taken. */
int tuf_trusted_end_roots(struct tuf_trusted *t, struct tuf_error *e);
/* 1: the version that is there already; that one stays. */
int tuf_trusted_timestamp(struct tuf_trusted *t, const char *file, const void *bytes, size_t n,
	bool local, struct tuf_error *e);
int tuf_trusted_snapshot(struct tuf_trusted *t, const char *file, const void *bytes, size_t n,
	bool local, struct tuf_error *e);
/* @delegator: the role that names @role ("targets" by "root"). A role reached by another delegator
 * than before is verified again with that one's keys. */
int tuf_trusted_targets(struct tuf_trusted *t, const char *role, const char *delegator,
	const char *file, const void *bytes, size_t n, struct tuf_error *e);

/* NULL while there is none. Borrowed until the next change. */
const struct tuf_metadata *tuf_trusted_get(const struct tuf_trusted *t, enum tuf_type type);
const struct tuf_metadata *tuf_trusted_role(
	const struct tuf_trusted *t, const char *role, const char *delegator);
