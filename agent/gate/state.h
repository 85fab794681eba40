/*
 * The gate's own state, shared by the files of this folder and by nobody else. All of it belongs to
 * the gate's thread, but for what stands under "other threads".
 */
#pragma once

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "agent/gate/fanotify.h"
#include "agent/gate/gate.h"
#include "agent/gate/subject.h"
#include "agent/verdict/cache.h"

/* One launch that the kernel holds back: whoever has it owes exactly one answer. */
struct launch {
	TAILQ_ENTRY(launch) in_order;      /* gate.waiting, by deadline; gate.spare */
	TAILQ_ENTRY(launch) of_inspection; /* inspection.launches */
	struct inspection *inspection;
	struct fanotify_event event;
	uint64_t arrived_usec;
	bool answered;
	bool ran; /* meaningful once answered */
	struct subject subject;
	bool subject_known;
	struct event *unjudged; /* what was recorded of it at its deadline; NULL: nothing yet */
};
TAILQ_HEAD(launch_list, launch);
TAILQ_HEAD(inspection_queue, inspection);

/* One file under inspection, and all launches that wait for it. */
struct inspection {
	LIST_ENTRY(inspection) entry;    /* gate.inspections */
	TAILQ_ENTRY(inspection) by_time; /* gate.unsettled */
	bool again;                      /* answered, and looked at a second time */
	size_t n_kept;                   /* launches that wait for it though they are answered */
	uint64_t again_usec;             /* when to submit it again */
	struct job job;
	struct verdict_key key;
	bool root_only;
	unsigned attempts, waits;
	struct launch_list launches;
};

/* A refused file whose sha256 is being computed after the answer. */
struct digest {
	LIST_ENTRY(digest) entry; /* gate.digests */
	struct job job;
	struct verdict_key key;
	uint64_t generation;
	struct event *event; /* the refusal it belongs to */
};

struct counters {
	_Atomic uint64_t events, cached, marked, allowed, logged, warned, blocked, unjudged,
		stopped;
	_Atomic uint64_t pending, slowest_usec, beats;
};

struct gate {
	struct gate_options options;
	struct fanotify_features features;
	int group;
	int epoll, wake_fd;
	pid_t self;
	uint64_t mount_namespace;
	pthread_t thread;
	bool thread_started, halted; /* halted: nothing more goes to the pool */

	struct policy *policy;
	struct installed *installed; /* may be NULL */
	uint64_t generation;         /* of policy and installed together; never 0 */
	char **homes;
	struct policy_info info;
	struct verdict_cache *cache;

	struct launch
		*launches; /* each is in waiting, in spare, or answered and in an inspection */
	size_t n_launches; /* not spare */
	struct launch_list waiting, spare;
	LIST_HEAD(inspection_list, inspection) inspections;
	struct inspection_queue unsettled;
	LIST_HEAD(digest_list, digest) digests;
	size_t n_digests;
	struct {
		int fd;
		bool marked;
		uint64_t since_usec;
	} held[GATE_HELD_MAX]; /* a ring, oldest at held_first; of the n_unmarked oldest the mark is
				  gone */
	size_t held_first, n_held, n_unmarked;

	/* other threads */
	struct counters counters;
	pthread_mutex_t lock;
	pthread_cond_t policy_taken;
	struct job *done_jobs; /* inspections and digests that came back from the pool */
	struct policy *next_policy;
	char **next_homes;
	bool policy_waiting, stopping;
	struct installed *next_installed;
	bool installed_waiting;
};

static inline bool fails_open(const struct gate *g)
{
	return g->options.fail_mode == FAIL_MODE_ALLOW;
}

/* ---- launch.c: the obligation ---- */
/* Never fails: at most GATE_LAUNCHES_MAX are kept, and one more while it is turned away. */
struct launch *launch_new(struct gate *g, const struct fanotify_event *event);
void launch_answer(struct gate *g, struct launch *l, bool allow);
/* Answers by the fail mode if nobody did; closes the descriptors. */
void launch_free(struct gate *g, struct launch *l);
/* Reads who launches, once; only before the answer is it sure to be true. */
void launch_know_subject(struct gate *g, struct launch *l);

/* ---- inspection.c: a miss ---- */
/* Takes @l over: joins it to the inspection of its file, or begins one. */
void inspection_begin(
	struct gate *g, struct launch *l, const struct verdict_key *key, bool root_only);
/* A job of an inspection came back: decides, answers, records. */
void inspection_finish(struct gate *g, struct inspection *i);
/* The launch's time is over: answers by the fail mode, the inspection goes on. */
void inspection_expire(struct gate *g, struct launch *l);
/* Submits again what was put off until now. */
void inspection_look_again(struct gate *g, uint64_t now_usec);

/* ---- finding.c: what happens after an answer that somebody must hear of ---- */
/* Answers @l by the verdict in @f, then records and tells. */
void finding_apply(
	struct gate *g, struct launch *l, const struct verdict_key *key, struct finding *f);
/* Answers and records a launch that nobody could judge; *ret (may be NULL) gets a reference to the
 * record. */
void finding_unjudged(
	struct gate *g, struct launch *l, bool allow, const char *why, struct event **ret);
/* @l ran, and was then found banned: stops it if it still runs that file. */
void finding_stop(struct gate *g, struct launch *l, const struct inspection *i, struct finding *f);
void digest_finish(struct gate *g, struct digest *d);

/* ---- gate.c ---- */
void gate_job_done(struct job *j); /* on a pool thread */

/* ---- hold.c: files that stay leased past their answer ---- */
/* Keeps @fd (taken over), and so the lease on it; with @mark the kernel need not ask about the file
 * either while it is guarded. Returns until when launches may rely on it. */
uint64_t hold_file(struct gate *g, int fd, bool mark, uint64_t now_usec);
void hold_release(struct gate *g, uint64_t now_usec);
uint64_t hold_next_usec(const struct gate *g); /* when there is something to release; UINT64_MAX */
