/*
 * dpkg's database: the status file, the lists of files and the diversions, and os-release(5), which
 * says whose packages they are. Text files of lines, which dpkg itself writes; read as if anybody
 * did. Runs inside the inspector.
 */
#pragma once

#include "agent/inspector/packages.h"

/* All of them: 0, -EFBIG for a file past its limit, what sink_put() failed with, or another
 * negative errno; what was found until then has been put. */

/* RECORD_SYSTEM for the words of ID and ID_LIKE. */
int dpkg_read_os_release(int fd, struct sink *sink);
/* For each package of @names that has files on the disk: RECORD_PACKAGE as dpkg spells it,
 * RECORD_ARCHITECTURE and, where it is well-formed, RECORD_VERSION. */
int dpkg_read_status(int fd, const struct name_list *names, struct sink *sink);
/* RECORD_FILE for each path of @package's list of files, folders included: dpkg does not tell them
 * apart. What is diverted (dpkg-divert(1)) by others than @package lies elsewhere, as the file
 * @diversions says; -1: nothing is. */
int dpkg_read_list(int fd, int diversions, const char *package, struct sink *sink);
