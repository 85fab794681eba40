/*
 * The system calls the walker may make. Beside its program and not inside it, so that the test
 * which proves that others kill enters the very same list.
 */
#pragma once

#include "agent/sandbox/sandbox.h"

/* What the walker gives up on its way to becoming @uid and @gid ((uid_t) -1: it stays). As root it
 * keeps one power: to read what it does not own. @policy_size: bytes it has mapped already. */
struct sandbox walker_sandbox(uid_t uid, gid_t gid, uint64_t policy_size);
