/*
 * What a frame asks for: a table of types, and the requests that need no file
 * of their own.
 *
 * A frame that is not a JSON object, or of an unknown type, gets no answer.
 */

#include "contrib/broker/ask.h"

#include <string.h>

#include "contrib/broker/attributes.h"
#include "contrib/broker/broker.h"
#include "contrib/broker/conn.h"
#include "contrib/broker/db.h"
#include "contrib/broker/fate.h"
#include "contrib/broker/frame.h"
#include "contrib/broker/groups.h"
#include "contrib/broker/hello.h"
#include "contrib/broker/roster.h"
#include "contrib/broker/route.h"
#include "contrib/broker/topics.h"
#include "contrib/broker/turn.h"

#define TYPE_MAX	64

static void
on_client_ack(struct conn *c, const json_t *json)
{
	struct deliver	*d = c->broker->deliver;
	const char	*id;

	if (c->broker->options->ack_only)
		return;
	if ((id = frame_str(json, "brokerMessageId", QUEUE_ID_LEN)) != NULL) {
		if (!feed_ack(c->broker->feed, c->peer, id))
			deliver_ack(d, &c->peer->reader, id);
	} else if (json_object_get(json, "brokerMessageId") == NULL &&
	    (id = frame_str(json, "clientMessageId",
	    QUEUE_CLIENT_ID_MAX)) != NULL)
		deliver_ack_client(d, &c->peer->reader, id);
}

static const struct {
	const char	*type;
	int		 greeted;	/* after the hello, or as one */
	void		(*handle)(struct conn *, const json_t *);
} requests[] = {
	{ "client_ack",		1, on_client_ack },
	{ "hello",		0, hello_member },
	{ "list_peers",		1, roster_ask },
	{ "join_group",		1, groups_join_group },
	{ "leave_group",	1, groups_leave_group },
	{ "message_status",	1, fate_ask },
	{ "send",		1, route_send },
	{ "session_hello",	0, hello_session },
	{ "set_profile",	1, attributes_set_profile },
	{ "set_stats",		1, attributes_set_stats },
	{ "set_status",		1, attributes_set_status },
	{ "set_summary",	1, attributes_set_summary },
	{ "set_visible",	1, attributes_set_visible },
	{ "topic_create",	1, topics_create },
	{ "topic_history",	1, topics_history },
	{ "topic_join",		1, topics_join },
	{ "topic_leave",	1, topics_leave },
	{ "topic_list",		1, topics_list },
	{ "topic_mark_read",	1, topics_mark_read },
	{ "topic_members",	1, topics_members },
};

static void
no_hello(struct conn *c)
{
	struct frame	*f = frame_new("error");

	frame_str_add(f, "code", "no_hello");
	frame_str_add(f, "message", "must send hello first");
	frame_end(f);
	conn_give(c, &f);
}

static void
dispatch(struct conn *c, const json_t *json)
{
	const char	*type = frame_str(json, "type", TYPE_MAX);
	int		 greeted = c->peer != NULL;
	size_t		 i;

	for (i = 0; type != NULL &&
	    i < sizeof requests / sizeof *requests; i++) {
		if (requests[i].greeted == greeted &&
		    strcmp(requests[i].type, type) == 0) {
			requests[i].handle(c, json);
			return;
		}
	}
	if (!greeted)
		no_hello(c);
}

void
ask_frame(struct conn *c, const char *text, size_t len)
{
	json_t	*json;

	/* The transaction failed: everybody in it will be closed. */
	turn_add(c);
	if (db_failed(c->broker->db) ||
	    (json = frame_parse(text, len)) == NULL)
		return;
	dispatch(c, json);
	json_decref(json);
}
