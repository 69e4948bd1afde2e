/* What a caller may see. */

#include "supervisor/gate/scope.h"

#include <stdlib.h>
#include <string.h>

#include "common/encode.h"
#include "common/xalloc.h"
#include "supervisor/gate/gate.h"
#include "supervisor/gate/member.h"
#include "supervisor/gate/reply.h"
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
	    "named %.*s: `meshsup status` lists those that you may.",
	    (int)utf8_fit(mesh, strlen(mesh), MESH_SLUG_SIZE - 1), mesh);
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

size_t
view_owners(const struct view *v, const uint8_t *owners[2])
{
	size_t	n = 0;

	if (v->session != NULL)
		owners[n++] = v->session->owner;
	if (v->member != NULL)
		owners[n++] = v->member->owner;
	return n;
}

int
scope_has_owner(const struct scope *sc, const uint8_t owner[OWNER_ID_LEN])
{
	const uint8_t	*owners[2];
	size_t		 i, j, n;

	for (i = 0; i < sc->n; i++) {
		n = view_owners(&sc->views[i], owners);
		for (j = 0; j < n; j++)
			if (memcmp(owners[j], owner, OWNER_ID_LEN) == 0)
				return 1;
	}
	return 0;
}

const uint8_t *
view_reader(const struct view *v)
{
	return v->session != NULL ? v->session->owner : v->member->owner;
}

/* The only mesh that the uid may use. */
static struct member *
only_member(struct gate *g, uint64_t uid, struct fault *f, int *several_r)
{
	struct member	*m, *only = NULL;

	TAILQ_FOREACH(m, members_list(g->members), next) {
		if (!member_has_user(m, uid))
			continue;
		/* Two members of one mesh are one mesh. */
		if (only != NULL && strcmp(only->mesh, m->mesh) != 0) {
			fault_set(f, 400, "mesh_required", "You may use "
			    "several meshes: name one in 'mesh'.");
			*several_r = 1;
			return NULL;
		}
		only = m;
	}
	if (only == NULL) {
		fault_set(f, 404, "mesh_not_attached", "You may use no mesh: "
		    "`meshsup mesh create` makes one, `meshsup mesh join` "
		    "joins one.");
		return NULL;
	}
	return members_for(g->members, uid, only->mesh);
}

struct member *
scope_member_of(struct gate *g, uint64_t uid, const char *mesh,
    struct fault *f, int *several_r)
{
	struct member	*m;

	*several_r = 0;
	if (mesh == NULL)
		return only_member(g, uid, f, several_r);
	if ((m = members_for(g->members, uid, mesh)) == NULL)
		mesh_not_attached(mesh, f);
	return m;
}

struct member *
scope_member(const struct request *r, const char *mesh, struct fault *f,
    int *several_r)
{
	const struct session	*s = r->session;
	struct member		*m;

	if (s == NULL)
		return scope_member_of(r->gate, r->uid, mesh, f, several_r);
	*several_r = 0;
	if (mesh != NULL && strcmp(mesh, s->mesh) != 0) {
		not_your_mesh(s, f);
		return NULL;
	}
	m = members_find(r->gate->members, s->member_owner);
	if (m == NULL)
		mesh_not_attached(s->mesh, f);
	return m;
}

void
scope_reply_fault(struct request *r, const struct fault *f, int several)
{
	json_t		*more = NULL, *attached;
	struct scope	 sc;
	struct fault	 none;
	size_t		 i;

	if (several && scope_find(&sc, r, NULL, &none) == 0) {
		attached = json_array();
		for (i = 0; i < sc.n; i++)
			if (sc.views[i].member != NULL)
				json_array_append_new(attached, json_string(
				    sc.views[i].member->mesh));
		scope_clear(&sc);
		more = json_pack("{s:o}", "attached", attached);
	}
	reply_error_with(r, more, f->status, f->code, "%s", f->detail);
}

int
scope_sender(struct gate *g, const uint8_t owner[OWNER_ID_LEN],
    struct sender *from)
{
	const struct session	*s = sessions_find(g->sessions, owner);
	const struct member	*m = members_find(g->members, owner);

	if (s != NULL && session_is_alive(s)) {
		*from = (struct sender){ s->owner, s->pub, s->body_key,
		    s->pub_hex, s->mesh };
		return 0;
	}
	if (s == NULL && m != NULL) {
		*from = (struct sender){ m->owner, m->pub, m->body_key,
		    m->pub_hex, m->mesh };
		return 0;
	}
	return -1;
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

const char *
scope_parked(struct gate *g, const uint8_t owner[OWNER_ID_LEN])
{
	const struct session	*s = sessions_find(g->sessions, owner);
	const struct member	*m;

	if (s != NULL)
		return s->state == CONN_PARKED ? s->reason : NULL;
	m = members_find(g->members, owner);
	return m != NULL && m->state == CONN_PARKED ? m->reason : NULL;
}

void
scope_fault_parked(struct gate *g, const uint8_t owner[OWNER_ID_LEN],
    struct fault *f)
{
	const char	*why = scope_parked(g, owner);

	if (why == NULL || f->status != 503 ||
	    (strcmp(f->code, "unavailable") != 0 &&
	    strcmp(f->code, "roster_unavailable") != 0))
		return;
	fault_set(f, 503, f->code, "The connection to the broker is parked "
	    "(%s): `meshsup presence resume` lets it come back.", why);
}
