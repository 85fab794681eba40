/*
 * What proscribe-update has brought: looks into its folder and has the mirror there verified, and
 * the policy compiled, by the sandboxed compiler. The folder is another user's, so its files are
 * taken as descriptors and not read here, but for the report, which is of fixed size. May take as
 * long as a disk and a compiler do: not for the main thread.
 */
#pragma once

#include <stdbool.h>

#include "agent/trust_state.h"
#include "agent/update/report.h"
#include "policy/image/policy.h"

enum {
	DELIVERY_METADATA_MAX = 256, /* files of metadata besides roots */
	DELIVERY_ENTRIES_MAX = 4096, /* of one folder, whatever they are */
};

/* Borrowed while the look lasts. */
struct delivery_order {
	const char *folder;      /* proscribe-update's */
	const char *anchor_path; /* the root.json that the administrators handed out */
	const struct trust_state *state;
	uint8_t image[SHA256_SIZE];    /* policy_info.digest of the policy in force; zero: none */
	const struct policy *unproven; /* it, if it comes from a disk that may have failed; NULL */
	uint8_t seen[SHA256_SIZE]; /* delivery.seen of the last look; zero: verify in any case */
};

struct delivery {
	/* 0: verified; 1: nothing has changed since it was last seen; -EBUSY: proscribe-update is
	 * just changing it; -ENODATA: it has fetched nothing yet; any other negative errno:
	 * refused, or the host failed. */
	int result;
	bool verified; /* the metadata is good; the policy it speaks of may be wrong all the same */
	char *messages; /* owned; lines for a person, never NULL */
	bool damaged;   /* delivery_order.unproven is: it counts as none, and is made again */

	bool asked, has_report;      /* was there a folder for it to lie in? */
	struct update_report report; /* valid */
	uint8_t seen[SHA256_SIZE];

	bool afresh; /* the anchor is another one: what had been accepted no longer counts */
	bool has_state;
	struct trust_state state; /* to be kept from now on; of the policy too, if there is one */
	struct policy *policy;    /* to be put in force; NULL: the one in force stays */
};

void delivery_look(const struct delivery_order *o, struct delivery *ret);
void delivery_done(struct delivery *d);
