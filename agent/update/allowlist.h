/*
 * What proscribe-update may do, by system call and by file.
 */
#pragma once

#include "agent/sandbox/sandbox.h"
#include "agent/update/settings.h"

/* @ruleset: Landlock's, 0 for none. */
struct sandbox update_sandbox(int ruleset);
/* For a look at a file that was opened before: no network, nothing written. */
struct sandbox describe_sandbox(int ruleset);

/* The files of a run: what TLS, the resolver and the settings need, and the folder @state, which
 * alone is written to. As landlock_new(). */
int update_ruleset(const struct update_settings *s, const char *state, int *ret);
/* @file alone; NULL: none at all. */
int describe_ruleset(const char *file, int *ret);
