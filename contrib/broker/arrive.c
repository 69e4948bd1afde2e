/*
 * A peer arrives, once its hello was found good, and leaves.
 */

#include "contrib/broker/arrive.h"

#include "common/clock.h"
#include "common/encode.h"
#include "contrib/broker/announce.h"
#include "contrib/broker/broker.h"
#include "contrib/broker/conn.h"
#include "contrib/broker/frame.h"
#include "contrib/broker/members.h"
#include "contrib/broker/push.h"
#include "contrib/broker/tick.h"

/* Whoever has this session id or session key is somebody of the past. */
static void
replace(struct mesh *mesh, const struct peer *peer)
{
	struct peer	*old[2];
	int		 i;

	old[0] = mesh_session_id(mesh, peer->session_id);
	old[1] = peer->kind == PEER_SESSION ?
	    mesh_session_key(mesh, peer->key) : NULL;
	if (old[1] == old[0])
		old[1] = NULL;
	for (i = 0; i < 2; i++) {
		if (old[i] == NULL)
			continue;
		old[i]->silent = 1;
		conn_close(old[i]->conn, CLOSE_NORMAL, "session_replaced");
	}
}

static void
hello_ack(struct conn *c, const struct peer *peer,
    const struct member *member)
{
	struct frame	*f = frame_new("hello_ack");
	char		 iso[CLOCK_ISO_SIZE];

	frame_str_add(f, "presenceId", peer->presence_id);
	frame_str_add(f, "memberDisplayName", peer->name);
	if (peer->kind == PEER_MEMBER && member->last_seen_at != 0)
		frame_str_add(f, "lastSeenAt", clock_iso(
		    member->last_seen_at, iso));
	if (c->broker->options->ack_only)
		frame_raw(f, ",\"features\":[\"ordered\"]", 23);
	else
		frame_raw(f, ",\"features\":[\"ordered\",\"dedupe\"]", 32);
	frame_end(f);
	conn_give(c, &f);
}

int
arrive(struct conn *c, struct peer *peer, const struct member *member,
    const char *mesh_id)
{
	struct broker	*b = c->broker;
	struct mesh	*mesh;

	peer->reader.key = peer->reader.member_key = member->key;
	if (peer->kind == PEER_SESSION)
		peer->reader.key = members_session_key(b->members, member,
		    peer->key);
	if (peer->reader.key <= 0)
		return -1;
	b->commit_now = 1;

	if ((mesh = presence_mesh(&b->presence, mesh_id)) != NULL)
		replace(mesh, peer);
	peer->member = member->row;
	peer->connected_at = clock_wall_ms();
	queue_make_id(peer->presence_id);
	hex_encode(peer->key_hex, peer->key, sizeof peer->key);
	hex_encode(peer->member_key_hex, peer->member_key,
	    sizeof peer->member_key);
	push_reader(&peer->reader);

	c->peer = peer;
	tick_greeted(c);
	presence_join(&b->presence, peer, member->mesh, mesh_id);
	hello_ack(c, peer, member);
	announce_joined(peer, peer->kind == PEER_MEMBER ?
	    member->last_seen_at : 0);
	if (!b->options->ack_only)
		deliver_open(b->deliver, &peer->reader);
	return 0;
}

void
depart(struct conn *c)
{
	struct broker	*b = c->broker;
	struct peer	*peer = c->peer;
	struct mesh	*mesh;

	if (peer == NULL || peer->mesh == NULL)
		return;
	if (!b->options->ack_only)
		deliver_close(b->deliver, &peer->reader);
	mesh = peer->mesh->npeers > 1 ? peer->mesh : NULL;
	presence_leave(&b->presence, peer);
	if (peer->kind == PEER_MEMBER)
		(void)members_left(b->members, peer->member, clock_wall_ms());
	if (mesh != NULL && !peer->silent)
		announce_left(mesh, peer);
}
