/*
 * Is everything there that a host needs, and is it what was signed? By the client that hosts use.
 */
#pragma once

#include <stdint.h>

#include "policy/trust/client.h"
#include "policy/trust/digest.h"

struct repository_verify {
	const struct tuf_transport *metadata;
	const void *root; /* where trust begins */
	size_t root_size;
	int64_t now_utc_sec;
	/* Puts the whole content of @file (percent-encoded, below the base of the targets) into
	 * @digest. */
	int (*content)(void *context, const struct tuf_target *t, const char *file,
		struct tuf_digest *digest, struct tuf_error *e);
	void *context;
};

/* Stays where it is while it is used. */
struct repository_verified {
	struct tuf_bundle *bundle;
	struct tuf_store store;
	struct tuf_client *client; /* with all roles in it */
	size_t n_files;
	uint64_t bytes;
};

/* 0, or what is wrong in @e. @ret is to be done in any case. */
int repository_verify(
	const struct repository_verify *v, struct repository_verified *ret, struct tuf_error *e);
void repository_verified_done(struct repository_verified *v);
