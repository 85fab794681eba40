/*
 * What somebody who enrolls a host by a root.json is about to trust, in words.
 */
#pragma once

#include <stdio.h>

#include "policy/trust/error.h"

/* Refuses a root that its own keys have not signed. */
int describe_root(const void *root, size_t n, int64_t now_utc_sec, FILE *out, struct tuf_error *e);
