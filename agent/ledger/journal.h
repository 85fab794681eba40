/*
 * Tells the systemd journal: one structured entry for each record that a person or a SIEM may want
 * to see, with a stable MESSAGE_ID (packaging/journal/proscribe.catalog explains them). A thread of
 * its own with a bounded queue: a journald that hangs delays nothing but these entries.
 */
#pragma once

#include <stdint.h>

#include "agent/ledger/event.h"

struct journal;

int journal_start(struct journal **ret);
/* Sends what is queued for at most @timeout_usec, then stops the thread, hanging journald or not.
 */
struct journal *journal_stop(struct journal *j, uint64_t timeout_usec);

/* Takes a reference of its own, copies @user (may be NULL); never blocks. */
void journal_push(struct journal *j, struct event *e, uint64_t sequence, const char *user);
/* Entries that did not fit, or that journald did not take. */
uint64_t journal_dropped(struct journal *j);
