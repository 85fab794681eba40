/*
 * One metadata file of the four TUF role types (specification 1.0.34, section 4), read from hostile
 * bytes into checked values. Nothing here says that it is to be trusted: trusted.h does.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "policy/base/cleanup.h"
#include "policy/trust/error.h"
#include "policy/trust/key.h"

enum tuf_type {
	TUF_TYPE_NONE,
	TUF_ROOT,
	TUF_TIMESTAMP,
	TUF_SNAPSHOT,
	TUF_TARGETS, /* the top-level one and every delegated one */
	_TUF_TYPE_MAX,
};

enum {
	TUF_ROOT_SIZE_MAX = 512000, /* bytes of a file, each by its type */
	TUF_TIMESTAMP_SIZE_MAX = 16384,
	TUF_SNAPSHOT_SIZE_MAX = 2000000,
	TUF_TARGETS_SIZE_MAX = 5000000,
	TUF_ROTATIONS_MAX = 256,  /* new roots in one update */
	TUF_DELEGATIONS_MAX = 32, /* delegated roles visited for one target */
	TUF_KEYS_MAX = 1024,     /* keys in one file, key ids of one role, signatures in one file */
	TUF_ROLES_MAX = 1024,    /* delegations in one file, hash bins not counted */
	TUF_BINS_MAX = 65536,    /* hash bins in one succinct delegation (TAP 15) */
	TUF_PATTERNS_MAX = 4096, /* path patterns or hash prefixes of one delegation */
	TUF_TARGETS_MAX = 65536, /* targets in one file */
	TUF_META_MAX = 65536,    /* files in one snapshot */
};
#define TUF_VERSION_MAX INT64_MAX

struct tuf_signature {
	char keyid[TUF_KEYID_SIZE];
	uint8_t *bytes; /* owned */
	size_t size;    /* 0: written by nobody yet */
};

/* Which keys speak for a role, and how many of them must. */
struct tuf_role {
	char *name;                     /* owned; in root: "root", "targets", ... */
	char (*keyids)[TUF_KEYID_SIZE]; /* owned; all different, sorted; some may be of no key */
	size_t n_keyids;
	uint32_t threshold; /* at least 1 */
};

/* Hashes and length that a file must have; a zero length_known means any. */
struct tuf_fileinfo {
	uint64_t length;
	bool has_length, has_sha256, has_sha512;
	bool has_unknown; /* a hash by an algorithm that is not known here */
	uint8_t sha256[32], sha512[64];
};

/* An entry of "meta" in timestamp and snapshot. */
struct tuf_meta {
	char *name; /* owned; "targets.json", "team/x.json": not percent-encoded */
	int64_t version;
	struct tuf_fileinfo info;
};

struct tuf_target {
	char *path;               /* owned; "policy/lists/torrent.txt" */
	struct tuf_fileinfo info; /* has_length always */
	const json_t *custom;     /* borrowed from the document; may be NULL */
};

/* Succinct roles (TAP 15) become one delegation for each of their hash bins, with its prefixes;
 * they share one array of key ids. */
struct tuf_delegation {
	struct tuf_role role;
	bool terminating;
	char **paths; /* owned; exactly one of the two is non-NULL */
	char **prefixes;
	size_t n_patterns; /* of whichever it is */
};

struct tuf_metadata {
	enum tuf_type type;
	int64_t version;
	int64_t expires_utc_sec;
	json_t *document;   /* owned; the whole file */
	char *signed_bytes; /* owned; canonical form of "signed" */
	size_t signed_size;
	struct tuf_signature *signatures; /* owned; key ids all different, sorted by them */
	size_t n_signatures;

	/* TUF_ROOT; and keys of the delegations in TUF_TARGETS. Each key's id was computed; one
	 * whose name in the file is another made the file malformed. */
	struct tuf_key **keys; /* owned; sorted by id */
	size_t n_keys;

	/* TUF_ROOT */
	bool consistent_snapshot;
	struct tuf_role roles[_TUF_TYPE_MAX];

	/* TUF_TIMESTAMP ("snapshot.json" alone), TUF_SNAPSHOT; sorted by name */
	struct tuf_meta *metas; /* owned */
	size_t n_metas;

	/* TUF_TARGETS; targets sorted by path, delegations in the order of the file */
	struct tuf_target *targets; /* owned */
	size_t n_targets;
	struct tuf_delegation *delegations; /* owned */
	size_t n_delegations;
	struct tuf_delegation **by_name; /* owned; the same, sorted by name */
};

const char *tuf_type_to_string(enum tuf_type t); /* "targets" */
size_t tuf_type_size_max(enum tuf_type t);

/* Reads @bytes, which must be of @type. @role and @file are for @e. 0; -EBADMSG; -EPROTO: of
 * another type; -EFBIG: longer than its type may be; -ENOMEM. */
int tuf_metadata_parse(enum tuf_type type, const char *role, const char *file, const void *bytes,
	size_t n, struct tuf_metadata **ret, struct tuf_error *e);
struct tuf_metadata *tuf_metadata_free(struct tuf_metadata *m);
DEFINE_CLEANUP(struct tuf_metadata, tuf_metadata_free)

const struct tuf_key *tuf_metadata_key(const struct tuf_metadata *m, const char *keyid);
const struct tuf_meta *tuf_metadata_meta(const struct tuf_metadata *m, const char *name);
const struct tuf_target *tuf_metadata_target(const struct tuf_metadata *m, const char *path);
/* The delegation to @role; NULL. */
const struct tuf_delegation *tuf_metadata_delegation(
	const struct tuf_metadata *m, const char *role);

/* How many different keys of @role, of those that @keys_of (root or a delegating targets file)
 * holds, have signed @m. @each (may be NULL) hears of each one that did. A key that is listed under
 * two ids, because its objects differ in an unknown member, counts once. */
unsigned tuf_metadata_count_signatures(const struct tuf_metadata *m,
	const struct tuf_metadata *keys_of, const struct tuf_role *role,
	void (*each)(void *context, const struct tuf_key *key), void *context);

/* "YYYY-MM-DDTHH:MM:SSZ" and nothing else: 0 or -EINVAL. */
int tuf_time_parse(const char *s, int64_t *ret_utc_sec);
void tuf_time_format(int64_t utc_sec, char out[21]);
