/* The answer to a send, by the row of its id: delivery.md, section 3. */

#include <string.h>

#include "common/encode.h"
#include "supervisor/gate/reason.h"
#include "supervisor/gate/reply.h"
#include "supervisor/gate/request.h"
#include "supervisor/gate/scope.h"
#include "supervisor/gate/sends.h"

/* By state of the row: is it another send's, or the same that ended? */
static const char *const mismatches[] = {
	[ROW_PENDING] = "outbox_pending_fingerprint_mismatch",
	[ROW_INFLIGHT] = "outbox_inflight_fingerprint_mismatch",
	[ROW_DONE] = "outbox_done_fingerprint_mismatch",
	[ROW_DEAD] = "outbox_dead_fingerprint_mismatch",
	[ROW_ABORTED] = "outbox_aborted_fingerprint_mismatch",
};

static void
reply_conflict(const struct send *sd, const struct msg_accepted *row,
    const char *conflict, const char *detail)
{
	char	 prefix[2 * 8 + 1];
	json_t	*more;

	hex_encode(prefix, row->fingerprint, 8);
	more = json_pack("{s:s, s:s, s:s, s:s}", "conflict", conflict,
	    "daemon_fingerprint_prefix", prefix,
	    "client_message_id", sd->client_id, "id", row->id);
	if (more != NULL && *row->broker_id != '\0' && row->state == ROW_DONE)
		json_object_set_new(more, "broker_message_id",
		    json_string(row->broker_id));
	if (more != NULL && row->state == ROW_DEAD)
		json_object_set_new(more, "reason", reason_json(row->reason));
	reply_error_with(sd->req, more, 409, "idempotency_key_reused", "%s",
	    detail);
}

static void
reply_accepted(const struct send *sd, const struct msg_accepted *row,
    const char *status)
{
	const char	*why = scope_parked(sd->req->gate, sd->owner);
	json_t		*answer = json_pack("{s:s, s:s, s:s, s:s}",
			    "client_message_id", sd->client_id,
			    "status", status, "id", row->id,
			    "to", row->target);

	if (answer != NULL && why != NULL)	/* it waits for that */
		json_object_set_new(answer, "parked", json_string(why));
	reply_json(sd->req, 202, answer);
}

void
send_reply_row(const struct send *sd, const struct msg_accepted *row)
{
	if (memcmp(row->fingerprint, sd->fingerprint, FINGERPRINT_LEN) != 0) {
		reply_conflict(sd, row, mismatches[row->state],
		    "This client_message_id was used for another message: "
		    "use a new one.");
		return;
	}
	switch ((enum row_state)row->state) {
	case ROW_PENDING:
		reply_accepted(sd, row, "queued");
		break;
	case ROW_INFLIGHT:
		reply_accepted(sd, row, "inflight");
		break;
	case ROW_DONE:
		reply_json(sd->req, 200, json_pack("{s:s, s:s, s:s, s:s, s:b,"
		    " s:s}", "client_message_id", sd->client_id,
		    "status", "done", "id", row->id, "to", row->target,
		    "duplicate", 1, "broker_message_id", row->broker_id));
		break;
	case ROW_DEAD:
		reply_conflict(sd, row, "outbox_dead_fingerprint_match",
		    "This message was given up: see 'reason', and send it "
		    "with a new client_message_id.");
		break;
	case ROW_ABORTED:
		reply_conflict(sd, row,
		    "outbox_aborted_fingerprint_match", "This message was "
		    "aborted: send it with a new client_message_id.");
		break;
	}
}
