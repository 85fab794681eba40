/*
 * The agent's own state, shared by the files of this folder and by nobody else; all of it belongs
 * to the main thread but for what stands under "from other threads".
 */
#pragma once

#include <systemd/sd-event.h>

#include "agent/agent.h"
#include "agent/bus/bus.h"
#include "agent/enrolment.h"
#include "agent/gate/gate.h"
#include "agent/gate/mounts.h"
#include "agent/installed/watch.h"
#include "agent/notice/notice.h"
#include "agent/options.h"
#include "agent/reload.h"
#include "policy/base/queue.h"

enum {
	AGENT_JUDGING_MAX = 256,   /* questions of clients under way */
	AGENT_APPENDED_MAX = 1024, /* records waiting to be signalled on the bus */
	AGENT_PATH_MAX = 4096,
	AGENT_RETIRED_USEC = 30000000,
	AGENT_INSTALLED_USEC = 1000000, /* a policy waits for its packages' files so long */
	AGENT_INSTALLED_OFFLINE_USEC = 20000000, /* ... when nothing is being enforced */
};

struct agent {
	struct options options;
	struct settings settings;
	int64_t started_utc_nsec;
	int lock_fd;
	char keep_path[AGENT_PATH_MAX];
	char host[EVENT_HOST_MAX + 1];

	sd_event *event;
	struct pool *pool;
	struct recorder *recorder;
	struct notifier *notifier;
	struct gate *gate;
	struct bus *bus;
	struct mounts mounts;
	int mounts_fd;
	uint64_t last_beats, watchdog_usec;

	struct policy *policy;
	struct policy *retired; /* the one before, for as long as inspections may take */
	char **homes;           /* the bus's copy; the gate has its own */
	int64_t policy_loaded_utc_nsec;
	char *policy_error;

	struct enrolment *enrolment; /* NULL: the policy is the host's own */
	struct loader *loader;
	void (*reload_done)(int result, const char *messages, void *context);
	void *reload_context;
	bool reloading; /* by looking at signed policy */

	struct installed_watch *installed_watch;
	struct installed *installed; /* the main thread's reference; may be NULL */

	/* from other threads, with one eventfd for all */
	int wake_fd, loader_fd, installed_fd;
	struct queue *judged, *appended;
	size_t n_judging;

	struct scan *scan; /* the one under way, or the last one; NULL: none yet */
	uint64_t last_scan;
};

/* ---- judge.c: questions of clients ---- */
/* Answers what the pool has brought back. */
void judge_answer(struct agent *a);
void judge_forget(struct agent *a);
/* What @p decides about the file @fd at @path, of which @f is known; may add to @f. */
void judge_decide(struct agent *a, const struct policy *p, int fd, const char *path,
	struct facts *f, struct decision *ret);

/* ---- policy.c: the policy in force ---- */
/* A policy that is broken at the start leaves the one of the last run in force. -EINVAL: there is
 * none either. */
int policy_start(struct agent *a);
/* Puts @p (taken over) in force. */
int policy_apply(struct agent *a, struct policy *p);
/* A record of what became of a policy; of the one in force unless it was rejected. */
void policy_record(struct agent *a, enum outcome outcome, const char *detail);
/* The loader's thread has ended. */
int policy_on_loaded(sd_event_source *s, int fd, uint32_t events, void *context);

/* ---- packages.c: files of installed packages ---- */
int packages_start(struct agent *a);
/* Has the files of what @p lists found, before @p is put in force if that is quick. */
void packages_follow(struct agent *a, struct policy *p);
int packages_on_changed(sd_event_source *s, int fd, uint32_t events, void *context);
void packages_add_facts(const struct agent *a, int fd, struct facts *f);
void packages_stop(struct agent *a);

/* ---- loop.c: what wakes the main thread ---- */
int loop_start(struct agent *a);
int loop_watch_mounts(struct agent *a);
int loop_start_watchdog(struct agent *a);
/* On the recorder's thread: a record is in the ledger. */
void loop_record_appended(struct event *e, uint64_t sequence, void *context);
void loop_stop(struct agent *a);
