#ifndef COMMON_ROWS_IMPL_H
#define COMMON_ROWS_IMPL_H

/* What the files of the read side share; for nobody else. */

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

#include "common/rows.h"

/* One place per statement, prepared when it is first needed. */
enum rows_slot {
	ROWS_EPOCH,
	ROWS_VERSION,
	ROWS_INBOX_LAST,
	ROWS_TARGET_NEXT,
	ROWS_TARGET_ROW,
	ROWS_NEW_SINCE,
	ROWS_HAS_OPEN,
	ROWS_OUT_BY_ID,
	ROWS_OUT_BY_ID_BODY,
	ROWS_OUT_BY_CLIENT,
	ROWS_OUT_LIST,
	ROWS_OUT_LIST_OPEN,
	ROWS_OUT_LIST_ENDED,
	ROWS_IN_FLOOR,
	ROWS_IN_CEILING,
	ROWS_IN_LIST_SESSION,
	ROWS_IN_UNREAD_SESSION,
	ROWS_IN_LIST_MEMBER,
	ROWS_IN_UNREAD_MEMBER,
	ROWS_IN_QUARANTINE,
	ROWS_IN_AFTER_SESSION,
	ROWS_IN_AFTER_MEMBER,
	ROWS_IN_SEQ,
	ROWS_IN_SEQS_SESSION,
	ROWS_IN_SEQS_MEMBER,
	ROWS_IN_HANDOVER,
	ROWS_IN_UNOPENED,
	ROWS_WALK_OPEN,
	ROWS_WALK_ENDED,
	ROWS_WALK_INBOX,
	ROWS_WALK_UNOPENED,
	ROWS_TOPICS,
	ROWS_TOPIC_SHARED,
	ROWS_NSLOTS,
};

struct rows {
	sqlite3		*db;
	sqlite3_stmt	*st[ROWS_NSLOTS];
	int64_t		 skipped_at;	/* monotonic ms, of the last log line */
};

/* The statement of a slot, ready to be bound, or NULL (logged). */
sqlite3_stmt *rows_use(struct rows *, enum rows_slot, const char *sql);

/*
 * 1 a row, 0 no more, -1 error (logged).  Before the first row, what passes by
 * itself is waited for, bounded.  At 0 and -1 the statement is reset.
 */
int	rows_step(struct rows *, sqlite3_stmt *);

/* Reset, bindings included.  NULL is accepted. */
void	rows_done(sqlite3_stmt *);

/* Bind by name; NULL strings and blobs are NULL.  Borrowed until rows_done. */
void	rows_bind_int(sqlite3_stmt *, const char *name, int64_t);
void	rows_bind_text(sqlite3_stmt *, const char *name, const char *);
void	rows_bind_blob(sqlite3_stmt *, const char *name, const void *, size_t);

/* Say, not too often, that a row was left out. */
void	rows_skipped(struct rows *, const char *table, int64_t seq);

/*
 * Columns of one row, left to right, each checked; bad stays set.  The order
 * of calls is the order of the columns in the statement.
 */
struct rows_cur {
	sqlite3_stmt	*st;
	int		 i;
	int		 bad;
};

int64_t	cur_int(struct rows_cur *, int64_t min, int64_t max);
int64_t	cur_time(struct rows_cur *);	/* ms, or NULL: 0 */
/* UTF-8 of at least one byte. */
void	cur_text(struct rows_cur *, char *buf, size_t size);
/* 1, or NULL: 0 and "". */
int	cur_text_opt(struct rows_cur *, char *buf, size_t size);
/* Exactly len bytes. */
void	cur_blob(struct rows_cur *, uint8_t *buf, size_t len);
/* 1, or NULL: 0 and zeros. */
int	cur_blob_opt(struct rows_cur *, uint8_t *buf, size_t len);
/* Allocated, or NULL: NULL. */
void	cur_body(struct rows_cur *, uint8_t **body_r, size_t *len_r);

#endif
