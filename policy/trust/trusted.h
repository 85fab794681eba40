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
 * for @e. A local file (@local) is what was accepted earlier, and is offered first. When it is
 * expired (-EKEYEXPIRED) or, for a snapshot, not the one that the timestamp names (-EPROTO,
 * -EUCLEAN, -EFBIG), it stays as a reference against rollback only. */
int tuf_trusted_root(
	struct tuf_trusted *t, const char *file, const void *bytes, size_t n, struct tuf_error *e);
/* After the last root: -EKEYEXPIRED. From here on no root is taken. */
int tuf_trusted_end_roots(struct tuf_trusted *t, struct tuf_error *e);
/* Do other keys speak for timestamp or snapshot than at the beginning: has one of them gone? What
 * is stored of both must be deleted then (5.3.11). */
bool tuf_trusted_rotated(const struct tuf_trusted *t);
/* 0: a key of the root, be it one of several that must, has signed this timestamp or snapshot;
 * -EKEYREJECTED: none has; others as of tuf_metadata_parse(). */
int tuf_trusted_signed(
	const struct tuf_trusted *t, enum tuf_type type, const void *bytes, size_t n);
/* 1: the version that is there already; that one stays. */
int tuf_trusted_timestamp(struct tuf_trusted *t, const char *file, const void *bytes, size_t n,
	bool local, struct tuf_error *e);
int tuf_trusted_snapshot(struct tuf_trusted *t, const char *file, const void *bytes, size_t n,
	bool local, struct tuf_error *e);
/* @delegator: the role that names @role ("targets" by "root"). A role reached by another delegator
 * than before is verified again with that one's keys. */
int tuf_trusted_targets(struct tuf_trusted *t, const char *role, const char *delegator,
	const char *file, const void *bytes, size_t n, struct tuf_error *e);

/* What the snapshot says of @role. NULL with @e (-EPROTO): nothing. */
const struct tuf_meta *tuf_trusted_expected(
	const struct tuf_trusted *t, const char *role, const char *delegator, struct tuf_error *e);

/* NULL while there is none (a mere reference against rollback is none). Borrowed until the next
 * change; targets as long as the set lives. */
const struct tuf_metadata *tuf_trusted_get(const struct tuf_trusted *t, enum tuf_type type);
const struct tuf_metadata *tuf_trusted_role(
	const struct tuf_trusted *t, const char *role, const char *delegator);
