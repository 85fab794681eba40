/*
 * product.json, by which programs made from VS Code's sources say what they are.
 */
#pragma once

#include <stddef.h>

#include "policy/identity/facts.h"

/* 1: *ret is "electron/NAME" after its applicationName in lower case, with a version or "". 0:
 * well-formed, but names nothing. -EBADMSG: malformed, or past a limit. */
int product_parse(const char *text, size_t n, struct package *ret);
