/*
 * Work that nobody waits for: behind everybody else at the processor and at the disk.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

/* From now on for this thread, and for threads and processes that it starts. What the kernel or a
 * service manager refuses stays as it was: this is a courtesy, not a promise. */
void idle_enter(void);

enum { IDLE_CHECK_USEC = 100000 };

/* A child that is behind everybody else at the processor as long as it gets on all the same: on a
 * machine that is always busy it would never be done. */
struct idle_child {
	pid_t pid;
	uint64_t check_usec; /* when idle_check() is due; UINT64_MAX: it is like anybody else */
	uint64_t worked_usec;
};

/* Does nothing when this process could not call it back (CAP_SYS_NICE). */
void idle_send(pid_t pid, struct idle_child *ret);
/* Calls it back if it got less than a quarter of a processor since it was looked at last. */
void idle_check(struct idle_child *c);
void idle_call_back(struct idle_child *c);
