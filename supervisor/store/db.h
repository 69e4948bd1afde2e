#ifndef STORE_DB_H
#define STORE_DB_H

#ifndef PROCESS_STORE
#error "this header belongs to the store"
#endif

/*
 * The one connection that writes mesh.db.  Every wait in here is bounded.  A
 * failure is kept in the connection as a fault until the next transaction, and
 * logged once per kind and minute.
 */

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

struct db;

enum db_fault {
	DB_FINE,
	DB_FULL,		/* no space: what is asked may work later */
	DB_BUSY,		/* locked by somebody, or failing */
	DB_CONSTRAINT,		/* the caller's data; only this statement */
};

/* What became of one operation inside a transaction. */
enum op {
	OP_DONE,		/* its answer is filled in */
	OP_NONSENSE,		/* no honest peer asks that; nothing changed */
	OP_FAULT,		/* of the database: roll back */
};

/*
 * Lock and open <dir>/mesh.db, made with mode 0640 when it is missing, and
 * bring its schema up to date.  Another store that is about to die is waited
 * for.  NULL (logged): it cannot be had.
 */
struct db *db_open(const char *dir);

/* Checkpoint, close, unlock.  NULL is accepted. */
void	db_close(struct db **);

const char *db_path(const struct db *);
enum db_fault db_fault(const struct db *);
uint64_t db_commits(const struct db *);

/* What to do before the first use of a file that schema.c found to be ours. */
int	db_configure(struct db *);

/*
 * A transaction that writes, at once.  The place is remembered for the log.
 * db_commit rolls back when it fails; db_rollback outside of one does nothing.
 */
#define db_begin(d)	db_begin_at((d), __FILE__, __LINE__)
int	db_begin_at(struct db *, const char *file, int line);
int	db_commit(struct db *);
void	db_rollback(struct db *);

/* A statement for the life of the connection; ours, so never NULL. */
sqlite3_stmt *db_prepare(struct db *, const char *sql);

/* All statements of a file, from its table, and the end of them. */
void	db_prepare_all(struct db *, sqlite3_stmt **, const char *const *sql,
	    int n);
void	db_finalize_all(sqlite3_stmt **, int n);

/*
 * Bind by name; borrowed until the statement has run.  A NULL string is NULL,
 * with _opt an empty one too, and so is what is not bound; a blob of no bytes
 * is one.
 */
void	db_int(sqlite3_stmt *, const char *name, int64_t);
void	db_text(sqlite3_stmt *, const char *name, const char *);
void	db_text_opt(sqlite3_stmt *, const char *name, const char *);
void	db_blob(sqlite3_stmt *, const char *name, const void *, size_t);

/* 1 a row, 0 no more, -1 a fault.  At 0 and -1 the statement is reset. */
int	db_step(struct db *, sqlite3_stmt *);
void	db_reset(sqlite3_stmt *);

/* Run a statement that returns no row.  0 or -1. */
int	db_run(struct db *, sqlite3_stmt *);
int	db_changes(struct db *);
int64_t	db_last_row(struct db *);	/* sequence of the last insert */

/* Columns of the row under a statement; text is cut to fit. */
#define COL_TEXT(st, i, buf)	db_col_text((st), (i), (buf), sizeof(buf))
#define COL_BLOB(st, i, buf)	db_col_blob((st), (i), (buf), sizeof(buf))
void	db_col_text(sqlite3_stmt *, int, char *, size_t);
void	db_col_blob(sqlite3_stmt *, int, uint8_t *, size_t);

/* Readers leave out a row with text that is not UTF-8: do not store it. */
int	db_utf8(const char *);

/* For start-up and chores: constant SQL, and one number of a constant query. */
int	db_exec(struct db *, const char *sql);
int	db_number(struct db *, const char *sql, int64_t *);

/*
 * Bytes in the log; and move them into the file.  db_checkpoint does what
 * readers allow, and waits for them a moment when the log is long; db_truncate
 * also empties it, or returns 1 when readers are in the way.
 */
int64_t	db_wal_bytes(const struct db *);
int	db_checkpoint(struct db *);
int	db_truncate(struct db *);

/*
 * In a transaction: give at most n free pages back to the file system.  1:
 * there are more, 0, -1.
 */
int	db_shrink(struct db *, int n);

#endif
