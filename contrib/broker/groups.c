/*
 * Groups: names that a peer has given itself.
 */

#include "contrib/broker/groups.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/encode.h"
#include "common/xalloc.h"
#include "contrib/broker/attributes.h"
#include "contrib/broker/conn.h"
#include "contrib/broker/frame.h"
#include "contrib/broker/presence.h"
#include "contrib/broker/reply.h"

struct group *
mesh_group(const struct mesh *mesh, const char *name)
{
	struct link	*l = table_get(&mesh->groups, name, strlen(name));

	return l != NULL ? table_entry(l, struct group, link) : NULL;
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

/* ---- seats ---- */

static void
seat_enter(struct group_seat *seat)
{
	seat->group = group_open(seat->peer->mesh, seat->name);
	LIST_INSERT_HEAD(&seat->group->seats, seat, entry);
}

static void
seat_leave(struct group_seat *seat)
{
	struct group	*group = seat->group;

	if (group == NULL)
		return;
	seat->group = NULL;
	LIST_REMOVE(seat, entry);
	if (!LIST_EMPTY(&group->seats))
		return;
	table_del(&seat->peer->mesh->groups, &group->link);
	free(group);
}

static struct group_seat *
seat_find(struct peer *peer, const char *name)
{
	struct group_seat	*seat;

	TAILQ_FOREACH(seat, &peer->seats, of_peer)
		if (strcmp(seat->name, name) == 0)
			return seat;
	return NULL;
}

static struct group_seat *
seat_add(struct peer *peer, const char *name)
{
	struct group_seat	*seat = xcalloc(1, sizeof *seat);

	seat->peer = peer;
	snprintf(seat->name, sizeof seat->name, "%s", name);
	TAILQ_INSERT_TAIL(&peer->seats, seat, of_peer);
	peer->ngroups++;
	if (peer->mesh != NULL)
		seat_enter(seat);
	return seat;
}

static void
seat_drop(struct group_seat *seat)
{
	struct peer	*peer = seat->peer;

	seat_leave(seat);
	TAILQ_REMOVE(&peer->seats, seat, of_peer);
	peer->ngroups--;
	free(seat);
}

/* ---- the groups of a peer ---- */

/* The JSON of rosters says what the seats are. */
static void
groups_write(struct peer *peer)
{
	struct group_seat	*seat;
	json_t			*list = json_array();
	char			*text;

	TAILQ_FOREACH(seat, &peer->seats, of_peer)
		json_array_append_new(list, *seat->role != '\0' ?
		    json_pack("{s:s,s:s}", "name", seat->name, "role",
		    seat->role) : json_pack("{s:s}", "name", seat->name));
	text = json_dumps(list, JSON_COMPACT);
	free(peer->groups);
	peer->groups = xstrdup(text != NULL ? text : "[]");
	wipe_free(text);
	json_decref(list);
}

static int
name_ok(const char *name)
{
	return name != NULL && name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789_-/")] == '\0';
}

/* A {"name", "role"?}, or a request with these members. */
static int
group_ok(const json_t *group)
{
	const json_t	*role = json_object_get(group, "role");

	return name_ok(frame_str(group, "name", PEER_GROUP_MAX)) &&
	    (role == NULL || json_is_null(role) ||
	    frame_str_or_empty(group, "role", PEER_GROUP_MAX, NULL) != NULL);
}

int
groups_ok(const json_t *list)
{
	const json_t	*group;
	size_t		 i;

	if (list == NULL || json_is_null(list))
		return 1;
	if (!json_is_array(list) || json_array_size(list) > PEER_GROUPS_MAX)
		return 0;
	json_array_foreach(list, i, group)
		if (!group_ok(group))
			return 0;
	return 1;
}

/* The first of two with one name counts. */
void
groups_set(struct peer *peer, const json_t *list)
{
	const json_t		*group;
	const char		*name, *role;
	struct group_seat	*seat;
	size_t			 i;

	groups_clear(peer);
	json_array_foreach(list, i, group) {
		name = frame_str(group, "name", PEER_GROUP_MAX);
		role = frame_str(group, "role", PEER_GROUP_MAX);
		if (name == NULL || seat_find(peer, name) != NULL)
			continue;
		seat = seat_add(peer, name);
		snprintf(seat->role, sizeof seat->role, "%s",
		    role != NULL ? role : "");
	}
	groups_write(peer);
}

void
groups_move(struct peer *to, struct peer *from)
{
	struct group_seat	*seat, *mine;

	groups_clear(to);
	TAILQ_FOREACH(seat, &from->seats, of_peer) {
		mine = seat_add(to, seat->name);
		memcpy(mine->role, seat->role, sizeof mine->role);
	}
	groups_clear(from);
	groups_write(to);
}

void
groups_clear(struct peer *peer)
{
	struct group_seat	*seat;

	while ((seat = TAILQ_FIRST(&peer->seats)) != NULL)
		seat_drop(seat);
}

void
groups_enter(struct peer *peer)
{
	struct group_seat	*seat;

	TAILQ_FOREACH(seat, &peer->seats, of_peer)
		seat_enter(seat);
}

void
groups_leave(struct peer *peer)
{
	struct group_seat	*seat;

	TAILQ_FOREACH(seat, &peer->seats, of_peer)
		seat_leave(seat);
}

/* ---- requests ---- */

void
groups_join_group(struct conn *c, const json_t *json)
{
	struct peer		*peer = c->peer;
	struct group_seat	*seat;
	const char		*role;

	if (!group_ok(json)) {
		reply_invalid(c, json, "invalid_args", "a group's name is "
		    "letters, digits, _ - /, at most 64; a role has at most "
		    "64 bytes");
		return;
	}
	seat = seat_find(peer, frame_str(json, "name", PEER_GROUP_MAX));
	if (seat == NULL && peer->ngroups >= PEER_GROUPS_MAX) {
		reply_invalid(c, json, "invalid_args",
		    "a peer is in at most 64 groups; leave one first");
		return;
	}
	if (seat == NULL)
		seat = seat_add(peer, frame_str(json, "name",
		    PEER_GROUP_MAX));
	role = frame_str(json, "role", PEER_GROUP_MAX);
	snprintf(seat->role, sizeof seat->role, "%s",
	    role != NULL ? role : "");
	groups_write(peer);
	attributes_changed(peer);
}

void
groups_leave_group(struct conn *c, const json_t *json)
{
	const char		*name = frame_str(json, "name", PEER_GROUP_MAX);
	struct group_seat	*seat;

	if (name == NULL) {
		reply_invalid(c, json, "invalid_args",
		    "name says which group to leave");
		return;
	}
	if ((seat = seat_find(c->peer, name)) == NULL)
		return;
	seat_drop(seat);
	groups_write(c->peer);
	attributes_changed(c->peer);
}
