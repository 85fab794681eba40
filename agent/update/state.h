/*
 * The state folder itself, and the right to change what is in it.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* Makes the folder if there is none. @uid, @gid: whose it must be when root asks; (uid_t) -1: the
 * caller's. -EPERM: it is somebody else's. */
int state_open(const char *path, uid_t uid, gid_t gid, int *ret_fd);

/* One run at a time. 0; or 1 when another is going on and @wait is not set. */
int state_lock(int state, bool wait, int *ret_fd);
