/*
 * Which package.json files may speak for a file: those of its own folder and the folders above it,
 * up to the root of its package. They are opened here and read only by an inspector.
 */
#pragma once

#include <stddef.h>
#include <sys/stat.h>

enum {
	METADATA_MAX = 4,         /* candidates */
	METADATA_LEVELS_MAX = 16, /* folders looked into, the file's own included */
};

/* @path: where the file of @st should lie; believed only if that very inode is there. Writes up to
 * METADATA_MAX descriptors (the caller's to close), nearest first, and returns their number. */
size_t metadata_open(const char *path, const struct stat *st, int ret[METADATA_MAX]);
