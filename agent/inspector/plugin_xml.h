/*
 * META-INF/plugin.xml of a JetBrains plugin: its id, or else its name, and its version.
 */
#pragma once

#include <stddef.h>

#include "policy/identity/facts.h"

/* 1: *ret is the package "jetbrains/ID", told by METADATA_ARCHIVE. 0: names no plugin. -EBADMSG:
 * what it says cannot be told in a package. */
int plugin_xml_parse(const char *text, size_t n, struct package *ret);
