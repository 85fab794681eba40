/*
 * Connections that are over and whose sockets still hold a descriptor from a stranger: a process of
 * its own takes each socket, closes it by ending, and waits in our place if somebody has to. Only
 * kernels that cannot refuse descriptors (see stranger.h) have need of it.
 */
#pragma once

#include <sys/types.h>
#include <systemd/sd-event.h>

enum {
	CLOSING_PROCESSES_MAX = 16,
	CLOSING_FULL = 32, /* with so many there had better be no new connections */
	CLOSING_MAX = 128, /* room for what is connected by then */
};

struct closing_entry {
	int fd; /* while no process could be started to take it; else -1 */
	pid_t pid;
	uid_t uid;
	sd_event_source *end;
};

struct closing {
	sd_event *event;         /* borrowed */
	sd_event_source *paused; /* borrowed; goes on when it is no longer full */
	uid_t child_uid;         /* of the processes; (uid_t) -1: as this one */
	gid_t child_gid;
	struct closing_entry entries[CLOSING_MAX];
	size_t n;
};

void closing_init(struct closing *c, sd_event *event);
/* What is left is left: sockets to the end of this process, which closes everything else first. */
void closing_done(struct closing *c);

/* Ends the connection and closes its socket (taken over), or has it closed. */
void closing_add(struct closing *c, int fd, uid_t uid);
/* How many of a user's (of everybody's: (uid_t) -1) are still on their way. */
size_t closing_count(const struct closing *c, uid_t uid);
/* Turns @source off until CLOSING_FULL is no longer reached, if it is. */
void closing_pause_if_full(struct closing *c, sd_event_source *source);
