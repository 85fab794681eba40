/*
 * A package's header as rpm's database keeps it: an index of tags, and their data. Runs inside the
 * inspector.
 */
#pragma once

#include "agent/inspector/packages.h"

enum {
	RPM_HEADER_MAX = 24 << 20, /* bytes */
	RPM_TAGS_MAX = 65536,
	RPM_FOLDERS_MAX = 65536, /* folders that a package's files lie in */
};

/* RECORD_PACKAGE, RECORD_VERSION as "EPOCH:VERSION-RELEASE" (no epoch: without it), and RECORD_FILE
 * for each file that the package brought and no other one has taken since. 0; -EBADMSG for what is
 * no header, with what was found before that put; -E2BIG past a limit; or what sink_put() failed
 * with. */
int rpm_header_read(const uint8_t *data, size_t size, struct sink *sink);
