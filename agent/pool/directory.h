/*
 * Folders that an employee may own and change meanwhile, by descriptor: no symbolic link is
 * followed, nothing but a regular file handed on, and nothing waited for.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

enum {
	DIRECTORY_NAMES_MAX = 8192, /* read of one folder; what comes behind them is not there */
	DIRECTORY_PICKS_MAX = 4,
};

/* The best few names of a folder. */
struct picks {
	size_t n, seen; /* seen: how many had a score at all */
	struct pick {
		char name[NAME_MAX + 1];
		int score;
	} best[DIRECTORY_PICKS_MAX]; /* best first; of the same score in byte order */
};

/* The folder at the absolute @path; a descriptor to open others by, or a negative errno. */
int directory_open(const char *path);
int directory_open_below(int folder, const char *name);
/* -EINVAL for what is not a regular file. */
int directory_open_file(int folder, const char *name);

/* Is the very inode of @st in there under that name? */
bool directory_holds(int folder, const char *name, const struct stat *st);
bool directory_is_on(int folder, dev_t device);

/* Reads the names of the folder in turn; @score says what each is worth, 0 for nothing. A folder
 * that cannot be read is empty. */
void directory_pick(int folder, int (*score)(const char *name, const void *context),
	const void *context, struct picks *ret);
