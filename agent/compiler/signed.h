/*
 * Verifies a signed policy: a TUF client over the files that were handed in, and the policy's own
 * files read into memory and checked there, so that what is compiled is what was signed whatever
 * happens to the files meanwhile. Runs in proscribe-compiler; every byte comes from a stranger.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "policy/source/compiler.h"
#include "policy/source/list.h"
#include "policy/source/message.h"
#include "policy/source/wire.h"
#include "policy/trust/error.h"

#define SIGNED_SIZE_MAX (UINT64_C(1) << 30) /* bytes of all the policy's files */

/* A file of the repository, by its path from the base on. */
struct signed_file {
	char *name;
	int fd;
};

struct signed_policy {
	const struct signed_file *files; /* sorted by signed_sort() */
	size_t n_files;
	int root_fd, bundle_fd, new_bundle_fd;

	/* What was found in them. */
	struct source sources[2 * POLICY_FILES_MAX];
	struct list lists[POLICY_FILES_MAX];
	size_t n_sources, n_lists;
	struct tuf_error error; /* what was refused */
};

void signed_sort(struct signed_file files[], size_t n);

/* Fills *ret (all but its type) and writes the new bundle, also when something was refused
 * (ret->error). The policy's files are read only if they are to be compiled. 0, or a negative errno
 * when nothing can be said. */
int signed_verify(
	struct signed_policy *s, const struct wire_trust *order, struct wire_trusted *ret);
