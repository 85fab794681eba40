/*
 * One inventory scan: proscribed's side of it. A walker names files, an idle inspector looks into
 * them, and what a rule would refuse, warn of or record if it were launched is a finding. Runs on
 * the main loop, which never waits for any of it. Reads no hostile byte.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include "agent/ledger/recorder.h"
#include "agent/scan/resume.h"

enum {
	SCAN_JOBS_MAX = 4,       /* files being looked into at a time */
	SCAN_FOUND_MAX = 4096,   /* findings of one scan that are told; further ones are counted */
	SCAN_SILENCE_SEC = 60,   /* a walker that has said nothing for so long is stuck */
	SCAN_STUCK_SEC = 900,    /* files that have been looked into for so long are given up */
	SCAN_ABANDONED_SEC = 30, /* a scan that nobody has asked about for so long ends */
	SCAN_SAVE_SEC = 2,       /* between two notes of how far it has come */
};

/* All of it is borrowed during scan_start(); event and recorder until scan_free(). */
struct scan_options {
	sd_event *event;
	struct resume resume; /* what to scan, and from where on */
	struct policy *policy;
	char *const *homes;
	const char *ledger_path;   /* where earlier findings are; NULL: nowhere */
	const char *state_path;    /* where to note how far it has come; NULL: nowhere */
	struct recorder *recorder; /* NULL: nothing is recorded */
	uid_t uid;                 /* what walker and inspector become; (uid_t) -1: they stay */
	gid_t gid;
	unsigned silence_sec; /* 0: SCAN_SILENCE_SEC */
	/* Decides about the file @fd that lies at @path; may add to @f. */
	void (*decide)(const struct policy *p, int fd, const char *path, struct facts *f,
		struct decision *ret, void *context);
	void *context;
};

struct scan;

int scan_start(const struct scan_options *o, struct scan **ret);
/* Ends it as soon as can be; the status says so later. */
void scan_stop(struct scan *s);
/* May it be freed without waiting for anything? */
bool scan_is_over(struct scan *s);
struct scan *scan_free(struct scan *s);
DEFINE_CLEANUP(struct scan, scan_free)

struct scan_status {
	bool running;
	bool complete;      /* of one that has ended: all of it was looked at */
	const char *detail; /* of one that has ended: how */
	const char *path;   /* where it is */
	struct walk_counts counts;
	uint64_t inspected, uninspected; /* files looked into; that could not be */
	uint64_t n_found, n_untold;      /* findings; how many more than SCAN_FOUND_MAX */
	uint64_t n_gone;
};

/* Tells how it is doing, and that somebody still cares. */
void scan_status(struct scan *s, struct scan_status *ret);
/* The finding number @i, below n_found. */
const struct event *scan_found(const struct scan *s, size_t i);
/* Since when it is known to lie there. */
int64_t scan_found_since(const struct scan *s, size_t i);
/* Where to go on; the text belongs to the caller. */
int scan_state(const struct scan *s, char **ret);
