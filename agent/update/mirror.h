/*
 * The files of the repository that a client needs, for the agent to read. A mirror is built aside,
 * of new files and of those that stay, and then takes the place of the one before in one step:
 * whenever the host stops, one of the two is there as a whole.
 */
#pragma once

#include <stdbool.h>

#include "policy/trust/metadata.h"

struct mirror;

#define MIRROR_METADATA "metadata/"
#define MIRROR_TARGETS  "targets/"

/* @state: the state folder (borrowed). What an earlier run left unfinished is removed. */
int mirror_new(int state, struct mirror **ret);
/* What was not taken into use is removed with it. */
struct mirror *mirror_free(struct mirror *m);
DEFINE_CLEANUP(struct mirror, mirror_free)

/* Paths are relative to the mirror's top, "metadata/3.root.json". Errors of adding: -EINVAL and
 * -ENAMETOOLONG for a path that cannot be a file here. */
int mirror_add(struct mirror *m, const char *path, const void *bytes, size_t n);
/* A file of the folder @from, which stays there as well. */
int mirror_link(struct mirror *m, const char *path, int from, const char *name);
/* The one that the mirror in use has at the same path. */
int mirror_keep(struct mirror *m, const char *path);
/* From here on it is the one in use, also after a power cut. The agent reads none while this
 * happens (UPDATE_LOCK_FILE). */
int mirror_use(struct mirror *m);

/* Does the mirror in use hold @path? With @info also its length is compared; with @content every
 * byte. */
bool mirror_has(int state, const char *path, const struct tuf_fileinfo *info, bool content);
/* Just these bytes? */
bool mirror_is(int state, const char *path, const void *bytes, size_t n);
