/*
 * From a path that a package database tells to the file: as the kernel would resolve it, symbolic
 * links included (a merged /usr has /bin -> usr/bin, and packages name both), but only through
 * folders and links that root alone can change. Otherwise whoever owns a folder on the way could
 * have any program of the host taken for a banned one.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/installed/installed.h"

enum { PATH_LINKS_MAX = 40 }; /* as the kernel */

struct path_status {
	mode_t mode;
	uid_t uid;
	gid_t gid;
	uint64_t size;
	struct installed_file file;
};

/* What stat(2) tells of @name in @folder (itself a link; "": of @folder), without asking a server.
 */
int path_status(int folder, const char *name, struct path_status *ret);

/* Opens @path with @flags (O_CLOEXEC, O_NOFOLLOW, O_NONBLOCK and O_NOCTTY are added), beginning at
 * the folder @root, which ".." and absolute links do not lead out of. A descriptor, or a negative
 * errno: -EPERM when others than root (and this process's own user) could change the way, -ELOOP,
 * -EREMOTE.
 */
int path_open(int root, const char *path, int flags);

/* The folder @name in the folder @folder, by O_PATH and without following a link. -EREMOTE: a
 * filesystem begins there whose server may never answer. */
int path_open_below(int folder, const char *name, struct path_status *ret);

/* Can nobody but root, and this process's own user, put something else there? */
bool path_is_guarded(const struct path_status *st);
