/*
 * rpm's database, as rpm keeps it since 4.16: SQLite. Runs inside the inspector.
 */
#pragma once

#include "agent/inspector/packages.h"

/* What rpm_header_read() puts, for each installed package of @names. @fd (borrowed) is read at
 * offsets, without locks and without the log beside it: rpm moves that into the file before it
 * ends. 0, -EBADMSG for what is no such database (or was being written to), -E2BIG past a limit,
 * or another negative errno. */
int rpmdb_read(int fd, const struct name_list *names, struct sink *sink);
