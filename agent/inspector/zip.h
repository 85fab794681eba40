/*
 * ZIP archives, by the directory at their end: whatever lies in front, they are still archives to
 * Python and Java.
 */
#pragma once

#include <stdbool.h>

#include "agent/inspector/range.h"
#include "agent/inspector/view.h"

struct zip {
	struct range archive;   /* from its first entry to its end, without what lies in front */
	struct range directory; /* inside the archive */
	bool has_manifest;      /* META-INF/MANIFEST.MF, as jars have */
	bool has_main;          /* __main__.py at the top, as Python runs it */
};

enum {
	ZIP_DIRECTORY_MAX = 128 << 10, /* bytes of the directory that are read */
};

/* Could the file be one, going by its head alone? */
bool zip_is_candidate(const uint8_t *head, size_t n);
/* Finds the end of the directory, be it Zip64's, in the tail. A comment that leaves it out of the
 * tail is a no. */
bool zip_read(const struct view *v, struct zip *ret);
