/*
 * What an AppImage calls itself, by the .desktop file it carries.
 */
#pragma once

#include <stddef.h>

#include "agent/inspector/range.h"
#include "agent/inspector/view.h"
#include "policy/identity/facts.h"

enum { APPIMAGE_DESKTOP_MAX = 64 << 10 }; /* bytes of a .desktop file */

/* Reads a .desktop file. 1: *ret is the package "appimage/NAME". 0: it names nothing. -EBADMSG:
 * what it says cannot be told in a package. */
int appimage_parse_desktop(const char *text, size_t n, struct package *ret);

/* Looks through the squashfs at @image for a .desktop file at the top; that one may be a link, so
 * one in usr/share/applications/ does, too. As above, or what squash_read() fails with. */
int appimage_read(const struct view *v, const struct range *image, struct package *ret);
