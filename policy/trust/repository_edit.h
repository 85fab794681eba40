/*
 * Changes to who may sign what: made in the working copies, where they wait for signatures. Each
 * refuses what nobody could sign afterwards. A role that people sign gets a new version when the
 * one it has is no longer signed by enough.
 */
#pragma once

#include <stdbool.h>

#include "policy/trust/repository.h"

/* @role: root, targets, snapshot, timestamp or a delegated one. -EINVAL: more than it has keys, or
 * no change. */
int repository_set_threshold(
	struct repository *r, const char *role, uint64_t threshold, struct tuf_error *e);
/* -EALREADY: it has this key. */
int repository_role_add_key(struct repository *r, const char *role,
	const struct repository_key *key, struct tuf_error *e);
/* -ENOENT: it has no such key; -EINVAL: too few would be left. @keyid also of a key whose file is
 * gone. */
int repository_role_remove_key(
	struct repository *r, const char *role, const char *keyid, struct tuf_error *e);
/* A new version of @role (one that people sign) that expires at that time. */
int repository_set_expiry(
	struct repository *r, const char *role, int64_t utc_sec, struct tuf_error *e);

struct repository_delegation {
	const char *role;   /* the new one */
	const char *parent; /* "targets" or a delegated one */
	const char *const *paths;
	size_t n_paths;
	const struct repository_key *keys;
	size_t n_keys;
	uint64_t threshold;
	bool terminating;
	int64_t expires_utc_sec;
};
/* -EEXIST: there is such a role; -EINVAL: a name or pattern that cannot be. */
int repository_delegate(
	struct repository *r, const struct repository_delegation *d, struct tuf_error *e);
/* Takes the role away, and its metadata; *ret_parent (owned) is who must sign that. -EBUSY: it
 * delegates to others itself. */
int repository_undelegate(
	struct repository *r, const char *role, char **ret_parent, struct tuf_error *e);
/* Which role's metadata says who signs @role: "root", or its delegator's; *ret owned. */
int repository_keys_role(struct repository *r, const char *role, char **ret, struct tuf_error *e);

/* The first metadata of a repository: @signed_part of each is put in place by repository_put(). */
int repository_first_root(const struct repository_key *const keys[_TUF_TYPE_MAX],
	const size_t n_keys[_TUF_TYPE_MAX], int64_t expires_utc_sec, json_t **ret);
/* An empty targets, snapshot or timestamp file. */
int repository_first(enum tuf_type type, int64_t expires_utc_sec, json_t **ret);
/* Names the working copy of @role in the snapshot or timestamp that @signed_part is. */
int repository_name_file(
	struct repository *r, json_t *signed_part, const char *role, struct tuf_error *e);
