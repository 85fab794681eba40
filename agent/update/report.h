/*
 * What proscribe-update tells the agent of its last run: one file of fixed size, replaced whole. It
 * comes from an unprivileged process that talks to the network, so the agent takes nothing in it
 * for granted: update_report_valid().
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define UPDATE_STATE_FOLDER "/var/lib/proscribe-update"
#define UPDATE_REPORT_FILE  "report"
#define UPDATE_LOCK_FILE    "lock" /* flock(2): exclusively while the mirror is changed */
/* A part of the repository as any client may read it: metadata/N.root.json,
 * metadata/timestamp.json, metadata/V.snapshot.json, metadata/V.ROLE.json, targets/DIR/HASH.NAME.
 * Names percent-encoded as in URLs, but for the '/' of targets. timestamp.json is written last.
 * Complete whenever the lock is free. */
#define UPDATE_MIRROR      "mirror"
#define UPDATE_CONFIG_FILE "/etc/proscribe/update.yaml"
#define UPDATE_ROOT_FILE   "/etc/proscribe/trust/root.json"

enum {
	UPDATE_TEXT_SIZE = 2048,
	UPDATE_ROLE_SIZE = 128,
	UPDATE_FILE_SIZE = 512,
	UPDATE_ERROR_MAX = 4095, /* the largest errno */
};
#define UPDATE_REPORT_MAGIC UINT64_C(0x3154504455525050)

struct update_report {
	uint64_t magic;
	int64_t ended_utc_nsec;     /* of this run */
	int64_t succeeded_utc_nsec; /* of the last run that got to its end; 0: none yet */
	int64_t next_utc_nsec;      /* when the next one is due; 0: not known */
	int32_t error;              /* 0, or a negative errno as in policy/trust/error.h */
	uint32_t failures;          /* runs in a row that failed, this one included */
	uint64_t requests, bytes;   /* of this run */
	char repository[UPDATE_TEXT_SIZE];
	char role[UPDATE_ROLE_SIZE], file[UPDATE_FILE_SIZE]; /* what @error is about */
	char message[UPDATE_TEXT_SIZE];                      /* for a person; "" without an error */
};

/* Texts terminated, UTF-8, zero behind them; times not negative; a negative error with a message
 * and a number of failures, or neither. */
bool update_report_valid(const struct update_report *r);
