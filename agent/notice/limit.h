/*
 * How often a terminal may be written to: NOTICE_BURST notices at once, then one each
 * NOTICE_INTERVAL_SEC; the rest is counted, to be summed up in one line. Pure: time is handed in.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/ledger/event.h"

/* Terminals remembered; one more makes the one that was quiet for longest be forgotten. */
enum { NOTICE_TERMINALS_MAX = 64 };

struct limit_terminal {
	uint32_t device; /* 0: a free place */
	uid_t uid, login_uid;
	char tty[EVENT_TTY_MAX + 1];
	uint64_t used_usec;          /* when a launch from it was last heard of */
	uint64_t filled_usec;        /* up to when credit has been given */
	unsigned credit;             /* notices it may get now */
	uint64_t n_refused, n_other; /* launches held back since the last notice */
};

struct limit {
	struct limit_terminal terminals[NOTICE_TERMINALS_MAX];
};

enum limit_answer {
	LIMIT_HOLD,
	LIMIT_WRITE,
};

/* May a notice of @e be written at @now_usec? What is held back is counted. *ret_forgotten is a
 * terminal that had to make room while launches of it were still to be summed up; its device is 0
 * when there is none. */
enum limit_answer limit_ask(struct limit *l, const struct event *e, uint64_t now_usec,
	struct limit_terminal *ret_forgotten);

/* Takes a summary that is due out of @l: true and *ret, or false with *ret_wait_usec until the next
 * one is due (UINT64_MAX: none). */
bool limit_due(
	struct limit *l, uint64_t now_usec, struct limit_terminal *ret, uint64_t *ret_wait_usec);

/* The same for any summary, due or not. */
bool limit_drain(struct limit *l, struct limit_terminal *ret);
