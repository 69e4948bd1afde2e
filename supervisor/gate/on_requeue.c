/*
 * POST /v1/outbox/requeue: a row is aborted, and a new one takes its place.
 * For another recipient the body is opened and sealed anew here, since what it
 * is bound to changes; otherwise nobody opens it.
 */

#include "supervisor/gate/handlers.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "supervisor/gate/call.h"
#include "supervisor/gate/gate.h"
#include "supervisor/gate/input.h"
#include "supervisor/gate/mine.h"
#include "supervisor/gate/reply.h"
#include "supervisor/gate/request.h"
#include "supervisor/gate/resolve.h"
#include "supervisor/gate/scope.h"
#include "supervisor/gate/sending.h"
#include "supervisor/gate/session.h"

struct requeue {
	struct out_row	 row;		/* with its body when there is a to */
	const char	*to;		/* into the request; NULL: the same */
	char		 target[TARGET_SIZE];
	char		 by[NAME_SIZE];
	char		 id[UUID_SIZE];		/* of the new row */
	char		 client_id[CLIENT_ID_SIZE];
	struct resolve	 resolve;
};

static void
requeue_free(void *arg)
{
	struct requeue	*q = arg;

	out_row_clear(&q->row);
	resolve_clear(&q->resolve);
	free(q);
}

/* ---- the answer ---- */

static void
reply_ended(struct request *r, const struct out_row *row,
    enum row_state state)
{
	json_t	*more = json_pack("{s:s}", "status", row_state_name(state));

	if (*row->superseded_by != '\0')
		json_object_set_new(more, "superseded_by",
		    json_string(row->superseded_by));
	reply_error_with(r, more, 409, "row_ended", state == ROW_DONE ?
	    "It was sent: send it again with POST /v1/send." :
	    "It was aborted or requeued before: send it again with POST "
	    "/v1/send.");
}

static void
requeued_cb(struct request *r, void *arg, enum call_end how,
    const void *body)
{
	const struct msg_requeued	*a = body;
	struct requeue			*q = r->state;

	(void)arg;
	if (how != CALL_ANSWERED) {
		reply_unanswered(r, how == CALL_TIMEOUT, "store");
		return;
	}
	switch ((enum operate_result)a->result) {
	case OPERATE_OK:
		reply_json(r, 200, json_pack("{s:s, s:s, s:s, s:s}",
		    "aborted_row_id", q->row.id, "new_row_id", q->id,
		    "new_client_message_id", q->client_id, "to", q->target));
		break;
	case OPERATE_NOT_FOUND:
		reply_error(r, 404, "row_not_found", "Your outbox has no row "
		    "with this id.");
		break;
	case OPERATE_ENDED:
		reply_ended(r, &q->row, (enum row_state)a->state);
		break;
	case OPERATE_INFLIGHT:
		reply_error(r, 409, "inflight", "It is being sent just now: "
		    "look what becomes of it, and try again.");
		break;
	case OPERATE_FULL:
		reply_error(r, 507, "disk_full", "There is no room on the disk "
		    "of the daemon: free some, and try again.");
		break;
	case OPERATE_BUSY:
		reply_error(r, 503, "store_busy",
		    "The store cannot write now: try again in a moment.");
		break;
	case OPERATE_ID_IN_USE:
		reply_error(r, 409, "idempotency_key_reused", "The sender has "
		    "used this new_client_message_id before: leave it out, or "
		    "use a new one.");
		break;
	}
}

/* ---- the question to the store ---- */

static int
not_readable(struct fault *f)
{
	return fault_set(f, 409, "body_unreadable", "The stored text does not "
	    "open: it cannot be sent to somebody else.");
}

/* Open, and seal for the new target: fingerprint, nonce, body_id and body. */
static int
requeue_seal(const struct requeue *q, const struct sender *from,
    struct msg_requeue *ask, uint8_t **body_r, size_t *len_r,
    struct fault *f)
{
	struct out_row		 row = q->row;	/* its body is borrowed */
	struct body_context	 ctx;
	char			 sender[HEX_KEY_SIZE];
	const char		*kind, *ref, *text, *meta;
	uint8_t			*buf;
	size_t			 size, len;

	out_row_context(&row, &ctx, sender);
	if (row.body == NULL || body_open(from->body_key, &ctx, row.body,
	    row.bodylen, &buf, &size, &text, &len, &meta) == -1)
		return not_readable(f);
	fingerprint_destination(q->to, &kind, &ref);
	fingerprint_compute(ask->fingerprint, kind, ref,
	    row.has_reply_to ? row.reply_to : NULL,
	    row_priority_name(row.priority), meta, text, len);
	randombytes_buf(ask->nonce, sizeof ask->nonce);
	randombytes_buf(ask->body_id, sizeof ask->body_id);
	memcpy(row.target, q->target, sizeof row.target);
	memcpy(row.body_id, ask->body_id, sizeof row.body_id);
	out_row_context(&row, &ctx, sender);
	*body_r = body_seal(from->body_key, &ctx, meta, text, len, len_r);
	freezero(buf, size);
	memcpy(ask->target, q->target, sizeof ask->target);
	ask->has_to = 1;
	ask->body.p = *body_r;
	ask->body.len = *len_r;
	return 0;
}

static int
requeue_ask(struct request *r, const struct requeue *q,
    const struct sender *from, struct fault *f)
{
	struct msg_requeue	*ask = xcalloc(1, sizeof *ask);
	uint8_t			*body = NULL;
	size_t			 len = 0;

	ask->row = q->row.seq;
	memcpy(ask->by, q->by, sizeof ask->by);
	memcpy(ask->id, q->id, sizeof ask->id);
	memcpy(ask->client_id, q->client_id, sizeof ask->client_id);
	if (q->to != NULL &&
	    requeue_seal(q, from, ask, &body, &len, f) == -1) {
		free(ask);
		return -1;
	}
	if (call_store(r, MSG_GATE_REQUEUE, ask, sizeof *ask, body, len,
	    MSG_STORE_REQUEUED, requeued_cb) == -1)
		return fault_set(f, 503, "store_busy", "The store has too much "
		    "to do: try again in a moment.");
	return 0;
}

/* ---- checks ---- */

static int
sender_has_ended(struct fault *f)
{
	return fault_set(f, 409, "sender_ended", "The session that sent it has "
	    "ended: register it again by the same session_id, then try "
	    "again.");
}

/* -1, and answered. */
static int
check_size(struct request *r, const struct requeue *q)
{
	const struct out_row	*row = &q->row;
	struct sending_frame	 frame = { q->client_id, q->target, 0,
				    row->has_reply_to ? row->reply_to : NULL,
				    row->priority,
				    sending_kind(q->target) == TARGET_KEY };
	size_t			 room = sending_frame_room(&frame);

	if ((uint64_t)row->payload_bytes <= room)
		return 0;
	reply_too_large(r, room, (size_t)row->payload_bytes);
	return -1;
}

/* The target is known.  -1: as the fault says, or (status 0) answered. */
static int
requeue_go(struct request *r, struct requeue *q, struct fault *f)
{
	struct sender	from;

	f->status = 0;
	if (scope_sender(r->gate, q->row.owner, &from) == -1)
		return sender_has_ended(f);
	if (strcmp(q->target, from.pub_hex) == 0)
		return fault_set(f, 400, "own_key", "'to' is the sender's own "
		    "key: nothing is sent to oneself.");
	if (check_size(r, q) == -1)
		return -1;
	return requeue_ask(r, q, &from, f);
}

static void
resolved_cb(struct request *r, struct resolve *re, const char *key)
{
	struct requeue	*q = r->state;
	struct fault	 f;

	if (key == NULL) {
		reply_error_with(r, resolve_more(re), re->fault.status,
		    re->fault.code, "%s", re->fault.detail);
		return;
	}
	strcpy(q->target, key);
	if (requeue_go(r, q, &f) == -1 && f.status != 0)
		reply_fault(r, &f);
}

/* A message to one peer may go to another one, and to nobody else. */
static int
check_to(struct request *r, const struct requeue *q, struct fault *f)
{
	enum sending_target	kind = sending_kind(q->to);

	if (sending_kind(q->row.target) != TARGET_KEY)
		return fault_set(f, 400, "invalid_target", "Only a message to "
		    "one peer can go to another one: leave 'to' out.");
	if (kind != TARGET_KEY && kind != TARGET_NAME)
		return fault_set(f, 400, "invalid_target", "'to' must be the "
		    "key or the name of one peer.");
	if (!mine_is_own(r, &q->row) && !request_is_operator(r))
		return fault_set(f, 403, "not_your_message", "Only who sent it "
		    "may send it to somebody else.");
	return 0;
}

static int
check_cap(const struct request *r, const struct out_row *row,
    struct fault *f)
{
	return request_has_cap(r, sending_kind(row->target) == TARGET_KEY ?
	    CAP_DM : CAP_BROADCAST, f);
}

/* The row is there.  -1: as requeue_go(). */
static int
requeue_begin(struct request *r, struct requeue *q, struct fault *f)
{
	struct sender	from;

	f->status = 0;
	if (q->row.state == ROW_DONE || q->row.state == ROW_ABORTED) {
		reply_ended(r, &q->row, q->row.state);
		return -1;
	}
	if (check_cap(r, &q->row, f) == -1)
		return -1;
	if (scope_sender(r->gate, q->row.owner, &from) == -1)
		return sender_has_ended(f);
	memcpy(q->target, q->row.target, sizeof q->target);
	if (q->to == NULL)
		return requeue_go(r, q, f);
	if (check_to(r, q, f) == -1)
		return -1;
	input_lower(q->target, q->to, sizeof q->target);
	if (sending_kind(q->to) == TARGET_KEY)
		return requeue_go(r, q, f);
	r->until = clock_mono_ms() + GATE_WORKER_MS;
	if (resolve_start(&q->resolve, r, q->row.owner, q->to,
	    resolved_cb) == 0)
		return 0;
	*f = q->resolve.fault;
	return -1;
}

static int
requeue_parse(struct request *r, struct requeue *q, const char **id_r,
    struct fault *f)
{
	const char	*client_id;

	if (input_text(r->body, "id", 1, UUID_SIZE - 1, id_r, f) == -1 ||
	    input_text(r->body, "to", 0, TARGET_SIZE - 1, &q->to, f) == -1 ||
	    input_text(r->body, "new_client_message_id", 0,
	    CLIENT_ID_SIZE - 1, &client_id, f) == -1)
		return -1;
	if ((q->to != NULL && *q->to == '\0') ||
	    (client_id != NULL && *client_id == '\0'))
		return fault_set(f, 400, "invalid_request", "'to' and "
		    "'new_client_message_id' must not be empty.");
	mine_name(r, q->by);
	uuid_v7(q->id);
	if (client_id != NULL)
		strcpy(q->client_id, client_id);
	else
		uuid_v7(q->client_id);
	return 0;
}

void
on_outbox_requeue(struct request *r)
{
	struct requeue	*q = xcalloc(1, sizeof *q);
	struct scope	 sc = { 0, NULL };
	struct fault	 f;
	const char	*id;

	request_keep(r, q, requeue_free);
	if (requeue_parse(r, q, &id, &f) == -1 ||
	    scope_find(&sc, r, NULL, &f) == -1) {
		reply_fault(r, &f);
		scope_clear(&sc);
		return;
	}
	switch (mine_row(r, &sc, id, q->to != NULL, &q->row)) {
	case -1:
		reply_unanswered(r, 0, "database");
		break;
	case 0:
		reply_error(r, 404, "row_not_found", "Your outbox has no row "
		    "with this id.");
		break;
	default:
		if (requeue_begin(r, q, &f) == -1 && f.status != 0)
			reply_fault(r, &f);
		break;
	}
	scope_clear(&sc);
}
