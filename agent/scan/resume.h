/*
 * Where an interrupted scan goes on: what was to be scanned, and how much of it is done. Kept as a
 * short text, so that it can lie in a file.
 */
#pragma once

#include <stdbool.h>

#include "agent/walker/message.h"
#include "policy/base/cleanup.h"

enum {
	RESUME_PARTS_MAX = 2,
	RESUME_SIZE_MAX = (WALK_ROOTS_MAX + RESUME_PARTS_MAX + 2) * (2 * WALK_PATH_MAX + 32),
};

struct resume {
	size_t n_roots;
	char *roots[WALK_ROOTS_MAX];
	bool other_filesystems;
	uint32_t root; /* those before it are done */
	/* And this much of it, as the walker of each part told it. */
	uint32_t n_parts;
	char done[RESUME_PARTS_MAX][WALK_PATH_MAX];
};

/* Copies @n paths; the scan is one of one part. -E2BIG: more than WALK_ROOTS_MAX; -EINVAL: one is
 * not absolute; -ENAMETOOLONG.
 */
int resume_init(struct resume *r, const char *const paths[], size_t n);
void resume_done(struct resume *r);

/* *ret belongs to the caller. */
int resume_write(const struct resume *r, char **ret);
/* -EBADMSG for what resume_write() cannot have written. */
int resume_parse(const char *text, struct resume *ret);
/* Does it scan the same folders in the same way? */
bool resume_is_of(
	const struct resume *r, const char *const paths[], size_t n, bool other_filesystems);

/* Replaces the file, as a whole or not at all. */
int resume_save(const struct resume *r, const char *path);
/* -ENOENT: there is none. */
int resume_load(const char *path, struct resume *ret);
