/*
 * The files of a squashfs image: what an AppImage carries, a snap, or an image by itself.
 */
#pragma once

#include "agent/inspector/content.h"
#include "agent/inspector/range.h"
#include "agent/inspector/view.h"

enum {
	SQUASH_DEPTH_MAX = 64,      /* folders inside each other */
	SQUASH_BLOCK_MAX = 1 << 20, /* the sink gets at most so many bytes at a time */
};

/* Offers each regular file of @image, which container_find_squashfs() found in @v, to @s by its
 * path without a leading slash. Links, devices and the like are left out, but count as entries. 0
 * once all have been offered; -EBADMSG: the same, but some were damaged; -ENOTSUP: packed in a way
 * that libsquashfs does not know (LZO); -E2BIG past a limit of content.h or above; what @s stopped
 * with; -ENOMEM, or a negative errno of reading. */
int squash_read(const struct view *v, const struct range *image, struct content_sink *s);
