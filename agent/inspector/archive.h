/*
 * The entries of a ZIP archive, jar or Python program: found by the directory at its end, which is
 * what Java and Python go by.
 */
#pragma once

#include "agent/inspector/content.h"
#include "agent/inspector/view.h"

enum { ARCHIVE_CHUNK = 64 << 10 }; /* the sink gets at most so many bytes at a time */

/* Offers each file of the archive in @v to @s, in the directory's order. Folders, encrypted entries
 * and those packed by other methods than "stored" and "deflate" are left out. 0 once all have been
 * offered; -EBADMSG: the same, but some were damaged; -ENOENT: zip_read() finds no archive; -E2BIG
 * past a limit of content.h; what @s stopped with; -ENOMEM, or a negative errno of reading. */
int archive_read(const struct view *v, struct content_sink *s);
