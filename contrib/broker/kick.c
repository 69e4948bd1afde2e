/*
 * An admin ends connections of its mesh.
 *
 * They are named by display name, or by their member's key or the beginning of
 * it; never by a session's key.  A kick leaves the control planes alone, since
 * it would end all that their members do here, and says so.
 */

#include "contrib/broker/kick.h"

#include <string.h>

#include "common/clock.h"
#include "contrib/broker/arrive.h"
#include "contrib/broker/broker.h"
#include "contrib/broker/conn.h"
#include "contrib/broker/frame.h"
#include "contrib/broker/members.h"
#include "contrib/broker/reply.h"

/* "stale": true. */
#define STALE_MS	75000

struct who {
	const char	*target;	/* NULL: not by name */
	int64_t		 stale;		/* ms without a word; 0: not so */
	int		 all;
};

/* How a way of ending says it. */
struct way {
	const char	*ack;
	int		 code;
	const char	*reason, *reason_stale;
	int		 skips_control;
};

static const struct way	way_kick = {
	"kick_ack", CLOSE_KICKED, "kicked", "kicked_stale", 1,
};
static const struct way	way_disconnect = {
	"disconnect_ack", CLOSE_NORMAL, "disconnected", "disconnected_stale",
	0,
};

int
kick_allowed(struct conn *c, const json_t *json)
{
	switch (members_is_admin(c->broker->members, c->peer->member)) {
	case 1:
		return 0;
	case 0:
		reply_error(c, json, "forbidden",
		    "only an admin of the mesh may do that");
		return -1;
	default:
		return -1;	/* the loop closes it */
	}
}

/* Who is kicked is gone; who is disconnected may come back as who it was. */
static void
peer_end(struct broker *b, struct peer *peer, const struct way *way,
    const char *reason)
{
	if (way->code == CLOSE_KICKED)
		dismiss(b, peer, way->code, reason);
	else
		conn_close(peer->conn, way->code, reason);
}

/* Exactly one way of saying who.  0 or -1. */
static int
who_parse(struct who *w, const json_t *json)
{
	const json_t	*stale = json_object_get(json, "stale");
	const json_t	*target = json_object_get(json, "target");

	memset(w, 0, sizeof *w);
	w->all = json_is_true(json_object_get(json, "all"));
	if (json_is_true(stale))
		w->stale = STALE_MS;
	else if (json_is_integer(stale) && json_integer_value(stale) > 0)
		w->stale = json_integer_value(stale);
	w->target = frame_str(json, "target", QUEUE_TARGET_MAX);
	if (target != NULL && !json_is_null(target) && w->target == NULL)
		return -1;
	return (w->target != NULL) + (w->stale > 0) + w->all == 1 ? 0 : -1;
}

static int
is_meant(const struct who *w, const struct peer *peer, int64_t now)
{
	size_t	 len;

	if (w->all)
		return 1;
	if (w->stale > 0)
		return peer->conn == NULL ||
		    now - peer->conn->heard_at > w->stale;
	len = strlen(w->target);
	return strcmp(peer->name, w->target) == 0 ||
	    (len >= KICK_PREFIX_MIN && strncmp(peer->member_key_hex,
	    w->target, len) == 0);
}

static void
name_add(json_t *list, const struct peer *peer)
{
	json_array_append_new(list, json_string(peer->name));
}

static void
end(struct conn *c, const json_t *json, const struct way *way)
{
	struct who	 w;
	struct peer	*peer, *next;
	json_t		*gone, *skipped;
	struct frame	*f;
	int64_t		 now = clock_mono_ms();

	if (kick_allowed(c, json) == -1)
		return;
	if (who_parse(&w, json) == -1) {
		reply_invalid(c, json, "invalid_args",
		    "one of target, stale and all must say who");
		return;
	}
	gone = json_array();
	skipped = json_array();
	for (peer = TAILQ_FIRST(&c->peer->mesh->peers); peer != NULL;
	    peer = next) {
		next = TAILQ_NEXT(peer, entry);
		if (peer == c->peer || !is_meant(&w, peer, now) ||
		    (peer->conn == NULL && way->code != CLOSE_KICKED))
			continue;
		if (way->skips_control && peer->kind == PEER_MEMBER) {
			name_add(skipped, peer);
			continue;
		}
		name_add(gone, peer);
		peer_end(c->broker, peer, way, w.stale > 0 ?
		    way->reason_stale : way->reason);
	}
	f = frame_new(way->ack);
	frame_json_add(f, "affected", gone);
	frame_json_add(f, "kicked", gone);
	if (json_array_size(skipped) > 0)
		frame_json_add(f, "skipped_control_plane", skipped);
	json_decref(gone);
	json_decref(skipped);
	reply_send(c, &f, json);
}

void
kick_kick(struct conn *c, const json_t *json)
{
	end(c, json, &way_kick);
}

void
kick_disconnect(struct conn *c, const json_t *json)
{
	end(c, json, &way_disconnect);
}
