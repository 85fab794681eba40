/*
 * Programs made with `bun build --compile`: a table of modules and a trailer lie near the end.
 */
#pragma once

#include <stdbool.h>

#include "agent/inspector/range.h"
#include "agent/inspector/view.h"

/* Finds the trailer in the tail of the file; *ret is where the modules lie, their table included.
 */
bool bun_find_modules(const struct view *v, struct range *ret);
