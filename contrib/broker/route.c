/*
 * Sends: from a target to those who get it, and the answer.
 *
 * A direct message is stored, and given out by deliver.c.  A multicast goes to
 * the connections that are open now, one copy each, and is not kept.  A topic's
 * is kept in its history, and given out by feed.c.
 */

#include "contrib/broker/route.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/encode.h"
#include "contrib/broker/broker.h"
#include "contrib/broker/conn.h"
#include "contrib/broker/frame.h"
#include "contrib/broker/groups.h"
#include "contrib/broker/members.h"
#include "contrib/broker/push.h"
#include "contrib/broker/quota.h"
#include "contrib/broker/rate.h"
#include "contrib/broker/topic_rows.h"

#define NO_PEER		"no connected peer for target (not online, or "	\
			"targetSpec is your own key without another session)"
#define NO_TOPIC	"invalid_target: no topic of this mesh has this id"
#define OUT_OF_ORDER	"out_of_order"
#define REUSED		"idempotency_key_reused"
#define NO_ROOM		"limit_exceeded: what your member has sent and nobody "	\
			"has taken yet is as much as may wait; send it again "	\
			"when some of that is taken"
#define NO_ROOM_IN_TOPICS						\
			"limit_exceeded: topics have as much of your member " \
			"as they may; send it again when some of that is "   \
			"old enough to go"

struct send {
	struct conn	*conn;
	struct peer	*peer;
	const char	*id;		/* to echo; NULL: none */
	const char	*order_id;	/* never NULL */
	const char	*target;
	int		 first;
	size_t		 size;
	uint8_t		 fingerprint[FINGERPRINT_LEN];
	struct message	 message;
};

/* Optional text.  -1: there, but not what it must be. */
static int
optional(const json_t *json, const char *name, const char **value_r)
{
	const json_t	*value = json_object_get(json, name);

	*value_r = NULL;
	if (value == NULL || json_is_null(value))
		return 0;
	*value_r = frame_str(json, name, QUEUE_CLIENT_ID_MAX);
	return *value_r != NULL ? 0 : -1;
}

static int
body_version(const json_t *json)
{
	json_int_t	 version;

	version = json_integer_value(json_object_get(json, "bodyVersion"));
	return version > 0 && version <= INT_MAX ? (int)version : 1;
}

/* -1: a send that the protocol lets go unanswered. */
static int
send_parse(struct send *s, const json_t *json)
{
	struct message	*m = &s->message;
	const char	*priority, *fingerprint;
	size_t		 nonce_len, text_len;

	s->target = frame_str(json, "targetSpec", QUEUE_TARGET_MAX);
	m->nonce = frame_str_or_empty(json, "nonce", FRAME_MAX, &nonce_len);
	m->ciphertext = frame_str_or_empty(json, "ciphertext", FRAME_MAX,
	    &text_len);
	priority = frame_str(json, "priority", 8);
	if (s->target == NULL || m->nonce == NULL || m->ciphertext == NULL ||
	    priority == NULL ||
	    priority_parse(priority, &m->priority) == -1)
		return -1;
	if (optional(json, "id", &s->id) == -1 ||
	    optional(json, "client_message_id", &m->client_id) == -1 ||
	    optional(json, "request_fingerprint", &fingerprint) == -1 ||
	    optional(json, "replyToId", &m->reply_to) == -1)
		return -1;
	if (fingerprint != NULL) {
		if (hex_decode(s->fingerprint, sizeof s->fingerprint,
		    fingerprint) == -1)
			return -1;
		m->fingerprint = s->fingerprint;
	}
	s->order_id = m->client_id != NULL ? m->client_id :
	    s->id != NULL ? s->id : "";
	s->first = json_is_true(json_object_get(json, "first"));
	m->body_version = body_version(json);
	s->size = nonce_len + text_len;
	return 0;
}

/* Who says it. */
static void
send_sender(struct send *s)
{
	struct message	*m = &s->message;
	struct peer	*peer = s->peer;

	m->sender = peer->reader.key;
	m->sender_member = peer->member;
	memcpy(m->sender_key, peer->key, sizeof m->sender_key);
	memcpy(m->sender_member_key, peer->member_key,
	    sizeof m->sender_member_key);
	m->sender_member_id = peer->member_id;
	m->sender_name = peer->name;
	m->created_at = clock_wall_ms();
}

static void
answer(struct send *s, const char *error, int duplicate)
{
	struct frame	*f = frame_new("ack");

	frame_str_add(f, "id", s->id != NULL ? s->id : s->message.client_id);
	frame_str_add(f, "messageId", error == NULL ? s->message.id : "");
	frame_bool_add(f, "queued", error == NULL);
	frame_str_add(f, "error", error);
	if (duplicate)
		frame_bool_add(f, "duplicate", 1);
	frame_end(f);
	conn_give(s->conn, &f);
}

static void
refuse(struct send *s, const char *error)
{
	order_refused(&s->peer->order, s->target, s->order_id);
	answer(s, error, 0);
}

/* The frame limit strikes first; this is for when it is raised. */
static void
refuse_size(struct send *s)
{
	char	 error[80];

	snprintf(error, sizeof error,
	    "payload too large: %zu bytes > MAX_MESSAGE_BYTES=%d", s->size,
	    FRAME_MAX);
	refuse(s, error);
}

static void
refuse_rate(struct send *s)
{
	const struct options	*o = s->conn->broker->options;
	char			 error[96];

	snprintf(error, sizeof error, "rate_limit: max %u msg/min (burst %u) "
	    "\xe2\x80\x94 slow down", o->rate_limit, o->rate_burst);
	refuse(s, error);
}

/* Store, and answer.  1: it is new. */
static int
store(struct send *s)
{
	s->conn->broker->commit_now = 1;
	switch (queue_accept(s->conn->broker->queue, &s->message)) {
	case QUEUE_STORED:
		order_accepted(&s->peer->order, s->target);
		answer(s, NULL, 0);
		return 1;
	case QUEUE_DUPLICATE:
		order_accepted(&s->peer->order, s->target);
		answer(s, NULL, 1);
		return 0;
	case QUEUE_REUSED:
		refuse(s, REUSED);
		return 0;
	case QUEUE_FAILED:
		break;		/* no answer: the loop closes it */
	}
	return 0;
}

/*
 * A sender is not given its own messages: one to its own key needs somebody
 * else who is served from it, here and now.
 */
static int
may_arrive(const struct send *s, int64_t recipient)
{
	int64_t	 self = s->peer->reader.key;

	return recipient != self ||
	    deliver_is_served(s->conn->broker->deliver, self, self);
}

/*
 * Is there room for one more?  What is there already takes none, and its sender
 * must be told so.  1; 0: answered, or not to be.
 */
static int
may_store(struct send *s, enum service service, const char *error)
{
	const struct broker	*b = s->conn->broker;
	int			 rc;

	if ((rc = quota_allows(b->quota, s->peer->member, service,
	    queue_size(&s->message))) == 0)
		rc = queue_knows(b->queue, s->message.sender,
		    s->message.client_id);
	if (rc == 0)
		refuse(s, error);
	return rc == 1;		/* on an error the loop closes it */
}

static void
send_direct(struct send *s)
{
	struct broker	*b = s->conn->broker;
	uint8_t		 key[KEY_PUBLIC_LEN];
	int64_t		 recipient = 0;

	if (hex_decode(key, sizeof key, s->target) == 0)
		recipient = members_key(b->members, s->peer->mesh->row, key);
	if (recipient == -1)
		return;
	if (recipient == 0 || !may_arrive(s, recipient)) {
		refuse(s, NO_PEER);
		return;
	}
	s->message.recipient = recipient;
	if (may_store(s, SERVICE_WAITING, NO_ROOM) && store(s))
		deliver_message(b->deliver, &s->message);
}

/* Everybody of the mesh but the sending session. */
static void
send_all(struct send *s)
{
	struct peer	*peer;
	struct frame	*f;

	s->message.target = s->target;
	if (!store(s))
		return;
	f = push_frame(&s->message, s->peer->mesh->mesh_id);
	TAILQ_FOREACH(peer, &s->peer->mesh->peers, entry)
		if (peer != s->peer && peer->visible)
			conn_send(peer->conn, f);
	frame_unref(&f);
}

static void
send_group(struct send *s)
{
	struct group		*group;
	struct group_seat	*seat;
	struct frame		*f;

	s->message.target = s->target;
	if (!store(s))
		return;
	if ((group = mesh_group(s->peer->mesh, s->target + 1)) == NULL)
		return;
	f = push_frame(&s->message, s->peer->mesh->mesh_id);
	LIST_FOREACH(seat, &group->seats, entry)
		if (seat->peer != s->peer && seat->peer->visible)
			conn_send(seat->peer->conn, f);
	frame_unref(&f);
}

/*
 * A topic's id is never given twice, and a topic never removed: what is unknown
 * now will not be known later, so that waiting for it is of no use.
 */
static void
send_topic(struct send *s)
{
	struct broker	*b = s->conn->broker;
	struct topic	 topic;

	switch (topic_by_id(b->topics, s->peer->mesh->row, s->target + 1,
	    &topic)) {
	case 1:
		break;
	case 0:
		refuse(s, NO_TOPIC);
		return;
	default:
		return;		/* no answer: the loop closes it */
	}
	s->message.target = s->target;
	if (!may_store(s, SERVICE_TOPICS, NO_ROOM_IN_TOPICS) || !store(s))
		return;
	s->message.topic = topic.name;
	if (topic_store(b->topics, topic.row, &s->message) == 0)
		(void)feed_publish(b->feed, &topic, &s->message, s->peer);
}

void
route_send(struct conn *c, const json_t *json)
{
	struct send	 s;

	memset(&s, 0, sizeof s);
	s.conn = c;
	s.peer = c->peer;
	if (send_parse(&s, json) == -1)
		return;
	if (c->broker->options->ack_only) {
		queue_make_id(s.message.id);
		answer(&s, NULL, 0);
		return;
	}
	if (!order_allows(&s.peer->order, s.target, s.order_id, s.first)) {
		answer(&s, OUT_OF_ORDER, 0);
		return;
	}
	send_sender(&s);
	if (!rates_take(c->broker->rates, s.peer->member, clock_mono_ms()))
		refuse_rate(&s);
	else if (s.size > FRAME_MAX)
		refuse_size(&s);
	else if (strcmp(s.target, "*") == 0 || strcmp(s.target, "@all") == 0)
		send_all(&s);
	else if (*s.target == '@')
		send_group(&s);
	else if (*s.target == '#')
		send_topic(&s);
	else
		send_direct(&s);
}
