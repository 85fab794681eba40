/*
 * Event ids: what an employee reads off a notice and tells the help desk. Unique within a process,
 * and for all practical purposes on a host.
 */
#pragma once

#include <stdint.h>

enum { EVENT_ID_SIZE = 15 }; /* "7K2M-Q4TX-9D3F" */

/* Another one with every call; any thread. */
void event_id_new(int64_t utc_nsec, char out[EVENT_ID_SIZE]);

/* Canonical form of what a person typed ("7k2mq4tx9d3f", o for 0, l for 1): 0, or -EINVAL. */
int event_id_parse(const char *s, char out[EVENT_ID_SIZE]);
