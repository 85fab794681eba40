/*
 * .crates2.json, Cargo's list of what `cargo install` put into a bin/.
 */
#pragma once

#include <stddef.h>

#include "policy/identity/facts.h"

/* Which crate installed the program at the path @program? Wherever Cargo had it from: registry, Git
 * or a folder. 1 and *ret; 0: none; -EBADMSG: malformed, or past a limit. */
int crates_parse(const char *text, size_t n, const char *program, struct package *ret);
