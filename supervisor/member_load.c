/*
 * Members come and are told of: at the start those of all meshes that are
 * configured, later one at a time.
 */

#include "supervisor/member_impl.h"

#include <sys/stat.h>

#include <errno.h>
#include <event2/event.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/xalloc.h"
#include "supervisor/child.h"
#include "supervisor/core.h"
#include "supervisor/pace.h"
#include "supervisor/park.h"
#include "supervisor/plan.h"
#include "supervisor/session.h"

struct member *
member_new(struct supervisor *s, struct mesh *m)
{
	struct member	*mb = xcalloc(1, sizeof *mb);
	char		 name[SESSION_SHORT_SIZE];

	mb->sup = s;
	if (registry_member(s->registry, m->slug, m->pub, mb->owner,
	    mb->session_id) == -1 || registry_member_parked(s->registry,
	    mb->owner, mb->park, &mb->park_whole) == -1) {
		log_warnx("mesh %s: cannot keep its member in the registry, "
		    "left out", m->slug);
		free(mb);
		return NULL;
	}
	mb->mesh = *m;
	m->path = NULL;
	mb->state = CONN_STARTING;
	mb->child = child_new(s, CHILD_MEMBER, &member_ops, mb,
	    session_short(mb->owner, name), mb->mesh.slug);
	mb->pace = pace_new(mb);
	tell_init_member(mb);
	member_set_state(mb, CONN_STARTING, "");	/* or it is parked */
	return mb;
}

void
member_free(struct member *mb)
{
	child_free(&mb->child);
	pace_free(&mb->pace);
	tell_deinit(&mb->tell);
	if (mb->ev_leave != NULL)
		event_free(mb->ev_leave);
	sodium_free(mb->new_secret);
	mesh_clear(&mb->mesh);
	free(mb);
}

void
member_attach(struct member *mb)
{
	struct supervisor	*s = mb->sup;

	TAILQ_INSERT_TAIL(&s->members, mb, entry);
	if (s->state == SUP_STARTING)
		return;			/* all of them start together */
	member_start_all(s);
	tell_member(mb);
}

void
member_free_all(struct supervisor *s)
{
	struct member	*mb;

	while ((mb = TAILQ_FIRST(&s->members)) != NULL) {
		TAILQ_REMOVE(&s->members, mb, entry);
		member_free(mb);
	}
	while ((mb = TAILQ_FIRST(&s->leaving)) != NULL) {
		TAILQ_REMOVE(&s->leaving, mb, entry);
		member_free(mb);
	}
}

int
member_load(struct supervisor *s, char *err, size_t errlen)
{
	struct plan	plan;
	size_t		i;
	int		ret = plan_read(&plan, s, &s->conf);

	for (i = 0; ret == 0 && i < plan.n; i++) {
		if (plan_make(&plan, &plan.v[i], s) == -1)
			continue;
		member_attach(plan.v[i].fresh);
		plan.v[i].fresh = NULL;
	}
	for (i = 0; i < plan.n_faults; i++)
		log_warnx("mesh file left out: %s", plan.faults[i]);
	if (ret == 0 && TAILQ_EMPTY(&s->members) && plan.n > 0) {
		ret = -1;
		plan.why = plan.faults[plan.n_faults - 1];
	}
	if (ret == -1)
		snprintf(err, errlen, "%s", plan.why);
	plan_clear(&plan);
	return ret;
}

struct member *
member_of(struct supervisor *s, const char *slug, uint64_t owner_uid)
{
	struct member	*mb;

	TAILQ_FOREACH(mb, &s->members, entry)
		if (strcmp(mb->mesh.slug, slug) == 0 &&
		    mb->mesh.owner_uid == owner_uid)
			return mb;
	return NULL;
}

/* A name for its file that is free: that of the mesh, or with its owner's. */
static char *
member_free_path(struct supervisor *s, const struct mesh *m)
{
	char		*dir = paths_join(s->paths.state_dir, PATHS_MESHES);
	char		*path;
	struct stat	 st;

	xasprintf(&path, "%s/%s.json", dir, m->slug);
	if (lstat(path, &st) == 0) {
		free(path);
		xasprintf(&path, "%s/%s-%llu.json", dir, m->slug,
		    (unsigned long long)m->owner_uid);
		if (lstat(path, &st) == 0) {
			free(path);
			path = NULL;
		}
	}
	free(dir);
	return path;
}

enum member_added
member_add_mesh(struct supervisor *s, const struct mesh *wanted,
    const uint8_t secret[KEY_SECRET_LEN], struct member **mb_r, char *err,
    size_t errlen)
{
	struct member	*old = member_of(s, wanted->slug, wanted->owner_uid);
	struct member	*mb;
	struct mesh	 m = *wanted;

	*mb_r = NULL;
	if (old != NULL && (strcmp(old->mesh.mesh_id, m.mesh_id) != 0 ||
	    old->mesh.reference || old->new_secret != NULL)) {
		snprintf(err, errlen, "mesh %s is there already, from %.400s",
		    m.slug, old->mesh.path);
		return MEMBER_EXISTS;
	}
	if (m.embedded && core_need_broker(s, err, errlen) == -1)
		return MEMBER_FAILED;
	m.path = old != NULL ? xstrdup(old->mesh.path) :
	    member_free_path(s, &m);
	if (m.path == NULL) {
		snprintf(err, errlen, "a file for the mesh %s is there "
		    "already, and is not in use: the log says why", m.slug);
		return MEMBER_EXISTS;
	}
	if (m.name[0] == '\0')
		strcpy(m.name, m.slug);
	if ((mb = member_new(s, &m)) == NULL) {
		snprintf(err, errlen, "sessions.db cannot be used; see the "
		    "log");
		mesh_clear(&m);
		return MEMBER_FAILED;
	}
	if (mesh_write(&mb->mesh, secret, err, errlen) == -1) {
		member_free(mb);
		return MEMBER_FAILED;
	}
	park_forget(mb);
	if (old != NULL)
		member_replace(old, mb);
	else
		member_attach(mb);
	log_info("mesh %s: added, %s", mb->mesh.slug, mb->mesh.path);
	*mb_r = mb;
	return MEMBER_ADDED;
}
