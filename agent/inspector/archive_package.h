/*
 * Packages that an archive is, or holds, by the metadata among its entries: jars built with Maven,
 * JetBrains plugins, Python wheels and programs, Yarn's cached packages, VSIX.
 */
#pragma once

#include <stddef.h>

#include "agent/inspector/view.h"
#include "policy/identity/facts.h"

enum {
	ARCHIVE_METADATA_MAX = 1 << 20,    /* bytes of one entry that is metadata */
	ARCHIVE_METADATA_ENTRIES_MAX = 64, /* of these that are read */
	ARCHIVE_PACKAGES_MAX = 4, /* the rest of facts.packages is for what lies beside it */
};

/* Adds at most ARCHIVE_PACKAGES_MAX packages to @f. 0; -EBADMSG: the same, but some metadata was
 * malformed, or past a limit; or what archive_read() fails with. */
int archive_packages_find(const struct view *v, struct facts *f);
