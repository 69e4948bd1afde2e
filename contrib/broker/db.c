/*
 * The broker's SQLite file: opening, statements, and the transaction.
 */

#include "contrib/broker/db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "common/fd.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "contrib/broker/schema.h"

#define STATEMENTS_MAX	256
#define BUSY_MS		2000
#define CHECKPOINT_PAGES 2000		/* of the log, 8 MB */

struct db {
	sqlite3		*sql;
	char		*path;
	int		 lock_fd;
	sqlite3_stmt	*statements[STATEMENTS_MAX];
	unsigned	 nstatements;
	sqlite3_stmt	*begin, *commit, *rollback;
	int		 open;		/* a transaction */
	int		 failed;
	const char	*file;		/* that began it */
	int		 line;
	int		 wal_pages;
};

static const char sql_settings[] =
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = FULL;"
    "PRAGMA wal_autocheckpoint = 0;"
    "PRAGMA journal_size_limit = 67108864;"
    "PRAGMA temp_store = MEMORY;"
    "PRAGMA cache_size = -16384;"
    "PRAGMA foreign_keys = ON;"
    "PRAGMA trusted_schema = OFF;";

/* SQLite would create the file with the umask. */
static int
file_create(const char *path)
{
	int	 fd;

	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd == -1)
		return -1;
	fd_close(&fd);
	return 0;
}

int
db_pragma(struct db *db, const char *sql)
{
	sqlite3_stmt	*st = NULL;
	int		 value = -1;

	if (sqlite3_prepare_v2(db->sql, sql, -1, &st, NULL) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW)
		value = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	return value;
}

int
db_exec(struct db *db, const char *sql)
{
	if (sqlite3_exec(db->sql, sql, NULL, NULL, NULL) == SQLITE_OK)
		return 0;
	log_warnx("%s: %s", db->path, sqlite3_errmsg(db->sql));
	return -1;
}

const char *
db_path(const struct db *db)
{
	return db->path;
}

static int
wal_cb(void *arg, sqlite3 *sql, const char *name, int pages)
{
	struct db	*db = arg;

	(void)sql;
	(void)name;
	db->wal_pages = pages;
	return SQLITE_OK;
}

struct db *
db_open(const char *path)
{
	struct db	*db = xcalloc(1, sizeof *db);

	db->path = xstrdup(path);
	db->file = "?";
	db->lock_fd = -1;
	if (file_create(path) == -1) {
		log_warn("%s", path);
		goto fail;
	}
	if (sqlite3_open_v2(path, &db->sql, SQLITE_OPEN_READWRITE |
	    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL) != SQLITE_OK) {
		log_warnx("%s: %s", path, db->sql != NULL ?
		    sqlite3_errmsg(db->sql) : "no memory");
		goto fail;
	}
	sqlite3_busy_timeout(db->sql, BUSY_MS);
	sqlite3_db_config(db->sql, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	if (db_exec(db, sql_settings) == -1 || schema_open(db) == -1)
		goto fail;
	/* After the settings: wal_autocheckpoint is such a hook too. */
	sqlite3_wal_hook(db->sql, wal_cb, db);
	db->begin = db_prepare(db, "BEGIN IMMEDIATE");
	db->commit = db_prepare(db, "COMMIT");
	db->rollback = db_prepare(db, "ROLLBACK");
	return db;

fail:
	db_close(&db);
	return NULL;
}

void
db_close(struct db **dbp)
{
	struct db	*db = *dbp;
	unsigned	 i;

	*dbp = NULL;
	if (db == NULL)
		return;
	for (i = 0; i < db->nstatements; i++)
		sqlite3_finalize(db->statements[i]);
	sqlite3_close(db->sql);
	fd_close(&db->lock_fd);
	free(db->path);
	free(db);
}

/* Not on the file itself: closing a descriptor of it would drop SQLite's. */
int
db_lock(struct db *db)
{
	char	*path = NULL;
	int	 rc = -1;

	xasprintf(&path, "%s-lock", db->path);
	db->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
	    0600);
	if (db->lock_fd == -1)
		log_warn("%s", path);
	else if (flock(db->lock_fd, LOCK_EX | LOCK_NB) == 0)
		rc = 0;
	else if (errno == EWOULDBLOCK)
		log_warnx("%s: another broker serves it", db->path);
	else
		log_warn("%s: lock", path);
	free(path);
	return rc;
}

sqlite3_stmt *
db_prepare(struct db *db, const char *sql)
{
	sqlite3_stmt	*st;

	if (db->nstatements == STATEMENTS_MAX)
		fatalx("%s: too many statements", db->path);
	if (sqlite3_prepare_v3(db->sql, sql, -1, SQLITE_PREPARE_PERSISTENT,
	    &st, NULL) != SQLITE_OK)
		fatalx("%s: %s: %s", db->path, sql, sqlite3_errmsg(db->sql));
	db->statements[db->nstatements++] = st;
	return st;
}

static int
parameter(sqlite3_stmt *st, const char *name)
{
	int	 i = sqlite3_bind_parameter_index(st, name);

	if (i == 0)
		fatalx("%s: no parameter %s", sqlite3_sql(st), name);
	return i;
}

void
db_bind_int(sqlite3_stmt *st, const char *name, int64_t value)
{
	sqlite3_bind_int64(st, parameter(st, name), value);
}

void
db_bind_text(sqlite3_stmt *st, const char *name, const char *value)
{
	if (value == NULL)
		sqlite3_bind_null(st, parameter(st, name));
	else
		sqlite3_bind_text(st, parameter(st, name), value, -1,
		    SQLITE_STATIC);
}

void
db_bind_blob(sqlite3_stmt *st, const char *name, const void *value,
    size_t len)
{
	if (value == NULL)
		sqlite3_bind_null(st, parameter(st, name));
	else
		sqlite3_bind_blob64(st, parameter(st, name), value, len,
		    SQLITE_STATIC);
}

static int
fail(struct db *db)
{
	if (!db->failed)
		log_warnx("%s: %s", db->path, sqlite3_errmsg(db->sql));
	db->failed = 1;
	return -1;
}

int
db_step(struct db *db, sqlite3_stmt *st)
{
	if (db->failed)
		return -1;
	switch (sqlite3_step(st)) {
	case SQLITE_ROW:
		return 1;
	case SQLITE_DONE:
		return 0;
	default:
		return fail(db);
	}
}

void
db_reset(sqlite3_stmt *st)
{
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
}

static int
begin(struct db *db, const char *file, int line)
{
	const char	*slash = strrchr(file, '/');

	if (db->failed)
		return -1;
	if (db->open)
		return 0;
	db->file = slash != NULL ? slash + 1 : file;
	db->line = line;
	db->open = db_step(db, db->begin) == 0;
	db_reset(db->begin);
	return db->open ? 0 : -1;
}

int
db_write_at(struct db *db, sqlite3_stmt *st, const char *file, int line)
{
	int	 rc = -1;

	if (begin(db, file, line) == 0)
		rc = db_step(db, st);
	db_reset(st);
	return rc == -1 ? -1 : sqlite3_changes(db->sql);
}

int
db_in_transaction(const struct db *db)
{
	return db->open;
}

int
db_failed(const struct db *db)
{
	return db->failed;
}

int
db_commit(struct db *db)
{
	int	 rc;

	if (!db->open && !db->failed)
		return 0;
	rc = db_step(db, db->commit);	/* -1 when something failed before */
	db_reset(db->commit);
	if (rc == -1) {
		log_warnx("%s: rolled back what %s:%d began", db->path,
		    db->file, db->line);
		db_rollback(db);
		return -1;
	}
	db->open = 0;
	return 0;
}

void
db_rollback(struct db *db)
{
	db->failed = 0;
	db->open = 0;
	/* After some errors SQLite has done it by itself. */
	if (!sqlite3_get_autocommit(db->sql))
		(void)db_step(db, db->rollback);
	db_reset(db->rollback);
	db->failed = 0;
}

void
db_checkpoint(struct db *db)
{
	if (db->open || db->wal_pages < CHECKPOINT_PAGES)
		return;
	/* A reader may hold it back: then after the next commit. */
	db->wal_pages = 0;
	sqlite3_wal_checkpoint_v2(db->sql, NULL, SQLITE_CHECKPOINT_PASSIVE,
	    NULL, NULL);
}

const void *
db_column_blob(sqlite3_stmt *st, int column, size_t len)
{
	if (sqlite3_column_type(st, column) != SQLITE_BLOB ||
	    (size_t)sqlite3_column_bytes(st, column) != len)
		return NULL;
	return sqlite3_column_blob(st, column);
}

const char *
db_column_text(sqlite3_stmt *st, int column)
{
	const char	*text;

	text = (const char *)sqlite3_column_text(st, column);
	return text != NULL ? text : "";
}
