/*
 * The gate: the only code that may allow or refuse a launch. One thread that reads the kernel's
 * questions and answers each exactly once: at once from the cache, after an inspection, or, past
 * the deadline, by the fail mode. The thread never waits for anything but its own events: no disk,
 * no bus, no name service, no lock that is held for more than a few instructions.
 */
#pragma once

#include <stddef.h>

#include "agent/agent.h"
#include "agent/installed/installed.h"
#include "agent/notice/notice.h"

enum {
	GATE_LAUNCHES_MAX = 1024, /* launches waiting at a time; one more gets the fail mode */
	GATE_DIGESTS_MAX = 16,  /* refused files being hashed at a time; more stay without a hash */
	GATE_HELD_MAX = 1024,   /* files kept open past their answer ... */
	GATE_HOLD_USEC = 20000, /* ... for so long, so that a late writer meets a running program */
	GATE_GUARD_USEC = 10000, /* launches rely on it for so long; the rest is their head start */
	GATE_POLICY_TIMEOUT_SEC = 10,
};

struct gate;

struct gate_options {
	struct pool *pool; /* borrowed, as all of these */
	struct recorder *recorder;
	struct notifier *notifier; /* NULL: no notices */
	enum fail_mode fail_mode;
	uint64_t inspect_timeout_usec;
	bool audit;
};

/* -EPERM: no CAP_SYS_ADMIN; -ENOSYS: the kernel has no FAN_OPEN_EXEC_PERM. */
int gate_new(const struct gate_options *options, struct gate **ret);
/* Starts answering; nothing is asked before gate_watch(). */
int gate_start(struct gate *g);
/* Ends all marks, the thread, and every wait: what still waits is answered by the fail mode.
 * Nothing goes to the pool any more, so that it can be stopped next. NULL-safe. */
void gate_halt(struct gate *g);
/* Once the pool has given back every job. NULL-safe, returns NULL. */
struct gate *gate_free(struct gate *g);

/* From now on launches from the filesystem of @path are asked about. Any thread. */
int gate_watch(struct gate *g, const char *path);

/* Puts @p (a new reference is taken) in force: returns when no launch is judged by the old one any
 * more. @homes as in policy_match(), taken over (each string and the array). -ETIMEDOUT: the gate
 * did not take it up. */
int gate_set_policy(struct gate *g, struct policy *p, char **homes);

/* From one of the next events on files are also told by @t (a new reference is taken; may be NULL);
 * what was judged without it is asked about again. Any thread. */
void gate_set_installed(struct gate *g, struct installed *t);

/* Asks the gate for a sign of life: a number that has grown by the next call if it is alive. */
uint64_t gate_beats(struct gate *g);

void gate_status(struct gate *g, struct gate_status *ret);
