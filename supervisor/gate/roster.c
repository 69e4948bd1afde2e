/* Lists of peers: from a broker, and so to be checked. */

#include "supervisor/gate/roster.h"

#include <string.h>

#include "supervisor/gate/input.h"

json_t *
roster_peers(const struct msg_slice *frame, int *cut_r)
{
	json_t	*j = NULL, *list, *peers = NULL, *peer;
	size_t	 i;

	if (input_depth_ok((const char *)frame->p, frame->len))
		j = json_loadb((const char *)frame->p, frame->len, 0, NULL);
	list = json_object_get(j, "peers");
	*cut_r = json_is_true(json_object_get(j, "truncated"));
	if (json_is_array(list)) {
		peers = json_array();
		json_array_foreach(list, i, peer)
			if (json_is_object(peer))
				json_array_append(peers, peer);
	}
	json_decref(j);
	return peers;
}

int
roster_is_control_plane(const json_t *peer)
{
	const char	*role;

	role = json_string_value(json_object_get(peer, "peerRole"));
	return role != NULL && strcmp(role, "control-plane") == 0;
}
