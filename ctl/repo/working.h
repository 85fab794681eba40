/*
 * What the commands that change a repository have in common.
 */
#pragma once

#include "ctl/arguments.h"
#include "policy/trust/repository.h"

/* The repository that -C names; @lock: to be changed. */
int working_open(
	const struct arguments *a, bool lock, struct repository **ret, struct tuf_error *e);
const char *working_folder(const struct arguments *a);

/* "in 89 d", "in 5 h", "4 d ago" */
enum { WORKING_SPAN_SIZE = 32 };
void working_span(int64_t utc_sec, int64_t now_utc_sec, char out[WORKING_SPAN_SIZE]);

/* Says of each of @roles (NULL-terminated) whether it is complete, or who still must sign; or in
 * JSON. Returns EXIT_CODE_UNSIGNED when one is not. */
enum exit_code working_say(
	const struct arguments *a, struct repository *r, const char *const roles[]);

/* What --json says of @role: version, expires, complete, and for each set of keys have, need and
 * who is missing. A new reference, NULL when there is no memory. */
struct json_t *working_json(
	struct repository *r, const char *role, const struct repository_state *s);
