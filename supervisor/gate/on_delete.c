/*
 * DELETE /v1/inbox/{id} and DELETE /v1/inbox.  What is flushed is deleted slice
 * by slice, oldest first, so that nobody has to wait for the store meanwhile.
 */

#include "supervisor/gate/handlers.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "supervisor/gate/call.h"
#include "supervisor/gate/gate.h"
#include "supervisor/gate/member.h"
#include "supervisor/gate/reply.h"
#include "supervisor/gate/request.h"
#include "supervisor/gate/scope.h"

#define SLICE	500

/* A view, by ids: the session may end before its rows are deleted. */
struct part {
	int	has_session, has_member;
	uint8_t	session[OWNER_ID_LEN], member[OWNER_ID_LEN];
};

struct flush {
	struct part	*parts;
	size_t		 n, at;
	int64_t		 before;	/* ms */
	int64_t		 last;		/* up to this sequence */
	int64_t		 cursor;	/* this one is done; -1: begin */
	int64_t		 removed;
	struct msg_seen	 slice;
};

static void
flush_free(void *arg)
{
	struct flush	*fl = arg;

	free(fl->parts);
	free(fl);
}

/* -1: nothing was deleted, and why is answered. */
static int
deleted_read(struct request *r, enum call_end how, const struct msg_count *a,
    int64_t removed)
{
	json_t		*more = json_pack("{s:I}", "removed",
			    (json_int_t)removed);
	struct fault	 f;

	if (how == CALL_ANSWERED && a->result == ACCEPT_NEW) {
		json_decref(more);
		return 0;
	}
	if (how != CALL_ANSWERED)
		fault_unanswered(&f, how == CALL_TIMEOUT, "store");
	else if (a->result == ACCEPT_FULL)
		fault_set(&f, 507, "disk_full", "There is no room on the disk "
		    "of the daemon, not even to delete: free some, and try "
		    "again.");
	else
		fault_set(&f, 503, "store_busy", "The store cannot write now: "
		    "try again in a moment.");
	reply_error_with(r, more, f.status, f.code, "%s", f.detail);
	return -1;
}

/* -1: the store's queue is full. */
static int
delete_ask(struct request *r, const struct msg_seen *rows, call_cb cb)
{
	struct msg_seen	*ask = xcalloc(1, sizeof *ask);

	*ask = *rows;
	return call_store(r, MSG_GATE_DELETE, ask, sizeof *ask, NULL, 0,
	    MSG_STORE_DELETED, cb);
}

static void
reply_too_much(struct request *r)
{
	reply_error(r, 503, "store_busy", "The store has too much to do: try "
	    "again in a moment.");
}

/* Without a reader there is nobody in whose name it is deleted. */
static int
check_reader(struct request *r)
{
	if (!request_is_operator(r))
		return 0;
	reply_error(r, 403, "session_required", "Only a reader deletes: ask on "
	    "daemon.sock, or with a session's token.");
	return -1;
}

/* ---- one message ---- */

/* What was there is gone now, whoever it was that deleted it. */
static void
deleted_cb(struct request *r, void *arg, enum call_end how, const void *body)
{
	(void)arg;
	if (deleted_read(r, how, body, 0) == 0)
		reply_json(r, 200, json_pack("{s:i, s:s}", "removed", 1, "id",
		    r->arg));
}

/* 1: asked; 0: there is no such message; -1: the database fails. */
static int
delete_one(struct request *r, const struct scope *sc)
{
	struct msg_seen		 rows;
	struct rows_scope	 rs;
	int64_t			 seq;
	size_t			 i;
	int			 found = 0;

	if (r->gate->rows == NULL)
		return -1;
	for (i = 0; i < sc->n && found == 0; i++) {
		view_rows(&sc->views[i], &rs);
		found = rows_in_seq(r->gate->rows, &rs, r->arg, &seq);
		if (found != 1)
			continue;
		memset(&rows, 0, sizeof rows);
		memcpy(rows.reader, view_reader(&sc->views[i]), OWNER_ID_LEN);
		rows.rows.n = 1;
		rows.rows.v[0] = (uint64_t)seq;
		if (delete_ask(r, &rows, deleted_cb) == -1)
			reply_too_much(r);
	}
	return found;
}

void
on_inbox_delete(struct request *r)
{
	struct scope	sc = { 0, NULL };
	struct fault	f;

	if (check_reader(r) == -1)
		return;
	if (scope_find(&sc, r, NULL, &f) == -1) {
		reply_fault(r, &f);
		return;
	}
	switch (delete_one(r, &sc)) {
	case -1:
		reply_unanswered(r, 0, "database");
		break;
	case 0:
		reply_error(r, 404, "message_not_found", "Your inbox has no "
		    "message with this id.");
		break;
	}
	scope_clear(&sc);
}

/* ---- all of them ---- */

static void
part_scope(const struct part *p, struct rows_scope *rs)
{
	rs->session = p->has_session ? p->session : NULL;
	rs->member = p->has_member ? p->member : NULL;
}

/* Begin with a part: of what comes from now on nothing is deleted. */
static int
part_begin(struct request *r, struct flush *fl)
{
	struct rows_scope	rs;

	part_scope(&fl->parts[fl->at], &rs);
	fl->cursor = 0;
	return rows_in_before(r->gate->rows, &rs, fl->before, &fl->last);
}

/* The next rows of the part to delete, maybe none.  -1: the database fails. */
static int
slice_read(struct request *r, struct flush *fl)
{
	const struct part	*p = &fl->parts[fl->at];
	struct msg_ids		*rows = &fl->slice.rows;
	struct rows_scope	 rs;
	int			 n;

	memcpy(fl->slice.reader, p->has_session ? p->session : p->member,
	    OWNER_ID_LEN);
	part_scope(p, &rs);
	n = rows_in_seqs(r->gate->rows, &rs, fl->cursor, fl->last, fl->before,
	    SLICE, rows->v);
	if (n == -1)
		return -1;
	if ((rows->n = (uint32_t)n) > 0)
		fl->cursor = (int64_t)rows->v[n - 1];
	return 0;
}

static void	flushed_cb(struct request *, void *, enum call_end,
		    const void *);

/* Ask for the next slice, or, when there is none, answer. */
static void
flush_step(struct request *r, struct flush *fl)
{
	while (fl->at < fl->n) {
		if ((fl->cursor == -1 && part_begin(r, fl) == -1) ||
		    slice_read(r, fl) == -1) {
			reply_unanswered(r, 0, "database");
			return;
		}
		if (fl->slice.rows.n > 0) {
			if (delete_ask(r, &fl->slice, flushed_cb) == -1)
				reply_too_much(r);
			return;
		}
		fl->at++;
		fl->cursor = -1;
	}
	reply_json(r, 200, json_pack("{s:I}", "removed",
	    (json_int_t)fl->removed));
}

static void
flushed_cb(struct request *r, void *arg, enum call_end how, const void *body)
{
	const struct msg_count	*a = body;
	struct flush		*fl = r->state;

	(void)arg;
	if (deleted_read(r, how, a, fl->removed) == -1)
		return;
	fl->removed += a->count;
	flush_step(r, fl);
}

static struct flush *
flush_new(struct request *r, const struct scope *sc)
{
	struct flush	*fl = xcalloc(1, sizeof *fl);
	size_t		 i;

	fl->n = sc->n;
	fl->parts = xcalloc(sc->n + 1, sizeof *fl->parts);
	for (i = 0; i < sc->n; i++) {
		if (sc->views[i].session != NULL) {
			fl->parts[i].has_session = 1;
			memcpy(fl->parts[i].session, view_reader(
			    &sc->views[i]), OWNER_ID_LEN);
		}
		if (sc->views[i].member != NULL) {
			fl->parts[i].has_member = 1;
			memcpy(fl->parts[i].member,
			    sc->views[i].member->owner, OWNER_ID_LEN);
		}
	}
	request_keep(r, fl, flush_free);
	return fl;
}

void
on_inbox_flush(struct request *r)
{
	const char	*before = query_get(&r->query, "before");
	struct scope	 sc = { 0, NULL };
	struct fault	 f;
	struct flush	*fl;
	int64_t		 ms = INT64_MAX;

	if (check_reader(r) == -1)
		return;
	if (before != NULL && clock_parse_iso(before, &ms) == -1) {
		reply_error(r, 400, "invalid_query", "'before' must be a time "
		    "like 2026-01-31T12:00:00Z.");
		return;
	}
	if (scope_find(&sc, r, query_get(&r->query, "mesh"), &f) == -1) {
		reply_fault(r, &f);
		return;
	}
	fl = flush_new(r, &sc);
	scope_clear(&sc);
	fl->before = ms;
	fl->cursor = -1;
	if (r->gate->rows == NULL)
		reply_unanswered(r, 0, "database");
	else
		flush_step(r, fl);
}
