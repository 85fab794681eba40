/*
 * What one scan has found.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "agent/ledger/event.h"
#include "agent/ledger/inventory.h"

struct found {
	struct event *event; /* a reference */
	int64_t since_nsec;
	uint32_t hash;
};

/* Zeroed: empty. */
struct found_list {
	struct found *list;
	size_t n, room;
	uint64_t n_untold; /* beyond SCAN_FOUND_MAX, or of memory */
};

void found_add(struct found_list *l, struct event *e, int64_t since_nsec);
bool found_has(const struct found_list *l, const char *path);
void found_done(struct found_list *l);

/* Says @e what is known of it already? */
bool found_is_same(const struct event *e, const struct finding_entry *known);
