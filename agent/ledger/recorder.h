/*
 * Off the answer path: takes events from a bounded queue, resolves user names, appends to the
 * ledger, and hands each appended event on to the journal and the bus. Two threads: one for the
 * ledger, one for the journal, so that a journald that hangs delays nothing but its own entries.
 * While the ledger cannot be written (full disk) events wait in memory up to RECORDER_HELD_MAX;
 * what is lost is counted and written as one EVENT_GAP record when it works again.
 */
#pragma once

#include <stdint.h>

#include "agent/ledger/event.h"

enum {
	RECORDER_QUEUE_MAX = 4096, /* events between the gate and the recorder */
	RECORDER_HELD_MAX = 8192,  /* events held while the ledger cannot be written */
	RECORDER_BATCH_MAX = 256,  /* events in one transaction */
	RECORDER_RETRY_SEC = 2,
	JOURNAL_QUEUE_MAX = 1024,
};

struct recorder;

struct recorder_options {
	const char *ledger_path;
	const char *host;
	/* Told of each appended event on the recorder's thread; must not block. May be NULL. */
	void (*appended)(struct event *e, uint64_t sequence, void *context);
	void *context;
};

struct recorder_status {
	uint64_t appended, dropped, journal_dropped;
	uint64_t last_sequence;
	int error; /* 0, or the negative errno for which the ledger cannot be written now */
	int64_t error_since_nsec;
};

/* Starts the threads. A ledger that cannot be opened is no failure: the error stands in the status,
 * and opening is tried again every RECORDER_RETRY_SEC. */
int recorder_start(const struct recorder_options *options, struct recorder **ret);
/* Writes what is queued (for at most @timeout_usec), stops the threads. */
struct recorder *recorder_stop(struct recorder *r, uint64_t timeout_usec);

/* Takes a reference of its own; never blocks; counts what does not fit. Any thread. */
void recorder_push(struct recorder *r, struct event *e);
void recorder_status(struct recorder *r, struct recorder_status *ret);
