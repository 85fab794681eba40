/*
 * What is published, as a host takes it: fetched from a folder or an URL, verified by the client
 * that hosts use, its policy put together in a temporary folder. Runs anywhere; nothing that is
 * fetched is believed, parsed outside the client and the sandboxed compiler, or kept.
 */
#pragma once

#include "ctl/arguments.h"
#include "policy/trust/http.h"
#include "policy/trust/repository_verify.h"
#include "policy/trust/summary.h"

struct published {
	const char *where;    /* a folder or an URL; borrowed */
	struct http *http[2]; /* metadata, targets; NULL: folders */
	int folders[2];
	struct tuf_transport inner;
	char *copy; /* owned; the policy's files, a policy folder */
	int copy_fd;
	uint64_t requests, bytes; /* what it has cost */
	char *root;               /* owned */
	size_t root_size;
	struct repository_verified verified;
	struct trust_summary summary;
};

/* Takes what lies at @where from the root that --root names on, else from the first that is
 * offered. 0, or a negative errno with @e. *ret is always initialised. */
int published_take(
	const char *where, const struct arguments *a, struct published *ret, struct tuf_error *e);
/* Takes the copy away, too. */
void published_done(struct published *p);
