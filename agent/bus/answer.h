/*
 * What the agent's answers say about a policy and a file, as entries of an a{sv}. Private to
 * agent/bus.
 */
#pragma once

#include "agent/bus/call.h"

/* `policy: {name, digest, ...}`; nothing when @p is NULL. @loaded_utc_nsec 0: not told. */
int answer_append_policy(sd_bus_message *m, const struct policy *p, int64_t loaded_utc_nsec);
/* `enrolled`, and on a host that is, `updates: {targets_version, signers, ...}`. */
int updates_append(sd_bus_message *m, const struct agent_status *s);
/* A whole a{sv}: what the file is, by what evidence, and what would happen to it. */
int answer_append_judgement(sd_bus_message *m, const struct judgement *j);
