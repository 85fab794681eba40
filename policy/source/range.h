/*
 * Questions about version ranges that only a policy's author is asked.
 */
#pragma once

#include "policy/identity/vers.h"

/* 1 when there is a version that @v holds, 0 when there is none (every order of npm and semver). */
int range_holds_any(const struct vers *v);
