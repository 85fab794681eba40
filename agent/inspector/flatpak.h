/*
 * The file `metadata` of a flatpak: a key file whose first words say what it is.
 */
#pragma once

#include <stddef.h>

#include "policy/identity/facts.h"

enum { FLATPAK_SIZE_MAX = 256 << 10 };

/* 1: *ret is "flatpak/ID", after name= in [Application] or [Runtime]; there is no version in it.
 * 0: names nothing. -EBADMSG: malformed, or past a limit. */
int flatpak_parse(const char *text, size_t n, struct package *ret);
