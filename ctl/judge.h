/*
 * What `check`, `identify` and `scan` have in common: whom to ask, and files in, judgements out.
 */
#pragma once

#include <jansson.h>

#include "ctl/client.h"

/* Asks about every operand. *ret: an array with one object per file in their order, with "file" as
 * typed and either the agent's answer or "error", which has been said on stderr too.
 * @without_policy: when no agent answers, start one that need not have a policy.
 * Returns EXIT_CODE_FINE, EXIT_CODE_FAILED when a file could not be judged, or another code with
 * nothing in *ret. */
enum exit_code judge_files(
	const struct arguments *a, bool without_policy, json_t **ret, json_t **ret_policy);

/* The agent, or with --policy one of our own, and the policy that it judges by (NULL: none). What
 * is wrong has been said on stderr. */
enum exit_code judge_connect(const struct arguments *a, struct client **ret, json_t **ret_policy);
