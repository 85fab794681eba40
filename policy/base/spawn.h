/*
 * Starts one of our own helper programs: a new process image that inherits nothing but the
 * descriptors named here. A program that holds a fanotify group must start children only this way:
 * a child that still held the group while its own exec waits for an answer would hang for good.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	SPAWN_FIRST_FD = 3, /* @fds arrive as 3, 4, ... */
	SPAWN_FDS_MAX = 8,
};

struct spawn {
	/* File name: looked for beside the running program, then in LIBEXECDIR and SBINDIR. */
	const char *program;
	char *const *arguments; /* argv, from argv[0] on, NULL-terminated; NULL: the name alone */
	const int *fds;         /* borrowed */
	size_t n_fds;
};

/* Starts it with an empty environment (but for JOURNAL_STREAM), default signals, /dev/null as
 * standard input and output, and this process's standard error. The caller reaps *ret_pid.
 * 0, or a negative errno (-ENOENT: the program is nowhere). */
int spawn_helper(const struct spawn *spawn, pid_t *ret_pid);

/* The path spawn_helper() would start; @out holds PATH_MAX. */
int spawn_find(const char *program, char *out);

/* Waits for a child to end, at most so long: one that waits for a filesystem that does not answer
 * cannot even be killed. 0 with *ret_status (may be NULL) as from waitpid(2), -ETIMEDOUT while it
 * is still there, or another negative errno. */
int spawn_reap(pid_t pid, uint64_t timeout_usec, int *ret_status);
