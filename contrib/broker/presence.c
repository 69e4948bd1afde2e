/*
 * Who is here.
 */

#include "contrib/broker/presence.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "contrib/broker/frame.h"
#include "contrib/broker/groups.h"

static const char	*const status_names[] = { "idle", "working", "dnd" };

const char *
status_name(enum peer_status status)
{
	return status_names[status];
}

int
status_parse(const char *name, enum peer_status *status_r)
{
	int	 i;

	for (i = 0; i <= STATUS_MAX; i++) {
		if (strcmp(status_names[i], name) == 0) {
			*status_r = (enum peer_status)i;
			return 0;
		}
	}
	return -1;
}

void
presence_init(struct presence *p)
{
	memset(p, 0, sizeof *p);
}

void
presence_clear(struct presence *p)
{
	table_clear(&p->meshes);
}

struct mesh *
presence_mesh(const struct presence *p, const char *mesh_id)
{
	struct link	*l = table_get(&p->meshes, mesh_id, strlen(mesh_id));

	return l != NULL ? table_entry(l, struct mesh, link) : NULL;
}

struct peer *
mesh_session_id(const struct mesh *mesh, const char *session_id)
{
	struct link	*l;

	l = table_get(&mesh->by_session_id, session_id, strlen(session_id));
	return l != NULL ? table_entry(l, struct peer, by_session_id) : NULL;
}

struct peer *
mesh_session_key(const struct mesh *mesh, const uint8_t key[KEY_PUBLIC_LEN])
{
	struct link	*l = table_get(&mesh->by_key, key, KEY_PUBLIC_LEN);

	return l != NULL ? table_entry(l, struct peer, by_key) : NULL;
}

void
mesh_changed(struct mesh *mesh)
{
	frame_unref(&mesh->roster);
}

static struct mesh *
mesh_open(struct presence *p, int64_t row, const char *mesh_id)
{
	struct mesh	*mesh;

	if ((mesh = presence_mesh(p, mesh_id)) != NULL)
		return mesh;
	mesh = xcalloc(1, sizeof *mesh);
	mesh->row = row;
	mesh->mesh_id = xstrdup(mesh_id);
	TAILQ_INIT(&mesh->peers);
	table_put(&p->meshes, &mesh->link, mesh->mesh_id,
	    strlen(mesh->mesh_id));
	return mesh;
}

static void
mesh_free(struct presence *p, struct mesh *mesh)
{
	table_del(&p->meshes, &mesh->link);
	table_clear(&mesh->by_session_id);
	table_clear(&mesh->by_key);
	table_clear(&mesh->groups);
	frame_unref(&mesh->roster);
	free(mesh->mesh_id);
	free(mesh);
}

struct peer *
peer_new(struct conn *conn, enum peer_kind kind)
{
	struct peer	*peer = xcalloc(1, sizeof *peer);

	peer->conn = conn;
	peer->kind = kind;
	peer->visible = 1;
	peer->groups = xstrdup("[]");
	TAILQ_INIT(&peer->seats);
	feed_init(&peer->feed);
	order_init(&peer->order);
	return peer;
}

void
peer_free(struct peer **peerp)
{
	struct peer	*peer = *peerp;

	*peerp = NULL;
	if (peer == NULL)
		return;
	groups_clear(peer);
	feed_clear(&peer->feed);
	order_clear(&peer->order);
	free(peer->member_id);
	free(peer->name);
	free(peer->session_id);
	free(peer->cwd);
	free(peer->hostname);
	free(peer->peer_type);
	free(peer->channel);
	free(peer->model);
	free(peer->groups);
	free(peer->hello_groups);
	free(peer->summary);
	free(peer->stats);
	free(peer->profile);
	free(peer);
}

void
presence_join(struct presence *p, struct peer *peer, int64_t mesh_row,
    const char *mesh_id)
{
	struct mesh	*mesh = mesh_open(p, mesh_row, mesh_id);

	peer->mesh = mesh;
	TAILQ_INSERT_TAIL(&mesh->peers, peer, entry);
	table_put(&mesh->by_session_id, &peer->by_session_id,
	    peer->session_id, strlen(peer->session_id));
	if (peer->kind == PEER_SESSION)
		table_put(&mesh->by_key, &peer->by_key, peer->key,
		    sizeof peer->key);
	groups_enter(peer);
	mesh->npeers++;
	p->npeers++;
	mesh_changed(mesh);
}

void
presence_leave(struct presence *p, struct peer *peer)
{
	struct mesh	*mesh = peer->mesh;

	if (mesh == NULL)
		return;
	groups_leave(peer);
	peer->mesh = NULL;
	TAILQ_REMOVE(&mesh->peers, peer, entry);
	table_del(&mesh->by_session_id, &peer->by_session_id);
	table_del(&mesh->by_key, &peer->by_key);
	mesh_changed(mesh);
	mesh->npeers--;
	p->npeers--;
	if (mesh->npeers == 0)
		mesh_free(p, mesh);
}
