/*
 * The ledger: what happened, append-only, in one SQLite database. This is the way in, for one
 * writer alone (the agent's recorder thread); reader.h is the way out. A record counts as
 * acknowledged once ledger_append() returned: it then survives SIGKILL and, on honest disks, a
 * power cut.
 */
#pragma once

#include <stdint.h>

#include "agent/ledger/event.h"

struct ledger;

/* Opens or makes the database at @path (mode 0640), checks its format version.
 * -EUCLEAN: not a database, damaged, or of another version: left untouched. */
int ledger_open(const char *path, struct ledger **ret);
struct ledger *ledger_close(struct ledger *l);
DEFINE_CLEANUP(struct ledger, ledger_close)

/* Appends @n events in one transaction: all or none. -ENOSPC: the disk is full; -EUCLEAN: damaged.
 * *ret_last is the sequence number of the last one. @host and the user name of each are filled in
 * by the caller: user_names[i] may be NULL. */
int ledger_append(struct ledger *l, const char *host, struct event *const events[],
	const char *const user_names[], size_t n, uint64_t *ret_last);
