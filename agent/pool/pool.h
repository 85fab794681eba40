/*
 * proscribed's side of the inspectors: a few threads, each with one proscribe-inspector of its own.
 * A thread finds the metadata files beside the file, hands all of it over as descriptors, waits for
 * the facts, and starts a new inspector when one dies. Only these threads may be held up by a slow
 * disk or a stuck filesystem; the gate never is.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/inspector/message.h"
#include "policy/base/cleanup.h"
#include "policy/image/policy.h"

enum {
	POOL_INSPECTORS_MAX = 16,
	POOL_JOBS_MAX = 2048,             /* queued jobs of one priority; one more is refused */
	POOL_JOB_TIMEOUT_USEC = 30000000, /* an inspector that has not answered by then is killed */
	POOL_IDLE_JOB_TIMEOUT_USEC =
		600000000,  /* one that gives way to everybody may take longer */
	POOL_LOST_MAX = 16, /* killed and not ended; with so many of them no more are started */
};

/* Who waits for it. Background jobs never take the last free inspector from a launch. */
enum job_priority {
	JOB_LAUNCH,
	JOB_BACKGROUND,
};

/* One inspection. Owned by whoever submits it, who keeps it and @fd alive until done() is called.
 */
struct job {
	/* in */
	int fd; /* the file, open for reading */
	enum job_priority priority;
	bool want_sha256;
	enum message_scan scan; /* for the signatures of: */
	struct policy *policy;  /* borrowed until done(); NULL: for none */
	bool take_lease; /* F_RDLCK lease on @fd before the first byte is read; kept on @fd */
	void (*done)(struct job *j); /* on a pool thread; must not block */
	void *context;

	/* out */
	int result; /* 0, or negative errno: -EPIPE the inspector died over it, -ETIMEDOUT,
		     * -ESHUTDOWN the pool was stopped first, -EBADMSG it lied */
	bool leased;
	bool writer_present; /* the lease was refused because somebody has the file open for writing
			      */
	struct facts facts;  /* valid when result == 0 */
	char path[PATH_MAX]; /* where the file lay when it was opened, as this process sees it; may
				be "" */

	struct job *next; /* the pool's */
};

struct pool;

struct pool_options {
	unsigned n_inspectors; /* 1 to POOL_INSPECTORS_MAX */
	uid_t uid; /* what inspectors become; (uid_t) -1: they stay who they are (not root) */
	gid_t gid;
	/* For work that nobody waits for: its inspectors give way to everybody, and start with the
	 * first job. */
	bool idle;
};

struct pool_status {
	unsigned n_inspectors, n_busy;
	unsigned lost; /* inspectors that were killed and have not ended */
	uint64_t jobs, deaths, timeouts;
};

/* Starts threads and inspectors, and waits for each inspector's first word: a sandbox that cannot
 * be entered is an error here (-EPERM), not a weaker sandbox. An idle pool does not wait. */
int pool_start(const struct pool_options *options, struct pool **ret);
/* Jobs not yet begun come back with -ESHUTDOWN; inspectors and threads end. */
struct pool *pool_stop(struct pool *p);
DEFINE_CLEANUP(struct pool, pool_stop)

/* Never blocks. 0: done() will be called exactly once. -ENOBUFS: full, nothing happens. */
int pool_submit(struct pool *p, struct job *j);
void pool_status(struct pool *p, struct pool_status *ret);
/* Process ids of the inspectors alive now (of at most @max): they are never judged. */
size_t pool_pids(struct pool *p, pid_t ret[], size_t max);
