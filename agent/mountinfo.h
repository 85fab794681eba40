/*
 * The mount table of this process (/proc/self/mountinfo), and who answers for a filesystem's files.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

enum mount_kind {
	MOUNT_PSEUDO, /* the kernel's own; nothing can be launched from it */
	MOUNT_LOCAL,
	MOUNT_FOREIGN, /* a server or a user's process answers for its files, if it answers */
};

struct mountinfo {
	const char *device; /* "98:0" */
	const char *path;
	const char *type; /* "ext4" */
};

/* Takes a line of mountinfo apart, in place. 0 or -EBADMSG. */
int mountinfo_parse(char *line, struct mountinfo *ret);
enum mount_kind mountinfo_kind(const char *type);

/* The type of the filesystem of @device; "" where the table does not tell. */
void mountinfo_type(dev_t device, char *out, size_t size);
/* Could whoever asks for a file of @device have to wait for ever? Asks no filesystem. Also true of
 * what has no block device and is mounted in another mount namespace only. */
bool mountinfo_may_hang(dev_t device);
