/*
 * A TUF client (specification 1.0.34, section 5): brings a set of trusted metadata up to date and
 * finds targets in it. Requests files in exactly the order of the specification and keeps each as
 * soon as it is accepted. One client makes one update, with one time for all of it.
 */
#pragma once

#include "policy/trust/metadata.h"
#include "policy/trust/store.h"
#include "policy/trust/transport.h"

struct tuf_client;

enum { TUF_EACH_ROLES_MAX = 120 }; /* delegated roles in which tuf_client_each() looks */

struct tuf_client_options {
	const struct tuf_transport *transport; /* of metadata; borrowed while the client lives */
	const struct tuf_store *store;         /* borrowed; must hold a root.json */
	int64_t now_utc_sec;
};

/* Makes @root the trusted root of an empty @store, after it was found to be signed by its own keys.
 * Makes no request. -EEXIST: there is another root. */
int tuf_client_init(const struct tuf_store *store, int64_t now_utc_sec, const void *root, size_t n,
	struct tuf_error *e);

/* Loads the stored root. */
int tuf_client_new(
	const struct tuf_client_options *o, struct tuf_client **ret, struct tuf_error *e);
struct tuf_client *tuf_client_free(struct tuf_client *c);
DEFINE_CLEANUP(struct tuf_client, tuf_client_free)

/* Root, timestamp, snapshot, targets. Once: a second call of the same client is -EALREADY. */
int tuf_client_refresh(struct tuf_client *c, struct tuf_error *e);

/* Looks for @path in targets and what it delegates to, pre-order, refreshing first if that was not
 * done. -ENOENT: no role that may speak of it does. *ret is borrowed from the client; *ret_role
 * (may be NULL) is the role that named it. */
int tuf_client_find(struct tuf_client *c, const char *path, const struct tuf_target **ret,
	const char **ret_role, struct tuf_error *e);

/* Every target whose path begins with @prefix, found as tuf_client_find() would find it, in the
 * order of their paths; @each returns 0 to go on or a negative errno, which ends it. It is called
 * after all were found. */
int tuf_client_each(struct tuf_client *c, const char *prefix,
	int (*each)(void *context, const struct tuf_target *t, const char *role), void *context,
	struct tuf_error *e);
/* What the last tuf_client_each() found; NULL past the last. */
const struct tuf_target *tuf_client_found(const struct tuf_client *c, size_t i);

/* After a refresh. Borrowed from the client. */
const struct tuf_metadata *tuf_client_get(const struct tuf_client *c, enum tuf_type type);
/* Root, timestamp, snapshot, targets, then the delegated ones that were visited, in that order
 * (once for each delegator); NULL past the last. */
const char *tuf_client_role(const struct tuf_client *c, size_t i, const struct tuf_metadata **ret,
	const struct tuf_metadata **ret_keys_of, const struct tuf_role **ret_role);

/* The path below the base of the targets: with consistent snapshots "dir/<hash>.<name>", by its
 * sha256 if it has one, else its sha512. Percent-encoded. */
int tuf_client_target_file(
	const struct tuf_client *c, const struct tuf_target *t, char out[TUF_FILE_MAX + 1]);
