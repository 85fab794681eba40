/*
 * Signed policy on a host, as `update` and `enroll` have it: proscribe-update fetches, the agent
 * verifies.
 */
#pragma once

#include "ctl/arguments.h"

/* Runs proscribe-update (argv, NULL-terminated) with descriptors as policy/base/spawn.h has it and
 * waits for its end: 0 when it succeeded, -ECANCELED when it did not and has said why, or another
 * negative errno, which was said. */
int update_run(char *const argv[], const int fds[], size_t n_fds);

/* Fetches, has the agent look at it, and tells what is in force then. */
enum exit_code update_now(const struct arguments *a);
