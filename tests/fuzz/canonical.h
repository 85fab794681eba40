/*
 * The canonical form is no JSON where strings hold control characters; for fuzz targets that read
 * it again.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>

/* The same text with control characters escaped; they stand in strings alone. Owned. */
static inline char *canonical_readable(const char *text, size_t n)
{
	char *out = malloc(6 * n + 1), *at = out;

	if (!out)
		abort();
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char) text[i] < 0x20)
			at += sprintf(at, "\\u%04x", (unsigned) text[i]);
		else
			*at++ = text[i];
	}
	*at = '\0';
	return out;
}
