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
#include "common/encode.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "supervisor/gate/call.h"
#include "supervisor/gate/caps.h"
#include "supervisor/gate/gate.h"
#include "supervisor/gate/member.h"
#include "supervisor/gate/reply.h"
#include "supervisor/gate/request.h"
#include "supervisor/gate/scope.h"
#include "supervisor/gate/sending.h"
#include "supervisor/gate/session.h"

/* Who sends: a session, or a member outside of one. */
struct sender {
	const uint8_t	*owner, *pub, *body_key;
	const char	*pub_hex, *mesh;
};

/* What the answer needs of the question. */
struct asked {
	char	client_id[CLIENT_ID_SIZE];
	uint8_t	fingerprint[FINGERPRINT_LEN];
};

/* ---- the answer: delivery.md, section 3 ---- */

/* By state of the row: is it another send's, or the same that ended? */
static const char *const mismatches[] = {
	[ROW_PENDING] = "outbox_pending_fingerprint_mismatch",
	[ROW_INFLIGHT] = "outbox_inflight_fingerprint_mismatch",
	[ROW_DONE] = "outbox_done_fingerprint_mismatch",
	[ROW_DEAD] = "outbox_dead_fingerprint_mismatch",
	[ROW_ABORTED] = "outbox_aborted_fingerprint_mismatch",
};

static void
reply_conflict(struct request *r, const struct asked *asked,
    const struct msg_accepted *row, const char *conflict, const char *detail)
{
	char	 prefix[2 * 8 + 1];
	json_t	*more;

	hex_encode(prefix, row->fingerprint, 8);
	more = json_pack("{s:s, s:s, s:s}", "conflict", conflict,
	    "daemon_fingerprint_prefix", prefix,
	    "client_message_id", asked->client_id);
	if (more != NULL && *row->broker_id != '\0' && row->state == ROW_DONE)
		json_object_set_new(more, "broker_message_id",
		    json_string(row->broker_id));
	if (more != NULL && *row->reason != '\0')
		json_object_set_new(more, "reason", json_string(row->reason));
	reply_error_with(r, more, 409, "idempotency_key_reused", "%s", detail);
}

static void
reply_accepted(struct request *r, const struct asked *asked,
    const struct msg_accepted *row, const char *status)
{
	reply_json(r, 202, json_pack("{s:s, s:s, s:s}", "client_message_id",
	    asked->client_id, "status", status, "id", row->id));
}

static void
reply_row(struct request *r, const struct asked *asked,
    const struct msg_accepted *row)
{
	if (memcmp(row->fingerprint, asked->fingerprint,
	    FINGERPRINT_LEN) != 0) {
		reply_conflict(r, asked, row, mismatches[row->state],
		    "This client_message_id was used for another message: "
		    "use a new one.");
		return;
	}
	switch ((enum row_state)row->state) {
	case ROW_PENDING:
		reply_accepted(r, asked, row, "queued");
		break;
	case ROW_INFLIGHT:
		reply_accepted(r, asked, row, "inflight");
		break;
	case ROW_DONE:
		reply_json(r, 200, json_pack("{s:s, s:s, s:s, s:b, s:s}",
		    "client_message_id", asked->client_id, "status", "done",
		    "id", row->id, "duplicate", 1, "broker_message_id",
		    row->broker_id));
		break;
	case ROW_DEAD:
		reply_conflict(r, asked, row, "outbox_dead_fingerprint_match",
		    "This message was given up: see 'reason', and send it "
		    "with a new client_message_id.");
		break;
	case ROW_ABORTED:
		reply_conflict(r, asked, row,
		    "outbox_aborted_fingerprint_match", "This message was "
		    "aborted: send it with a new client_message_id.");
		break;
	}
}

static void
accepted_cb(struct request *r, void *arg, enum call_end how,
    const void *body)
{
	const struct msg_accepted	*row = body;

	(void)arg;
	if (how != CALL_ANSWERED)
		reply_unanswered(r, how == CALL_TIMEOUT, "store");
	else if (row->result == ACCEPT_FULL)
		reply_error(r, 507, "disk_full", "There is no room for the "
		    "message: free some, and send it again.");
	else if (row->result == ACCEPT_BUSY)
		reply_error(r, 503, "store_busy",
		    "The store cannot write now: send it again in a moment.");
	else
		reply_row(r, r->state, row);
}

/* ---- the question ---- */

/* The row of an id that was used before: 1, and answered; 0; -1, answered. */
static int
answer_known(struct request *r, const struct asked *asked,
    const uint8_t owner[OWNER_ID_LEN])
{
	struct msg_accepted	 known;
	struct out_row		 row;
	int			 found;

	found = rows_out_by_client_id(r->gate->rows, owner, asked->client_id,
	    &row);
	if (found == 0)
		return 0;
	if (found == -1) {
		reply_unanswered(r, 0, "database");
		return -1;
	}
	memset(&known, 0, sizeof known);
	known.state = row.state;
	memcpy(known.id, row.id, sizeof known.id);
	memcpy(known.fingerprint, row.fingerprint, sizeof known.fingerprint);
	memcpy(known.broker_id, row.broker_id, sizeof known.broker_id);
	memcpy(known.reason, row.last_error, sizeof known.reason);
	out_row_clear(&row);
	reply_row(r, asked, &known);
	return 1;
}

static int
check_target(const struct sending *s, const struct sender *from,
    struct fault *f)
{
	if (s->kind == TARGET_NAME)
		return fault_set(f, 400, "invalid_target", "'to' must be a "
		    "key of 64 hex digits, '*', '@group' or '#topic': "
		    "`meshsup peers` shows the keys of peers.");
	if (s->kind == TARGET_KEY && strcmp(s->target, from->pub_hex) == 0)
		return fault_set(f, 400, "own_key",
		    "'to' is your own key: nothing is sent to oneself.");
	return 0;
}

static int
check_cap(const struct request *r, const struct sending *s, struct fault *f)
{
	uint32_t	need = s->kind == TARGET_KEY || s->kind == TARGET_NAME ?
			    CAP_DM : CAP_BROADCAST;

	if (r->session == NULL || (r->session->caps & need) != 0)
		return 0;
	return fault_set(f, 403, "missing_capability", "The session was "
	    "registered without '%s'.", caps_name(need));
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
accept_make(const struct asked *asked, const struct sending *s,
    const struct sender *from, uint8_t **body_r, size_t *len_r)
{
	struct msg_accept	*a = xcalloc(1, sizeof *a);

	memcpy(a->owner, from->owner, sizeof a->owner);
	memcpy(a->sender, from->pub, sizeof a->sender);
	uuid_v7(a->id);
	strcpy(a->mesh, from->mesh);		/* all are checked, and fit */
	memcpy(a->client_id, asked->client_id, sizeof a->client_id);
	memcpy(a->fingerprint, asked->fingerprint, sizeof a->fingerprint);
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

/* -1: refused, as the fault says, or (status 0) answered already. */
static int
send_checked(struct request *r, const struct sending *s,
    const struct sender *from, struct fault *f)
{
	struct asked		*asked = xcalloc(1, sizeof *asked);
	struct msg_accept	*a;
	uint8_t			*body;
	size_t			 len;

	request_keep(r, asked, free);
	sending_fingerprint(s, asked->fingerprint);
	f->status = 0;
	if (s->client_id != NULL) {
		strcpy(asked->client_id, s->client_id);
		if (answer_known(r, asked, from->owner) != 0)
			return -1;
	} else
		uuid_v7(asked->client_id);
	if (check_target(s, from, f) == -1)
		return -1;
	a = accept_make(asked, s, from, &body, &len);
	if (call_store(r, MSG_GATE_ACCEPT, a, sizeof *a, body, len,
	    MSG_STORE_ACCEPTED, accepted_cb) == -1)
		return fault_set(f, 503, "store_busy", "The store has too much "
		    "to do: send it again in a moment.");
	return 0;
}

static void
sender_find(const struct request *r, const struct member *m,
    struct sender *from)
{
	const struct session	*s = r->session;

	from->owner = s != NULL ? s->owner : m->owner;
	from->pub = s != NULL ? s->pub : m->pub;
	from->pub_hex = s != NULL ? s->pub_hex : m->pub_hex;
	from->body_key = s != NULL ? s->body_key : m->body_key;
	from->mesh = s != NULL ? s->mesh : m->mesh;
}

void
on_send(struct request *r)
{
	struct sending	 s;
	struct sender	 from;
	struct member	*m;
	struct fault	 f;
	int		 several;
	size_t		 room;

	if (sending_parse(&s, r->body, request_header(r, "Idempotency-Key"),
	    &f) == -1) {
		reply_fault(r, &f);
	} else if ((m = scope_member(r, s.mesh, &f, &several)) == NULL) {
		scope_reply_fault(r, &f, several);
	} else if (check_cap(r, &s, &f) == -1) {
		reply_fault(r, &f);
	} else if (s.len > SENDING_ROOM_LEAST &&
	    s.len > (room = sending_room(&s))) {
		reply_error_with(r, json_pack("{s:I, s:I}", "limit",
		    (json_int_t)room, "bytes", (json_int_t)s.len), 413,
		    "message_too_large", "A message to this target may have "
		    "%zu bytes; this one has %zu.", room, s.len);
	} else if (r->gate->rows == NULL) {
		reply_unanswered(r, 0, "database");
	} else {
		sender_find(r, m, &from);
		if (send_checked(r, &s, &from, &f) == -1 && f.status != 0)
			reply_fault(r, &f);
	}
	sending_clear(&s);
}
