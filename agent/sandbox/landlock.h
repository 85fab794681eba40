/*
 * Which files a process that still sees the filesystem may open, by Landlock. For a program whose
 * system calls alone cannot say that.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct landlock_path {
	const char *path; /* a folder with all below it, or a file; one that is not there gives
			     nothing */
	bool writes;      /* a folder: also made, changed, renamed and removed in */
};

/* *ret (the caller's) is a set of rules that allows what @paths name and no other file, no program
 * to be started and no port to be listened on. -EOPNOTSUPP: this kernel has no Landlock, or one
 * (before 5.19) that cannot move files between folders. */
int landlock_new(const struct landlock_path *paths, size_t n, int *ret);
