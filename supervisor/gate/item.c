/*
 * Rows as the API shows them.  Bodies are opened here, under the key of who
 * owns the row; one that does not open was forged, moved, or is another's, and
 * is not shown.
 */

#include "supervisor/gate/item.h"

#include <string.h>

#include "common/body.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "supervisor/gate/reason.h"
#include "supervisor/gate/scope.h"

json_t *
item_time(int64_t ms)
{
	char	iso[CLOCK_ISO_SIZE];

	return ms != 0 ? json_string(clock_iso(ms, iso)) : json_null();
}

json_t *
item_text(const char *s)
{
	return *s != '\0' ? json_string(s) : json_null();
}

/* A notice has no body: its text is made from its columns. */
static json_t *
notice_body(const struct in_row *row)
{
	json_t	*reason = reason_json(row->notice_reason), *body;

	body = reason == NULL ? NULL : json_sprintf("The message %s to %s was "
	    "not delivered. %s", row->client_id, row->notice_target,
	    json_string_value(reason));
	json_decref(reason);
	return body;
}

static json_t *
inbox_body(struct gate *g, const struct in_row *row)
{
	const uint8_t		*key = scope_body_key(g, row->owner);
	struct body_context	 ctx;
	const char		*text;
	uint8_t			*buf;
	size_t			 size, len;
	json_t			*body = NULL;

	if (row->state == INBOX_NOTICE)
		return notice_body(row);
	if (row->state != INBOX_MESSAGE)	/* never shown as text */
		return json_null();
	in_row_context(row, &ctx);
	if (key != NULL && body_open(key, &ctx, row->body, row->bodylen, &buf,
	    &size, &text, &len, NULL) == 0) {
		body = json_stringn(text, len);
		freezero(buf, size);
	}
	if (body == NULL)
		log_warnx("inbox row %s: its body does not open: left out",
		    row->id);
	return body;
}

/* Neither is ever null: clients use both without asking. */
static json_t *
inbox_client_id(const struct in_row *row)
{
	return json_string(*row->client_id != '\0' ? row->client_id :
	    *row->broker_id != '\0' ? row->broker_id : row->id);
}

static json_t *
inbox_sender_name(const struct in_row *row)
{
	if (*row->sender_name != '\0')
		return json_string(row->sender_name);
	return json_stringn(row->sender, strnlen(row->sender, 8));
}

static json_t *
optional(int has, const char *s)
{
	return has ? json_string(s) : json_null();
}

/* What items and events have in common; takes body. */
static json_t *
inbox_common(const struct in_row *row, json_t *body)
{
	int	notice = row->state == INBOX_NOTICE;
	json_t	*j;

	j = json_pack("{s:s, s:s, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:s, s:o,"
	    " s:s, s:s, s:b, s:b}",
	    "id", row->id, "mesh", row->mesh,
	    "client_message_id", inbox_client_id(row),
	    "broker_message_id", item_text(row->broker_id),
	    "sender_pubkey", notice ? "system" : row->sender,
	    "sender_member_pubkey", item_text(row->sender_member),
	    "sender_name", inbox_sender_name(row),
	    "topic", optional(row->has_topic, row->topic),
	    "reply_to_id", optional(row->has_reply_to, row->reply_to),
	    "priority", row_priority_name(row->priority),
	    "body", body,
	    "recipient_pubkey", row->recipient,
	    "recipient_kind", row_kind_name(row->kind),
	    "authenticated", notice || row->authenticated,
	    "encrypted", row->encrypted);
	if (j == NULL)
		log_warnx("inbox row %s: its text is no UTF-8: left out",
		    row->id);
	return j;
}

json_t *
item_inbox(struct gate *g, const struct in_row *row)
{
	json_t	*body = inbox_body(g, row), *j;

	if (body == NULL || (j = inbox_common(row, body)) == NULL)
		return NULL;
	json_object_set_new(j, "received_at", item_time(row->received_at));
	json_object_set_new(j, "seen_at", item_time(row->seen_at));
	json_object_set_new(j, "subtype", row->state == INBOX_NOTICE ?
	    json_string("system") : optional(row->has_subtype, row->subtype));
	return j;
}

json_t *
item_event(struct gate *g, const struct in_row *row)
{
	json_t	*body = inbox_body(g, row), *j;

	if (body == NULL || (j = inbox_common(row, body)) == NULL)
		return NULL;
	json_object_set_new(j, "ts", item_time(row->received_at));
	json_object_set_new(j, "created_at", item_time(row->created_at));
	if (row->state == INBOX_NOTICE)
		json_object_set_new(j, "subtype", json_string("system"));
	else if (row->has_subtype)
		json_object_set_new(j, "subtype", json_string(row->subtype));
	return j;
}

json_t *
item_outbox(const struct out_row *row)
{
	json_t	*j;

	j = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:o, s:o, s:o, s:o,"
	    " s:o, s:o, s:o, s:o, s:b, s:I}",
	    "id", row->id, "client_message_id", row->client_id,
	    "status", row_state_name(row->state), "to", row->target,
	    "mesh", row->mesh, "priority", row_priority_name(row->priority),
	    "attempts", (json_int_t)row->attempts,
	    "enqueued_at", item_time(row->enqueued_at),
	    "next_attempt_at", item_time(row->next_attempt_at),
	    "delivered_at", item_time(row->delivered_at),
	    "broker_message_id", item_text(row->broker_id),
	    "last_error", item_text(row->last_error),
	    "aborted_at", item_time(row->aborted_at),
	    "aborted_by", item_text(row->aborted_by),
	    "superseded_by", item_text(row->superseded_by),
	    "held", row->held,
	    "payload_bytes", (json_int_t)row->payload_bytes);
	if (j == NULL)
		log_warnx("outbox row %s: its text is no UTF-8: left out",
		    row->id);
	else if (row->state == ROW_DEAD)
		json_object_set_new(j, "reason",
		    reason_json(row->last_error));
	return j;
}

json_t *
item_outbox_body(struct gate *g, const struct out_row *row)
{
	const uint8_t		*key = scope_body_key(g, row->owner);
	char			 sender[HEX_KEY_SIZE];
	struct body_context	 ctx;
	const char		*text;
	uint8_t			*buf;
	size_t			 size, len;
	json_t			*body;

	if (row->body == NULL)
		return NULL;
	out_row_context(row, &ctx, sender);
	if (key == NULL || body_open(key, &ctx, row->body, row->bodylen, &buf,
	    &size, &text, &len, NULL) == -1) {
		log_warnx("outbox row %s: its body does not open", row->id);
		return NULL;
	}
	body = json_stringn(text, len);
	freezero(buf, size);
	return body;
}
