/*
 * The connection that writes: statements, transactions, faults.
 *
 * Waiting for a lock blocks everybody, so it is bounded: 2 s for the first
 * transaction that finds the file locked, a fifth of a second for each one
 * after it, until one succeeds again.
 */

#include "supervisor/store/db.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/encode.h"
#include "common/log.h"
#include "supervisor/store/db_impl.h"

#define BUSY_FIRST_MS	2000
#define BUSY_AGAIN_MS	200
#define BUSY_PAUSE_MS	1
#define COMPLAIN_MS	60000

/* Somebody holds a lock: pause and try again, until the time is up. */
int
db_busy_cb(void *arg, int count)
{
	struct db	*d = arg;
	struct timespec	 ts = { 0, BUSY_PAUSE_MS * 1000000L };

	(void)count;
	if (clock_mono_ms() >= d->busy_until)
		return 0;
	nanosleep(&ts, NULL);
	return 1;
}

const char *
db_path(const struct db *d)
{
	return d->path;
}

enum db_fault
db_fault(const struct db *d)
{
	return d->fault;
}

uint64_t
db_commits(const struct db *d)
{
	return d->commits;
}

/*
 * Did a file fail for want of space?  SQLite knows only of a full disk; by the
 * time that it tells us of another failure, errno is that of its cleaning up,
 * but each file remembers its own.
 */
static int
db_file_full(struct db *d, int which)
{
	sqlite3_file	*f = NULL;
	int		 error = 0;

	if (sqlite3_file_control(d->sql, "main", which, &f) != SQLITE_OK ||
	    f == NULL || f->pMethods == NULL ||
	    f->pMethods->xFileControl(f, SQLITE_FCNTL_LAST_ERRNO, &error) !=
	    SQLITE_OK)
		return 0;
	return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

static enum db_fault
db_classify(struct db *d, int rc)
{
	switch (rc & 0xff) {
	case SQLITE_FULL:
		return DB_FULL;
	case SQLITE_IOERR:
		return db_file_full(d, SQLITE_FCNTL_FILE_POINTER) ||
		    db_file_full(d, SQLITE_FCNTL_JOURNAL_POINTER) ?
		    DB_FULL : DB_BUSY;
	case SQLITE_CONSTRAINT:
		return DB_CONSTRAINT;
	}
	return DB_BUSY;
}

/* Remember a fault and say what a person can do, but not every time. */
void
db_failed(struct db *d, int rc, const char *what)
{
	static const char *const advice[] = {
		[DB_FULL] = ": no space left: free some",
		[DB_BUSY] = "",
		[DB_CONSTRAINT] = "",
	};
	int64_t		 now = clock_mono_ms();
	enum db_fault	 f = db_classify(d, rc);

	d->fault = f;
	if ((rc & 0xff) == SQLITE_BUSY)
		db_holder_complain(d);
	if (d->complained[f] != 0 && now - d->complained[f] < COMPLAIN_MS)
		return;
	d->complained[f] = now;
	log_warnx("%s: %.24s (%s:%d): %s (%d)%s", d->path, what,
	    d->file != NULL ? d->file : "start", d->line,
	    sqlite3_errmsg(d->sql), sqlite3_extended_errcode(d->sql),
	    advice[f]);
}

/* ---- transactions ---- */

int
db_begin_at(struct db *d, const char *file, int line)
{
	if (d->in_tx)
		fatalx("%s:%d: a transaction of %s:%d is open", file, line,
		    d->file, d->line);
	d->file = strrchr(file, '/') != NULL ? strrchr(file, '/') + 1 : file;
	d->line = line;
	d->busy_until = clock_mono_ms() +
	    (d->fault == DB_BUSY ? BUSY_AGAIN_MS : BUSY_FIRST_MS);
	if (db_run(d, d->st_begin) == -1)
		return -1;
	d->in_tx = 1;
	d->fault = DB_FINE;
	return 0;
}

int
db_commit(struct db *d)
{
	if (db_run(d, d->st_commit) == -1) {
		db_rollback(d);
		return -1;
	}
	d->in_tx = 0;
	d->commits++;
	return 0;
}

/* SQLite may have rolled back already: on FULL and some I/O errors it does. */
void
db_rollback(struct db *d)
{
	enum db_fault	f = d->fault;

	if (d->in_tx && !sqlite3_get_autocommit(d->sql))
		(void)db_run(d, d->st_rollback);
	d->in_tx = 0;
	d->fault = f;
}

/* ---- statements ---- */

sqlite3_stmt *
db_prepare(struct db *d, const char *sql)
{
	sqlite3_stmt	*st = NULL;

	if (sqlite3_prepare_v3(d->sql, sql, -1, SQLITE_PREPARE_PERSISTENT,
	    &st, NULL) != SQLITE_OK)
		fatalx("%s: %s: %s", d->path, sqlite3_errmsg(d->sql), sql);
	return st;
}

void
db_prepare_all(struct db *d, sqlite3_stmt **st, const char *const *sql, int n)
{
	int	i;

	for (i = 0; i < n; i++)
		st[i] = db_prepare(d, sql[i]);
}

void
db_finalize_all(sqlite3_stmt **st, int n)
{
	int	i;

	for (i = 0; i < n; i++)
		sqlite3_finalize(st[i]);
}

static int
db_index(sqlite3_stmt *st, const char *name)
{
	int	i = sqlite3_bind_parameter_index(st, name);

	if (i == 0)
		fatalx("no parameter %s in %s", name, sqlite3_sql(st));
	return i;
}

void
db_int(sqlite3_stmt *st, const char *name, int64_t v)
{
	sqlite3_bind_int64(st, db_index(st, name), v);
}

void
db_text(sqlite3_stmt *st, const char *name, const char *s)
{
	sqlite3_bind_text(st, db_index(st, name), s, -1, SQLITE_STATIC);
}

void
db_text_opt(sqlite3_stmt *st, const char *name, const char *s)
{
	db_text(st, name, *s != '\0' ? s : NULL);
}

void
db_blob(sqlite3_stmt *st, const char *name, const void *p, size_t len)
{
	if (len > 0)
		sqlite3_bind_blob(st, db_index(st, name), p, (int)len,
		    SQLITE_STATIC);
	else
		sqlite3_bind_zeroblob(st, db_index(st, name), 0);
}

int
db_step(struct db *d, sqlite3_stmt *st)
{
	int	rc = sqlite3_step(st);

	if (rc == SQLITE_ROW)
		return 1;
	if (rc != SQLITE_DONE)
		db_failed(d, rc, sqlite3_sql(st));
	db_reset(st);
	return rc == SQLITE_DONE ? 0 : -1;
}

void
db_reset(sqlite3_stmt *st)
{
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
}

int
db_run(struct db *d, sqlite3_stmt *st)
{
	int	ret;

	while ((ret = db_step(d, st)) == 1)
		;
	return ret;
}

int
db_changes(struct db *d)
{
	return sqlite3_changes(d->sql);
}

int64_t
db_last_row(struct db *d)
{
	return sqlite3_last_insert_rowid(d->sql);
}

int
db_utf8(const char *s)
{
	return utf8_valid(s, strlen(s), 0);
}

void
db_col_text(sqlite3_stmt *st, int i, char *buf, size_t size)
{
	const char	*s = (const char *)sqlite3_column_text(st, i);

	snprintf(buf, size, "%s", s != NULL ? s : "");
}

void
db_col_blob(sqlite3_stmt *st, int i, uint8_t *buf, size_t len)
{
	const void	*p = sqlite3_column_blob(st, i);

	memset(buf, 0, len);
	if (p != NULL && sqlite3_column_bytes(st, i) == (int)len)
		memcpy(buf, p, len);
}

int
db_exec(struct db *d, const char *sql)
{
	int	rc = sqlite3_exec(d->sql, sql, NULL, NULL, NULL);

	if (rc == SQLITE_OK)
		return 0;
	db_failed(d, rc, "exec");
	return -1;
}

int
db_number(struct db *d, const char *sql, int64_t *v)
{
	sqlite3_stmt	*st = NULL;
	int		 rc, ret = -1;

	rc = sqlite3_prepare_v2(d->sql, sql, -1, &st, NULL);
	if (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		*v = sqlite3_column_int64(st, 0);
		ret = 0;
	} else
		db_failed(d, rc, sql);
	sqlite3_finalize(st);
	return ret;
}
