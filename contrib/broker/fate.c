/*
 * What became of a message.
 *
 * A direct message has one recipient: it was acknowledged ("delivered"), is
 * held for somebody who is here or in the grace ("held"), or waits for who is
 * not ("disconnected").  A multicast went to those who were here when it came,
 * who do not acknowledge it: nobody can be named.
 */

#include "contrib/broker/fate.h"

#include <string.h>

#include "common/clock.h"
#include "common/encode.h"
#include "contrib/broker/broker.h"
#include "contrib/broker/conn.h"
#include "contrib/broker/frame.h"
#include "contrib/broker/reply.h"

#define PREFIX_MIN	8

/* The id that is asked for, or its beginning; NULL: it cannot be one. */
static const char *
fate_id(const json_t *json)
{
	const char	*id = frame_str(json, "messageId", QUEUE_ID_LEN);

	return id != NULL && strlen(id) >= PREFIX_MIN && id[strspn(id,
	    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")]
	    == '\0' ? id : NULL;
}

/* Somebody in its grace will get it, as nobody has seen it leave. */
static int
is_expected(const struct conn *c, const struct queue_status *s)
{
	const struct peer	*peer;

	TAILQ_FOREACH(peer, &c->peer->mesh->peers, entry)
		if (peer->conn == NULL && (memcmp(peer->key,
		    s->recipient_key, sizeof peer->key) == 0 ||
		    memcmp(peer->member_key, s->recipient_key,
		    sizeof peer->member_key) == 0))
			return 1;
	return 0;
}

/* Sessions have names of their own only while they are here. */
static const char *
recipient_name(const struct conn *c, const struct queue_status *s)
{
	const struct peer	*peer;

	peer = mesh_session_key(c->peer->mesh, s->recipient_key);
	return peer != NULL ? peer->name : s->recipient_name;
}

static const char *
recipient_status(const struct conn *c, const struct queue_status *s)
{
	if (s->delivered_at != 0)
		return "delivered";
	return deliver_is_served(c->broker->deliver, s->recipient,
	    c->peer->reader.key) || is_expected(c, s) ? "held" :
	    "disconnected";
}

static void
fate_tell(struct conn *c, const json_t *json, const struct queue_status *s)
{
	struct frame	*f = frame_new("message_status_result");
	char		 iso[CLOCK_ISO_SIZE], hex[2 * KEY_PUBLIC_LEN + 1];

	hex_encode(hex, s->recipient_key, KEY_PUBLIC_LEN);
	frame_str_add(f, "messageId", s->id);
	frame_str_add(f, "targetSpec", s->recipient != 0 ? hex : s->target);
	frame_bool_add(f, "delivered", s->delivered_at != 0);
	if (s->delivered_at != 0)
		frame_str_add(f, "deliveredAt", clock_iso(s->delivered_at,
		    iso));
	else
		frame_null_add(f, "deliveredAt");
	frame_raw(f, ",\"recipients\":[", 15);
	if (s->recipient != 0) {
		frame_raw(f, "{\"name\":", 8);
		frame_quote(f, recipient_name(c, s));
		frame_str_add(f, "pubkey", hex);
		frame_str_add(f, "status", recipient_status(c, s));
		frame_end(f);
	}
	frame_raw(f, "]", 1);
	frame_req_id_add(f, json);
	frame_end(f);
	conn_give(c, &f);
}

void
fate_ask(struct conn *c, const json_t *json)
{
	struct broker		*b = c->broker;
	struct queue_status	 s;
	const char		*id = fate_id(json);

	if (id == NULL) {
		reply_error(c, json, "invalid_argument",
		    "messageId must be 8 to 32 characters of base62");
		return;
	}
	switch (queue_status(b->queue, c->peer->reader.key, id, &s)) {
	case 0:
		reply_error(c, json, "not_found",
		    "no message of yours has this id");
		break;
	case 1:
		/* An acknowledgement that is not committed may be undone. */
		reply_after_commit(c);
		fate_tell(c, json, &s);
		break;
	case 2:
		reply_error(c, json, "ambiguous_prefix",
		    "several messages have ids that begin so");
		break;
	default:
		break;		/* no answer: the loop closes it */
	}
}
