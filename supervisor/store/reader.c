/*
 * What becomes of rows that were received: seen, deleted, pruned.
 *
 * A session's own row is nobody else's: it is deleted for good, and its keys
 * stay behind as a tombstone.  A row of a member has several readers, the
 * member and its sessions, and is only hidden from the one who deleted it.
 */

#include "supervisor/store/reader.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

enum {
	WHOSE, DROP, DROP_READERS, BURY, HIDE, HIDE_FOR, SEEN, SEEN_BY,
	NEXT_OWNER, OLDEST, PRUNE_TOMBSTONES, NSTATEMENTS
};

struct readers {
	struct db	*db;
	sqlite3_stmt	*st[NSTATEMENTS];
};

static const char sql_whose[] =
    "SELECT owner, kind, state FROM inbox WHERE seq = :seq";

static const char sql_drop[] = "DELETE FROM inbox WHERE seq = :seq";

static const char sql_drop_readers[] = "DELETE FROM reader WHERE seq = :seq";

static const char sql_bury[] =
    "INSERT OR REPLACE INTO tombstone (seq, owner, sender,"
    " client_message_id, broker_message_id, nonce, expires_at)"
    " SELECT seq, owner, sender, client_message_id, broker_message_id,"
    " nonce, :expires FROM inbox WHERE seq = :seq";

static const char sql_hide[] =
    "UPDATE inbox SET deleted_at = :now"
    " WHERE seq = :seq AND deleted_at IS NULL";

static const char sql_hide_for[] =
    "INSERT INTO reader (seq, reader, deleted_at)"
    " VALUES (:seq, :reader, :now)"
    " ON CONFLICT (seq, reader) DO UPDATE SET deleted_at = :now"
    " WHERE deleted_at IS NULL";

static const char sql_seen[] =
    "UPDATE inbox SET seen_at = :now"
    " WHERE seq = :seq AND owner = :reader AND seen_at IS NULL";

/* Only a member's rows have other readers. */
static const char sql_seen_by[] =
    "INSERT INTO reader (seq, reader, seen_at)"
    " SELECT seq, :reader, :now FROM inbox"
    "  WHERE seq = :seq AND owner <> :reader AND kind = 1"
    " ON CONFLICT (seq, reader) DO UPDATE SET seen_at = :now"
    " WHERE seen_at IS NULL";

static const char sql_next_owner[] =
    "SELECT owner FROM inbox WHERE owner > :owner ORDER BY owner LIMIT 1";

static const char sql_oldest[] =
    "SELECT seq FROM inbox WHERE owner = :owner AND received_at < :before"
    " ORDER BY received_at LIMIT 1";

static const char sql_prune_tombstones[] =
    "DELETE FROM tombstone WHERE seq IN (SELECT seq FROM tombstone"
    " WHERE expires_at <= :now ORDER BY expires_at LIMIT :n)";

static const char *const sql[NSTATEMENTS] = {
	[WHOSE] = sql_whose,
	[DROP] = sql_drop,
	[DROP_READERS] = sql_drop_readers,
	[BURY] = sql_bury,
	[HIDE] = sql_hide,
	[HIDE_FOR] = sql_hide_for,
	[SEEN] = sql_seen,
	[SEEN_BY] = sql_seen_by,
	[NEXT_OWNER] = sql_next_owner,
	[OLDEST] = sql_oldest,
	[PRUNE_TOMBSTONES] = sql_prune_tombstones,
};

struct readers *
readers_new(struct db *d)
{
	struct readers	*r = xcalloc(1, sizeof *r);

	r->db = d;
	db_prepare_all(d, r->st, sql, NSTATEMENTS);
	return r;
}

void
readers_free(struct readers **rp)
{
	struct readers	*r = *rp;

	*rp = NULL;
	if (r == NULL)
		return;
	db_finalize_all(r->st, NSTATEMENTS);
	free(r);
}

enum op
reader_seen(struct readers *r, const uint8_t reader[OWNER_ID_LEN],
    const struct msg_ids *ids, int64_t now, int64_t *count_r)
{
	sqlite3_stmt	*const st[] = { r->st[SEEN], r->st[SEEN_BY] };
	uint32_t	 i;
	size_t		 k;

	*count_r = 0;
	for (i = 0; i < ids->n; i++) {
		for (k = 0; k < 2; k++) {
			db_int(st[k], ":seq", (int64_t)ids->v[i]);
			db_blob(st[k], ":reader", reader, OWNER_ID_LEN);
			db_int(st[k], ":now", now);
			if (db_run(r->db, st[k]) == -1)
				return OP_FAULT;
			if (db_changes(r->db) > 0) {
				++*count_r;
				break;
			}
		}
	}
	return OP_DONE;
}

/* For good, its readers' state included. */
static enum op
reader_drop(struct readers *r, int64_t seq)
{
	db_int(r->st[DROP_READERS], ":seq", seq);
	db_int(r->st[DROP], ":seq", seq);
	return db_run(r->db, r->st[DROP_READERS]) == -1 ||
	    db_run(r->db, r->st[DROP]) == -1 ? OP_FAULT : OP_DONE;
}

/* A row's owner, kind and state.  1, 0, -1. */
static int
reader_whose(struct readers *r, int64_t seq, uint8_t owner[OWNER_ID_LEN],
    int *kind, int *state)
{
	sqlite3_stmt	*st = r->st[WHOSE];
	int		 ret;

	db_int(st, ":seq", seq);
	if ((ret = db_step(r->db, st)) != 1)
		return ret;
	db_col_blob(st, 0, owner, OWNER_ID_LEN);
	*kind = sqlite3_column_int(st, 1);
	*state = sqlite3_column_int(st, 2);
	db_reset(st);
	return 1;
}

enum op
reader_delete(struct readers *r, const uint8_t reader[OWNER_ID_LEN],
    int64_t seq, int64_t now, int64_t expires_at, int64_t *count_r)
{
	uint8_t		 owner[OWNER_ID_LEN];
	sqlite3_stmt	*st;
	int		 kind, state, own, ret;

	*count_r = 0;
	if ((ret = reader_whose(r, seq, owner, &kind, &state)) != 1)
		return ret == -1 ? OP_FAULT : OP_DONE;
	own = memcmp(owner, reader, OWNER_ID_LEN) == 0;
	if (state == INBOX_HANDOVER || (!own && kind != OWNER_MEMBER))
		return OP_DONE;
	if (own && kind == OWNER_SESSION) {
		*count_r = 1;
		db_int(r->st[BURY], ":seq", seq);
		db_int(r->st[BURY], ":expires", expires_at);
		return db_run(r->db, r->st[BURY]) == -1 ? OP_FAULT :
		    reader_drop(r, seq);
	}
	st = own ? r->st[HIDE] : r->st[HIDE_FOR];
	db_int(st, ":seq", seq);
	db_int(st, ":now", now);
	if (!own)
		db_blob(st, ":reader", reader, OWNER_ID_LEN);
	if (db_run(r->db, st) == -1)
		return OP_FAULT;
	*count_r = db_changes(r->db);
	return OP_DONE;
}

enum op
reader_delete_all(struct readers *r, const uint8_t reader[OWNER_ID_LEN],
    const struct msg_ids *ids, int64_t now, int64_t expires_at,
    int64_t *count_r)
{
	int64_t		one;
	uint32_t	i;
	enum op		op;

	*count_r = 0;
	for (i = 0; i < ids->n; i++) {
		op = reader_delete(r, reader, (int64_t)ids->v[i], now,
		    expires_at, &one);
		if (op != OP_DONE)
			return op;
		*count_r += one;
	}
	return OP_DONE;
}

/* ---- retention ---- */

/* The owner after this one that has rows.  1, 0, -1. */
static int
reader_next_owner(struct readers *r, uint8_t owner[OWNER_ID_LEN])
{
	uint8_t	 next[OWNER_ID_LEN];
	int	 ret;

	db_blob(r->st[NEXT_OWNER], ":owner", owner, OWNER_ID_LEN);
	if ((ret = db_step(r->db, r->st[NEXT_OWNER])) == 1) {
		COL_BLOB(r->st[NEXT_OWNER], 0, next);
		db_reset(r->st[NEXT_OWNER]);
		memcpy(owner, next, sizeof next);
	}
	return ret;
}

enum op
reader_prune_one(struct readers *r, uint8_t owner[OWNER_ID_LEN],
    int64_t before, int *more_r)
{
	sqlite3_stmt	*st = r->st[OLDEST];
	int64_t		 seq;
	int		 ret;

	db_blob(st, ":owner", owner, OWNER_ID_LEN);
	db_int(st, ":before", before);
	if ((ret = db_step(r->db, st)) == 0) {
		*more_r = reader_next_owner(r, owner);
		return *more_r == -1 ? OP_FAULT : OP_DONE;
	}
	if (ret == -1)
		return OP_FAULT;
	seq = sqlite3_column_int64(st, 0);
	db_reset(st);
	*more_r = 1;
	return reader_drop(r, seq);
}

enum op
reader_prune_tombstones(struct readers *r, int64_t now, int n, int *more_r)
{
	db_int(r->st[PRUNE_TOMBSTONES], ":now", now);
	db_int(r->st[PRUNE_TOMBSTONES], ":n", n);
	if (db_run(r->db, r->st[PRUNE_TOMBSTONES]) == -1)
		return OP_FAULT;
	*more_r = db_changes(r->db) == n;
	return OP_DONE;
}
