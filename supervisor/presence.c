/*
 * Pause and resume.  Whose a session is, and whose a mesh, is checked here,
 * whatever the gate thinks: a mesh is paused by its owner or the operator, not
 * by everyone who may use it, as all of its sessions go with it.
 */

#include "supervisor/presence.h"

#include <jansson.h>
#include <string.h>

#include "supervisor/answer.h"
#include "supervisor/child.h"
#include "supervisor/member.h"
#include "supervisor/park.h"
#include "supervisor/session.h"

static void
presence_not_kept(struct child *c, uint32_t seq)
{
	answer_error(child_sup(c), seq, 503, "registry_failed",
	    "sessions.db cannot be written, so that not all was changed: the "
	    "log says why.");
}

static void
presence_session(struct child *c, uint32_t seq, const struct msg_presence *q)
{
	struct session	*se = session_by_owner(child_sup(c), q->owner);
	json_t		*o;

	if (se == NULL || !se->kept || (!q->all && se->rec.uid != q->uid)) {
		answer_error(child_sup(c), seq, 404, "session_not_found",
		    "You have no such session: `meshsup session list` shows "
		    "them.");
		return;
	}
	if ((q->pause ? park_session_pause(se) : park_session_resume(se)) ==
	    -1) {
		presence_not_kept(c, seq);
		return;
	}
	o = json_pack("{s:b, s:b, s:s}", "ok", 1, "paused",
	    park_of_session(se) != NULL, "state", conn_state_name(
	    se->draining ? CONN_DRAINING : se->state == CONN_RECONNECTING ?
	    CONN_CONNECTING : se->state));
	if (park_of_session(se) != NULL)
		json_object_set_new(o, "reason",
		    json_string(park_of_session(se)));
	tell_hurry(child_sup(c));
	answer_json(child_sup(c), seq, o);
}

/* None of the meshes that were meant is the caller's: why? */
static void
presence_no_mesh(struct child *c, uint32_t seq, const struct msg_presence *q)
{
	if (q->mesh[0] != '\0' && member_find(child_sup(c), q->mesh,
	    q->uid) == NULL)
		answer_error(child_sup(c), seq, 404, "mesh_not_attached",
		    "You may use no mesh of that name: `meshsup status` lists "
		    "those that you may.");
	else
		answer_error(child_sup(c), seq, 403, "not_mesh_owner",
		    "Only a mesh's owner may pause or resume it with all of "
		    "its sessions: name one of your sessions instead.");
}

static void
presence_meshes(struct child *c, uint32_t seq, const struct msg_presence *q)
{
	struct supervisor	*s = child_sup(c);
	struct member		*mb;
	json_t			*list = json_array(), *one;
	int			 parked = 0;

	TAILQ_FOREACH(mb, &s->members, entry) {
		if ((!q->all && mb->mesh.owner_uid != q->uid) ||
		    (q->mesh[0] != '\0' && strcmp(mb->mesh.slug, q->mesh) !=
		    0))
			continue;
		if ((q->pause ? park_mesh_pause(mb) : park_mesh_resume(mb)) ==
		    -1) {
			presence_not_kept(c, seq);
			json_decref(list);
			return;
		}
		parked |= park_of_member(mb) != NULL;
		one = json_pack("{s:s, s:s}", "slug", mb->mesh.slug, "state",
		    conn_state_name(mb->state));
		if (mb->reason[0] != '\0')
			json_object_set_new(one, "reason",
			    json_string(mb->reason));
		json_array_append_new(list, one);
	}
	if (json_array_size(list) == 0) {
		presence_no_mesh(c, seq, q);
		json_decref(list);
		return;
	}
	tell_hurry(s);
	answer_json(s, seq, json_pack("{s:b, s:b, s:o}", "ok", 1,
	    "paused", parked, "meshes", list));
}

int
on_presence(void *child, struct msg *m)
{
	struct msg_presence	q;

	if (msg_decode(m, &q) == -1)
		return -1;
	if (q.kind == OWNER_SESSION)
		presence_session(child, m->seq, &q);
	else
		presence_meshes(child, m->seq, &q);
	return 0;
}
