/* Members of the mesh `local`. */

#include "supervisor/plan_local.h"

#include <sys/stat.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/xalloc.h"

/* A set of uids, in the order in which they came. */
struct uids {
	uint64_t	*v;
	size_t		 n;
};

void
plan_local_mesh(struct mesh *m, const struct supervisor *s, char *path,
    uint64_t uid)
{
	memset(m, 0, sizeof *m);
	strcpy(m->slug, MESH_LOCAL);
	strcpy(m->name, MESH_LOCAL);
	strcpy(m->url, MESH_EMBEDDED);
	m->embedded = 1;
	m->owner_uid = uid;
	if (uid == geteuid())
		snprintf(m->display_name, sizeof m->display_name, "%.100s",
		    s->hostname);
	else
		snprintf(m->display_name, sizeof m->display_name, "%.100s-%llu",
		    s->hostname, (unsigned long long)uid);
	m->path = path;
}

static int
is_local(const struct mesh *m)
{
	return m->embedded && strcmp(m->slug, MESH_LOCAL) == 0;
}

static void
uids_add(struct uids *u, uint64_t uid)
{
	size_t	i;

	for (i = 0; i < u->n; i++)
		if (u->v[i] == uid)
			return;
	u->v = xreallocarray(u->v, u->n + 1, sizeof *u->v);
	u->v[u->n++] = uid;
}

/* All that the daemon serves: the configuration or a mesh names them. */
static void
uids_find(struct uids *u, const struct plan *p, const struct conf *conf)
{
	const struct mesh	*m;
	size_t			 i;
	uint32_t		 k;

	for (k = 0; k < (uint32_t)conf->n_allow_uids; k++)
		uids_add(u, conf->allow_uids[k]);
	for (i = 0; i < p->n; i++) {
		m = &p->v[i].mesh;
		uids_add(u, m->owner_uid);
		for (k = 0; k < m->users.n; k++)
			uids_add(u, m->users.v[k]);
	}
}

static int
has_local(const struct plan *p, uint64_t uid)
{
	size_t	i;

	for (i = 0; i < p->n; i++)
		if (is_local(&p->v[i].mesh) && p->v[i].mesh.owner_uid == uid)
			return 1;
	return 0;
}

/* From its file, or to be made. */
static void
plan_local_of(struct plan *p, const struct supervisor *s, uint64_t uid)
{
	struct mesh	 m;
	struct stat	 st;
	char		 err[MESH_ERR_SIZE], *path;

	xasprintf(&path, "%s/%s/%llu.json", s->paths.state_dir, PATHS_LOCALS,
	    (unsigned long long)uid);
	if (lstat(path, &st) == -1 && errno == ENOENT) {
		plan_local_mesh(&m, s, path, uid);
		m.automatic = 1;
		plan_put(p, &m)->make = 1;
		return;
	}
	if (mesh_read(path, &m, NULL, err, sizeof err) == -1)
		plan_fault(p, "%s", err);
	else if (!is_local(&m) || m.owner_uid != uid) {
		plan_fault(p, "%s: it is not the member of uid %llu in the "
		    "mesh local", path, (unsigned long long)uid);
		mesh_clear(&m);
	} else {
		m.automatic = 1;
		plan_put(p, &m);
	}
	free(path);
}

void
plan_locals(struct plan *p, const struct supervisor *s,
    const struct conf *conf)
{
	struct uids	u = { NULL, 0 };
	size_t		i;

	if (!has_local(p, geteuid()))
		return;
	uids_find(&u, p, conf);
	for (i = 0; i < u.n; i++)
		if (!has_local(p, u.v[i]))
			plan_local_of(p, s, u.v[i]);
	free(u.v);
}
