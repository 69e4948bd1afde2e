/* Reload: meshes that came, went, or are another now. */

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "supervisor/child.h"
#include "supervisor/member_impl.h"
#include "supervisor/park.h"
#include "supervisor/reload_impl.h"
#include "supervisor/session.h"
#include "supervisor/session_name.h"

/* Is it what was planned, by its key?  One that is being made has no file. */
static int
is_same(const struct member *mb, const struct planned *one)
{
	if (strcmp(mb->mesh.slug, one->mesh.slug) != 0)
		return 0;
	if (one->make || mb->new_secret != NULL)
		return one->make && mb->new_secret != NULL &&
		    mb->mesh.owner_uid == one->mesh.owner_uid;
	return memcmp(mb->mesh.pub, one->mesh.pub, KEY_PUBLIC_LEN) == 0;
}

static struct planned *
planned_for(struct plan *p, const struct member *mb)
{
	size_t	i;

	for (i = 0; i < p->n; i++)
		if (p->v[i].now == mb)
			return &p->v[i];
	return NULL;
}

void
reload_match(struct reload *r)
{
	struct plan	*p = &r->plan;
	struct member	*mb;
	size_t		 i;

	for (i = 0; i < p->n; i++)
		TAILQ_FOREACH(mb, &r->sup->members, entry)
			if (is_same(mb, &p->v[i]))
				p->v[i].now = mb;
	/* Another key for the same mesh of the same owner. */
	for (i = 0; i < p->n; i++) {
		if (p->v[i].now != NULL)
			continue;
		mb = member_of(r->sup, p->v[i].mesh.slug,
		    p->v[i].mesh.owner_uid);
		if (mb != NULL && planned_for(p, mb) == NULL)
			p->v[i].now = mb;
	}
}

int
reload_prepare(struct reload *r)
{
	struct planned	*one;
	size_t		 i;

	for (i = 0; i < r->plan.n; i++) {
		one = &r->plan.v[i];
		if ((one->now == NULL || !is_same(one->now, one)) &&
		    plan_make(&r->plan, one, r->sup) == -1)
			return -1;
	}
	return 0;
}

static void
add(struct reload *r, struct planned *one)
{
	struct member	*mb = one->fresh;

	one->fresh = NULL;
	reload_say(r->applied, "mesh %s: %s", mb->mesh.slug,
	    one->now != NULL ? "has another key" : "added");
	if (one->now != NULL)
		member_replace(one->now, mb);
	else
		member_attach(mb);
}

/* It is elsewhere, or known there by other ids: all of its workers go there. */
static void
move(struct member *mb)
{
	struct session	*se;

	mb->known = 0;
	/* What a broker refused says nothing of another one. */
	if (park_of_member(mb) != NULL && strcmp(mb->park, PARK_PAUSED) != 0)
		park_forget(mb);
	member_restart(mb);
	TAILQ_FOREACH(se, &mb->sup->sessions, entry) {
		if (se->member != mb || se->dead || se->lingered)
			continue;
		session_set_state(se, CONN_CONNECTING, "");
		session_restart(se);
	}
}

/* Sessions of those that may not use it any more. */
static void
check_users(struct member *mb)
{
	struct member	*other;
	struct session	*se, *next;

	for (se = TAILQ_FIRST(&mb->sup->sessions); se != NULL; se = next) {
		next = TAILQ_NEXT(se, entry);
		if (se->member != mb || se->dead ||
		    member_allows(mb, se->rec.uid))
			continue;
		other = member_find(mb->sup, mb->mesh.slug, se->rec.uid);
		if (other != NULL)
			session_move(se, other);
		else
			session_drain(se, "its user may not use the mesh any "
			    "more");
	}
}

static int
same_users(const struct mesh *a, const struct mesh *b)
{
	return a->owner_uid == b->owner_uid && a->users.n == b->users.n &&
	    memcmp(a->users.v, b->users.v, a->users.n *
	    sizeof *a->users.v) == 0;
}

/* The same member; what does its file say now? */
static void
change(struct reload *r, struct member *mb, struct mesh *m)
{
	struct mesh	*old = &mb->mesh, was = *old;
	int		 moved, said, users, named;

	if (mb->new_secret != NULL)
		return;
	moved = !mesh_same_url(old, m) ||
	    strcmp(old->mesh_id, m->mesh_id) != 0 ||
	    strcmp(old->member_id, m->member_id) != 0;
	said = strcmp(old->display_name, m->display_name) != 0;
	users = !same_users(old, m);
	named = strcmp(old->name, m->name) != 0;
	*old = *m;
	m->path = NULL;
	mesh_clear(&was);
	if (mb->unusable)
		member_usable(mb);
	if (moved)
		move(mb);
	else if (said)
		member_restart(mb);
	if (users)
		check_users(mb);
	if (!moved && !said && !users && !named)
		return;
	tell_member(mb);
	reload_say(r->applied, "mesh %s: changed:%s%s%s%s", old->slug,
	    moved ? " broker or ids," : "", said ? " display name," : "",
	    users ? " owner or users," : "", named ? " name," : "");
}

void
reload_meshes(struct reload *r)
{
	struct plan	*p = &r->plan;
	struct member	*mb, *next;
	size_t		 i;

	/* What is not planned for, before others take its place. */
	for (mb = TAILQ_FIRST(&r->sup->members); mb != NULL; mb = next) {
		next = TAILQ_NEXT(mb, entry);
		if (planned_for(p, mb) == NULL)
			mb->leaves = 1;
	}
	for (i = 0; i < p->n; i++) {
		if (p->v[i].fresh != NULL)
			add(r, &p->v[i]);
		else
			change(r, p->v[i].now, &p->v[i].mesh);
	}
	for (mb = TAILQ_FIRST(&r->sup->members); mb != NULL; mb = next) {
		next = TAILQ_NEXT(mb, entry);
		if (!mb->leaves)
			continue;
		reload_say(r->applied, "mesh %s: removed", mb->mesh.slug);
		member_remove(mb, MEMBER_REMOVED);
	}
	member_start_all(r->sup);
}
