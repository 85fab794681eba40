/*
 * README.md of a new repository, for colleagues who meet it in git.
 */
#pragma once

#include "policy/trust/error.h"

/* Writes it into @folder. */
int readme_write(const char *folder, struct tuf_error *e);
