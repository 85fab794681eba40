/*
 * Reading the ledger: for the agent's bus and for proscribectl, also while the agent writes. A
 * reader never changes anything.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "policy/base/cleanup.h"

struct ledger_reader;

/* One record as stored; strings may be NULL, and live until the next call on the reader. */
struct record {
	uint64_t sequence;
	const char *id, *kind, *outcome, *verdict, *evidence, *risk, *host, *user, *tty;
	int64_t utc_nsec;
	int64_t uid, login_uid, pid, parent; /* -1: unknown */
	const char *path;                    /* raw bytes */
	uint64_t device, inode, size;
	const char *sha256; /* 64 hex digits; from the digest record when it came later */
	const char *purl, *version, *software_id, *software_name, *rules, *reason, *reference, *url;
	const char *alternative_name, *alternative_url, *policy_name, *policy_owner,
		*policy_contact;
	const char *policy_digest; /* 64 hex digits */
	const char *detail;
	uint64_t count;
};

struct record_filter {
	uint64_t after;     /* only sequence > after */
	int64_t since_nsec; /* only utc_nsec >= since_nsec; 0: all */
	int64_t uid;        /* only of this user; -1: everybody */
	const char *id;     /* only this event id; NULL: all */
	bool with_digests;  /* also the digest records themselves */
	bool of_scans;      /* only findings and scans */
	uint64_t last;      /* only the last N that pass, in order; 0: all */
};

int ledger_reader_open(const char *path, struct ledger_reader **ret);
struct ledger_reader *ledger_reader_close(struct ledger_reader *r);
DEFINE_CLEANUP(struct ledger_reader, ledger_reader_close)
/* Begins a look-up; a reader has one at a time. */
int ledger_reader_find(struct ledger_reader *r, const struct record_filter *f);
/* 1 and *ret filled, 0 at the end, or a negative errno. */
int ledger_reader_next(struct ledger_reader *r, struct record *ret);
