/*
 * The walk upwards from a file, as the rules of metadata.c see it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/pool/metadata.h"

enum {
	WALK_NAMES_MAX = METADATA_LEVELS_MAX + 6, /* as far above the last level as a rule looks */
};

struct walk {
	const struct stat *st;
	const char *path;
	const char *names[WALK_NAMES_MAX]; /* of the file, of its folder and so on; "" behind the
					      root */
	size_t depth;                      /* folders above the file, without the root */
	size_t npm_levels;                 /* folders that belong to the file's npm package */
	size_t extension_level;            /* of a VS Code extension's root; SIZE_MAX: there is none
					    */
	bool is_script;                    /* in a folder called bin, and begins with #! */
	int folder;                        /* the one looked into now... */
	size_t level;                      /* ...and how far it is above the file's own */
	size_t folders_read;
	struct metadata_list *list;
};

/* The folder @level above the file's own. */
static inline const char *walk_name(const struct walk *w, size_t level)
{
	return level + 1 < WALK_NAMES_MAX ? w->names[level + 1] : "";
}

bool walk_has_room(const struct walk *w, enum metadata kind);
/* Opens the file @name of @folder as a candidate, if it is there and there is room. */
bool walk_take(struct walk *w, int folder, const char *name, enum metadata kind);
/* May one more folder's names be read? Counts it. */
bool walk_may_read(struct walk *w);
