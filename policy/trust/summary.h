/*
 * What a verified set of metadata says of itself, in a fixed size, for crossing process boundaries:
 * who signed what, which versions, until when.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "policy/trust/client.h"

enum { TRUST_SIGNERS_MAX = 64, TRUST_ROLE_SIZE = 128 };

struct trust_signer {
	char role[TRUST_ROLE_SIZE]; /* cut when longer; escaped */
	char keyid[TUF_KEYID_SIZE];
	char owner[TUF_OWNER_MAX + 1]; /* "" when the key does not say */
};

struct trust_role {
	int64_t version; /* 0: there is none */
	int64_t expires_utc_sec;
};

struct trust_summary {
	struct trust_role
		roles[_TUF_TYPE_MAX]; /* by enum tuf_type; TUF_TARGETS: the top-level one */
	uint8_t targets_digest[32];   /* names the set of policy files: path, length and sha256 of
					 each */
	uint32_t n_files;
	uint32_t n_signers; /* of root, targets and delegated roles */
	struct trust_signer signers[TRUST_SIGNERS_MAX];
};

/* After tuf_client_each() over the policy's files. */
void trust_summary_make(struct tuf_client *c, struct trust_summary *ret);
/* Every count within its limit, every text terminated and UTF-8 (zero behind it). */
bool trust_summary_valid(const struct trust_summary *s);
