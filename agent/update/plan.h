/*
 * Which files a client needs that starts from the anchor: the roots since then, the metadata of all
 * roles that were visited, and the files of the policy. Made after a refresh.
 */
#pragma once

#include <stdbool.h>

#include "policy/source/compiler.h"
#include "policy/trust/client.h"

enum { PLAN_TARGETS_MAX = POLICY_ALL_FILES_MAX };
#define PLAN_SIZE_MAX (UINT64_C(2) << 30) /* bytes of all targets together */

enum plan_kind {
	PLAN_ROOT,
	PLAN_METADATA,
	PLAN_TARGET,
};

struct plan_file {
	enum plan_kind kind;
	char *path;               /* owned; in the mirror */
	char *name;               /* owned; in the roots or in the store, or the target's path */
	char *role;               /* owned; who named the target */
	struct tuf_fileinfo info; /* of a target */
};

struct plan {
	struct plan_file *files; /* owned; timestamp.json is the last */
	size_t n, room;
	uint64_t size; /* of all targets */
	size_t n_targets;
};

/* @first_root: the anchor's version. */
int plan_make(struct tuf_client *c, int64_t first_root, struct plan *ret, struct tuf_error *e);
void plan_done(struct plan *p);
