/*
 * The writer: the agent's recorder thread, alone. A new database is built aside and renamed into
 * place whole, so that a file that is not one of ours is never touched.
 */
#include "agent/ledger/ledger.h"

#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/ledger/database.h"
#include "policy/base/fd.h"

enum {
	WAL_PAGES = 256,                 /* then the log is copied into the database */
	WAL_SIZE_MAX = 4096 * WAL_PAGES, /* and cut back to this, should it have grown */
	LEDGER_MODE = 0640,
};

struct ledger {
	sqlite3 *db;
	sqlite3_stmt *last, *insert;
};

/* schema.sql itself, as a string. */
extern const char ledger_schema[] __attribute__((visibility("hidden")));
__asm__(".pushsection .rodata,\"a\",@progbits\n"
	".hidden ledger_schema\n"
	".globl ledger_schema\n"
	"ledger_schema:\n"
	".incbin \"agent/ledger/schema.sql\"\n"
	".byte 0\n"
	".popsection\n");

static int path_with(const char *path, const char *suffix, char out[PATH_MAX])
{
	return snprintf(out, PATH_MAX, "%s%s", path, suffix) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static int make_file(const char *path)
{
	_cleanup_close_ int fd = -1;

	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, LEDGER_MODE);
	if (fd < 0 || fchmod(fd, LEDGER_MODE) < 0)
		return -errno;
	return 0;
}

/* The marks of the format go into the file's header in the same transaction as the tables. */
static int fill(const char *path)
{
	_cleanup_(database_closep) sqlite3 *db = NULL;
	char marks[128];
	int r, code;

	code = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (code != SQLITE_OK)
		return database_error(db, code);
	(void) snprintf(marks, sizeof(marks),
		"PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT;",
		DATABASE_APPLICATION_ID, DATABASE_VERSION);
	r = database_execute(db, "PRAGMA synchronous = EXTRA; BEGIN EXCLUSIVE;");
	if (r >= 0)
		r = database_execute(db, ledger_schema);
	if (r >= 0)
		r = database_execute(db, marks);
	if (r >= 0)
		r = database_execute(db, "PRAGMA journal_mode = WAL;");
	return r;
}

static int create(const char *path)
{
	char aside[PATH_MAX], leftover[PATH_MAX];
	static const char *const leftovers[] = { "-wal", "-shm" };
	int r;

	r = path_with(path, ".new", aside);
	if (r < 0)
		return r;
	r = make_file(aside);
	if (r >= 0)
		r = fill(aside);
	/* The log of a database that is gone must not be replayed into the new one. */
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(leftovers); i++) {
		r = path_with(path, leftovers[i], leftover);
		if (r >= 0 && unlink(leftover) < 0 && errno != ENOENT)
			r = -errno;
	}
	if (r >= 0 && renameat2(AT_FDCWD, aside, AT_FDCWD, path, RENAME_NOREPLACE) < 0)
		r = -errno;
	if (r < 0) {
		(void) unlink(aside);
		return r;
	}
	return fd_sync_folder_of(path);
}

static int configure(struct ledger *l)
{
	int keep_log = 1, code;
	char sql[160];

	/* Kept after the last close, so that a reader without write access can still read. */
	code = sqlite3_file_control(l->db, "main", SQLITE_FCNTL_PERSIST_WAL, &keep_log);
	if (code != SQLITE_OK)
		return database_error(l->db, code);
	(void) snprintf(sql, sizeof(sql),
		"PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = %d; "
		"PRAGMA journal_size_limit = %d; PRAGMA temp_store = MEMORY;",
		WAL_PAGES, WAL_SIZE_MAX);
	return database_execute(l->db, sql);
}

static int prepare(struct ledger *l)
{
	static const char last[] = "SELECT coalesce(max(sequence), 0) FROM record";
	static const char insert[] =
		"INSERT INTO record (sequence, kind, id, utc_nsec, host, outcome, verdict, "
		"evidence, risk, uid, user, login_uid, pid, parent, tty, path, device, inode, "
		"size, sha256, purl, version, software_id, software_name, rules, reason, "
		"reference, url, alternative_name, alternative_url, policy_name, policy_owner, "
		"policy_contact, policy_digest, detail, count) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,"
		"?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
	int code;

	code = sqlite3_prepare_v3(
		l->db, last, sizeof(last), SQLITE_PREPARE_PERSISTENT, &l->last, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_prepare_v3(
			l->db, insert, sizeof(insert), SQLITE_PREPARE_PERSISTENT, &l->insert, NULL);
	return database_error(l->db, code);
}

int ledger_open(const char *path, struct ledger **ret)
{
	_cleanup_(ledger_closep) struct ledger *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	r = database_open(path, SQLITE_OPEN_READWRITE, &l->db);
	if (r == -ENOENT) {
		r = create(path);
		if (r >= 0 || r == -EEXIST)
			r = database_open(path, SQLITE_OPEN_READWRITE, &l->db);
	}
	if (r >= 0)
		r = configure(l);
	if (r >= 0)
		r = prepare(l);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(l);
	return 0;
}

struct ledger *ledger_close(struct ledger *l)
{
	if (!l)
		return NULL;
	(void) sqlite3_finalize(l->last);
	(void) sqlite3_finalize(l->insert);
	(void) sqlite3_close_v2(l->db);
	free(l);
	return NULL;
}

/* ---- one record: columns in the order of the INSERT, 1 on. A failed bind leaves its code. ---- */
struct binder {
	sqlite3_stmt *s;
	int column, code;
};

static void bind_integer(struct binder *b, int64_t value)
{
	if (b->code == SQLITE_OK)
		b->code = sqlite3_bind_int64(b->s, ++b->column, value);
}

static void bind_null(struct binder *b)
{
	if (b->code == SQLITE_OK)
		b->code = sqlite3_bind_null(b->s, ++b->column);
}

static void bind_known(struct binder *b, bool known, int64_t value)
{
	if (known)
		bind_integer(b, value);
	else
		bind_null(b);
}

/* Texts outlive the statement's run: nothing is copied. */
static void bind_text(struct binder *b, const char *text)
{
	if (!text || !*text)
		bind_null(b);
	else if (b->code == SQLITE_OK)
		b->code = sqlite3_bind_text(b->s, ++b->column, text, -1, SQLITE_STATIC);
}

static void bind_bytes(struct binder *b, const void *bytes, size_t n)
{
	if (b->code == SQLITE_OK)
		b->code = sqlite3_bind_blob64(b->s, ++b->column, bytes, n, SQLITE_STATIC);
}

static void bind_digest(struct binder *b, bool known, const uint8_t digest[SHA256_SIZE])
{
	if (known)
		bind_bytes(b, digest, SHA256_SIZE);
	else
		bind_null(b);
}

static void bind_event(struct binder *b, const struct event *e)
{
	bind_text(b, event_kind_to_string(e->kind));
	bind_text(b, e->id);
	bind_integer(b, e->utc_nsec);
}

static void bind_judgement(struct binder *b, const struct event *e)
{
	bind_text(b, e->outcome == OUTCOME_NONE ? NULL : outcome_to_string(e->outcome));
	bind_text(b,
		e->kind == EVENT_LAUNCH || e->kind == EVENT_FINDING ? verdict_to_string(e->verdict)
								    : NULL);
	bind_text(b, e->evidence == EVIDENCE_NONE ? NULL : evidence_to_string(e->evidence));
	bind_text(b, e->risk == RISK_UNSTATED ? NULL : risk_to_string(e->risk));
}

static void bind_subject(struct binder *b, const struct event *e, const char *user)
{
	bind_known(b, e->uid != EVENT_UID_UNKNOWN, e->uid);
	bind_text(b, user);
	bind_known(b, e->login_uid != EVENT_UID_UNKNOWN, e->login_uid);
	bind_known(b, e->pid > 0, e->pid);
	bind_known(b, e->parent > 0, e->parent);
	bind_text(b, e->tty);
}

static void bind_object(struct binder *b, const struct event *e)
{
	if (e->path)
		bind_bytes(b, e->path, strlen(e->path));
	else
		bind_null(b);
	bind_integer(b, (int64_t) e->device);
	bind_integer(b, (int64_t) e->inode);
	bind_integer(b, (int64_t) e->size);
	bind_digest(b, e->have_sha256, e->sha256);
	bind_text(b, e->purl);
	bind_text(b, e->version);
}

static void bind_reasons(struct binder *b, const struct event *e)
{
	static const uint8_t none[SHA256_SIZE];

	bind_text(b, e->software_id);
	bind_text(b, e->software_name);
	bind_text(b, e->rules);
	bind_text(b, e->reason);
	bind_text(b, e->reference);
	bind_text(b, e->url);
	bind_text(b, e->alternative_name);
	bind_text(b, e->alternative_url);
	bind_text(b, e->policy_name);
	bind_text(b, e->policy_owner);
	bind_text(b, e->policy_contact);
	bind_digest(b, memcmp(e->policy_digest, none, sizeof(none)) != 0, e->policy_digest);
	bind_text(b, e->detail);
	bind_integer(b, (int64_t) e->count);
}

static int insert(struct ledger *l, uint64_t sequence, const char *host, const struct event *e,
	const char *user)
{
	struct binder b = { .s = l->insert };

	bind_integer(&b, (int64_t) sequence);
	bind_event(&b, e);
	bind_text(&b, host);
	bind_judgement(&b, e);
	bind_subject(&b, e, user);
	bind_object(&b, e);
	bind_reasons(&b, e);
	if (b.code == SQLITE_OK) {
		b.code = sqlite3_step(l->insert);
		(void) sqlite3_reset(l->insert);
	}
	return database_error(l->db, b.code);
}

static int last_sequence(struct ledger *l, uint64_t *ret)
{
	int code = sqlite3_step(l->last);

	if (code == SQLITE_ROW)
		*ret = (uint64_t) sqlite3_column_int64(l->last, 0);
	(void) sqlite3_reset(l->last);
	return database_error(l->db, code);
}

/* Was the file removed or replaced? What is written to it would then be lost. */
static bool has_moved(struct ledger *l)
{
	int moved = 0;

	return sqlite3_file_control(l->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK &&
		moved;
}

int ledger_append(struct ledger *l, const char *host, struct event *const events[],
	const char *const user_names[], size_t n, uint64_t *ret_last)
{
	uint64_t sequence = 0;
	int r;

	if (has_moved(l))
		return -ESTALE;
	r = database_execute(l->db, "BEGIN IMMEDIATE");
	if (r < 0)
		return r;
	r = last_sequence(l, &sequence);
	for (size_t i = 0; r >= 0 && i < n; i++)
		r = insert(l, ++sequence, host, events[i], user_names[i]);
	if (r >= 0)
		r = database_execute(l->db, "COMMIT");
	if (r < 0) {
		(void) database_execute(l->db, "ROLLBACK");
		return r;
	}
	*ret_last = sequence;
	return 0;
}
