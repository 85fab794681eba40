/*
 * A host that takes signed policy: when what proscribe-update brings is looked at, how it comes
 * into force, what is told and what is kept. On the main thread; the looking and the keeping are
 * done on a thread of their own, one thing at a time.
 */
#pragma once

#include <stdint.h>

#include "agent/trust_state.h"
#include "agent/update/report.h"
#include "policy/base/cleanup.h"

struct agent;
struct enrolment;

enum {
	ENROLMENT_WAITERS_MAX = 64,
	ENROLMENT_PAUSE_USEC = 500000,      /* from the end of one look to the next */
	ENROLMENT_ABSENT_USEC = 5000000,    /* until a missing one is looked for again */
	ENROLMENT_BUSY_USEC = 2000000,      /* until a locked folder is looked at again; doubles */
	ENROLMENT_PATROL_USEC = 3600000000, /* at least so often, whatever inotify says */
	ENROLMENT_CLOCK_SEC = 60,           /* a clock may run behind so far unsuspected */
};

/* 1: the host is enrolled, and what was in force when the agent last ran is in force again; 0: it
 * is not (there is no trust anchor). */
int enrolment_start(struct agent *a);
/* Waits a moment for a look that is under way. NULL-safe, returns NULL. */
struct enrolment *enrolment_stop(struct enrolment *e);
DEFINE_CLEANUP(struct enrolment, enrolment_stop)

/* Looks now, or once more when a look is under way already. @done is called once: 0 with what is in
 * force now, or a negative errno with the earlier policy still in force and messages saying why.
 * -ENOBUFS: too many are waiting. */
int enrolment_update(struct enrolment *e,
	void (*done)(int result, bool changed, const char *messages, void *context), void *context);

struct enrolment_status {
	const struct trust_record *record;  /* borrowed until the main loop goes on */
	const struct update_report *report; /* NULL: there is none yet, or none that makes sense */
	const char *folder;                 /* what proscribe-update fills */
	const char *trouble;                /* why the last look came to nothing; "" */
	int64_t stale_since_utc_sec;        /* 0: it is not */
	bool refused, clock_suspect;
};
void enrolment_status(const struct enrolment *e, struct enrolment_status *ret);
