/*
 * What the agent has come to trust, kept over restarts in one file of root's beside the ledger: the
 * metadata accepted last, what it says, and which policy image it belongs to. Of fixed size but for
 * the metadata, which only the sandboxed compiler reads.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "policy/base/cleanup.h"
#include "policy/identity/facts.h"
#include "policy/trust/summary.h"

/* Who refused something: the same refusal is told only once. */
enum trust_refuser {
	TRUST_REFUSER_AGENT,
	TRUST_REFUSER_UPDATE,
	_TRUST_REFUSER_MAX,
};

/* Zero: nothing was ever accepted. */
struct trust_record {
	uint64_t magic;
	uint64_t bundle_size;
	uint8_t digest[SHA256_SIZE]; /* of the whole file, with zeros in this place */
	uint8_t anchor[SHA256_SIZE]; /* of the file trust began with */
	uint8_t image[SHA256_SIZE];  /* policy_info.digest of the image that in_force belongs to */
	int64_t accepted_utc_nsec;
	int64_t root_version;                    /* of the bundle; in_force may have an older one */
	struct trust_role latest[_TUF_TYPE_MAX]; /* as verified last */
	struct trust_summary in_force;           /* of the policy; zero: none */
	uint32_t told_stale, told_clock;         /* is there a record of it already? */
	uint8_t refusals[_TRUST_REFUSER_MAX][SHA256_SIZE]; /* told last; zero: none since the last
							      success */
};

struct trust_state {
	struct trust_record record;
	int bundle_fd; /* sealed memfd; -1: empty */
};

void trust_state_init(struct trust_state *s);
void trust_state_done(struct trust_state *s);

/* -ENOENT: there is none; -EPERM: others could have written it; -EBADMSG: damaged. *ret is
 * untouched then. */
int trust_state_load(const char *path, struct trust_state *ret);
/* Whole or not at all, and durable when it returns 0. Fills magic, bundle_size and digest. */
int trust_state_save(const char *path, struct trust_state *s);

/* The sha256 of @n bytes. */
int trust_digest(const void *bytes, size_t n, uint8_t out[SHA256_SIZE]);

/* When what was verified last ends: the earliest of its expiries; 0: nothing was. */
int64_t trust_expires_utc_sec(const struct trust_record *r);
