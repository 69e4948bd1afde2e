/*
 * What a frame asks for: a table of types, and the requests that need no file
 * of their own.
 *
 * A frame that is not a JSON object, or of an unknown type, gets no answer.
 */

#include "contrib/broker/ask.h"

#include <string.h>

#include "contrib/broker/attributes.h"
#include "contrib/broker/ban.h"
#include "contrib/broker/broker.h"
#include "contrib/broker/conn.h"
#include "contrib/broker/db.h"
#include "contrib/broker/fate.h"
#include "contrib/broker/frame.h"
#include "contrib/broker/groups.h"
#include "contrib/broker/hello.h"
#include "contrib/broker/info.h"
#include "contrib/broker/kick.h"
#include "contrib/broker/memory.h"
#include "contrib/broker/roster.h"
#include "contrib/broker/route.h"
#include "contrib/broker/schedule.h"
#include "contrib/broker/skills.h"
#include "contrib/broker/state.h"
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
	{ "ban",		1, ban_ban },
	{ "cancel_scheduled",	1, schedule_cancel },
	{ "client_ack",		1, on_client_ack },
	{ "disconnect",		1, kick_disconnect },
	{ "forget",		1, memory_forget },
	{ "get_skill",		1, skills_get },
	{ "get_state",		1, state_get },
	{ "hello",		0, hello_member },
	{ "join_group",		1, groups_join_group },
	{ "kick",		1, kick_kick },
	{ "leave_group",	1, groups_leave_group },
	{ "list_bans",		1, ban_list },
	{ "list_peers",		1, roster_ask },
	{ "list_scheduled",	1, schedule_list },
	{ "list_skills",	1, skills_list },
	{ "list_state",		1, state_list },
	{ "mesh_info",		1, info_ask },
	{ "message_status",	1, fate_ask },
	{ "recall",		1, memory_recall },
	{ "remember",		1, memory_remember },
	{ "remove_skill",	1, skills_remove },
	{ "schedule",		1, schedule_add },
	{ "send",		1, route_send },
	{ "session_hello",	0, hello_session },
	{ "set_profile",	1, attributes_set_profile },
	{ "set_state",		1, state_set },
	{ "set_stats",		1, attributes_set_stats },
	{ "set_status",		1, attributes_set_status },
	{ "set_summary",	1, attributes_set_summary },
	{ "set_visible",	1, attributes_set_visible },
	{ "share_skill",	1, skills_share },
	{ "topic_create",	1, topics_create },
	{ "topic_history",	1, topics_history },
	{ "topic_join",		1, topics_join },
	{ "topic_leave",	1, topics_leave },
	{ "topic_list",		1, topics_list },
	{ "topic_mark_read",	1, topics_mark_read },
	{ "topic_members",	1, topics_members },
	{ "unban",		1, ban_unban },
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
