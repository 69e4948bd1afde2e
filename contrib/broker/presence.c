/*
 * Who is here.
 */

#include "contrib/broker/presence.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "contrib/broker/frame.h"

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

struct group *
mesh_group(const struct mesh *mesh, const char *name)
{
	struct link	*l = table_get(&mesh->groups, name, strlen(name));

	return l != NULL ? table_entry(l, struct group, link) : NULL;
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

static struct group *
group_open(struct mesh *mesh, const char *name)
{
	struct group	*group;

	if ((group = mesh_group(mesh, name)) != NULL)
		return group;
	group = xcalloc(1, sizeof *group);
	LIST_INIT(&group->seats);
	snprintf(group->name, sizeof group->name, "%s", name);
	table_put(&mesh->groups, &group->link, group->name,
	    strlen(group->name));
	return group;
}

static void
group_leave(struct mesh *mesh, struct group_seat *seat)
{
	struct group	*group = seat->group;

	LIST_REMOVE(seat, entry);
	if (!LIST_EMPTY(&group->seats))
		return;
	table_del(&mesh->groups, &group->link);
	free(group);
}

struct peer *
peer_new(struct conn *conn, enum peer_kind kind)
{
	struct peer	*peer = xcalloc(1, sizeof *peer);

	peer->conn = conn;
	peer->kind = kind;
	peer->visible = 1;
	order_init(&peer->order);
	return peer;
}

void
peer_free(struct peer **peerp)
{
	struct peer	*peer = *peerp;
	size_t		 i;

	*peerp = NULL;
	if (peer == NULL)
		return;
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
	for (i = 0; i < peer->ngroups; i++)
		free(peer->group_names[i]);
	free(peer->group_names);
	free(peer);
}

void
presence_join(struct presence *p, struct peer *peer, int64_t mesh_row,
    const char *mesh_id)
{
	struct mesh	*mesh = mesh_open(p, mesh_row, mesh_id);
	size_t		 i;

	peer->mesh = mesh;
	TAILQ_INSERT_TAIL(&mesh->peers, peer, entry);
	table_put(&mesh->by_session_id, &peer->by_session_id,
	    peer->session_id, strlen(peer->session_id));
	if (peer->kind == PEER_SESSION)
		table_put(&mesh->by_key, &peer->by_key, peer->key,
		    sizeof peer->key);
	peer->group_seats = xcalloc(peer->ngroups, sizeof *peer->group_seats);
	for (i = 0; i < peer->ngroups; i++) {
		peer->group_seats[i].peer = peer;
		peer->group_seats[i].group = group_open(mesh,
		    peer->group_names[i]);
		LIST_INSERT_HEAD(&peer->group_seats[i].group->seats,
		    &peer->group_seats[i], entry);
	}
	mesh->npeers++;
	p->npeers++;
	frame_unref(&mesh->roster);
}

void
presence_leave(struct presence *p, struct peer *peer)
{
	struct mesh	*mesh = peer->mesh;
	size_t		 i;

	if (mesh == NULL)
		return;
	peer->mesh = NULL;
	TAILQ_REMOVE(&mesh->peers, peer, entry);
	table_del(&mesh->by_session_id, &peer->by_session_id);
	table_del(&mesh->by_key, &peer->by_key);
	for (i = 0; i < peer->ngroups; i++)
		group_leave(mesh, &peer->group_seats[i]);
	free(peer->group_seats);
	peer->group_seats = NULL;
	frame_unref(&mesh->roster);
	mesh->npeers--;
	p->npeers--;
	if (mesh->npeers == 0)
		mesh_free(p, mesh);
}
