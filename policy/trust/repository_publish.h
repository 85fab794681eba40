/*
 * From the repository to a tree of files that any web server can serve. Files that are published
 * never change, but for metadata/timestamp.json, which is replaced last.
 */
#pragma once

#include <stdbool.h>

#include "policy/trust/repository.h"

#define REPOSITORY_ONLINE_LIFE_SEC (INT64_C(7) * 86400) /* of snapshot and timestamp */

struct repository_publish {
	const char *output; /* the folder */
	int64_t now_utc_sec;
	int64_t life_sec; /* of what is signed here: snapshot and timestamp */
	bool renew;       /* sign them again, nothing else; if not, what is complete goes out */
	bool dry_run;
	/* Signs @bytes with the key @keyid; -ENOKEY: it is not at hand. */
	int (*sign)(void *context, const char *keyid, const void *bytes, size_t n,
		uint8_t out[TUF_SIGNATURE_MAX], size_t *ret_size, struct tuf_error *e);
	/* Hears of each file that is new there, "targets/policy/<hash>.policy.yaml". */
	void (*tell)(void *context, const char *file, uint64_t size);
	void *context;
};

struct repository_published {
	int64_t root, timestamp, snapshot, targets; /* versions that are there now */
	int64_t expires_utc_sec;                    /* until when hosts believe this timestamp */
	size_t n_files;                             /* new ones */
	uint64_t bytes;                             /* in them */
};

/* -EKEYREJECTED: something is not signed by enough; -ESTALE: the folder holds something newer;
 * -EXDEV: it holds another repository's; -EBUSY: somebody else is publishing there; -EINVAL: it is
 * the repository. Before timestamp.json changes, the agent's own client has verified everything.
 * The repository must be locked, but for a renewal, which does not change it. */
int repository_publish(struct repository *r, const struct repository_publish *p,
	struct repository_published *ret, struct tuf_error *e);

/* What is published at @output, for comparison. Zero: nothing of that kind. */
struct repository_output {
	struct tuf_metadata *root, *timestamp, *snapshot; /* owned; NULL: none */
	int fd;                                           /* of the folder; owned; -1: none */
};
int repository_output_open(struct repository *r, const char *output, struct repository_output *ret,
	struct tuf_error *e);
void repository_output_done(struct repository_output *o);
/* The published version of @role; 0: none. */
int64_t repository_output_version(const struct repository_output *o, const char *role);
