/*
 * System pushes about who comes and goes.
 */

#include "contrib/broker/announce.h"

#include "common/clock.h"
#include "common/uuid.h"
#include "contrib/broker/conn.h"
#include "contrib/broker/frame.h"
#include "contrib/broker/presence.h"

/* One frame for all who are told. */
static struct frame *
event_frame(const struct mesh *mesh, const struct peer *peer,
    const char *event, int with_groups, int64_t last_seen_at,
    const char *summary)
{
	struct frame	*f = frame_new("push");
	char		 iso[CLOCK_ISO_SIZE], id[UUID_SIZE];

	frame_str_add(f, "subtype", "system");
	frame_str_add(f, "event", event);
	frame_raw(f, ",\"eventData\":{\"name\":", 21);
	frame_quote(f, peer->name);
	frame_str_add(f, "pubkey", peer->key_hex);
	if (with_groups)
		frame_text_add(f, "groups", peer->groups);
	if (last_seen_at != 0)
		frame_str_add(f, "lastSeenAt", clock_iso(last_seen_at, iso));
	frame_str_add(f, "summary", summary);
	frame_end(f);
	frame_str_add(f, "messageId", uuid_v4(id));
	frame_str_add(f, "meshId", mesh->mesh_id);
	frame_str_add(f, "senderPubkey", "system");
	frame_str_add(f, "priority", "low");
	frame_str_add(f, "nonce", "");
	frame_str_add(f, "ciphertext", "");
	frame_str_add(f, "createdAt", clock_iso(clock_wall_ms(), iso));
	frame_end(f);
	return f;
}

#define CROWD	64	/* peers; each of them would wake all others */

/*
 * Rosters are read again after a connection, so one that does not keep up
 * with its pushes is not sent these too.  Where many come at once, each is told
 * of several together.
 */
static void
tell(const struct mesh *mesh, const struct peer *about, int siblings,
    struct frame *f)
{
	struct peer	*peer;

	TAILQ_FOREACH(peer, &mesh->peers, entry) {
		if (peer == about || !conn_has_room(peer->conn) ||
		    (!siblings && peer->member == about->member))
			continue;
		if (mesh->npeers > CROWD)
			conn_send_later(peer->conn, f);
		else
			conn_send(peer->conn, f);
	}
}

void
announce_joined(const struct peer *peer, int64_t last_seen_at,
    const char *summary)
{
	struct frame	*f;

	if (!peer->visible)
		return;
	f = event_frame(peer->mesh, peer, last_seen_at != 0 ?
	    "peer_returned" : "peer_joined", 1, last_seen_at, summary);
	tell(peer->mesh, peer, peer->kind == PEER_SESSION, f);
	frame_unref(&f);
}

void
announce_left(const struct mesh *mesh, const struct peer *peer)
{
	struct frame	*f;

	if (!peer->visible)
		return;
	f = event_frame(mesh, peer, "peer_left", 0, 0, NULL);
	tell(mesh, peer, 0, f);
	frame_unref(&f);
}

void
announce_event(const struct peer *peer, const char *event)
{
	struct frame	*f;

	f = event_frame(peer->mesh, peer, event, 0, 0, NULL);
	tell(peer->mesh, peer, 0, f);
	frame_unref(&f);
}

void
announce_others(const struct peer *self, struct frame *f)
{
	tell(self->mesh, self, 1, f);
}
