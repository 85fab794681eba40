/*
 * Questions about version ranges that only a policy's author is asked.
 */
#pragma once

#include <stdbool.h>

#include "policy/identity/facts.h"
#include "policy/identity/vers.h"

/* 0 when there is no version that @v holds, 1 when there is one or nobody can tell: the orders of
 * some schemes have no least version and no next one. */
int range_holds_any(const struct vers *v);

/* Are the versions of @type in the order of @v's scheme? True for a type without an order. */
bool range_orders(const struct vers *v, enum package_type type);
/* Is @version one of @v's scheme? */
bool range_reads(const struct vers *v, const char *version);
