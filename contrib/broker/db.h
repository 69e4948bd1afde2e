#ifndef BROKER_DB_H
#define BROKER_DB_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/*
 * The broker's SQLite file: opening it, statements, and one transaction that
 * is begun by the first write and committed by the loop.
 *
 * An error is logged where it happens and marks the transaction as failed:
 * the functions return -1 until the loop has rolled it back.
 */

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

struct db;

/*
 * Opens, and makes the file (mode 0600) and its tables when there is none.
 * NULL, with a log line: not a file of this program, or of a newer one.
 */
struct db *db_open(const char *path);
void	db_close(struct db **);

/*
 * A lock on the file for the life of this process, so that no two brokers
 * serve it.  -1, with a log line: somebody has it.
 */
int	db_lock(struct db *);

const char *db_path(const struct db *);

/*
 * Without parameters, for the making of the file: run statements, 0 or -1 with
 * a log line; and the number that one gives, or -1.
 */
int	db_exec(struct db *, const char *sql);
int	db_pragma(struct db *, const char *sql);

/* Prepared once, and finalized by db_close(). Ends the process on error. */
sqlite3_stmt *db_prepare(struct db *, const char *sql);

/*
 * Binding by name.  Text and blobs are borrowed until db_reset(); NULL binds
 * NULL.
 */
void	db_bind_int(sqlite3_stmt *, const char *name, int64_t);
void	db_bind_text(sqlite3_stmt *, const char *name, const char *);
void	db_bind_blob(sqlite3_stmt *, const char *name, const void *, size_t);

/* 1: a row, 0: no more, -1: error. */
int	db_step(struct db *, sqlite3_stmt *);
void	db_reset(sqlite3_stmt *);

/*
 * Step once and reset, for a write; begins the transaction if that has not
 * been done.  How many rows it changed, or -1.
 */
#define db_write(db, st)	db_write_at(db, st, __FILE__, __LINE__)
int	db_write_at(struct db *, sqlite3_stmt *, const char *file, int line);

int	db_in_transaction(const struct db *);
int	db_failed(const struct db *);

/*
 * End the transaction.  Synced when it returns 0.  On -1 it is rolled back:
 * nothing that was done in it has happened.
 */
int	db_commit(struct db *);
void	db_rollback(struct db *);

/*
 * Move the log into the file when it has grown; for after the answers.
 */
void	db_checkpoint(struct db *);

/* A column that holds exactly len bytes, or NULL. */
const void *db_column_blob(sqlite3_stmt *, int column, size_t len);

/* A text column; "" when it is NULL. */
const char *db_column_text(sqlite3_stmt *, int column);

#endif
