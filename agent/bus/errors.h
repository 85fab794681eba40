/*
 * The one map from errno to the D-Bus errors org.proscribe.Error.*.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "policy/base/cleanup.h"

/* Fills @e with the name that belongs to @error (positive or negative) and the message; returns
 * -|error|. */
int bus_error_set(sd_bus_error *e, int error, const char *format, ...) _printf_(3, 4);

const char *bus_error_name(int error); /* "org.proscribe.Error.AccessDenied" */
