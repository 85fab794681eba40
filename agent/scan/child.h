/*
 * The walker, as proscribed holds it: a child process and a socket.
 */
#pragma once

#include <sys/types.h>

#include "agent/scan/resume.h"
#include "policy/image/policy.h"

struct child {
	pid_t pid; /* 0: none, or reaped */
	int socket;
};

/* Starts it on the image of @p. It becomes @uid and @gid ((uid_t) -1: it stays). */
int child_start(struct child *c, const struct policy *p, uid_t uid, gid_t gid);
/* Ends it without waiting. */
void child_kill(struct child *c);
/* Does it only wait for a processor? On a busy machine that can take as long as it likes. */
bool child_is_runnable(const struct child *c);
/* True once it has ended and is reaped. A process that hangs in a filesystem may take its time. */
bool child_reaped(struct child *c);
