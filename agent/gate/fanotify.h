/*
 * The fanotify group: the kernel's question "may this be opened for execution?" and our answer.
 * Thin and without policy. man 7 fanotify; measured behaviour is cited where it surprises.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { FANOTIFY_BATCH = 16 };

struct fanotify_features {
	bool pidfd;     /* events carry a pidfd (5.15) */
	bool evictable; /* ignore marks that do not pin their inode (5.19) */
};

/* One launch the kernel holds back. Both descriptors belong to the receiver. */
struct fanotify_event {
	int fd;
	int pidfd; /* -1: none */
	pid_t pid; /* thread group; 0: in a pid namespace this process cannot see */
};

/* *ret_fd is non-blocking and close-on-exec. -EPERM: no CAP_SYS_ADMIN; -ENOSYS: no fanotify
 * permission events in this kernel (older than 5.1, or built without). */
int fanotify_open(bool audit, struct fanotify_features *ret_features, int *ret_fd);

/* Up to FANOTIFY_BATCH events; 0: none waiting; negative errno. */
int fanotify_receive(int group, struct fanotify_event ret[FANOTIFY_BATCH]);

/* The one answer for the event whose descriptor is @fd. -ENOENT: nobody waits for it any more. */
int fanotify_answer(int group, int fd, bool allow, bool audit);

/* Watch every launch from the filesystem that @path lies on. */
int fanotify_watch(int group, const char *path);
int fanotify_unwatch_all(int group);
/* No more events for the inode of @fd until it is modified. */
int fanotify_ignore(int group, int fd, const struct fanotify_features *features);
/* Asks about the inode of @fd again; also 0 when it was not ignored. */
int fanotify_ask_again(int group, int fd);
/* All inodes are asked about again. */
int fanotify_forget_ignored(int group);
