/*
 * Two policy folders, one beside the other: both are compiled by the sandboxed compiler.
 */
#pragma once

#include <jansson.h>

/* *ret (a new reference) as changes.h has it. @old may be NULL; one that cannot be compiled is told
 * of and counts as none. -EINVAL: @new cannot be, and stderr says why. */
int compare_folders(const char *old, const char *new, json_t **ret);
