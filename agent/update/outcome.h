/*
 * The report of a run, and when the next one is due. A million hosts that failed together must not
 * come back together.
 */
#pragma once

#include <stdbool.h>

#include "agent/update/report.h"
#include "agent/update/run.h"

enum {
	OUTCOME_BACKOFF_MAX = 4, /* intervals that pass at most before a host tries again */
	OUTCOME_EARLY_SEC = 60,  /* a timer may come so much before the due time */
};

/* The last report, or a zero one. */
void outcome_load(int state, struct update_report *ret);
/* @last: of the run before. @error: as run_update() returned it. */
void outcome_make(const struct update_report *last, const struct update_settings *s,
	const struct run_result *result, const struct tuf_error *e, int64_t now_utc_nsec,
	struct update_report *ret);
int outcome_save(int state, const struct update_report *r);

/* Is there anything to do for a timer? @interval_usec: of the settings. */
bool outcome_is_due(const struct update_report *last, uint64_t interval_usec, int64_t now_utc_nsec);
/* Is the clock far before the last run that succeeded? */
bool outcome_clock_is_behind(const struct update_report *last, int64_t now_utc_nsec);
