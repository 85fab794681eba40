/*
 * agent.yaml -> struct settings. Runs in proscribe-compiler.
 */
#pragma once

#include "policy/source/compiler.h"
#include "policy/source/message.h"

/* An empty file gives the defaults. 0; -EINVAL when messages say what is wrong; -ENOMEM. */
int settings_file_read(struct source *source, struct messages *m, struct settings *ret);
