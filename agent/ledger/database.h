/*
 * What writer and reader of the ledger share: how the file is opened and recognised, how little
 * memory SQLite may take, and the one place where its result codes become errno.
 */
#pragma once

#include <sqlite3.h>
#include <stdint.h>

enum {
	DATABASE_APPLICATION_ID = 0x50725363, /* "PrSc", in the header of the file */
	DATABASE_VERSION = 1,                 /* user_version: of schema.sql */
	DATABASE_CACHE_KIB = 128,
};

/* Opens the existing ledger at @path with SQLITE_OPEN_READWRITE or SQLITE_OPEN_READONLY in @flags
 * and changes nothing in it. The connection is for one thread at a time.
 * -ENOENT: no file; -EISDIR, -ELOOP (a symbolic link), -EACCES as open(2); -EUCLEAN: not a ledger,
 * damaged, or of another version. */
int database_open(const char *path, int flags, sqlite3 **ret);

/* What the last call on @db came to: the negative errno for result code @code. */
int database_error(sqlite3 *db, int code);

/* Runs statements that return nothing. */
int database_execute(sqlite3 *db, const char *sql);

static inline void database_closep(sqlite3 **db)
{
	(void) sqlite3_close_v2(*db);
}

static inline void database_finalizep(sqlite3_stmt **s)
{
	(void) sqlite3_finalize(*s);
}
