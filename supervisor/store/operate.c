/*
 * What operators do to rows of the outbox: hold, release, abort, requeue.
 *
 * An aborted row keeps its body until its retention is over, as a dead one
 * does.  One that was requeued does not: the new row has it, and wipes it once
 * it is done.
 */

#include "supervisor/store/operate.h"

#include <stdlib.h>
#include <string.h>

#include "common/uuid.h"
#include "common/xalloc.h"

enum { GET, HOLD, RELEASE, ABORT, KNOWN, COPY, SUPERSEDE, NSTATEMENTS };

struct operates {
	struct db	*db;
	sqlite3_stmt	*st[NSTATEMENTS];
};

/* What it takes to decide about a row. */
struct target_row {
	int64_t	 seq;
	uint8_t	 owner[OWNER_ID_LEN];
	int	 state;
	char	 client_id[CLIENT_ID_SIZE];
	char	 aborted_by[NAME_SIZE];
	char	 superseded_by[UUID_SIZE];
};

static const char sql_get[] =
    "SELECT seq, owner, state, client_message_id, aborted_by, superseded_by"
    " FROM outbox WHERE seq = :seq";

/* Nobody is sending it: what the file says of that is out of date. */
static const char sql_hold[] =
    "UPDATE outbox SET held = 1, state = 0 WHERE seq = :seq";

static const char sql_release[] =
    "UPDATE outbox SET held = 0 WHERE seq = :seq";

static const char sql_abort[] =
    "UPDATE outbox SET state = 4, next_attempt_at = 0, aborted_at = :now,"
    " aborted_by = :by, ended_at = :now WHERE seq = :seq";

static const char sql_known[] =
    "SELECT seq, id FROM outbox"
    " WHERE owner = :owner AND client_message_id = :client";

/* What is given is new, and what is not is that of the old row. */
static const char sql_copy[] =
    "INSERT INTO outbox (id, owner, sender, mesh, client_message_id,"
    " fingerprint, target, priority, reply_to, nonce, body_id,"
    " payload_bytes, created_at, enqueued_at, body)"
    " SELECT :id, owner, sender, mesh, :client,"
    " ifnull(:fingerprint, fingerprint), ifnull(:target, target), priority,"
    " reply_to, ifnull(:nonce, nonce), ifnull(:body_id, body_id),"
    " payload_bytes, created_at, :now, ifnull(:body, body)"
    " FROM outbox WHERE seq = :seq";

static const char sql_supersede[] =
    "UPDATE outbox SET state = 4, next_attempt_at = 0, aborted_at = :now,"
    " aborted_by = :by, ended_at = :now, superseded_by = :id, body = NULL"
    " WHERE seq = :seq";

static const char *const sql[NSTATEMENTS] = {
	[GET] = sql_get,
	[HOLD] = sql_hold,
	[RELEASE] = sql_release,
	[ABORT] = sql_abort,
	[KNOWN] = sql_known,
	[COPY] = sql_copy,
	[SUPERSEDE] = sql_supersede,
};

struct operates *
operates_new(struct db *d)
{
	struct operates	*o = xcalloc(1, sizeof *o);

	o->db = d;
	db_prepare_all(d, o->st, sql, NSTATEMENTS);
	return o;
}

void
operates_free(struct operates **op)
{
	struct operates	*o = *op;

	*op = NULL;
	if (o == NULL)
		return;
	db_finalize_all(o->st, NSTATEMENTS);
	free(o);
}

/* What a reader would leave out must not get in. */
int
operate_sound(const struct msg_operate *q)
{
	return q->rows.n <= OPERATE_ROWS_MAX && db_utf8(q->by);
}

int
operate_requeue_sound(const struct msg_requeue *q)
{
	if (!db_utf8(q->by) || !uuid_is(q->id) || *q->client_id == '\0' ||
	    !db_utf8(q->client_id))
		return 0;
	return !q->has_to || (*q->target != '\0' && db_utf8(q->target) &&
	    q->body.len > 0 && q->body.len <= ROW_BODY_MAX);
}

/* 1, 0: there is none; -1. */
static int
operate_get(struct operates *o, int64_t seq, struct target_row *row)
{
	sqlite3_stmt	*st = o->st[GET];
	int		 ret;

	db_int(st, ":seq", seq);
	if ((ret = db_step(o->db, st)) != 1)
		return ret;
	row->seq = sqlite3_column_int64(st, 0);
	COL_BLOB(st, 1, row->owner);
	row->state = sqlite3_column_int(st, 2);
	COL_TEXT(st, 3, row->client_id);
	COL_TEXT(st, 4, row->aborted_by);
	COL_TEXT(st, 5, row->superseded_by);
	db_reset(st);
	return 1;
}

enum op
operate_look(struct operates *o, int64_t seq, uint8_t owner[OWNER_ID_LEN],
    int *open_r)
{
	struct target_row	row;

	switch (operate_get(o, seq, &row)) {
	case -1:
		return OP_FAULT;
	case 0:
		*open_r = 0;
		break;
	default:
		*open_r = row.state < ROW_DONE;
		memcpy(owner, row.owner, OWNER_ID_LEN);
		break;
	}
	return OP_DONE;
}

/* ---- hold, release, abort ---- */

static enum op
operate_set(struct operates *o, int which, int64_t seq)
{
	db_int(o->st[which], ":seq", seq);
	return db_run(o->db, o->st[which]) == -1 ? OP_FAULT : OP_DONE;
}

static enum op
operate_abort(struct operates *o, const struct target_row *row,
    const char *by, int64_t now, struct notes *notes)
{
	db_int(o->st[ABORT], ":now", now);
	db_text(o->st[ABORT], ":by", by);
	notes_ended(notes, row->owner, row->client_id, ROW_ABORTED, "");
	return operate_set(o, ABORT, row->seq);
}

/*
 * Why not.  That the same operator has aborted the row before may be the same
 * request again, of which the answer was lost.
 */
static enum operate_result
operate_why_not(const struct target_row *row, enum operation what,
    const char *by, int free)
{
	if (row->state == ROW_ABORTED && what == OPERATE_ABORT &&
	    *row->superseded_by == '\0' && strcmp(row->aborted_by, by) == 0)
		return OPERATE_OK;
	if (row->state >= ROW_DONE &&
	    (what != OPERATE_ABORT || row->state != ROW_DEAD))
		return OPERATE_ENDED;
	return row->state < ROW_DONE && !free ? OPERATE_INFLIGHT : OPERATE_OK;
}

enum op
operate_row(struct operates *o, enum operation what, const char *by,
    int64_t seq, int free, int64_t now, struct notes *notes,
    enum operate_result *r)
{
	struct target_row	row;
	int			ret;

	*r = OPERATE_NOT_FOUND;
	if ((ret = operate_get(o, seq, &row)) != 1)
		return ret == -1 ? OP_FAULT : OP_DONE;
	*r = operate_why_not(&row, what, by, free);
	if (*r != OPERATE_OK || row.state == ROW_ABORTED)
		return OP_DONE;
	if (what == OPERATE_ABORT)
		return operate_abort(o, &row, by, now, notes);
	return operate_set(o, what == OPERATE_HOLD ? HOLD : RELEASE, seq);
}

/* ---- requeue ---- */

/* 1: *seq and id are of the row that has that client id already.  0, -1. */
static int
requeue_known(struct operates *o, const struct target_row *row,
    const char *client_id, int64_t *seq, char id[UUID_SIZE])
{
	sqlite3_stmt	*st = o->st[KNOWN];
	int		 ret;

	db_blob(st, ":owner", row->owner, sizeof row->owner);
	db_text(st, ":client", client_id);
	if ((ret = db_step(o->db, st)) == 1) {
		*seq = sqlite3_column_int64(st, 0);
		db_col_text(st, 1, id, UUID_SIZE);
		db_reset(st);
	}
	return ret;
}

static int
requeue_copy(struct operates *o, const struct msg_requeue *q, int64_t now)
{
	sqlite3_stmt	*st = o->st[COPY];

	db_text(st, ":id", q->id);
	db_text(st, ":client", q->client_id);
	if (q->has_to) {
		db_blob(st, ":fingerprint", q->fingerprint,
		    sizeof q->fingerprint);
		db_text(st, ":target", q->target);
		db_blob(st, ":nonce", q->nonce, sizeof q->nonce);
		db_blob(st, ":body_id", q->body_id, sizeof q->body_id);
		db_blob(st, ":body", q->body.p, q->body.len);
	}
	db_int(st, ":now", now);
	db_int(st, ":seq", q->row);
	return db_run(o->db, st);
}

static int
requeue_supersede(struct operates *o, const struct msg_requeue *q,
    int64_t now)
{
	sqlite3_stmt	*st = o->st[SUPERSEDE];

	db_int(st, ":now", now);
	db_text(st, ":by", q->by);
	db_text(st, ":id", q->id);
	db_int(st, ":seq", q->row);
	return db_run(o->db, st);
}

/*
 * OPERATE_OK: to be done, or *row_r is the new row of the same request.  The
 * id of the new row is the gate's, made for this request alone.
 */
static enum op
requeue_why_not(struct operates *o, const struct msg_requeue *q, int free,
    struct target_row *row, struct msg_requeued *r)
{
	char	id[UUID_SIZE];
	int64_t	seq = 0;
	int	ret;

	r->result = OPERATE_NOT_FOUND;
	if ((ret = operate_get(o, q->row, row)) != 1)
		return ret == -1 ? OP_FAULT : OP_DONE;
	if ((ret = requeue_known(o, row, q->client_id, &seq, id)) == -1)
		return OP_FAULT;
	r->result = OPERATE_OK;
	if (row->state == ROW_ABORTED && ret == 1 && strcmp(id, q->id) == 0 &&
	    strcmp(row->superseded_by, q->id) == 0)
		r->row = seq;
	else if (row->state == ROW_DONE || row->state == ROW_ABORTED) {
		r->result = OPERATE_ENDED;
		r->state = row->state;
	} else if (ret == 1)
		r->result = OPERATE_ID_IN_USE;
	else if (row->state < ROW_DONE && !free)
		r->result = OPERATE_INFLIGHT;
	return OP_DONE;
}

enum op
operate_requeue(struct operates *o, const struct msg_requeue *q, int free,
    int64_t now, struct notes *notes, struct msg_requeued *r)
{
	struct target_row	row;
	enum op			op;

	memset(r, 0, sizeof *r);
	if ((op = requeue_why_not(o, q, free, &row, r)) != OP_DONE ||
	    r->result != OPERATE_OK || r->row != 0)
		return op;
	if (requeue_copy(o, q, now) == -1)
		return db_fault(o->db) == DB_CONSTRAINT ? OP_NONSENSE :
		    OP_FAULT;
	r->row = db_last_row(o->db);
	if (requeue_supersede(o, q, now) == -1)
		return OP_FAULT;
	notes_ended(notes, row.owner, row.client_id, ROW_ABORTED, "");
	notes_add(notes, NOTE_WAKE, row.owner, 0);
	return OP_DONE;
}
