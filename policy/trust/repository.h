/*
 * The administrators' side: a folder of plain files that lives in git.
 *
 *   README.md               for colleagues
 *   metadata/ROLE.json      working copy of each role, ROLE percent-encoded
 *   metadata/N.root.json    every root that was complete, from 1 on
 *   keys/NAME.json          {"name", "keyid", "key": key object, "source": where the private key
 * is} targets/policy/...      the policy's files, as targets.json names them
 *
 * A working copy is complete when enough of its keys have signed it. Changing one that is complete
 * begins the next version; changing one that is not goes on with it; both drop its signatures.
 * Private keys are not in the folder.
 */
#pragma once

#include <stdint.h>

#include "policy/trust/metadata.h"

struct repository;

#define REPOSITORY_POLICY "policy/" /* how the paths of targets begin that make up the policy */
enum {
	REPOSITORY_KEYS_MAX = 256,
	REPOSITORY_NAME_MAX = 64, /* bytes of a key's name: letters, digits, . _ - and @ */
	REPOSITORY_ROLE_MAX = 64, /* bytes of the name of a role that is delegated to */
	/* roles delegated to, all together: what clients visit with targets itself */
	REPOSITORY_DELEGATED_MAX = TUF_DELEGATIONS_MAX - 1,
};

/* A new, empty folder structure at @path (a folder that is there must be empty or a git repository
 * without these files: -EEXIST). */
int repository_create(const char *path, struct repository **ret, struct tuf_error *e);
/* -ENOENT: there is none at @path. */
int repository_open(const char *path, struct repository **ret, struct tuf_error *e);
struct repository *repository_free(struct repository *r);
DEFINE_CLEANUP(struct repository, repository_free)

/* Held while something is changed: -EBUSY when another command does so. Ends with the repository.
 */
int repository_lock(struct repository *r, struct tuf_error *e);

/* ---- keys by name ---- */
struct repository_key {
	char name[REPOSITORY_NAME_MAX + 1];
	struct tuf_key *key; /* owned */
	json_t *object;      /* owned */
	char *source;        /* owned; a path or a PKCS#11 URI; "" when nobody has said */
};
void repository_key_done(struct repository_key *k);
/* -EEXIST: the name or the key is there already. */
int repository_add_key(struct repository *r, const char *name, const json_t *object,
	const char *source, struct tuf_error *e);
/* @name: a name, a key id, or at least 8 first digits of one. */
int repository_find_key(
	struct repository *r, const char *name, struct repository_key *ret, struct tuf_error *e);
/* Sorted by name; *ret (free each, then the array) has *ret_n. */
int repository_keys(
	struct repository *r, struct repository_key **ret, size_t *ret_n, struct tuf_error *e);

/* ---- metadata ---- */
/* The working copy of @role ("root", "targets", "snapshot", "timestamp", or a delegated one). */
int repository_load(
	struct repository *r, const char *role, struct tuf_metadata **ret, struct tuf_error *e);
/* The last complete root. */
int repository_root(struct repository *r, struct tuf_metadata **ret, struct tuf_error *e);
/* The "signed" part to be changed, with the version it will have; *ret is a new reference. A role
 * that does not exist yet: -ENOENT. */
int repository_draft(struct repository *r, const char *role, json_t **ret, struct tuf_error *e);
/* Checks @signed_part and stores it as working copy, without signatures. */
int repository_put(
	struct repository *r, const char *role, const json_t *signed_part, struct tuf_error *e);
/* The canonical bytes that the keys of @role sign; *ret owned. */
int repository_payload(
	struct repository *r, const char *role, char **ret, size_t *ret_size, struct tuf_error *e);
/* Verifies the signature, then keeps it in the place of one by the same key. A root that is
 * complete by it becomes N.root.json. -EKEYREJECTED: it does not verify, or the key has no say in
 * @role. */
int repository_add_signature(struct repository *r, const char *role, const char *keyid,
	const uint8_t *bytes, size_t n, struct tuf_error *e);

/* Who must sign, who did. A new root needs two sets of keys: the last complete one's and its own.
 */
struct repository_approval {
	const struct tuf_role *role;        /* key ids and threshold; borrowed */
	const struct tuf_metadata *keys_of; /* borrowed */
	unsigned have;                      /* valid signatures of its keys */
};
struct repository_state {
	struct tuf_metadata *metadata;   /* owned */
	struct tuf_metadata *keys_of[2]; /* owned */
	struct repository_approval approvals[2];
	size_t n_approvals;
	bool complete;
};
int repository_state(
	struct repository *r, const char *role, struct repository_state *ret, struct tuf_error *e);
void repository_state_done(struct repository_state *s);
/* Did the key @keyid of the approvals sign it? */
bool repository_signed_by(const struct repository_state *s, const char *keyid);
/* The names of all roles: root, targets, snapshot, timestamp, then the delegated ones in pre-order;
 * *ret is NULL-terminated, for repository_roles_free(). -ELOOP: more than REPOSITORY_DELEGATED_MAX.
 */
int repository_roles(struct repository *r, char ***ret, struct tuf_error *e);
void repository_roles_free(char **roles); /* NULL-safe */
/* Who delegates to @role: its metadata (owned), the delegation in it, and its name (owned; may be
 * NULL). */
int repository_delegator(struct repository *r, const char *role, struct tuf_metadata **ret,
	const struct tuf_delegation **ret_delegation, char **ret_name, struct tuf_error *e);
