/*
 * One inspector, as proscribed holds it: a child process and a socket. Used by one thread at a
 * time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/inspector/message.h"
#include "agent/pool/metadata.h"
#include "policy/image/policy.h"

struct client {
	pid_t pid;  /* 0: none */
	pid_t lost; /* one that was to end and has not; the owner reaps it, 0: none */
	int socket;
	int stop_fd; /* borrowed; readable once everybody is to stop */
	uint64_t last_id;
	uint64_t policy_id; /* of the policy whose signatures it has; 0: none */
};

/* Starts a process (@idle: one that gives way to everybody) and waits for its HELLO. 0, -EPERM when
 * it could not enter its sandbox, -ETIMEDOUT, -EPIPE, -EBADMSG, -ESHUTDOWN or what starting it
 * failed with. */
int client_start(struct client *c, uid_t uid, gid_t gid, bool idle, int stop_fd);
/* Waits for its next word: 0 when there is one or it is gone, -ETIMEDOUT, -ESHUTDOWN, or another
 * negative errno. */
int client_wait(const struct client *c, uint64_t deadline_usec);
/* Ends the process and reaps it, or says in c->lost, within a second or two, that not even SIGKILL
 * ends it: it waits for a filesystem that does not answer. Fine for one that never started. */
void client_stop(struct client *c);

/* Is it there and silent, as it must be between inspections? */
bool client_is_idle(const struct client *c);

/* All of it is borrowed. */
struct client_request {
	int fd;
	const char *path;
	const struct metadata_list *metadata;
	bool want_sha256;
	enum message_scan scan;
	const struct policy
		*policy; /* whose signatures to search for; may be NULL without a scan */
};

/* 0 with *ret_error telling whether the file could be inspected (0: *ret is valid), or how the
 * inspector failed, after which only client_stop() is left: -EPIPE it died, -ETIMEDOUT, -EBADMSG it
 * lied, -ESHUTDOWN. */
int client_inspect(struct client *c, const struct client_request *request, uint64_t timeout_usec,
	int *ret_error, struct facts *ret);
