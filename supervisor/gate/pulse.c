/* Events that are no messages. */

#include "supervisor/gate/pulse.h"

#include <jansson.h>
#include <string.h>

#include "common/clock.h"
#include "supervisor/gate/gate.h"
#include "supervisor/gate/input.h"
#include "supervisor/gate/item.h"
#include "supervisor/gate/member.h"
#include "supervisor/gate/reason.h"
#include "supervisor/gate/session.h"
#include "supervisor/gate/stream.h"

/* What a broker's event is called here. */
static const struct {
	const char	*event, *kind;
} kinds[] = {
	{ "peer_joined", "peer_join" },
	{ "peer_returned", "peer_join" },
	{ "peer_left", "peer_leave" },
};

static const char *
event_kind(const char *event)
{
	size_t	i;

	for (i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(kinds[i].event, event) == 0)
			return kinds[i].kind;
	return "system";
}

void
pulse_broker(struct streams *ss, const struct member *m)
{
	json_t	*data = json_pack("{s:o, s:s, s:s}", "ts",
		    item_time(clock_wall_ms()), "mesh", m->mesh, "status",
		    member_status(m));

	if (data == NULL)
		return;
	if (*m->reason != '\0')
		json_object_set_new(data, "reason", json_string(m->reason));
	streams_tell_mesh(ss, m, "broker_status", data);
	json_decref(data);
}

void
pulse_session(struct streams *ss, const struct session *s)
{
	json_t	*data = json_pack("{s:o, s:s, s:s, s:s}", "ts",
		    item_time(clock_wall_ms()), "mesh", s->mesh, "session",
		    s->session_id, "status", session_state(s));

	if (data == NULL)
		return;
	if (*s->reason != '\0')
		json_object_set_new(data, "reason", json_string(s->reason));
	streams_tell_owner(ss, s->owner, "broker_status", data);
	json_decref(data);
}

void
pulse_outcome(struct streams *ss, const struct msg_outcome *o)
{
	json_t	*data = json_pack("{s:o, s:s, s:s}", "ts",
		    item_time(clock_wall_ms()), "client_message_id",
		    o->client_id, "status",
		    row_state_name((enum row_state)o->state));

	if (data == NULL)
		return;
	if (o->state == ROW_DEAD) {
		json_object_set_new(data, "last_error",
		    json_string(o->reason));
		json_object_set_new(data, "reason", reason_json(o->reason));
	}
	streams_tell_owner(ss, o->owner, "send_status", data);
	json_decref(data);
}

/* The member here that it is about, itself or a session of its; or NULL. */
static const struct member *
event_whose(const struct gate *g, const json_t *data)
{
	const struct session	*s;
	const char		*key;

	key = json_string_value(json_object_get(data, "pubkey"));
	if (key == NULL)
		return NULL;
	if ((s = sessions_by_key(g->sessions, key)) != NULL)
		return members_find(g->members, s->member_owner);
	return members_by_key(g->members, key);
}

/* A member and its sessions know of themselves. */
static void
event_tell(struct streams *ss, const struct member *m, const char *event,
    json_t *details)
{
	json_t	*data;

	data = json_is_object(details) ? json_copy(details) : json_object();
	/* Set last: what the broker says cannot replace them. */
	json_object_set_new(data, "ts", item_time(clock_wall_ms()));
	json_object_set_new(data, "mesh", json_string(m->mesh));
	json_object_set_new(data, "event", json_string(event));
	streams_tell_peer(ss, m, event_whose(streams_gate(ss), details),
	    event_kind(event), data);
	json_decref(data);
}

/* Each of them was counted, so that more cannot be. */
static void
event_lost(struct streams *ss, const struct member *m, const json_t *n)
{
	json_int_t	lost = json_integer_value(n);

	if (lost > 0 && lost <= UINT32_MAX)
		streams_lost(ss, m, lost);
}

int
pulse_event(struct streams *ss, const uint8_t owner[OWNER_ID_LEN],
    const char *text, size_t len)
{
	struct member	*m = members_find(streams_gate(ss)->members, owner);
	json_t		*frame = NULL;
	const char	*event, *type;

	if (input_depth_ok(text, len))
		frame = json_loadb(text, len, 0, NULL);
	if (!json_is_object(frame)) {
		json_decref(frame);
		return -1;
	}
	event = json_string_value(json_object_get(frame, "event"));
	type = json_string_value(json_object_get(frame, "type"));
	if (m != NULL && type != NULL && strcmp(type, "lost") == 0)
		event_lost(ss, m, json_object_get(frame, "events"));
	else if (m != NULL && event != NULL)
		event_tell(ss, m, event, json_object_get(frame, "eventData"));
	json_decref(frame);
	return 0;
}
