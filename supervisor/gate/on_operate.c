/*
 * POST /v1/outbox/hold, /release and /abort.  The gate looks up which rows are
 * the caller's; whether a row can be changed now, the store decides, with the
 * worker of the row.
 */

#include "supervisor/gate/handlers.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "supervisor/gate/call.h"
#include "supervisor/gate/gate.h"
#include "supervisor/gate/ids.h"
#include "supervisor/gate/mine.h"
#include "supervisor/gate/reply.h"
#include "supervisor/gate/request.h"
#include "supervisor/gate/scope.h"

/* What was asked, and what is known of it so far. */
struct operate {
	json_t		*refused;	/* the answer's */
	size_t		 n;
	struct {
		int64_t		 seq;
		char		 id[UUID_SIZE];
		enum row_state	 state;	/* when it was looked up */
	}		 rows[OPERATE_ROWS_MAX];
};

static void
operate_free(void *arg)
{
	struct operate	*o = arg;

	json_decref(o->refused);
	free(o);
}

static void
operate_refuse(struct operate *o, const char *id, const char *reason)
{
	json_array_append_new(o->refused, json_pack("{s:s, s:s}", "id", id,
	    "reason", reason));
}

static void
operate_reply(struct request *r, struct operate *o, int64_t changed)
{
	reply_json(r, 200, json_pack("{s:I, s:O}", "changed",
	    (json_int_t)changed, "refused", o->refused));
}

/* How it ended: its state may have been another when it was looked up. */
static void
operate_refuse_ended(struct request *r, struct operate *o, size_t i)
{
	enum row_state	state = o->rows[i].state;
	struct out_row	row;

	if (state < ROW_DONE &&
	    rows_out_by_id(r->gate->rows, o->rows[i].id, 0, &row) == 1) {
		state = row.state;
		out_row_clear(&row);
	}
	json_array_append_new(o->refused, json_pack("{s:s, s:s, s:s}",
	    "id", o->rows[i].id, "reason", "ended",
	    "status", row_state_name(state)));
}

/* 1: changed; 0: refused, and listed; -1: nothing was, and answered. */
static int
operate_result(struct request *r, struct operate *o, size_t i,
    enum operate_result result)
{
	switch (result) {
	case OPERATE_OK:
		return 1;
	case OPERATE_ENDED:
		operate_refuse_ended(r, o, i);
		return 0;
	case OPERATE_INFLIGHT:
		operate_refuse(o, o->rows[i].id, "inflight");
		return 0;
	case OPERATE_FULL:
		reply_error(r, 507, "disk_full", "There is no room on the disk "
		    "of the daemon: free some, and try again.");
		return -1;
	case OPERATE_BUSY:
		reply_error(r, 503, "store_busy",
		    "The store cannot write now: try again in a moment.");
		return -1;
	case OPERATE_NOT_FOUND:
	case OPERATE_ID_IN_USE:
		break;
	}
	operate_refuse(o, o->rows[i].id, "not_found");	/* pruned since */
	return 0;
}

static void
operated_cb(struct request *r, void *arg, enum call_end how,
    const void *body)
{
	const struct msg_operated	*a = body;
	struct operate			*o = r->state;
	int64_t				 changed = 0;
	size_t				 i;
	int				 ret;

	(void)arg;
	if (how != CALL_ANSWERED) {
		reply_unanswered(r, how == CALL_TIMEOUT, "store");
		return;
	}
	for (i = 0; i < o->n && i < a->results.n; i++) {
		ret = operate_result(r, o, i,
		    (enum operate_result)a->results.v[i]);
		if (ret == -1)
			return;
		changed += ret;
	}
	operate_reply(r, o, changed);
}

static void
operate_ask(struct request *r, struct operate *o, enum operation what)
{
	struct msg_operate	*ask = xcalloc(1, sizeof *ask);
	size_t			 i;

	ask->operation = what;
	mine_name(r, ask->by);
	for (i = 0; i < o->n; i++)
		ask->rows.v[ask->rows.n++] = (uint64_t)o->rows[i].seq;
	if (call_store(r, MSG_GATE_OPERATE, ask, sizeof *ask, NULL, 0,
	    MSG_STORE_OPERATED, operated_cb) == -1)
		reply_error(r, 503, "store_busy", "The store has too much to "
		    "do: try again in a moment.");
}

/* One that is named twice is one. */
static void
operate_add(struct operate *o, const struct out_row *row)
{
	size_t	i;

	for (i = 0; i < o->n; i++)
		if (o->rows[i].seq == row->seq)
			return;
	o->rows[i].seq = row->seq;
	memcpy(o->rows[i].id, row->id, sizeof o->rows[i].id);
	o->rows[i].state = row->state;
	o->n++;
}

/* -1: the database fails. */
static int
operate_look_up(struct request *r, struct operate *o, const json_t *ids,
    const struct scope *sc)
{
	struct out_row	 row;
	const json_t	*v;
	size_t		 i;
	int		 found;

	json_array_foreach(ids, i, v) {
		found = mine_row(r, sc, json_string_value(v), 0, &row);
		if (found == -1)
			return -1;
		if (found == 0) {
			operate_refuse(o, json_string_value(v), "not_found");
			continue;
		}
		operate_add(o, &row);
		out_row_clear(&row);
	}
	return 0;
}

static void
operate(struct request *r, enum operation what)
{
	struct scope	 sc = { 0, NULL };
	struct fault	 f;
	struct operate	*o;
	const json_t	*ids;

	if ((ids = ids_parse(r->body, OPERATE_ROWS_MAX, &f)) == NULL ||
	    scope_find(&sc, r, NULL, &f) == -1) {
		reply_fault(r, &f);
		return;
	}
	o = xcalloc(1, sizeof *o);
	o->refused = json_array();
	request_keep(r, o, operate_free);
	if (operate_look_up(r, o, ids, &sc) == -1)
		reply_unanswered(r, 0, "database");
	else if (o->n == 0)
		operate_reply(r, o, 0);
	else
		operate_ask(r, o, what);
	scope_clear(&sc);
}

void
on_outbox_hold(struct request *r)
{
	operate(r, OPERATE_HOLD);
}

void
on_outbox_release(struct request *r)
{
	operate(r, OPERATE_RELEASE);
}

void
on_outbox_abort(struct request *r)
{
	operate(r, OPERATE_ABORT);
}
