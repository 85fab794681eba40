/*
 * What unpacking one container has cost so far, held against the limits of content.h.
 */
#pragma once

#include <stdint.h>

#include "agent/inspector/content.h"

enum { METER_WORK_MAX = 2 * CONTENT_SIZE_MAX };

struct meter {
	uint64_t container; /* bytes of it */
	uint64_t n_entries;
	uint64_t unpacked; /* bytes handed to the sink */
	uint64_t work;     /* bytes read and unpacked to get them, which may be many more */
};

/* Each counts something that is about to happen: 0, or -E2BIG when it is too much. */
int meter_entry(struct meter *m);
int meter_unpacked(struct meter *m, uint64_t n);
int meter_work(struct meter *m, uint64_t n);
