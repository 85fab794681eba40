/*
 * Keeps a table true: a thread that makes it for the policy in force, and makes it again when
 * packages were installed, upgraded or removed.
 */
#pragma once

#include "agent/installed/build.h"

enum {
	INSTALLED_QUIET_USEC = 1000000, /* after a change, until nothing more changed for so long */
	INSTALLED_QUIET_MAX_USEC = 10000000, /* ... but no longer than that */
	INSTALLED_RECHECK_USEC = 60000000,   /* also without being told of a change */
};

struct installed_watch;

struct installed_watch_options {
	struct build_options build;
	int changed_fd; /* eventfd (borrowed): written to when another table is there */
};

int installed_watch_start(
	const struct installed_watch_options *options, struct installed_watch **ret);
/* NULL-safe, returns NULL. */
struct installed_watch *installed_watch_stop(struct installed_watch *w);
DEFINE_CLEANUP(struct installed_watch, installed_watch_stop)

/* From now on the table is to be @p's (a reference is taken; NULL: nobody's). 0 when it is, 1 when
 * it is not within @timeout_usec and follows later, or a negative errno. A policy that lists no
 * such packages costs no time and no thread. */
int installed_watch_set_policy(struct installed_watch *w, struct policy *p, uint64_t timeout_usec);

/* The newest table there is, with a reference for the caller; may be NULL. */
struct installed *installed_watch_table(struct installed_watch *w);
