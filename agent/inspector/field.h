/*
 * One value out of metadata, on its way into facts.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "policy/identity/facts.h"

/* Copies the @n bytes whole. 1; 0 when there are none; -EBADMSG, with @out empty, for a control
 * character, bytes that are not UTF-8, and what is too long for @size. */
int field_copy(const char *s, size_t n, char *out, size_t size);

/* Writes "@namespace/@name" to a package. 1, or -EBADMSG as above, and for an empty part or one
 * with anything but letters, digits, '.', '_', '-' and '+'. */
int field_qualify(struct package *p, const char *namespace, const char *name);
