/*
 * Files in the state folder, so that they are whole after a crash. Everything is named relative to
 * a descriptor; no link is followed.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { DURABLE_DEPTH_MAX = 32 }; /* folders within each other */

/* Makes the folder if there is none. */
int durable_folder(int at, const char *name, int *ret_fd);
/* Replaces @name as a whole, durably. */
int durable_write(int at, const char *name, const void *bytes, size_t n);
/* *ret is owned, a NUL behind it. -ENOENT, -EFBIG. */
int durable_read(int at, const char *name, size_t max, char **ret, size_t *ret_size);
/* The folder @name and all in it; 0 also when there is none. */
int durable_remove(int at, const char *name);
/* Can @path be one of a file below a folder? -ENAMETOOLONG: more than DURABLE_DEPTH_MAX folders, or
 * a name that no filesystem holds; -EINVAL: a name that is empty, "." or "..". */
int durable_check_path(const char *path);
/* The folders that @path lies in. */
int durable_make_parents(int at, const char *path);
/* Folders are durable with what they hold once they are synced, those within first. */
int durable_sync(int at, const char *name);
