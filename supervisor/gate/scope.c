/* What a caller may see. */

#include "supervisor/gate/scope.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "supervisor/gate/gate.h"
#include "supervisor/gate/member.h"
#include "supervisor/gate/request.h"
#include "supervisor/gate/session.h"

static void
scope_add(struct scope *sc, struct session *s, struct member *m)
{
	sc->views = xreallocarray(sc->views, sc->n + 1, sizeof *sc->views);
	sc->views[sc->n].session = s;
	sc->views[sc->n].member = m;
	sc->n++;
}

static int
not_your_mesh(const struct session *s, struct fault *f)
{
	return fault_set(f, 403, "not_your_mesh", "This session is on the "
	    "mesh %s: leave 'mesh' out, or use another session.", s->mesh);
}

static int
mesh_not_attached(const char *mesh, struct fault *f)
{
	return fault_set(f, 404, "mesh_not_attached", "You may use no mesh "
	    "named %.64s: `meshsup status` lists those that you may.", mesh);
}

/* May the caller see what this member sees? */
static int
sees_member(const struct request *r, const struct member *m)
{
	return request_is_operator(r) || member_has_user(m, r->uid);
}

int
scope_find(struct scope *sc, const struct request *r, const char *mesh,
    struct fault *f)
{
	struct gate	*g = r->gate;
	struct member	*m;
	struct session	*s = r->session;

	memset(sc, 0, sizeof *sc);
	if (s != NULL) {
		if (mesh != NULL && strcmp(mesh, s->mesh) != 0)
			return not_your_mesh(s, f);
		scope_add(sc, s, members_find(g->members, s->member_owner));
		return 0;
	}
	TAILQ_FOREACH(m, members_list(g->members), next)
		if (sees_member(r, m) &&
		    (mesh == NULL || strcmp(mesh, m->mesh) == 0))
			scope_add(sc, NULL, m);
	if (request_is_operator(r)) {
		TAILQ_FOREACH(s, sessions_list(g->sessions), next)
			if (mesh == NULL || strcmp(mesh, s->mesh) == 0)
				scope_add(sc, s, NULL);
	}
	if (sc->n == 0 && mesh != NULL)
		return mesh_not_attached(mesh, f);
	return 0;
}

void
scope_clear(struct scope *sc)
{
	free(sc->views);
	memset(sc, 0, sizeof *sc);
}

void
view_rows(const struct view *v, struct rows_scope *out)
{
	out->session = v->session != NULL ? v->session->owner : NULL;
	out->member = v->member != NULL ? v->member->owner : NULL;
}

const uint8_t *
view_reader(const struct view *v)
{
	return v->session != NULL ? v->session->owner : v->member->owner;
}

struct member *
scope_member(const struct request *r, const char *mesh, struct fault *f,
    int *several_r)
{
	struct gate	*g = r->gate;
	struct member	*m, *only = NULL;

	if (several_r != NULL)
		*several_r = 0;
	if (r->session != NULL) {
		if (mesh != NULL && strcmp(mesh, r->session->mesh) != 0) {
			not_your_mesh(r->session, f);
			return NULL;
		}
		m = members_find(g->members, r->session->member_owner);
		if (m == NULL)
			mesh_not_attached(r->session->mesh, f);
		return m;
	}
	if (mesh != NULL) {
		if ((m = members_for(g->members, r->uid, mesh)) == NULL)
			mesh_not_attached(mesh, f);
		return m;
	}
	TAILQ_FOREACH(m, members_list(g->members), next) {
		if (!member_has_user(m, r->uid))
			continue;
		/* Two members of one mesh are one mesh. */
		if (only != NULL && strcmp(only->mesh, m->mesh) != 0) {
			fault_set(f, 400, "mesh_required", "You may use "
			    "several meshes: name one in 'mesh'.");
			if (several_r != NULL)
				*several_r = 1;
			return NULL;
		}
		only = m;
	}
	if (only == NULL) {
		fault_set(f, 404, "mesh_not_attached", "You may use no mesh: "
		    "`meshsup status` lists those that there are.");
		return NULL;
	}
	return members_for(g->members, r->uid, only->mesh);
}

const uint8_t *
scope_body_key(struct gate *g, const uint8_t owner[OWNER_ID_LEN])
{
	struct session	*s;
	struct member	*m;

	if ((s = sessions_find(g->sessions, owner)) != NULL)
		return s->body_key;
	if ((m = members_find(g->members, owner)) != NULL)
		return m->body_key;
	return NULL;
}
