/*
 * Work that nobody waits for: behind everybody else at the processor and at the disk.
 */
#pragma once

/* From now on for this thread, and for threads and processes that it starts. What the kernel or a
 * service manager refuses stays as it was: this is a courtesy, not a promise. */
void idle_enter(void);
