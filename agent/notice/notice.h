/*
 * What the employee sees on the terminal. notice_format() is pure; the notifier is one thread that
 * writes to controlling terminals without ever blocking, to no terminal of another user, and not
 * more often than a person wants to read.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "agent/ledger/event.h"

enum {
	NOTICE_COLUMNS_MIN = 20,
	NOTICE_COLUMNS_MAX =
		100,            /* lines are not made longer than this, however wide the terminal */
	NOTICE_SIZE_MAX = 8192, /* bytes of one notice */
	NOTICE_QUEUE_MAX = 256,
	NOTICE_BURST = 3,         /* full notices a terminal gets at once ... */
	NOTICE_INTERVAL_SEC = 10, /* ... and one more each so many seconds */
};

struct notice_style {
	unsigned columns; /* width of the terminal; 0: unknown, 80 is assumed */
	bool colour;
	const char *language; /* "en", "zh", ...; NULL: English */
};

/* Does an employee have to be told of it: a launch that was refused, warned of or stopped? */
bool notice_needed(const struct event *e);

/* Writes the notice for a blocked, warned or stopped launch into @out, lines ending in \r\n.
 * Returns its length in bytes (0 for an event that needs no notice). Every foreign text in it is
 * escaped; no line is wider than style->columns unless it is a link, which is never broken. What
 * does not fit into @size is left out by whole lines, the event id and its command last of all.
 * @out ends in NUL. */
size_t notice_format(
	const struct event *e, const struct notice_style *style, char *out, size_t size);

/* Sums up notices that were held back: @n_refused launches that did not run, @n_other that did. */
size_t notice_format_more(uint64_t n_refused, uint64_t n_other, const struct notice_style *style,
	char *out, size_t size);

struct notifier;

int notifier_start(struct notifier **ret);
/* Writes what is queued, ends the thread. */
struct notifier *notifier_stop(struct notifier *n);
/* Takes a reference of its own; never blocks; what does not fit is dropped. Any thread. */
void notifier_push(struct notifier *n, struct event *e);
