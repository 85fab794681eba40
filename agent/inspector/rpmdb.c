/*
 * Runs inside the inspector. SQLite sees one file, by descriptor, through the few functions below;
 * there is nothing else that it could open, and nothing it could write to. The database may be
 * anybody's work: a bound on steps and on memory, and no schema is trusted.
 */
#include "agent/inspector/rpmdb.h"

#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/inspector/rpm_header.h"
#include "policy/base/cleanup.h"
#include "policy/base/fd.h"

enum {
	STEPS_AT_A_TIME = 1000000, /* of SQLite's virtual machine */
	STEPS_TIMES_MAX = 100,
	HEAP_MAX = 40 << 20,
	PATHNAME_MAX = 64,
	SECTOR_SIZE = 4096,
};

/* ---- the file, as SQLite knows it ---- */

struct file {
	struct sqlite3_file base;
	int fd; /* borrowed */
};

static int file_close(sqlite3_file *f)
{
	(void) f;
	return SQLITE_OK;
}

static int file_read(sqlite3_file *f, void *buffer, int n, sqlite3_int64 offset)
{
	ssize_t r = fd_pread_full(((struct file *) f)->fd, buffer, (size_t) n, offset);

	if (r < 0)
		return SQLITE_IOERR_READ;
	if (r == n)
		return SQLITE_OK;
	memset((char *) buffer + r, 0, (size_t) (n - r));
	return SQLITE_IOERR_SHORT_READ;
}

static int file_write(sqlite3_file *f, const void *buffer, int n, sqlite3_int64 offset)
{
	(void) f;
	(void) buffer;
	(void) n;
	(void) offset;
	return SQLITE_READONLY;
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	(void) f;
	(void) size;
	return SQLITE_READONLY;
}

static int file_flags(sqlite3_file *f, int flags)
{
	(void) f;
	(void) flags;
	return SQLITE_OK;
}

static int file_unlock(sqlite3_file *f, int lock)
{
	(void) f;
	(void) lock;
	return SQLITE_OK;
}

static int file_size(sqlite3_file *f, sqlite3_int64 *ret)
{
	struct stat st;

	if (fstat(((struct file *) f)->fd, &st) < 0)
		return SQLITE_IOERR_FSTAT;
	*ret = st.st_size;
	return SQLITE_OK;
}

static int file_is_reserved(sqlite3_file *f, int *ret)
{
	(void) f;
	*ret = 0;
	return SQLITE_OK;
}

static int file_control(sqlite3_file *f, int operation, void *argument)
{
	(void) f;
	(void) operation;
	(void) argument;
	return SQLITE_NOTFOUND;
}

static int file_sector_size(sqlite3_file *f)
{
	(void) f;
	return SECTOR_SIZE;
}

static int file_characteristics(sqlite3_file *f)
{
	(void) f;
	return SQLITE_IOCAP_IMMUTABLE;
}

static const sqlite3_io_methods file_methods = {
	.iVersion = 1,
	.xClose = file_close,
	.xRead = file_read,
	.xWrite = file_write,
	.xTruncate = file_truncate,
	.xSync = file_flags,
	.xFileSize = file_size,
	.xLock = file_flags,
	.xUnlock = file_unlock,
	.xCheckReservedLock = file_is_reserved,
	.xFileControl = file_control,
	.xSectorSize = file_sector_size,
	.xDeviceCharacteristics = file_characteristics,
};

static int system_open(
	sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *f, int flags, int *ret_flags)
{
	(void) name;
	f->pMethods = NULL;
	if (!(flags & SQLITE_OPEN_MAIN_DB))
		return SQLITE_CANTOPEN;
	((struct file *) f)->fd = *(const int *) vfs->pAppData;
	f->pMethods = &file_methods;
	if (ret_flags)
		*ret_flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_MAIN_DB;
	return SQLITE_OK;
}

static int system_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
	(void) vfs;
	(void) name;
	(void) sync;
	return SQLITE_READONLY;
}

static int system_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret)
{
	(void) vfs;
	(void) name;
	(void) flags;
	*ret = 0;
	return SQLITE_OK;
}

static int system_full_name(sqlite3_vfs *vfs, const char *name, int size, char *out)
{
	(void) vfs;
	(void) snprintf(out, (size_t) size, "%s", name);
	return SQLITE_OK;
}

static int system_random(sqlite3_vfs *vfs, int n, char *out)
{
	(void) vfs;
	memset(out, 0, (size_t) n);
	return n;
}

static int system_sleep(sqlite3_vfs *vfs, int usec)
{
	(void) vfs;
	return usec;
}

static int system_time(sqlite3_vfs *vfs, double *ret)
{
	(void) vfs;
	*ret = 0;
	return SQLITE_OK;
}

/* ---- the database ---- */

static void closep(sqlite3 **db)
{
	(void) sqlite3_close_v2(*db);
}

static void finalizep(sqlite3_stmt **s)
{
	(void) sqlite3_finalize(*s);
}

static int error_of(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW:
		return 0;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_INTERRUPT:
	case SQLITE_TOOBIG:
		return -E2BIG;
	case SQLITE_IOERR:
		return -EIO;
	default:
		return -EBADMSG;
	}
}

static int on_progress(void *context)
{
	return ++*(int *) context > STEPS_TIMES_MAX;
}

static int open_database(sqlite3_vfs *vfs, int *n_steps, sqlite3 **ret)
{
	_cleanup_(closep) sqlite3 *db = NULL;
	int code = sqlite3_open_v2("file:rpmdb?immutable=1", &db,
		SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, vfs->zName);

	if (code != SQLITE_OK)
		return error_of(code);
	(void) sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void) sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	(void) sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	(void) sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	(void) sqlite3_limit(db, SQLITE_LIMIT_LENGTH, RPM_HEADER_MAX);
	(void) sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
	sqlite3_progress_handler(db, STEPS_AT_A_TIME, on_progress, n_steps);
	*ret = TAKE_PTR(db);
	return 0;
}

static int read_package(sqlite3_stmt *header, sqlite3_int64 number, struct sink *sink)
{
	const uint8_t *data;
	int r, code;

	(void) sqlite3_reset(header);
	(void) sqlite3_bind_int64(header, 1, number);
	code = sqlite3_step(header);
	if (code != SQLITE_ROW)
		return code == SQLITE_DONE ? -EBADMSG : error_of(code);
	data = sqlite3_column_blob(header, 0);
	if (!data)
		return -EBADMSG;
	r = rpm_header_read(data, (size_t) sqlite3_column_bytes(header, 0), sink);
	(void) sqlite3_reset(header);
	return r;
}

/* One pass over all names is quick, and needs no order that a database of strangers' may lack. */
static int read_packages(sqlite3 *db, const struct name_list *names, struct sink *sink)
{
	_cleanup_(finalizep) sqlite3_stmt *index = NULL, *header = NULL;
	int r = 0, code;

	code = sqlite3_prepare_v2(db, "SELECT key, hnum FROM Name", -1, &index, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_prepare_v2(
			db, "SELECT blob FROM Packages WHERE hnum = ?1", -1, &header, NULL);
	if (code != SQLITE_OK)
		return error_of(code);
	while (r == 0 && (code = sqlite3_step(index)) == SQLITE_ROW) {
		const char *name = (const char *) sqlite3_column_text(index, 0);

		if (name && name_list_hold(names, name))
			r = read_package(header, sqlite3_column_int64(index, 1), sink);
	}
	return r ?: error_of(code);
}

int rpmdb_read(int fd, const struct name_list *names, struct sink *sink)
{
	sqlite3_vfs vfs = {
		.iVersion = 1,
		.szOsFile = sizeof(struct file),
		.mxPathname = PATHNAME_MAX,
		.zName = "descriptor",
		.pAppData = &fd,
		.xOpen = system_open,
		.xDelete = system_delete,
		.xAccess = system_access,
		.xFullPathname = system_full_name,
		.xRandomness = system_random,
		.xSleep = system_sleep,
		.xCurrentTime = system_time,
	};
	sqlite3 *db = NULL;
	int r, n_steps = 0;

	/* Sets the library up, which needs no system call; inspectors that are never asked this
	 * have no memory of it. */
	if (sqlite3_vfs_register(&vfs, 0) != SQLITE_OK)
		return -ENOTSUP;
	(void) sqlite3_hard_heap_limit64(HEAP_MAX);
	r = open_database(&vfs, &n_steps, &db);
	r = r ?: read_packages(db, names, sink);
	(void) sqlite3_close_v2(db);
	(void) sqlite3_vfs_unregister(&vfs);
	return r;
}
