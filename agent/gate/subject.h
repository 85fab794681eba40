/*
 * Who launches: read from /proc while the process waits for its answer, so it cannot have gone
 * away. Only files of /proc that the kernel answers from memory, without locks of the process.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/ledger/event.h"

struct subject {
	pid_t pid, parent;
	uid_t uid, login_uid; /* effective and audit login uid; EVENT_UID_UNKNOWN */
	uint32_t tty_device;  /* of its controlling terminal, when it is one of this host's; 0: none
			       */
	char tty[EVENT_TTY_MAX + 1];
};

/* Never fails: what cannot be read is "unknown". @mount_namespace: the agent's own, see
 * subject_mount_namespace(); terminals are only believed in processes that share it, because
 * another devpts may use the same device numbers. */
void subject_read(pid_t pid, uint64_t mount_namespace, struct subject *ret);

pid_t subject_parent(pid_t pid);             /* 0: unknown */
uint64_t subject_mount_namespace(pid_t pid); /* inode number; 0: unknown */
/* Does the process run this very file as its program image? */
bool subject_runs(pid_t pid, uint64_t device, uint64_t inode);
