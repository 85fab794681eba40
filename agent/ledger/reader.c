/*
 * The reader: in the agent for the bus, and in proscribectl. Rows are copied out a page at a time,
 * so that no read transaction stays open while the caller is slow: the writer's log could not be
 * cut back meanwhile, and would grow for as long as somebody leaves a pager open.
 */
#include "agent/ledger/reader.h"

#include <sqlite3.h>
#include <string.h>

#include "agent/ledger/database.h"

enum {
	PAGE_ROWS = 32,
	SQL_SIZE = 2048,
};

enum column_type {
	COLUMN_TEXT,
	COLUMN_INTEGER, /* NULL reads as -1 */
};

static const struct {
	const char *expression;
	enum column_type type;
	size_t offset;
} columns[] = {
#define TEXT(name)                                                     \
	{                                                              \
		"r." #name, COLUMN_TEXT, offsetof(struct record, name) \
	}
#define INTEGER(name)                                                     \
	{                                                                 \
		"r." #name, COLUMN_INTEGER, offsetof(struct record, name) \
	}
#define COMPUTED(name, text)                                     \
	{                                                        \
		text, COLUMN_TEXT, offsetof(struct record, name) \
	}
	INTEGER(sequence),
	TEXT(id),
	TEXT(kind),
	TEXT(outcome),
	TEXT(verdict),
	TEXT(evidence),
	TEXT(risk),
	TEXT(host),
	TEXT(user),
	TEXT(tty),
	INTEGER(utc_nsec),
	INTEGER(uid),
	INTEGER(login_uid),
	INTEGER(pid),
	INTEGER(parent),
	TEXT(path),
	INTEGER(device),
	INTEGER(inode),
	INTEGER(size),
	COMPUTED(sha256,
		"lower(hex(coalesce(r.sha256, (SELECT d.sha256 FROM record AS d WHERE d.id = r.id "
		"AND d.kind = 'digest' AND d.sequence <= ?2 LIMIT 1))))"),
	TEXT(purl),
	TEXT(version),
	TEXT(software_id),
	TEXT(software_name),
	TEXT(rules),
	TEXT(reason),
	TEXT(reference),
	TEXT(url),
	TEXT(alternative_name),
	TEXT(alternative_url),
	TEXT(policy_name),
	TEXT(policy_owner),
	TEXT(policy_contact),
	COMPUTED(policy_digest, "lower(hex(r.policy_digest))"),
	TEXT(detail),
	INTEGER(count),
#undef TEXT
#undef INTEGER
#undef COMPUTED
};

struct row {
	struct record record;
	char *texts; /* one block that holds them all */
};

struct ledger_reader {
	sqlite3 *db;
	sqlite3_stmt *page; /* NULL: nothing is being looked up */
	uint64_t after, left;
	size_t n_rows, at;
	struct row rows[PAGE_ROWS];
};

int ledger_reader_open(const char *path, struct ledger_reader **ret)
{
	_cleanup_(ledger_reader_closep) struct ledger_reader *r = calloc(1, sizeof(*r));
	int e;

	if (!r)
		return -ENOMEM;
	e = database_open(path, SQLITE_OPEN_READONLY, &r->db);
	if (e >= 0) /* the first real access: lock files that cannot be made show up here */
		e = database_execute(r->db, "SELECT 1 FROM record LIMIT 1");
	if (e < 0)
		return e;
	*ret = TAKE_PTR(r);
	return 0;
}

static void drop_rows(struct ledger_reader *r)
{
	for (size_t i = 0; i < r->n_rows; i++) {
		free(r->rows[i].texts);
		r->rows[i].texts = NULL;
	}
	r->n_rows = r->at = 0;
}

static void end_search(struct ledger_reader *r)
{
	drop_rows(r);
	(void) sqlite3_finalize(TAKE_PTR(r->page));
}

struct ledger_reader *ledger_reader_close(struct ledger_reader *r)
{
	if (!r)
		return NULL;
	end_search(r);
	(void) sqlite3_close_v2(r->db);
	free(r);
	return NULL;
}

/* ---- the search ---- */

/* Parameters: 1 after, 2 until, 3 since, 4 uid, 5 id, 6 limit. */
static void write_conditions(const struct record_filter *f, char *out, size_t size)
{
	/* The words of the index record_scan, or SQLite would not see that it fits. */
	(void) snprintf(out, size, "r.sequence > ?1 AND r.sequence <= ?2%s%s%s%s%s",
		f->of_scans ? " AND r.kind IN ('finding', 'scan')" : "",
		f->since_nsec ? " AND r.utc_nsec >= ?3" : "", f->uid >= 0 ? " AND r.uid = ?4" : "",
		f->id ? " AND r.id = ?5" : "", f->with_digests ? "" : " AND r.kind <> 'digest'");
}

static int prepare(struct ledger_reader *r, const char *sql, const struct record_filter *f,
	uint64_t until, uint64_t limit, sqlite3_stmt **ret)
{
	_cleanup_(database_finalizep) sqlite3_stmt *s = NULL;
	const int64_t numbers[] = { (int64_t) f->after, (int64_t) until, f->since_nsec, f->uid };
	int code;

	code = sqlite3_prepare_v2(r->db, sql, -1, &s, NULL);
	if (code != SQLITE_OK)
		return database_error(r->db, code);
	/* A parameter that this search does not use is out of range: that is no failure. */
	for (int i = 0; i < (int) ARRAY_SIZE(numbers); i++)
		(void) sqlite3_bind_int64(s, i + 1, numbers[i]);
	if (f->id && sqlite3_bind_text(s, 5, f->id, -1, SQLITE_TRANSIENT) != SQLITE_OK)
		return -ENOMEM;
	(void) sqlite3_bind_int64(s, 6, (int64_t) limit);
	*ret = TAKE_PTR(s);
	return 0;
}

/* The first column of the first row; 0 when it is NULL. */
static int query_number(struct ledger_reader *r, sqlite3_stmt *s, uint64_t *ret)
{
	int code = sqlite3_step(s);

	if (code == SQLITE_ROW)
		*ret = (uint64_t) sqlite3_column_int64(s, 0);
	return database_error(r->db, code);
}

/* A search sees what was there when it began, so that it ends however fast the writer is. */
static int find_end(struct ledger_reader *r, uint64_t *ret)
{
	_cleanup_(database_finalizep) sqlite3_stmt *s = NULL;
	int code;

	code = sqlite3_prepare_v2(
		r->db, "SELECT coalesce(max(sequence), 0) FROM record", -1, &s, NULL);
	if (code != SQLITE_OK)
		return database_error(r->db, code);
	return query_number(r, s, ret);
}

/* Where the last f->last records that pass begin. */
static int find_start(
	struct ledger_reader *r, const struct record_filter *f, uint64_t until, uint64_t *ret_after)
{
	_cleanup_(database_finalizep) sqlite3_stmt *s = NULL;
	char conditions[256], sql[512];
	uint64_t first = 0;
	int e;

	write_conditions(f, conditions, sizeof(conditions));
	(void) snprintf(sql, sizeof(sql),
		"SELECT min(sequence) FROM (SELECT r.sequence AS sequence FROM record AS r "
		"WHERE %s ORDER BY r.sequence DESC LIMIT ?6)",
		conditions);
	e = prepare(r, sql, f, until, f->last, &s);
	if (e < 0)
		return e;
	e = query_number(r, s, &first);
	if (e < 0)
		return e;
	*ret_after = first > 0 ? first - 1 : until;
	return 0;
}

static int prepare_page(struct ledger_reader *r, const struct record_filter *f, uint64_t until)
{
	char conditions[256], sql[SQL_SIZE] = "SELECT ";
	size_t n = strlen(sql);

	write_conditions(f, conditions, sizeof(conditions));
	for (size_t i = 0; i < ARRAY_SIZE(columns) && n < sizeof(sql); i++)
		n += (size_t) snprintf(
			sql + n, sizeof(sql) - n, "%s%s", i ? ", " : "", columns[i].expression);
	if (n < sizeof(sql))
		n += (size_t) snprintf(sql + n, sizeof(sql) - n,
			" FROM record AS r WHERE %s ORDER BY r.sequence LIMIT ?6", conditions);
	if (n >= sizeof(sql))
		return -ENOBUFS;
	return prepare(r, sql, f, until, PAGE_ROWS, &r->page);
}

int ledger_reader_find(struct ledger_reader *r, const struct record_filter *f)
{
	uint64_t until = 0;
	int e;

	end_search(r);
	r->after = f->after;
	r->left = f->last ? f->last : UINT64_MAX;
	if (f->after > INT64_MAX || f->last > INT64_MAX)
		return -EINVAL;
	e = find_end(r, &until);
	if (e >= 0 && f->last)
		e = find_start(r, f, until, &r->after);
	if (e >= 0)
		e = prepare_page(r, f, until);
	return e;
}

/* ---- rows ---- */

static size_t texts_size(sqlite3_stmt *s)
{
	size_t size = 0;

	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		if (columns[i].type == COLUMN_TEXT)
			size += (size_t) sqlite3_column_bytes(s, (int) i) + 1;
	return size;
}

/* NULL for NULL and for "" (the hex of NULL); otherwise a copy at *end. */
static const char *copy_text(sqlite3_stmt *s, int column, char **end)
{
	const void *bytes = sqlite3_column_blob(s, column);
	size_t n = (size_t) sqlite3_column_bytes(s, column);
	char *text = *end;

	if (!bytes || n == 0)
		return NULL;
	memcpy(text, bytes, n);
	text[n] = '\0';
	*end += n + 1;
	return text;
}

static int copy_row(sqlite3_stmt *s, struct row *ret)
{
	char *base = (char *) &ret->record, *end;

	ret->texts = end = malloc(texts_size(s) + 1);
	if (!end)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		int column = (int) i;

		if (columns[i].type == COLUMN_TEXT) {
			const char *text = copy_text(s, column, &end);

			memcpy(base + columns[i].offset, &text, sizeof(text));
		} else {
			int64_t number = sqlite3_column_type(s, column) == SQLITE_NULL
				? -1
				: sqlite3_column_int64(s, column);

			memcpy(base + columns[i].offset, &number, sizeof(number));
		}
	}
	return 0;
}

static int read_page(struct ledger_reader *r)
{
	int code = SQLITE_DONE, e = 0;

	drop_rows(r);
	(void) sqlite3_bind_int64(r->page, 1, (int64_t) r->after);
	while (e >= 0 && r->n_rows < PAGE_ROWS && (code = sqlite3_step(r->page)) == SQLITE_ROW) {
		e = copy_row(r->page, &r->rows[r->n_rows]);
		if (e >= 0)
			r->after = r->rows[r->n_rows++].record.sequence;
	}
	if (e >= 0)
		e = database_error(r->db, code);
	(void) sqlite3_reset(r->page);
	return e;
}

int ledger_reader_next(struct ledger_reader *r, struct record *ret)
{
	int e;

	if (!r->page)
		return 0;
	if (r->left > 0 && r->at == r->n_rows) {
		e = read_page(r);
		if (e < 0)
			return e;
	}
	if (r->left == 0 || r->at == r->n_rows) {
		end_search(r);
		return 0;
	}
	r->left--;
	*ret = r->rows[r->at++].record;
	return 1;
}
