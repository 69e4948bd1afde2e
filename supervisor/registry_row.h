#ifndef SUPERVISOR_REGISTRY_ROW_H
#define SUPERVISOR_REGISTRY_ROW_H

/* Rows of sessions.db, checked as they are read; for registry*.c. */

#include <sqlite3.h>
#include <stddef.h>

#include "supervisor/registry.h"

/* In the order that registry_row_read() expects. */
#define REGISTRY_COLUMNS "owner, uid, mesh, session_id, display_name," \
    " process_pid, process_start, process_boot, cwd, role, groups_json, caps," \
    " token_hash, token_prefix, key_mode, pub, wrapped, attest_expires_at," \
    " attest_sig, registered_at, ended_at, current, park"

/* A whole row of these columns.  0 or -1. */
int	registry_row_read(sqlite3_stmt *, struct reg_session *);

/* A text column into a buffer; -1: not text, or it does not fit. */
int	registry_row_text(sqlite3_stmt *, int column, char *buf, size_t);

/* A blob of exactly this size.  1, 0: NULL, -1: anything else. */
int	registry_row_blob(sqlite3_stmt *, int column, void *buf, int size);

/* The two columns that say whether a member is parked.  0 or -1. */
int	registry_row_park(sqlite3_stmt *, int column,
	    char park[REASON_SIZE], int *whole_r);

/* What stands in a file that belongs to this host key. */
#define REGISTRY_MARK_LEN	32
void	registry_mark(uint8_t out[REGISTRY_MARK_LEN],
	    const uint8_t host_key[HOST_KEY_LEN]);

#endif
