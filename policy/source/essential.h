/*
 * What no policy may ban, because a host without it cannot be repaired: the shell, the dynamic
 * loader, systemd, the package manager and Proscribe itself. There is no way around this.
 */
#pragma once

#include <stdbool.h>

#include "policy/identity/facts.h"

/* The essential file that @glob (as in builder_add_path()) matches on some system, in @out of
 * ESSENTIAL_PATH_MAX bytes; false: none. System users live in places such as /bin,
 * and "~" stands for those, too. */
enum { ESSENTIAL_PATH_MAX = 256 };
bool essential_path(const char *glob, char out[ESSENTIAL_PATH_MAX]);

/* Is the package @name (as struct package has it) essential? */
bool essential_package(enum package_type type, const char *name);
/* The same for the text of a purl that purl_package_read() does not take, as far as it shows. */
bool essential_purl(const char *purl);
