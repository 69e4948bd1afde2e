/*
 * Rows to send: accept, progress, and their ends.
 *
 * A row is open until it is done, dead or aborted; the time when it ended is
 * what takes it out of every index that work goes through.  The body of a done
 * row is wiped in the same statement.  A row that dies leaves its notice in the
 * sender's inbox in the same transaction.
 *
 * SQLite does not join pages when a row in them shrinks, only when one goes:
 * what is left of a large row would keep a page for itself until its retention
 * is over.  So once wiped, it is taken out and put in again.
 */

#include "supervisor/store/outbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/encode.h"
#include "common/uuid.h"
#include "common/xalloc.h"

#define REASON_UNKNOWN	"unknown"
#define REASON_EXPIRED	"expired"
#define LARGE		512	/* bytes of a body, worth the trouble */

enum {
	FIND, INSERT, GET, OPEN, DONE, MOVE, DEAD, FIRST, OLD, PRUNE,
	NSTATEMENTS
};

struct outbox {
	struct db	*db;
	struct inbox	*inbox;
	struct owners	*owners;
	sqlite3_stmt	*st[NSTATEMENTS];
};

/* What the ways to end a row need of it. */
struct open_row {
	int64_t	 seq;
	uint8_t	 owner[OWNER_ID_LEN];
	uint8_t	 sender[KEY_PUBLIC_LEN];
	char	 mesh[MESH_SLUG_SIZE];
	char	 client_id[CLIENT_ID_SIZE];
	char	 target[TARGET_SIZE];
	int	 state;
	int64_t	 enqueued_at;
	int64_t	 payload_bytes;
};

#define OPEN_COLS	"seq, owner, sender, mesh, client_message_id,"	\
	" target, state, enqueued_at, payload_bytes"

static const char sql_find[] =
    "SELECT seq, id, state, fingerprint, target, broker_message_id,"
    " last_error FROM outbox"
    " WHERE owner = :owner AND client_message_id = :client";

static const char sql_insert[] =
    "INSERT INTO outbox (id, owner, sender, mesh, client_message_id,"
    " fingerprint, target, priority, reply_to, nonce, body_id,"
    " payload_bytes, created_at, enqueued_at, body)"
    " VALUES (:id, :owner, :sender, :mesh, :client, :fingerprint, :target,"
    " :priority, :reply_to, :nonce, :body_id, :bytes, :created, :now, :body)";

static const char sql_get[] =
    "SELECT " OPEN_COLS " FROM outbox WHERE seq = :seq";

static const char sql_open[] =
    "UPDATE outbox SET state = :state, attempts = :attempts,"
    " next_attempt_at = :next, last_error = :reason WHERE seq = :seq";

static const char sql_done[] =
    "UPDATE outbox SET state = 2, attempts = :attempts, next_attempt_at = 0,"
    " last_error = NULL, broker_message_id = :broker, delivered_at = :now,"
    " ended_at = :now, body = NULL WHERE seq = :seq";

static const char sql_move[] =
    "UPDATE outbox SET seq = :to WHERE seq = :seq";

/* The attempts stand when nobody made one. */
static const char sql_dead[] =
    "UPDATE outbox SET state = 3, attempts = ifnull(:attempts, attempts),"
    " next_attempt_at = 0, last_error = :reason, ended_at = :now"
    " WHERE seq = :seq";

static const char sql_first[] =
    "SELECT " OPEN_COLS " FROM outbox"
    " WHERE owner = :owner AND ended_at IS NULL ORDER BY seq LIMIT 1";

static const char sql_old[] =
    "SELECT " OPEN_COLS " FROM outbox"
    " WHERE ended_at IS NULL AND enqueued_at < :before"
    "   AND enqueued_at >= :at AND (enqueued_at > :at OR seq > :seq)"
    " ORDER BY enqueued_at, seq LIMIT 1";

static const char sql_prune[] =
    "DELETE FROM outbox WHERE seq IN (SELECT seq FROM outbox"
    " WHERE ended_at IS NOT NULL AND ended_at < :before"
    " ORDER BY ended_at LIMIT :n)";

static const char *const sql[NSTATEMENTS] = {
	[FIND] = sql_find,
	[INSERT] = sql_insert,
	[GET] = sql_get,
	[OPEN] = sql_open,
	[DONE] = sql_done,
	[MOVE] = sql_move,
	[DEAD] = sql_dead,
	[FIRST] = sql_first,
	[OLD] = sql_old,
	[PRUNE] = sql_prune,
};

struct outbox *
outbox_new(struct db *d, struct inbox *in, struct owners *owners)
{
	struct outbox	*o = xcalloc(1, sizeof *o);

	o->db = d;
	o->inbox = in;
	o->owners = owners;
	db_prepare_all(d, o->st, sql, NSTATEMENTS);
	return o;
}

void
outbox_free(struct outbox **op)
{
	struct outbox	*o = *op;

	*op = NULL;
	if (o == NULL)
		return;
	db_finalize_all(o->st, NSTATEMENTS);
	free(o);
}

/* ---- accept ---- */

/* 1: r is the row of that client id. */
static int
outbox_find(struct outbox *o, const struct msg_accept *a,
    struct msg_accepted *r)
{
	sqlite3_stmt	*st = o->st[FIND];
	int		 ret;

	db_blob(st, ":owner", a->owner, sizeof a->owner);
	db_text(st, ":client", a->client_id);
	if ((ret = db_step(o->db, st)) != 1)
		return ret;
	r->result = ACCEPT_KNOWN;
	r->row = sqlite3_column_int64(st, 0);
	COL_TEXT(st, 1, r->id);
	r->state = sqlite3_column_int64(st, 2);
	COL_BLOB(st, 3, r->fingerprint);
	COL_TEXT(st, 4, r->target);
	COL_TEXT(st, 5, r->broker_id);
	COL_TEXT(st, 6, r->reason);
	db_reset(st);
	return 1;
}

static int
outbox_insert(struct outbox *o, const struct msg_accept *a, int64_t now)
{
	sqlite3_stmt	*st = o->st[INSERT];

	db_text(st, ":id", a->id);
	db_blob(st, ":owner", a->owner, sizeof a->owner);
	db_blob(st, ":sender", a->sender, sizeof a->sender);
	db_text(st, ":mesh", a->mesh);
	db_text(st, ":client", a->client_id);
	db_blob(st, ":fingerprint", a->fingerprint, sizeof a->fingerprint);
	db_text(st, ":target", a->target);
	db_int(st, ":priority", a->priority);
	db_text(st, ":reply_to", a->has_reply_to ? a->reply_to : NULL);
	db_blob(st, ":nonce", a->nonce, sizeof a->nonce);
	db_blob(st, ":body_id", a->body_id, sizeof a->body_id);
	db_int(st, ":bytes", a->payload_bytes);
	db_int(st, ":created", a->created_at);
	db_int(st, ":now", now);
	db_blob(st, ":body", a->body.p, a->body.len);
	return db_run(o->db, st);
}

/* What a reader would leave out must not get in. */
static int
accept_sound(const struct msg_accept *a)
{
	return uuid_is(a->id) && a->body.len > 0 && *a->mesh != '\0' &&
	    *a->client_id != '\0' && *a->target != '\0' &&
	    a->payload_bytes <= ROW_BODY_MAX && db_utf8(a->mesh) &&
	    db_utf8(a->client_id) && db_utf8(a->target) &&
	    db_utf8(a->reply_to);
}

enum op
outbox_accept(struct outbox *o, const struct msg_accept *a, int64_t now,
    struct notes *notes, struct msg_accepted *r)
{
	int	ret;

	if (!accept_sound(a))
		return OP_NONSENSE;
	if ((ret = outbox_find(o, a, r)) != 0)
		return ret == 1 ? OP_DONE : OP_FAULT;
	if (outbox_insert(o, a, now) == -1)
		return db_fault(o->db) == DB_CONSTRAINT ? OP_NONSENSE :
		    OP_FAULT;
	r->result = ACCEPT_NEW;
	r->row = db_last_row(o->db);
	r->state = ROW_PENDING;
	memcpy(r->id, a->id, sizeof r->id);
	memcpy(r->fingerprint, a->fingerprint, sizeof r->fingerprint);
	memcpy(r->target, a->target, sizeof r->target);
	notes_add(notes, NOTE_WAKE, a->owner, 0);
	return OP_DONE;
}

/* ---- progress ---- */

/* The row under a statement of OPEN_COLS. */
static void
open_row_read(sqlite3_stmt *st, struct open_row *row)
{
	row->seq = sqlite3_column_int64(st, 0);
	COL_BLOB(st, 1, row->owner);
	COL_BLOB(st, 2, row->sender);
	COL_TEXT(st, 3, row->mesh);
	COL_TEXT(st, 4, row->client_id);
	COL_TEXT(st, 5, row->target);
	row->state = sqlite3_column_int(st, 6);
	row->enqueued_at = sqlite3_column_int64(st, 7);
	row->payload_bytes = sqlite3_column_int64(st, 8);
}

/* The one row of a bound statement of OPEN_COLS.  1, 0, -1. */
static int
outbox_row(struct outbox *o, sqlite3_stmt *st, struct open_row *row)
{
	int	ret;

	if ((ret = db_step(o->db, st)) == 1) {
		open_row_read(st, row);
		db_reset(st);
	}
	return ret;
}

/* attempts: -1 to leave them. */
static enum op
outbox_die(struct outbox *o, const struct open_row *row, int64_t attempts,
    const char *reason, int64_t now, struct notes *notes)
{
	sqlite3_stmt		*st = o->st[DEAD];
	struct inbox_notice	 notice = { .owner = row->owner,
	    .mesh = row->mesh, .sender = row->sender,
	    .client_id = row->client_id, .target = row->target };

	if (*reason == '\0')
		reason = REASON_UNKNOWN;
	notice.reason = reason;
	if (attempts >= 0)
		db_int(st, ":attempts", attempts);
	db_text(st, ":reason", reason);
	db_int(st, ":now", now);
	db_int(st, ":seq", row->seq);
	if (db_run(o->db, st) == -1 ||
	    owner_kind(o->owners, row->owner, &notice.kind) != OP_DONE ||
	    inbox_notice(o->inbox, &notice, now, notes) != OP_DONE)
		return OP_FAULT;
	notes_ended(notes, row->owner, row->client_id, ROW_DEAD, reason);
	return OP_DONE;
}

static int
outbox_move(struct outbox *o, int64_t from, int64_t to)
{
	db_int(o->st[MOVE], ":seq", from);
	db_int(o->st[MOVE], ":to", to);
	return db_run(o->db, o->st[MOVE]);
}

static enum op
outbox_done(struct outbox *o, const struct open_row *row,
    const struct msg_progress *p, int64_t now, struct notes *notes)
{
	sqlite3_stmt	*st = o->st[DONE];

	db_int(st, ":attempts", p->attempts);
	db_text_opt(st, ":broker", p->broker_id);
	db_int(st, ":now", now);
	db_int(st, ":seq", row->seq);
	if (db_run(o->db, st) == -1 || (row->payload_bytes >= LARGE &&
	    (outbox_move(o, row->seq, -row->seq) == -1 ||
	    outbox_move(o, -row->seq, row->seq) == -1)))
		return OP_FAULT;
	notes_ended(notes, row->owner, row->client_id, ROW_DONE, "");
	return OP_DONE;
}

static enum op
outbox_waits(struct outbox *o, const struct msg_progress *p)
{
	sqlite3_stmt	*st = o->st[OPEN];

	db_int(st, ":state", p->state);
	db_int(st, ":attempts", p->attempts);
	db_int(st, ":next", p->next_attempt_at);
	db_text_opt(st, ":reason", p->reason);
	db_int(st, ":seq", p->row);
	return db_run(o->db, st) == -1 ? OP_FAULT : OP_DONE;
}

enum op
outbox_progress(struct outbox *o, const uint8_t owner[OWNER_ID_LEN],
    const struct msg_progress *p, int64_t now, struct notes *notes,
    struct msg_recorded *r)
{
	struct open_row	row;
	int		ret;

	if (p->state > ROW_DEAD || !db_utf8(p->reason) ||
	    !db_utf8(p->broker_id))
		return OP_NONSENSE;
	r->row = p->row;
	r->result = ACCEPT_NEW;
	db_int(o->st[GET], ":seq", p->row);
	if ((ret = outbox_row(o, o->st[GET], &row)) == -1)
		return OP_FAULT;
	if (ret == 0) {
		r->state = ROW_ABORTED;
		return OP_DONE;
	}
	if (memcmp(row.owner, owner, OWNER_ID_LEN) != 0)
		return OP_NONSENSE;
	if (row.state >= ROW_DONE) {
		r->state = row.state;
		return OP_DONE;
	}
	r->state = p->state;
	if (p->state == ROW_DONE)
		return outbox_done(o, &row, p, now, notes);
	if (p->state == ROW_DEAD)
		return outbox_die(o, &row, p->attempts, p->reason, now, notes);
	return outbox_waits(o, p);
}

/* ---- ends that no worker reports ---- */

enum op
outbox_end_one(struct outbox *o, const uint8_t owner[OWNER_ID_LEN],
    const char *reason, int64_t now, struct notes *notes, int *more_r)
{
	struct open_row	row;

	db_blob(o->st[FIRST], ":owner", owner, OWNER_ID_LEN);
	if ((*more_r = outbox_row(o, o->st[FIRST], &row)) == 1)
		return outbox_die(o, &row, -1, reason, now, notes);
	return *more_r == -1 ? OP_FAULT : OP_DONE;
}

enum op
outbox_expire_one(struct outbox *o, struct outbox_cursor *c, int64_t before,
    int (*spare)(void *, const uint8_t *owner, int64_t row), void *arg,
    int64_t now, struct notes *notes, int *more_r)
{
	struct open_row	row;

	db_int(o->st[OLD], ":before", before);
	db_int(o->st[OLD], ":at", c->enqueued_at);
	db_int(o->st[OLD], ":seq", c->seq);
	if ((*more_r = db_step(o->db, o->st[OLD])) != 1)
		return *more_r == -1 ? OP_FAULT : OP_DONE;
	open_row_read(o->st[OLD], &row);
	c->seq = row.seq;
	c->enqueued_at = row.enqueued_at;
	db_reset(o->st[OLD]);
	if (spare(arg, row.owner, row.seq))
		return OP_DONE;
	return outbox_die(o, &row, -1, REASON_EXPIRED, now, notes);
}

enum op
outbox_expire_row(struct outbox *o, int64_t seq, int64_t now,
    struct notes *notes)
{
	struct open_row	row;
	int		ret;

	db_int(o->st[GET], ":seq", seq);
	if ((ret = outbox_row(o, o->st[GET], &row)) != 1)
		return ret == -1 ? OP_FAULT : OP_DONE;
	return row.state >= ROW_DONE ? OP_DONE :
	    outbox_die(o, &row, -1, REASON_EXPIRED, now, notes);
}

enum op
outbox_prune(struct outbox *o, int64_t before, int n, int *more_r)
{
	db_int(o->st[PRUNE], ":before", before);
	db_int(o->st[PRUNE], ":n", n);
	if (db_run(o->db, o->st[PRUNE]) == -1)
		return OP_FAULT;
	*more_r = db_changes(o->db) == n;
	return OP_DONE;
}
