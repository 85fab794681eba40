/*
 * Which metadata files may speak for a file: those that an ecosystem keeps in its own folder and
 * the folders above it, up to the root of its package. They are opened here and read only by an
 * inspector.
 */
#pragma once

#include <stddef.h>
#include <sys/stat.h>

#include "policy/identity/facts.h"

enum {
	METADATA_MAX = 12, /* candidates */
	METADATA_OF_A_KIND_MAX = 4,
	METADATA_LEVELS_MAX = 16, /* folders looked into, the file's own included */
};

struct metadata_list {
	size_t n;
	uint8_t kinds[METADATA_MAX]; /* enum metadata */
	int fds[METADATA_MAX];       /* nearest first */
};

/* @path: where the file of @st should lie; believed only if that very inode is there. Writes up to
 * METADATA_MAX candidates into *ret, which goes back with metadata_close(). */
void metadata_open(const char *path, const struct stat *st, struct metadata_list *ret);
void metadata_close(struct metadata_list *l);
