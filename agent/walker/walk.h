/*
 * Walks folders by descriptor and names the files that are worth a look. Always in the same order:
 * a folder's files by name, then its folders by name, each with all that lies in it. So a place in
 * the walk is one path, from which a later walk can go on. Follows no symbolic link, enters no
 * filesystem but the one it began on unless told to, opens nothing but folders and regular files,
 * waits for nobody but the disk. Memory and descriptors are bounded whatever lies on the disk.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/walker/message.h"
#include "agent/walker/wanted.h"
#include "policy/base/cleanup.h"

enum {
	WALK_DEPTH_MAX = 1024,          /* folders below a root; deeper ones are not entered */
	WALK_FOLDER_TEXT_MAX = 8 << 20, /* bytes of names of folders still to be entered */
	WALK_PACKAGE_FILES_MAX = 256,   /* files of one package that are wanted for it alone */
	WALK_TICK_FILES = 256,
};

struct walk;

/* What a walk tells; a negative return ends it, and is what the walk returns. */
struct walk_events {
	/* @fd: the open file, borrowed. Its path and place: walk_path(), walk_counts(). */
	int (*file)(const struct walk *w, unsigned wanted, int fd, void *context);
	/* After every WALK_TICK_FILES files, and for each folder. */
	int (*tick)(const struct walk *w, void *context);
	void *context;
};

struct walk_options {
	struct wanted_rules rules;
	bool other_filesystems;
	/* Several walkers share a walk: each enters all folders, and sees to the files of every
	 * n_parts'th of them, by its path. 0: there is but this one. */
	uint32_t part, n_parts;
	struct walk_events events;
};

int walk_new(const struct walk_options *o, struct walk **ret);
struct walk *walk_free(struct walk *w);
DEFINE_CLEANUP(struct walk, walk_free)

/* Walks @path, a folder or a file, after the place @done in it ("" or NULL: from the beginning).
 * 0, a negative errno when @path itself cannot be read, or what an event returned. */
int walk_root(struct walk *w, const char *path, const char *done);
/* Opens the regular file @path, following no symbolic link on the way. 0 or a negative errno. */
int walk_open(const char *path, int *ret_fd);

/* The file or folder at hand. */
const char *walk_path(const struct walk *w);
const struct walk_counts *walk_counts(const struct walk *w);
/* How far the walk of this root has come; good for walk_root()'s @done. @out: WALK_PATH_MAX. */
void walk_done(const struct walk *w, char out[WALK_PATH_MAX]);
