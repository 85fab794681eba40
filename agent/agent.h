/*
 * The agent as a whole: what main.c wires together, and what the bus may ask of it. Everything here
 * is called on the main thread only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/enrolment.h"
#include "agent/installed/installed.h"
#include "agent/ledger/recorder.h"
#include "agent/pool/pool.h"
#include "agent/verdict/verdict.h"
#include "policy/source/compiler.h"

struct agent;

enum { AGENT_MOUNTS_MAX = 256 };

struct agent_mount {
	char path[256]; /* cut when longer */
	char type[32];  /* filesystem type: "ext4" */
	int error;      /* 0: launches from it are judged; else the negative errno for which not */
};

struct gate_status {
	uint64_t events; /* launches the kernel asked about */
	uint64_t cached; /* of these, answered from the verdict cache */
	uint64_t marked; /* ignore marks given to the kernel since the start */
	uint64_t allowed, logged, warned, blocked, unjudged, stopped;
	uint64_t pending;      /* launches waiting for their answer now */
	uint64_t slowest_usec; /* the longest a launch has waited for its answer */
};

struct agent_status {
	bool offline; /* no gate: only answers questions (`proscribectl check --policy`) */
	int64_t started_utc_nsec;
	struct policy *policy; /* borrowed until the main loop goes on; NULL: none in force */
	int64_t policy_loaded_utc_nsec;
	const char *policy_path;
	const char *policy_error; /* messages of the last refused policy, "" when none */
	bool enrolled;            /* takes signed policy only */
	struct enrolment_status enrolment;
	const char *ledger_path;
	struct settings settings;
	struct gate_status gate;
	struct pool_status pool;
	struct recorder_status recorder;
	struct installed_counts installed;
	size_t n_mounts;
	struct agent_mount mounts[AGENT_MOUNTS_MAX];
};

void agent_status(struct agent *a, struct agent_status *ret);

/* What would happen to a launch of the file: the answer to `check` and `identify`. */
struct judgement {
	int error; /* 0, or why it could not be inspected */
	struct facts facts;
	struct decision decision;
	struct policy *policy; /* borrowed during the call; NULL: no policy in force */
	const char *path;
};
/* Inspects @fd (taken over) and calls @done once, later, on the main thread. 0, or -ENOBUFS.
 * @path: what the caller calls the file; NULL: where it lies. The sha256 is always computed. */
int agent_judge(struct agent *a, int fd, const char *path,
	void (*done)(const struct judgement *j, void *context), void *context);

/* Compiles the policy again (or looks, as agent_update() does) and puts it in force. @done: 0, or a
 * negative errno with the old policy still in force; @messages: the compiler's, for a person.
 * -EBUSY: one is under way already. */
int agent_reload(struct agent *a, void (*done)(int result, const char *messages, void *context),
	void *context);

/* Looks at what proscribe-update has brought. @done: 0, or a negative errno with the earlier policy
 * still in force and messages saying why; @changed: another policy is in force than when this was
 * called. -ENOENT: this host is not enrolled; -ENOBUFS: too many are waiting. */
int agent_update(struct agent *a,
	void (*done)(int result, bool changed, const char *messages, void *context), void *context);

/* ---- inventory scans, one at a time ---- */

struct scan; /* agent/scan/scan.h */

/* All of it is borrowed. */
struct agent_scan_request {
	const char *const *paths; /* absolute */
	size_t n_paths;
	bool other_filesystems;
	bool resume;       /* go on with an interrupted scan of the same, if there is one */
	const char *state; /* go on from here (scan_state()); NULL */
};
/* 0; -ENOENT: no policy is in force; -EBUSY: one is under way; -EBADMSG: @state is none; -ENODATA:
 * nothing to scan. */
int agent_scan(struct agent *a, const struct agent_scan_request *request, uint64_t *ret_id);
/* NULL: there is no such scan, or not any more. */
struct scan *agent_scan_find(struct agent *a, uint64_t id);

struct options;

/* Starts every part in the order in which they need each other; says on stderr what failed. */
int agent_start(const struct options *options, struct agent **ret);
/* Serves until told to end. 0, or a negative errno. */
int agent_run(struct agent *a);
/* Ends every mark first, so that nothing waits while the rest winds down. NULL-safe. */
struct agent *agent_stop(struct agent *a);
DEFINE_CLEANUP(struct agent, agent_stop)
