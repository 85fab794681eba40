/*
 * The last good policy images, for a start at which none can be made: PATH, PATH.1 and PATH.2, the
 * newest first. A crash or power cut at any moment leaves the ones from before.
 */
#pragma once

#include "policy/image/policy.h"

enum { KEPT_IMAGES = 3 };

/* Keeps the image @image_fd (borrowed) as the newest, unless it is that already; durable when it
 * returns 0. Takes as long as the disk does. */
int kept_save(const char *path, int image_fd);

/* The newest that can be opened and that nobody but this process's user could have written, copied
 * into memory and sealed, so that it can be handed out. -ENOENT: there is none. */
int kept_load(const char *path, struct policy **ret);
