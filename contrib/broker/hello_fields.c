/*
 * The part of a hello that nobody signs.
 */

#include "contrib/broker/hello_fields.h"

#include "common/xalloc.h"
#include "contrib/broker/frame.h"
#include "contrib/broker/groups.h"
#include "contrib/broker/presence.h"

int
hello_fields_ok(const json_t *json)
{
	return frame_str(json, "sessionId", PEER_SESSION_ID_MAX) != NULL &&
	    groups_ok(json_object_get(json, "groups"));
}

void
hello_fields_read(const json_t *json, struct peer *peer, const char *name)
{
	peer->session_id = frame_str_cut(json, "sessionId",
	    PEER_SESSION_ID_MAX);
	peer->name = frame_str_cut(json, "displayName", PEER_TEXT_MAX);
	if (peer->name == NULL)
		peer->name = xstrdup(name);
	peer->cwd = frame_str_cut(json, "cwd", PEER_CWD_MAX);
	peer->hostname = frame_str_cut(json, "hostname", PEER_TEXT_MAX);
	peer->peer_type = frame_str_cut(json, "peerType", PEER_TEXT_MAX);
	peer->channel = frame_str_cut(json, "channel", PEER_TEXT_MAX);
	peer->model = frame_str_cut(json, "model", PEER_TEXT_MAX);
	groups_set(peer, json_object_get(json, "groups"));
	peer->hello_groups = xstrdup(peer->groups);
}
