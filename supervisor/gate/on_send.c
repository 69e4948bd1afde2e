/*
 * POST /v1/send: check, compute the fingerprint, look the id up, resolve the
 * target, draw the nonce, seal the body, have the store insert.  A 202 goes
 * out when the store has synced, not before.
 */

#include "supervisor/gate/handlers.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/body.h"
#include "common/clock.h"
#include "common/xalloc.h"
#include "supervisor/gate/call.h"
#include "supervisor/gate/gate.h"
#include "supervisor/gate/member.h"
#include "supervisor/gate/reply.h"
#include "supervisor/gate/request.h"
#include "supervisor/gate/scope.h"
#include "supervisor/gate/sends.h"
#include "supervisor/gate/session.h"

/* ---- the store ---- */

static void
accepted_cb(struct request *r, void *arg, enum call_end how,
    const void *body)
{
	const struct msg_accepted	*row = body;
	struct send			*sd = r->state;
	struct fault			 f;

	(void)arg;
	if (how == CALL_ANSWERED && (row->result == ACCEPT_NEW ||
	    row->result == ACCEPT_KNOWN)) {
		send_row(sd, row);
		return;
	}
	if (how == CALL_ANSWERED && row->result == ACCEPT_FULL)
		fault_set(&f, 507, "disk_full", "There is no room for the "
		    "message on the disk of the daemon: free some, and send "
		    "it again with the same client_message_id.");
	else if (how == CALL_ANSWERED)
		fault_set(&f, 503, "store_busy", "The store cannot write now: "
		    "send it again in a moment, with the same "
		    "client_message_id.");
	else
		fault_unanswered(&f, how == CALL_TIMEOUT, "store");
	send_refused(sd, &f, NULL);
}

/* Bind the body to what the row says of it, as its worker will do. */
static uint8_t *
seal(const struct msg_accept *a, const struct sending *s,
    const struct sender *from, size_t *len_r)
{
	struct out_row		 row;
	struct body_context	 ctx;
	char			 sender_hex[HEX_KEY_SIZE];

	memset(&row, 0, sizeof row);
	memcpy(row.owner, a->owner, sizeof row.owner);
	memcpy(row.sender, a->sender, sizeof row.sender);
	memcpy(row.mesh, a->mesh, sizeof row.mesh);
	memcpy(row.target, a->target, sizeof row.target);
	row.priority = (enum row_priority)a->priority;
	row.has_reply_to = (int)a->has_reply_to;
	memcpy(row.reply_to, a->reply_to, sizeof row.reply_to);
	memcpy(row.body_id, a->body_id, sizeof row.body_id);
	row.created_at = a->created_at;
	out_row_context(&row, &ctx, sender_hex);
	return body_seal(from->body_key, &ctx, s->meta, s->message, s->len,
	    len_r);
}

/* The question to the store; its body is sealed into *body_r. */
static struct msg_accept *
accept_make(const struct send *sd, const struct sender *from,
    uint8_t **body_r, size_t *len_r)
{
	const struct sending	*s = &sd->s;
	struct msg_accept	*a = xcalloc(1, sizeof *a);

	memcpy(a->owner, from->owner, sizeof a->owner);
	memcpy(a->sender, from->pub, sizeof a->sender);
	uuid_v7(a->id);
	strcpy(a->mesh, from->mesh);		/* all are checked, and fit */
	memcpy(a->client_id, sd->client_id, sizeof a->client_id);
	memcpy(a->fingerprint, sd->fingerprint, sizeof a->fingerprint);
	memcpy(a->target, s->target, sizeof a->target);
	a->priority = s->priority;
	if (s->reply_to != NULL) {
		a->has_reply_to = 1;
		strcpy(a->reply_to, s->reply_to);
	}
	randombytes_buf(a->nonce, sizeof a->nonce);
	randombytes_buf(a->body_id, sizeof a->body_id);
	a->payload_bytes = (int64_t)s->len;
	a->created_at = clock_wall_ms();
	*body_r = seal(a, s, from, len_r);
	a->body.p = *body_r;
	a->body.len = *len_r;
	return a;
}

/* The target is known.  -1: refused, as the fault says. */
static int
send_accept(struct send *sd, const struct sender *from, struct fault *f)
{
	struct msg_accept	*a;
	uint8_t			*body;
	size_t			 len;

	if (strcmp(sd->s.target, from->pub_hex) == 0)
		return fault_set(f, 400, "own_key", "'to' is the sender's own "
		    "key: nothing is sent to oneself.");
	a = accept_make(sd, from, &body, &len);
	if (call_store(sd->req, MSG_GATE_ACCEPT, a, sizeof *a, body, len,
	    MSG_STORE_ACCEPTED, accepted_cb) == -1)
		return fault_set(f, 503, "store_busy", "The store has too much "
		    "to do: send it again in a moment.");
	return 0;
}

/* ---- the target ---- */

static int
sender_has_ended(struct fault *f)
{
	return fault_set(f, 401, "invalid_session_token", "The session ended "
	    "meanwhile: register it again.");
}

static void
resolved_cb(struct request *r, struct resolve *re, const char *target)
{
	struct send	*sd = r->state;
	struct sender	 from;
	struct fault	 f;

	if (target == NULL) {
		send_refused(sd, &re->fault, resolve_more(re));
		return;
	}
	strcpy(sd->s.target, target);
	if ((scope_sender(r->gate, sd->owner, &from) == -1 &&
	    sender_has_ended(&f)) || send_accept(sd, &from, &f) == -1)
		send_refused(sd, &f, NULL);
}

/* The row of an id that was used before: 1, and answered; 0; -1: fault. */
static int
answer_known(struct send *sd, struct fault *f)
{
	struct msg_accepted	 known;
	struct out_row		 row;
	int			 found;

	found = rows_out_by_client_id(sd->req->gate->rows, sd->owner,
	    sd->client_id, &row);
	if (found == -1)
		return fault_unanswered(f, 0, "database");
	if (found == 0)
		return 0;
	memset(&known, 0, sizeof known);
	known.state = row.state;
	memcpy(known.id, row.id, sizeof known.id);
	memcpy(known.fingerprint, row.fingerprint, sizeof known.fingerprint);
	memcpy(known.target, row.target, sizeof known.target);
	memcpy(known.broker_id, row.broker_id, sizeof known.broker_id);
	memcpy(known.reason, row.last_error, sizeof known.reason);
	out_row_clear(&row);
	send_row(sd, &known);
	return 1;
}

/* Everything that comes after the checks; also for one that had to wait. */
void
send_step(struct send *sd)
{
	struct sender	 from;
	struct fault	 f;
	int		 ret = 0;

	if (scope_sender(sd->req->gate, sd->owner, &from) == -1)
		ret = sender_has_ended(&f);
	else if (sd->s.client_id != NULL &&
	    (ret = answer_known(sd, &f)) == 1)
		return;
	if (ret == 0 && sd->s.client_id != NULL && send_enter(sd) == 1)
		return;
	if (ret == 0 && !sending_is_name(&sd->s))
		ret = send_accept(sd, &from, &f);
	else if (ret == 0 && (ret = resolve_start(&sd->resolve, sd->req,
	    sd->owner, sd->s.to, resolved_cb)) == -1)
		f = sd->resolve.fault;
	if (ret == -1)
		send_refused(sd, &f, NULL);
}

/* ---- the question ---- */

static int
check_cap(const struct request *r, const struct sending *s, struct fault *f)
{
	return request_has_cap(r, sending_is_direct(s) ? CAP_DM :
	    CAP_BROADCAST, f);
}

static void
send_begin(struct send *sd, const struct member *m)
{
	struct request	*r = sd->req;

	memcpy(sd->owner, r->session != NULL ? r->session->owner : m->owner,
	    sizeof sd->owner);
	sending_fingerprint(&sd->s, sd->fingerprint);
	if (sd->s.client_id != NULL)
		strcpy(sd->client_id, sd->s.client_id);
	else
		uuid_v7(sd->client_id);
	r->until = clock_mono_ms() + GATE_WORKER_MS;
	send_step(sd);
}

void
on_send(struct request *r)
{
	struct send	*sd = send_new(r);
	struct sending	*s = &sd->s;
	struct member	*m;
	struct fault	 f;
	int		 several;
	size_t		 room;

	if (sending_parse(s, r->body, request_header(r, "Idempotency-Key"),
	    &f) == -1)
		reply_fault(r, &f);
	else if ((m = scope_member(r, s->mesh, &f, &several)) == NULL)
		scope_reply_fault(r, &f, several);
	else if (check_cap(r, s, &f) == -1)
		reply_fault(r, &f);
	else if (s->len > (room = sending_room(s)))
		reply_too_large(r, room, s->len);
	else if (r->gate->rows == NULL)
		reply_unanswered(r, 0, "database");
	else
		send_begin(sd, m);
}
