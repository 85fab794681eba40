/*
 * One update: refresh, fetch what is new of the policy's files, bring the mirror up to date. What
 * is in the mirror stays until the new one is complete.
 */
#pragma once

#include <stdbool.h>

#include "agent/update/settings.h"
#include "policy/trust/error.h"

struct run_options {
	const struct update_settings *settings; /* all borrowed */
	int state;
	const void *anchor;
	size_t anchor_size;
	int64_t now_utc_sec;
};

struct run_result {
	uint64_t requests, bytes;         /* also of a run that failed */
	int64_t root, timestamp, targets; /* versions; 0: not known */
	size_t n_files;
	bool changed; /* the mirror is another one now */
};

int run_update(const struct run_options *o, struct run_result *ret, struct tuf_error *e);
