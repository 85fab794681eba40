/*
 * What settings may hold, for both sides of the compiler: it makes them, the caller does not take
 * its word for them.
 */
#pragma once

#include <stdbool.h>

#include "policy/source/compiler.h"

#define SETTINGS_TIMEOUT_MIN_USEC     UINT64_C(100000)
#define SETTINGS_TIMEOUT_DEFAULT_USEC UINT64_C(2000000)
#define SETTINGS_TIMEOUT_MAX_USEC     UINT64_C(30000000)
enum { SETTINGS_INSPECTORS_MAX = 16 };

/* Every value within its range, every path absolute, terminated and UTF-8. */
bool settings_valid(const struct settings *s);
