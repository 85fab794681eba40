/*
 * Names of users, remembered for a while: the name service may be a directory on the network.
 * For one thread; asks the name service, so never on the answer path.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "policy/base/cleanup.h"

enum {
	USERS_MAX = 512,       /* names remembered */
	USERS_BATCH_MAX = 256, /* look-ups between two calls of users_begin() */
	USERS_KEEP_SEC = 300,
};

struct users;

int users_new(struct users **ret);
struct users *users_free(struct users *u);
DEFINE_CLEANUP(struct users, users_free)

/* Forgets what is too old, and makes room for USERS_BATCH_MAX new names. */
void users_begin(struct users *u);
/* The name of @uid, or NULL when it has none; lives until the next users_begin(). */
const char *users_name(struct users *u, uid_t uid);
