/*
 * The part of a hello that nobody signs.
 */

#include "contrib/broker/hello_fields.h"

#include <stdlib.h>
#include <string.h>

#include "common/encode.h"
#include "common/xalloc.h"
#include "contrib/broker/frame.h"
#include "contrib/broker/presence.h"

static int
group_ok(const json_t *group)
{
	const char	*name = frame_str(group, "name", PEER_GROUP_MAX);
	const json_t	*role = json_object_get(group, "role");

	return name != NULL && name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789_-/")] == '\0' &&
	    (role == NULL || json_is_null(role) ||
	    frame_str_or_empty(group, "role", PEER_GROUP_MAX, NULL) != NULL);
}

int
hello_fields_ok(const json_t *json)
{
	const json_t	*groups = json_object_get(json, "groups"), *group;
	size_t		 i;

	if (frame_str(json, "sessionId", PEER_SESSION_ID_MAX) == NULL)
		return 0;
	if (groups == NULL || json_is_null(groups))
		return 1;
	if (!json_is_array(groups) || json_array_size(groups) >
	    PEER_GROUPS_MAX)
		return 0;
	json_array_foreach(groups, i, group)
		if (!group_ok(group))
			return 0;
	return 1;
}

/* At most max bytes of it, cut between characters; NULL when absent. */
static char *
text_get(const json_t *json, const char *name, size_t max)
{
	size_t		 len;
	const char	*s;

	s = frame_str_or_empty(json, name, FRAME_MAX, &len);
	if (s == NULL || *s == '\0')
		return NULL;
	if (len > max)
		for (len = max; len > 0 && (s[len] & 0xc0) == 0x80; len--)
			continue;
	return xstrndup(s, len);
}

static int
in_group(const struct peer *peer, const char *name)
{
	size_t	 i;

	for (i = 0; i < peer->ngroups; i++)
		if (strcmp(peer->group_names[i], name) == 0)
			return 1;
	return 0;
}

/* Names for routing, JSON for rosters. */
static void
groups_read(const json_t *groups, struct peer *peer)
{
	const json_t	*group;
	const char	*name, *role;
	json_t		*list = json_array(), *item;
	char		*text;
	size_t		 i;

	peer->group_names = xcalloc(json_array_size(groups),
	    sizeof *peer->group_names);
	json_array_foreach(groups, i, group) {
		name = frame_str(group, "name", PEER_GROUP_MAX);
		role = frame_str(group, "role", PEER_GROUP_MAX);
		if (in_group(peer, name))
			continue;
		peer->group_names[peer->ngroups++] = xstrdup(name);
		item = role != NULL ?
		    json_pack("{s:s,s:s}", "name", name, "role", role) :
		    json_pack("{s:s}", "name", name);
		json_array_append_new(list, item);
	}
	text = json_dumps(list, JSON_COMPACT);
	peer->groups = xstrdup(text != NULL ? text : "[]");
	wipe_free(text);
	json_decref(list);
}

void
hello_fields_read(const json_t *json, struct peer *peer, const char *name)
{
	peer->session_id = text_get(json, "sessionId", PEER_SESSION_ID_MAX);
	peer->name = text_get(json, "displayName", PEER_TEXT_MAX);
	if (peer->name == NULL)
		peer->name = xstrdup(name);
	peer->cwd = text_get(json, "cwd", PEER_CWD_MAX);
	peer->hostname = text_get(json, "hostname", PEER_TEXT_MAX);
	peer->peer_type = text_get(json, "peerType", PEER_TEXT_MAX);
	peer->channel = text_get(json, "channel", PEER_TEXT_MAX);
	peer->model = text_get(json, "model", PEER_TEXT_MAX);
	groups_read(json_object_get(json, "groups"), peer);
}
