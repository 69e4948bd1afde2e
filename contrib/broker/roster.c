/*
 * The roster of a mesh: who is here, those in the grace included, as nobody
 * has seen them leave.
 */

#include "contrib/broker/roster.h"

#include <string.h>

#include "common/clock.h"
#include "contrib/broker/conn.h"
#include "contrib/broker/frame.h"
#include "contrib/broker/presence.h"
#include "contrib/broker/quiet.h"
#include "contrib/broker/reply.h"

static void
row_add(struct frame *f, const struct peer *peer)
{
	char	 iso[CLOCK_ISO_SIZE];

	frame_raw(f, "{\"pubkey\":", 10);
	frame_quote(f, peer->key_hex);
	frame_str_add(f, "memberPubkey", peer->member_key_hex);
	frame_str_add(f, "displayName", peer->name);
	frame_str_add(f, "status", status_name(peer->status));
	if (peer->summary != NULL)
		frame_str_add(f, "summary", peer->summary);
	else
		frame_null_add(f, "summary");
	frame_text_add(f, "groups", peer->groups);
	frame_str_add(f, "sessionId", peer->session_id);
	frame_str_add(f, "connectedAt", clock_iso(peer->connected_at, iso));
	frame_str_add(f, "cwd", peer->cwd != NULL ? peer->cwd : "");
	frame_str_add(f, "peerRole", peer->kind == PEER_MEMBER ?
	    "control-plane" : "session");
	frame_str_add(f, "hostname", peer->hostname);
	frame_str_add(f, "peerType", peer->peer_type);
	frame_str_add(f, "channel", peer->channel);
	frame_str_add(f, "model", peer->model);
	frame_text_add(f, "stats", peer->stats);
	frame_bool_add(f, "visible", peer->visible);
	frame_text_add(f, "profile", peer->profile);
	frame_end(f);
}

/* The answer up to the end of the list; kept until somebody comes or goes. */
static struct frame *
roster(struct mesh *mesh)
{
	struct frame	*f;
	struct peer	*peer;
	unsigned	 n = 0;

	if (mesh->roster != NULL)
		return mesh->roster;
	f = frame_new("peers_list");
	frame_raw(f, ",\"peers\":[", 10);
	TAILQ_FOREACH(peer, &mesh->peers, entry) {
		if (f->len > FRAME_ANSWER_MAX) {
			quiet_info("roster: %u of %u peers fit", n,
			    mesh->npeers);
			break;
		}
		if (n++ > 0)
			frame_raw(f, ",", 1);
		row_add(f, peer);
	}
	frame_raw(f, "]", 1);
	if (n < mesh->npeers)
		frame_bool_add(f, "truncated", 1);
	mesh->roster = f;
	return f;
}

void
roster_ask(struct conn *c, const json_t *json)
{
	struct frame	*list = roster(c->peer->mesh), *f;

	f = frame_copy(list);
	frame_req_id_add(f, json);
	frame_end(f);
	reply_after_commit(c);
	conn_give(c, &f);
}
