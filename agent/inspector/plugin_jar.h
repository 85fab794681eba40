/*
 * The jar in a JetBrains plugin's lib/ that says which plugin it is.
 */
#pragma once

#include "policy/identity/facts.h"

enum { PLUGIN_XML_SIZE_MAX = 1 << 20 };

/* 1: *ret is the plugin's package. 0: the file is no archive, or has no META-INF/plugin.xml that
 * names one. -EBADMSG: malformed; -E2BIG: past a limit; or a negative errno of reading. */
int plugin_jar_read(int fd, struct package *ret);
