/*
 * A policy on its way into the repository: the files of somebody's folder and those of the other
 * roles, put together as hosts will have them, in a folder of their own beside the real one.
 */
#pragma once

#include <stdbool.h>

#include "policy/source/compiler.h"
#include "policy/trust/repository.h"

struct staged {
	char *path; /* "policy/lists/x.txt"; owned */
	char sha256[65];
	uint64_t size;
	bool other; /* of another role: it stays as it is */
};

struct staging {
	struct repository *r; /* borrowed */
	const char *role;     /* borrowed; whose files change */
	char *folder;         /* owned; where they lie, without "policy/" */
	struct staged *files; /* owned */
	size_t n;
	char **roles;                   /* owned; those that speak of files */
	struct tuf_metadata **metadata; /* owned; of each */
	size_t n_roles;
	char *messages; /* owned; what is wrong with somebody's folder */
};

/* Puts together what the policy will be when @source (a policy folder) is @role's. -EINVAL: a file
 * that @role may not speak of, or whose name cannot be published. ret->messages may say what is
 * wrong instead of @e, which has no text then. */
int staging_make(struct repository *r, const char *role, const char *source, struct staging *ret,
	struct tuf_error *e);
/* Takes the folder away, too. */
void staging_done(struct staging *s);

/* The "targets" that @role's metadata will have; a new reference. */
int staging_targets(const struct staging *s, json_t **ret);
/* Moves the files to where they belong, and removes those that @role speaks of no more. */
int staging_apply(struct staging *s, struct tuf_error *e);
/* Is the file in the repository's folder already, just so? */
bool staging_unchanged(const struct staging *s);

/* Where the repository has its policy; *ret owned. NULL when no role speaks of any file. */
int staging_old(const struct staging *s, char **ret);
