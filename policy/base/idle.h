/*
 * Work that nobody waits for: behind everybody else at the processor and at the disk.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* From now on for this thread, and for threads and processes that it starts. What the kernel or a
 * service manager refuses stays as it was: this is a courtesy, not a promise. */
void idle_enter(void);

/* The same at the processor for a child, which must not stay so for ever on a machine that is
 * always busy. false: it stays as it was, as this process could not call it back (CAP_SYS_NICE). */
bool idle_send(pid_t pid);
void idle_call_back(pid_t pid);
