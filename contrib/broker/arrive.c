/*
 * A peer arrives, once its hello was found good, and leaves.
 */

#include "contrib/broker/arrive.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/encode.h"
#include "contrib/broker/announce.h"
#include "contrib/broker/broker.h"
#include "contrib/broker/conn.h"
#include "contrib/broker/frame.h"
#include "contrib/broker/groups.h"
#include "contrib/broker/lodging.h"
#include "contrib/broker/members.h"
#include "contrib/broker/push.h"
#include "contrib/broker/tick.h"

/*
 * Is this who it was before?  A session proves it with its key, a member with
 * its key and the session id, since it may have several connections.
 */
static int
is_same(const struct peer *old, const struct peer *peer)
{
	return old != NULL && old->kind == peer->kind &&
	    old->member == peer->member &&
	    memcmp(old->key, peer->key, sizeof peer->key) == 0;
}

static void
swap(char **a, char **b)
{
	char	*text = *a;

	*a = *b;
	*b = text;
}

/*
 * What the old one said of itself stands.  Its groups too, unless its hello
 * names others than the last time.
 */
static void
inherit(struct broker *b, struct peer *peer, struct peer *old)
{
	memcpy(peer->presence_id, old->presence_id, sizeof peer->presence_id);
	peer->connected_at = old->connected_at;
	peer->status = old->status;
	peer->visible = old->visible;
	swap(&peer->summary, &old->summary);
	swap(&peer->stats, &old->stats);
	swap(&peer->profile, &old->profile);
	if (strcmp(peer->hello_groups, old->hello_groups) == 0)
		groups_move(peer, old);
	feed_move(b->feed, peer, old);
	old->end = END_MOVED;
}

/*
 * Whoever has this session id or session key is somebody of the past: it, or
 * another who has to go.  1: the peer goes on being one of them.
 */
static int
replace(struct broker *b, const char *mesh_id, struct peer *peer)
{
	struct mesh	*mesh = presence_mesh(&b->presence, mesh_id);
	struct peer	*old[2] = { NULL, NULL };
	int		 i, again = 0;

	if (mesh == NULL)
		return 0;
	old[0] = mesh_session_id(mesh, peer->session_id);
	if (peer->kind == PEER_SESSION)
		old[1] = mesh_session_key(mesh, peer->key);
	if (old[1] == old[0])
		old[1] = NULL;
	for (i = 0; i < 2; i++) {
		if (old[i] == NULL)
			continue;
		if (!again && is_same(old[i], peer)) {
			inherit(b, peer, old[i]);
			again = 1;
		}
		dismiss(b, old[i], CLOSE_NORMAL, "session_replaced");
	}
	return again;
}

/*
 * What a member's last connection left behind: to be told of, and its groups,
 * unless it names some itself.
 */
static int
restore(struct broker *b, struct peer *peer, const struct member *member,
    struct past *past)
{
	json_t	*groups;
	int	 rc;

	memset(past, 0, sizeof *past);
	if (peer->kind != PEER_MEMBER || member->last_seen_at == 0)
		return 0;
	if ((rc = lodging_past(b->lodging, member->row, past)) != 1)
		return rc;
	groups = json_loads(past->groups, 0, NULL);
	if (peer->ngroups == 0 && json_array_size(groups) > 0 &&
	    groups_ok(groups))
		groups_set(peer, groups);
	else {
		free(past->groups);
		past->groups = NULL;
	}
	json_decref(groups);
	return 1;
}

static void
hello_ack(struct conn *c, const struct peer *peer, int64_t last_seen_at,
    const struct past *past)
{
	struct frame	*f = frame_new("hello_ack");
	char		 iso[CLOCK_ISO_SIZE];

	frame_str_add(f, "presenceId", peer->presence_id);
	frame_str_add(f, "memberDisplayName", peer->name);
	if (past != NULL) {
		frame_bool_add(f, "restored", 1);
		frame_str_add(f, "lastSummary", past->summary);
		frame_text_add(f, "restoredGroups", past->groups);
		frame_text_add(f, "restoredStats", past->stats);
	}
	if (last_seen_at != 0)
		frame_str_add(f, "lastSeenAt", clock_iso(last_seen_at, iso));
	if (c->broker->options->ack_only)
		frame_raw(f, ",\"features\":[\"ordered\"]", 23);
	else
		frame_raw(f, ",\"features\":[\"ordered\",\"dedupe\"]", 32);
	frame_end(f);
	conn_give(c, &f);
}

/* It was not here: those who are hear of it. */
static void
begin(struct conn *c, struct peer *peer, const struct member *member,
    const char *mesh_id, const struct past *past)
{
	struct broker	*b = c->broker;
	int64_t		 last_seen_at;

	last_seen_at = peer->kind == PEER_MEMBER ? member->last_seen_at : 0;
	presence_join(&b->presence, peer, member->mesh, mesh_id);
	hello_ack(c, peer, last_seen_at, past);
	announce_joined(peer, last_seen_at, past != NULL ? past->summary :
	    NULL);
}

static void
ids_set(struct peer *peer, const struct member *member)
{
	peer->member = member->row;
	peer->connected_at = clock_wall_ms();
	queue_make_id(peer->presence_id);
	hex_encode(peer->key_hex, peer->key, sizeof peer->key);
	hex_encode(peer->member_key_hex, peer->member_key,
	    sizeof peer->member_key);
	push_reader(&peer->reader);
}

int
arrive(struct conn *c, struct peer *peer, const struct member *member,
    const char *mesh_id)
{
	struct broker	*b = c->broker;
	struct past	 past;
	int		 restored;

	peer->reader.key = peer->reader.member_key = member->key;
	if (peer->kind == PEER_SESSION)
		peer->reader.key = members_session_key(b->members, member,
		    peer->key);
	if (peer->reader.key <= 0)
		return -1;
	ids_set(peer, member);
	b->commit_now = 1;
	c->peer = peer;
	tick_greeted(c);
	if (replace(b, mesh_id, peer)) {
		presence_join(&b->presence, peer, member->mesh, mesh_id);
		hello_ack(c, peer, 0, NULL);
	} else {
		feed_open(b->feed, peer);
		restored = restore(b, peer, member, &past);
		begin(c, peer, member, mesh_id, restored == 1 ? &past : NULL);
		past_clear(&past);
	}
	(void)lodging_put(b->lodging, peer);
	if (b->options->ack_only)
		return 0;
	deliver_open(b->deliver, &peer->reader);
	deliver_quiet(b->deliver, &peer->reader, peer->status == STATUS_DND);
	return 0;
}

/* ---- the end ---- */

/* When it was last here; of a member, for its next hello, more. */
static void
leave_behind(struct broker *b, const struct peer *peer)
{
	if (peer->kind != PEER_MEMBER) {
		(void)members_session_left(b->members, peer->mesh->row,
		    peer->key, peer->left_at);
		return;
	}
	(void)members_left(b->members, peer->member, peer->left_at);
	(void)lodging_put_past(b->lodging, peer);
}

/* A member may be here with another connection: then it did not leave. */
static int
is_here(const struct mesh *mesh, const struct peer *gone)
{
	const struct peer	*peer;

	if (gone->kind != PEER_MEMBER)
		return 0;
	TAILQ_FOREACH(peer, &mesh->peers, entry)
		if (peer->kind == PEER_MEMBER && peer->member == gone->member)
			return 1;
	return 0;
}

static void
leave(struct broker *b, struct peer *peer)
{
	struct mesh	*mesh = peer->mesh->npeers > 1 ? peer->mesh : NULL;

	if (peer->left_at == 0)
		peer->left_at = clock_wall_ms();
	feed_forget(b->feed, peer);
	if (peer->end != END_MOVED) {
		leave_behind(b, peer);
		(void)lodging_end(b->lodging, peer);
	}
	presence_leave(&b->presence, peer);
	if (mesh != NULL && peer->end == END_LEFT && !is_here(mesh, peer))
		announce_left(mesh, peer);
}

void
depart(struct conn *c)
{
	struct broker	*b = c->broker;
	struct peer	*peer = c->peer;

	if (peer == NULL || peer->mesh == NULL)
		return;
	if (!b->options->ack_only)
		deliver_close(b->deliver, &peer->reader);
	if (peer->end != END_GRACE) {
		leave(b, peer);
		return;
	}
	feed_close(b->feed, peer);
	c->peer = NULL;
	grace_enter(b, peer);
}

void
presence_end(struct broker *b, struct peer *peer)
{
	grace_leave(b, peer);
	leave(b, peer);
	peer_free(&peer);
}

void
dismiss(struct broker *b, struct peer *peer, int code, const char *reason)
{
	if (peer->end != END_MOVED)
		peer->end = END_SILENT;
	if (peer->conn != NULL)
		conn_close(peer->conn, code, reason);
	else
		presence_end(b, peer);
}
