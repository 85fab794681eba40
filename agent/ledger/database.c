#include "agent/ledger/database.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "policy/base/cleanup.h"

enum {
	BUSY_MSEC = 500,
	LOOKASIDE_SIZE = 256, /* bytes of a slot */
	LOOKASIDE_SLOTS = 32,
	HEADER_SIZE = 100,
	HEADER_VERSION = 60, /* offsets of big-endian numbers in it */
	HEADER_APPLICATION = 68,
	URI_SIZE = 3 * 4096 + 32,
};

static int error_of_system(sqlite3 *db, int otherwise)
{
	int error = db ? sqlite3_system_errno(db) : 0;

	if (error == EDQUOT)
		return -ENOSPC;
	return error > 0 ? -error : otherwise;
}

int database_error(sqlite3 *db, int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return -EACCES;
	case SQLITE_READONLY:
		return error_of_system(db, -EROFS);
	case SQLITE_CANTOPEN:
		return error_of_system(db, -EACCES);
	case SQLITE_IOERR:
		return error_of_system(db, -EIO);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_ERROR: /* a table or column that is not there */
	case SQLITE_SCHEMA:
	case SQLITE_MISMATCH:
	case SQLITE_CONSTRAINT:
		return -EUCLEAN;
	default:
		return -EIO;
	}
}

int database_execute(sqlite3 *db, const char *sql)
{
	return database_error(db, sqlite3_exec(db, sql, NULL, NULL, NULL));
}

static uint32_t big_endian(const unsigned char *b)
{
	return (uint32_t) b[0] << 24 | (uint32_t) b[1] << 16 | (uint32_t) b[2] << 8 | b[3];
}

/*
 * Reads the header through SQLite's own descriptor: a descriptor of ours would, when closed, drop
 * the POSIX locks that another connection of this process holds on the file. And before SQLite
 * looks at the contents: it would roll back a stranger's journal.
 */
static int check_header(sqlite3 *db)
{
	unsigned char header[HEADER_SIZE];
	sqlite3_file *file = NULL;
	int code;

	code = sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
	if (code != SQLITE_OK || !file || !file->pMethods)
		return -EIO;
	code = file->pMethods->xRead(file, header, sizeof(header), 0);
	if (code == SQLITE_IOERR_SHORT_READ)
		return -EUCLEAN;
	if (code != SQLITE_OK)
		return -EIO;
	if (memcmp(header, "SQLite format 3", 16) != 0 ||
		big_endian(header + HEADER_APPLICATION) != DATABASE_APPLICATION_ID ||
		big_endian(header + HEADER_VERSION) != DATABASE_VERSION)
		return -EUCLEAN;
	return 0;
}

static int check_type(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (S_ISLNK(st.st_mode))
		return -ELOOP;
	return S_ISREG(st.st_mode) ? 0 : -EUCLEAN;
}

/* Nobody can write on a read-only filesystem, so no lock files are needed there, nor can they be
 * made. But with a write-ahead log beside it the file alone is not the whole ledger. */
static bool is_immutable(const char *path)
{
	char log[4096];
	struct statvfs fs;
	struct stat st;

	if (statvfs(path, &fs) < 0 || !(fs.f_flag & ST_RDONLY))
		return false;
	if (snprintf(log, sizeof(log), "%s-wal", path) >= (int) sizeof(log))
		return false;
	return stat(log, &st) < 0 || st.st_size == 0;
}

static int uri_of(const char *path, bool immutable, char out[URI_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	char *end = stpcpy(out, *path == '/' ? "file://" : "file:");

	if (strlen(path) * 3 + 32 > URI_SIZE)
		return -ENAMETOOLONG;
	for (const char *s = path; *s; s++) {
		if (*s == '%' || *s == '?' || *s == '#') {
			*end++ = '%';
			*end++ = digits[(unsigned char) *s >> 4];
			*end++ = digits[*s & 15];
		} else {
			*end++ = *s;
		}
	}
	(void) stpcpy(end, immutable ? "?immutable=1" : "");
	return 0;
}

static int configure(sqlite3 *db)
{
	char sql[160];

	(void) sqlite3_extended_result_codes(db, 1);
	(void) sqlite3_db_config(
		db, SQLITE_DBCONFIG_LOOKASIDE, NULL, LOOKASIDE_SIZE, LOOKASIDE_SLOTS);
	(void) sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void) sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	(void) sqlite3_busy_timeout(db, BUSY_MSEC);
	(void) snprintf(sql, sizeof(sql),
		"PRAGMA cache_size = -%d; PRAGMA mmap_size = 0; PRAGMA cell_size_check = 1;",
		DATABASE_CACHE_KIB);
	return database_execute(db, sql);
}

int database_open(const char *path, int flags, sqlite3 **ret)
{
	_cleanup_(database_closep) sqlite3 *db = NULL;
	char uri[URI_SIZE];
	int r, code;

	r = check_type(path);
	if (r < 0)
		return r;
	r = uri_of(path, (flags & SQLITE_OPEN_READONLY) && is_immutable(path), uri);
	if (r < 0)
		return r;
	code = sqlite3_open_v2(uri, &db, flags | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);
	if (code != SQLITE_OK)
		return database_error(db, code);
	if ((flags & SQLITE_OPEN_READWRITE) && sqlite3_db_readonly(db, "main") != 0)
		return -EACCES;
	r = check_header(db);
	if (r < 0)
		return r;
	r = configure(db);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(db);
	return 0;
}
