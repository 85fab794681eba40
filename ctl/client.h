/*
 * One connection to org.proscribe.Agent1: the running agent over its private socket or the system
 * bus, or an agent of our own that only answers questions, started for as long as it is needed.
 */
#pragma once

#include <stdbool.h>

#include <jansson.h>
#include <systemd/sd-bus.h>

#include "ctl/arguments.h"
#include "ctl/print.h"

struct client;

/* Connects to the agent (--socket, or where it usually is). Does not say anything on stderr. */
int client_connect(const struct arguments *a, struct client **ret);
/* Starts `proscribed --offline` on the policy folder @policy, or on the compiled policy @image
 * (borrowed), or (NULL and -1) without any. */
int client_start_offline(const char *policy, int image, struct client **ret);
struct client *client_free(struct client *c);
DEFINE_CLEANUP(struct client, client_free)

bool client_offline(const struct client *c);

/* What to show while a call takes long; NULL: nothing. */
struct waiting {
	struct progress *progress;
	const char *what;
	uint64_t done, all;
};

/* Calls a method and waits. *ret (may be NULL) is its answer as JSON, with the same keys; a byte
 * array comes as escaped text, and in full under KEY_bytes as hexadecimal digits. A negative errno
 * when it failed: client_error() says why. @types as in sd_bus_message_append(3). */
int client_call(struct client *c, const struct waiting *w, json_t **ret, const char *member,
	const char *types, ...);
/* The same, where @append puts the arguments together: 0 or a negative errno. */
int client_call_with(struct client *c, json_t **ret, const char *member,
	int (*append)(sd_bus_message *m, const void *context), const void *context);
/* Asks the agent for its compiled policy; *ret belongs to the caller. Fails as client_call() does.
 */
int client_image(struct client *c, int *ret);
/* The last failure, for a person. */
const char *client_error(const struct client *c);
/* Is it the D-Bus error org.proscribe.Error.@name? */
bool client_error_is(const struct client *c, const char *name);
/* Did the last call fail because nobody answers (any more)? */
bool client_lost(const struct client *c);

/* Says on stderr that the agent cannot be reached and what to do; returns the exit code. */
enum exit_code client_explain(const struct arguments *a, int error);
