#ifndef SUPERVISOR_REGISTRY_ROW_H
#define SUPERVISOR_REGISTRY_ROW_H

/* Rows of sessions.db, checked as they are read; for registry.c. */

#include <sqlite3.h>
#include <stddef.h>

#include "supervisor/registry.h"

/* A whole row, of the columns in the order of registry.c.  0 or -1. */
int	registry_row_read(sqlite3_stmt *, struct reg_session *);

/* A text column into a buffer; -1: not text, or it does not fit. */
int	registry_row_text(sqlite3_stmt *, int column, char *buf, size_t);

/* A blob of exactly this size.  1, 0: NULL, -1: anything else. */
int	registry_row_blob(sqlite3_stmt *, int column, void *buf, int size);

/* The two columns that say whether a member is parked.  0 or -1. */
int	registry_row_park(sqlite3_stmt *, int column,
	    char park[REASON_SIZE], int *whole_r);

#endif
