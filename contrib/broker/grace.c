/*
 * Peers whose connection has ended and who may come back.
 */

#include "contrib/broker/grace.h"

#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "contrib/broker/arrive.h"
#include "contrib/broker/broker.h"
#include "contrib/broker/db.h"
#include "contrib/broker/lodging.h"

/* Everybody else in the mesh is told of each. */
#define EXPIRE_MAX	200

void
grace_init(struct grace *g)
{
	TAILQ_INIT(&g->peers);
}

static void
wait_begin(struct broker *b, struct peer *peer)
{
	peer->grace_until = clock_mono_ms() + b->options->grace_ms;
	TAILQ_INSERT_TAIL(&b->grace.peers, peer, in_grace);
}

static void
load_cb(void *arg, struct peer *peer, int64_t mesh_row, const char *mesh_id)
{
	struct broker		*b = arg;
	const struct mesh	*mesh = presence_mesh(&b->presence, mesh_id);

	if (peer->left_at == 0)
		peer->left_at = clock_wall_ms();
	if (mesh != NULL &&
	    (mesh_session_id(mesh, peer->session_id) != NULL ||
	    (peer->kind == PEER_SESSION &&
	    mesh_session_key(mesh, peer->key) != NULL))) {
		log_warnx("a presence: there is another like it");
		peer_free(&peer);
		return;
	}
	presence_join(&b->presence, peer, mesh_row, mesh_id);
	wait_begin(b, peer);
}

int
grace_load(struct broker *b)
{
	if (lodging_load(b->lodging, load_cb, b) == -1 ||
	    db_commit(b->db) == -1) {
		log_warnx("presences cannot be read");
		return -1;
	}
	return 0;
}

void
grace_clear(struct broker *b)
{
	struct peer	*peer;

	while ((peer = TAILQ_FIRST(&b->grace.peers)) != NULL) {
		grace_leave(b, peer);
		presence_leave(&b->presence, peer);
		peer_free(&peer);
	}
}

void
grace_enter(struct broker *b, struct peer *peer)
{
	peer->conn = NULL;
	peer->left_at = clock_wall_ms();
	order_clear(&peer->order);
	order_init(&peer->order);
	wait_begin(b, peer);
	(void)lodging_put(b->lodging, peer);
}

void
grace_leave(struct broker *b, struct peer *peer)
{
	TAILQ_REMOVE(&b->grace.peers, peer, in_grace);
}

int
grace_waiting(const struct broker *b)
{
	return !TAILQ_EMPTY(&b->grace.peers);
}

void
grace_expire(struct broker *b, int64_t now)
{
	struct peer	*peer;
	int		 n;

	for (n = 0; n < EXPIRE_MAX; n++) {
		peer = TAILQ_FIRST(&b->grace.peers);
		if (peer == NULL || peer->grace_until > now)
			return;
		peer->end = END_LEFT;
		presence_end(b, peer);
	}
}
