/*
 * Opens what the compiler is to read, in the caller's process: a folder's files or one file, as
 * descriptors, never following a link, never waiting for a FIFO or touching a device. Says whether
 * anyone but root could have written them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "policy/source/compiler.h"

struct folder_file {
	char *name; /* as messages call it; owned */
	int fd;     /* owned */
};

struct folder {
	struct folder_file files[POLICY_ALL_FILES_MAX];
	size_t n;
	char *message; /* why it failed, one line for a person; owned; NULL: nothing to say */
};

void folder_done(struct folder *f);

/* Opens the policy folder @path: policy.yaml first, then the other .yaml files by name, those in
 * signatures/ and those in lists/; names that begin with '.' are left out. @root_owned: refuse with
 * -EPERM what anyone but root could write, the folders above included. 0 or a negative errno:
 * -ENOENT, no policy there. @ret is always to be done. */
int folder_open(const char *path, bool root_owned, struct folder *ret);

/* Opens the one file @path as folder_open() does one of a folder's; messages call it @path.
 * @root_owned: it alone. */
int folder_open_file(const char *path, bool root_owned, struct folder *ret);

/* Opens the one file @path (at most @size_max bytes), which nobody but root could have put there or
 * written: held to what a policy folder and its files are. -ENOENT: there is none. */
int folder_open_trusted(const char *path, uint64_t size_max, struct folder *ret);

/* "error: ..." with @path and the rest escaped for a terminal; NULL when there is no memory. */
char *folder_message(const char *format, ...) _printf_(1, 2);
