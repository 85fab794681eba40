/* rpm's database with bytes changed: an inspector reads it to an end, and says nothing of packages
 * that nobody asked about unless a header that was found by a wanted name says so itself. The input
 * is a list of changes: three bytes for the place, one for the value. */
#include <sqlite3.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/inspector/rpmdb.h"
#include "policy/base/cleanup.h"
#include "policy/base/fd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Two packages, the second of them wanted. */
static const char schema[] =
	"PRAGMA page_size = 512; CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB NOT "
	"NULL); CREATE TABLE Name (key TEXT NOT NULL, hnum INTEGER NOT NULL, idx INTEGER NOT NULL);"
	"CREATE INDEX Name_key_idx ON Name(key ASC);"
	"INSERT INTO Packages VALUES (1, zeroblob(3000)), (2, x'0000000100000005"
	"000003e8000000060000000000000001" /* its name */
	"6375726c00');"                    /* "curl" */
	"INSERT INTO Name VALUES ('bash', 1, 0), ('curl', 2, 0);";

static int check_record(enum packages_record tag, const char *text, void *context)
{
	size_t *n = context;

	if (!*text || (tag == RECORD_FILE && *text != '/'))
		abort();
	(*n)++;
	return 0;
}

static unsigned char *make_database(sqlite3_int64 *ret_size)
{
	unsigned char *bytes = NULL;
	sqlite3 *db = NULL;

	if (sqlite3_open(":memory:", &db) == SQLITE_OK &&
		sqlite3_exec(db, schema, NULL, NULL, NULL) == SQLITE_OK)
		bytes = sqlite3_serialize(db, "main", ret_size, 0);
	(void) sqlite3_close(db);
	return bytes;
}

static int read_database(const unsigned char *bytes, size_t size, size_t *ret_n)
{
	static const char wanted[] = "curl";
	_cleanup_close_ int fd = memfd_create("rpmdb", MFD_CLOEXEC);
	_cleanup_close_ int names_fd = memfd_create("names", MFD_CLOEXEC);
	_cleanup_(name_list_done) struct name_list names = { 0 };
	struct sink sink = { .put = check_record, .context = ret_n };

	if (fd < 0 || fd_write_full(fd, bytes, size) < 0 ||
		fd_write_full(names_fd, wanted, sizeof(wanted)) < 0 ||
		name_list_read(names_fd, &names) < 0)
		return -ENOMEM;
	return rpmdb_read(fd, &names, &sink);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	sqlite3_int64 n_bytes = 0;
	unsigned char *bytes = make_database(&n_bytes);
	size_t n_records = 0;
	int r;

	if (!bytes)
		return 0;
	for (size_t i = 0; i + 4 <= size; i += 4) {
		size_t at = (size_t) data[i] << 16 | (size_t) data[i + 1] << 8 | data[i + 2];

		bytes[at % (size_t) n_bytes] = data[i + 3];
	}
	r = read_database(bytes, (size_t) n_bytes, &n_records);
	sqlite3_free(bytes);
	if (size < 4 && (r != 0 || n_records != 1))
		abort();
	return 0;
}
