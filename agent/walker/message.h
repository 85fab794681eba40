/*
 * What proscribed and its walker say to each other: messages of one fixed size over a
 * SOCK_SEQPACKET pair, each legal only for the side that its table row names.
 *
 * proscribed says ROOT (a folder or file to walk), HOME (what "~" may stand for) and KNOWN (a path
 * where something was found earlier) as often as it likes, then GO. The walker says HELLO once its
 * sandbox stands, and after GO: for each KNOWN one FILE or ABSENT, then for each root its FILEs,
 * PROGRESS every now and then, and ROOT_DONE. DONE is its last word. Nothing queues up: a side that
 * does not read makes the other one wait.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
	WALK_VERSION = 1,
	WALK_PATH_MAX = 4096, /* with the closing NUL */
	WALK_ROOTS_MAX = 64,
	WALK_HOMES_MAX = 4096,
	WALK_KNOWN_MAX = 10000,
};

enum walk_type {
	WALK_HELLO = 1,
	WALK_ROOT,
	WALK_HOME,
	WALK_KNOWN,
	WALK_GO,
	WALK_FILE,
	WALK_ABSENT,
	WALK_PROGRESS,
	WALK_ROOT_DONE,
	WALK_DONE,
	_WALK_TYPE_MAX,
};

enum walk_flags {
	WALK_OTHER_FILESYSTEMS = 1u << 0, /* GO */
	WALK_WAS_KNOWN = 1u << 1,         /* FILE: the answer to a KNOWN */
};

/* What was seen since the start of a root. */
struct walk_counts {
	uint64_t files, folders;
	uint64_t unread;       /* files and folders that could not be read */
	uint64_t limited;      /* folders not entered, or files not looked at, for a limit */
	uint64_t other_mounts; /* mount points not entered */
};

/* Zero or "" where the type has no use for a field. */
struct walk_message {
	uint32_t type;
	uint32_t flags;         /* HELLO: WALK_VERSION */
	uint32_t root;          /* GO: where to begin; FILE, PROGRESS, ROOT_DONE: which one */
	uint32_t wanted;        /* FILE: enum wanted */
	int32_t error;          /* ABSENT: a negative errno */
	uint32_t index;         /* KNOWN, ABSENT, and FILE that was known: its number, from 0 */
	uint32_t part, n_parts; /* GO: which files are its own; walk_options */
	struct walk_counts counts;
	char path[WALK_PATH_MAX]; /* GO: what is done of the root already, as PROGRESS told it */
};

enum walk_sender {
	WALK_FROM_AGENT,
	WALK_FROM_WALKER,
};

/* A FILE comes with one descriptor, open for reading (*ret_fd, the caller's; else -1). 0, -EPIPE at
 * end of stream, -EAGAIN, -EBADMSG for what @from may not say, or another negative errno. */
int walk_receive(int socket, enum walk_sender from, struct walk_message *ret, int *ret_fd);
/* @fd: borrowed, or -1. */
int walk_send(int socket, const struct walk_message *m, int fd);
