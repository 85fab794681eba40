/*
 * The commands with which administrators make, sign and publish the repository of a signed policy.
 */
#pragma once

#include <stddef.h>

#include "ctl/arguments.h"

/* The @i-th of them; NULL past the last. */
const struct command *repository_command(size_t i);
