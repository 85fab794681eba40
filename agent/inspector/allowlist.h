/*
 * The system calls an inspector may make. Beside its program and not inside it, so that the test
 * which proves that others kill enters the very same list.
 */
#pragma once

#include "agent/sandbox/sandbox.h"

/* What an inspector gives up on its way to becoming @uid and @gid ((uid_t) -1: it stays). */
struct sandbox inspector_sandbox(uid_t uid, gid_t gid);
