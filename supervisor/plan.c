/* The meshes that there should be. */

#include "supervisor/plan.h"

#include <sys/stat.h>

#include <errno.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/xalloc.h"
#include "supervisor/member_impl.h"
#include "supervisor/plan_local.h"

void
plan_fault(struct plan *p, const char *fmt, ...)
{
	char	text[MESH_ERR_SIZE];
	va_list	ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	p->faults = xreallocarray(p->faults, p->n_faults + 1,
	    sizeof *p->faults);
	p->faults[p->n_faults++] = xstrdup(text);
}

static void
plan_fault_cb(void *arg, const char *err)
{
	plan_fault(arg, "%s", err);
}

struct planned *
plan_put(struct plan *p, struct mesh *m)
{
	struct planned	*one;

	p->v = xreallocarray(p->v, p->n + 1, sizeof *p->v);
	one = &p->v[p->n++];
	memset(one, 0, sizeof *one);
	one->mesh = *m;
	m->path = NULL;			/* it is the plan's now */
	return one;
}

/*
 * One member of a mesh for each owner, and one mesh for each key.  A file of
 * ours is preferred to the reference's, which may have the same mesh.
 */
static void
plan_add(void *arg, struct mesh *m)
{
	struct plan		*p = arg;
	const struct mesh	*other;
	size_t			 i;

	for (i = 0; i < p->n; i++) {
		other = &p->v[i].mesh;
		if (strcmp(other->slug, m->slug) != 0 ||
		    (other->owner_uid != m->owner_uid &&
		    memcmp(other->pub, m->pub, KEY_PUBLIC_LEN) != 0))
			continue;
		if (m->reference && !other->reference)
			log_debug("%s: mesh %s is already there from %s",
			    m->path, m->slug, other->path);
		else
			plan_fault(p, "%s: mesh %s is already there from %s",
			    m->path, m->slug, other->path);
		return;
	}
	plan_put(p, m);
}

/* The reference's config.json: found by itself, or named. */
static void
plan_reference(struct plan *p, const struct supervisor *s,
    const struct conf *conf)
{
	const char	*path = conf->reference_config;
	struct stat	 st;

	if (strcmp(path, "none") == 0)
		return;
	if (strcmp(path, "auto") == 0) {
		path = s->paths.reference;
		if (path == NULL || (lstat(path, &st) == -1 &&
		    (errno == ENOENT || errno == ENOTDIR)))
			return;
	}
	(void)mesh_each_reference(path, plan_add, plan_fault_cb, p);
}

/* What is wrong with that file; it was among those that were read. */
static const char *
plan_fault_of(const struct plan *p, const char *path)
{
	size_t	i, len = strlen(path);

	for (i = 0; i < p->n_faults; i++)
		if (strncmp(p->faults[i], path, len) == 0 &&
		    p->faults[i][len] == ':')
			return p->faults[i];
	return NULL;
}

/* Nothing is configured: two sessions on one host can talk all the same. */
static int
plan_first_local(struct plan *p, const struct supervisor *s, const char *dir)
{
	char		*path = paths_join(dir, MESH_LOCAL ".json");
	struct stat	 st;
	struct mesh	 m;

	/* A file that was left out is not to be replaced: it holds a key. */
	if (lstat(path, &st) == 0) {
		if ((p->why = plan_fault_of(p, path)) == NULL) {
			plan_fault(p, "%s: cannot be used as it is", path);
			p->why = p->faults[p->n_faults - 1];
		}
		free(path);
		return -1;
	}
	plan_local_mesh(&m, s, path, geteuid());
	plan_put(p, &m)->make = 1;
	return 0;
}

int
plan_read(struct plan *p, struct supervisor *s, const struct conf *conf)
{
	char	*dir = paths_join(s->paths.state_dir, PATHS_MESHES);
	int	 ret;

	memset(p, 0, sizeof *p);
	ret = mesh_each(dir, plan_add, plan_fault_cb, p);
	if (ret == -1) {
		plan_fault(p, "%s: %s", dir, strerror(errno));
		p->why = p->faults[p->n_faults - 1];
	} else {
		plan_reference(p, s, conf);
		if (p->n == 0 && conf->broker_enabled != CONF_NO)
			ret = plan_first_local(p, s, dir);
		if (s->system_mode)
			plan_locals(p, s, conf);
	}
	free(dir);
	return ret;
}

void
plan_clear(struct plan *p)
{
	size_t	i;

	for (i = 0; i < p->n; i++) {
		if (p->v[i].fresh != NULL)
			member_free(p->v[i].fresh);
		mesh_clear(&p->v[i].mesh);
	}
	for (i = 0; i < p->n_faults; i++)
		free(p->faults[i]);
	free(p->v);
	free(p->faults);
	memset(p, 0, sizeof *p);
}

int
plan_make(struct plan *p, struct planned *one, struct supervisor *s)
{
	struct mesh	*m = &one->mesh;
	uint8_t		*secret = NULL;

	if (one->make) {
		if ((secret = sodium_malloc(KEY_SECRET_LEN)) == NULL) {
			plan_fault(p, "mesh %s: no memory for a key", m->slug);
			return -1;
		}
		crypto_sign_keypair(m->pub, secret);
	}
	if ((one->fresh = member_new(s, m)) == NULL) {
		plan_fault(p, "mesh %s: its member cannot be kept in "
		    "sessions.db; see the log", m->slug);
		sodium_free(secret);
		return -1;
	}
	one->fresh->new_secret = secret;
	return 0;
}

int
plan_is_embedded(const struct plan *p)
{
	size_t	i;

	for (i = 0; i < p->n; i++)
		if (p->v[i].mesh.embedded)
			return 1;
	return 0;
}
