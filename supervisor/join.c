/*
 * Joining a mesh.  What the worker says is believed as far as a mesh file is
 * believed: its fields are checked, and nothing of them is parsed.
 */

#include "supervisor/join.h"

#include <event2/event.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/xalloc.h"
#include "supervisor/address.h"
#include "supervisor/answer.h"
#include "supervisor/child.h"
#include "supervisor/member.h"
#include "supervisor/mesh_ask.h"

struct join {
	TAILQ_ENTRY(join) entry;
	struct supervisor *sup;
	struct child	*child;
	struct event	*ev;		/* it has taken too long */
	uint32_t	 seq;		/* the gate's; 0: forgotten */
	uint64_t	 uid;		/* who asks */
	uint64_t	 owner_uid;	/* of the mesh to be */
	int		 over;		/* answered */
	char		 mesh[MESH_SLUG_SIZE];
	char		 display_name[NAME_SIZE];
	char		*link;		/* until the worker has it */
	size_t		 linklen;
};

static void
join_free(struct join *j)
{
	address_forget(j->child);
	TAILQ_REMOVE(&j->sup->joins, j, entry);
	child_free(&j->child);
	event_free(j->ev);
	freezero(j->link, j->linklen);
	free(j);
}

/* Answered: its worker is not needed any more, and frees it when it is gone. */
static void
join_over(struct join *j)
{
	j->over = 1;
	child_stop(j->child);
}

static void
join_fail(struct join *j, int status, const char *code, const char *detail)
{
	log_info("join: failed, %s", code);
	if (j->seq != 0)
		answer_error(j->sup, j->seq, status, code, "%s", detail);
	join_over(j);
}

static void
join_setup(struct child *c)
{
	struct join		*j = child_arg(c);
	struct msg_setup_join	 body;

	memset(&body, 0, sizeof body);
	body.log_level = j->sup->conf.log_level;
	snprintf(body.ca_file, sizeof body.ca_file, "%s",
	    j->sup->conf.ca_file);
	strcpy(body.mesh, j->mesh);
	strcpy(body.display_name, j->display_name);
	body.link.p = (const uint8_t *)j->link;
	body.link.len = j->linklen;
	child_send(c, MSG_SUP_SETUP_JOIN, 0, &body, -1);
	freezero(j->link, j->linklen);
	j->link = NULL;
	j->linklen = 0;
}

static void
join_up(struct child *c)
{
	(void)c;
}

static void
join_down(struct child *c)
{
	struct join	*j = child_arg(c);

	if (!j->over)
		join_fail(j, 503, "join_failed", "The process that joins has "
		    "ended, see the log: try again.");
	join_free(j);
}

static const struct child_ops	join_ops = { join_setup, join_up, join_down };

static void
join_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct join	*j = arg;

	(void)fd;
	(void)what;
	if (!j->over)
		join_fail(j, 504, "timeout", "Joining took more than 30 s: is "
		    "the broker of the invite reachable?  Try again.");
	if (!child_running(j->child))	/* it could not even be started */
		join_free(j);
}

/* May another one begin?  -1, and answered. */
static int
join_check(struct supervisor *s, const struct msg_mesh_join *ask, uint32_t seq)
{
	struct join	*j;
	unsigned	 n = 0, mine = 0;

	TAILQ_FOREACH(j, &s->joins, entry) {
		n++;
		mine += j->uid == ask->uid;
	}
	if (n >= JOINS_MAX || mine >= JOINS_UID_MAX)
		answer_error(s, seq, 429, "too_many_joins",
		    "Wait until those that have begun are done.");
	else if (ask->mesh[0] != '\0' && !mesh_slug_valid(ask->mesh))
		mesh_ask_bad_slug(s, seq);
	else
		return mesh_ask_has_room(s, ask->uid, ask->admin, seq);
	return -1;
}

int
on_mesh_join(void *child, struct msg *m)
{
	struct supervisor	*s = child_sup(child);
	struct msg_mesh_join	 ask;
	struct join		*j;

	if (msg_decode(m, &ask) == -1)
		return -1;
	if (join_check(s, &ask, m->seq) == -1)
		return 0;
	j = xcalloc(1, sizeof *j);
	j->sup = s;
	j->seq = m->seq;
	j->uid = ask.uid;
	j->owner_uid = mesh_ask_owner(ask.uid, ask.admin);
	strcpy(j->mesh, ask.mesh);
	mesh_ask_display_name(s, ask.display_name, j->display_name);
	j->link = xmalloc(ask.link.len + 1);
	memcpy(j->link, ask.link.p, ask.link.len);
	j->linklen = ask.link.len;
	sodium_memzero((void *)(uintptr_t)m->data, m->len);
	if ((j->ev = evtimer_new(s->base, join_timeout, j)) == NULL)
		fatalx("evtimer_new failed");
	TAILQ_INSERT_TAIL(&s->joins, j, entry);
	j->child = child_new(s, CHILD_JOIN, &join_ops, j, NULL, NULL);
	supervisor_after(j->ev, JOIN_MS);
	child_start(j->child);
	return 0;
}

/*
 * May it become a member of this mesh under this name?  Whoever was thrown out
 * may come back with a new key.
 */
static int
join_may(struct join *j, const char *slug, const char *mesh_id)
{
	struct member	*mb = member_of(j->sup, slug, j->owner_uid);

	if (mb == NULL)
		return 1;
	if (strcmp(mb->mesh.mesh_id, mesh_id) != 0)
		join_fail(j, 409, "mesh_exists", "You have another mesh of "
		    "this name: give this one another with 'slug' (--slug).");
	else if (mb->mesh.embedded || mb->state != CONN_PARKED)
		join_fail(j, 409, "already_joined",
		    "You are on this mesh already.");
	else
		return 1;
	return 0;
}

static int
join_host_ok(const char *host)
{
	return *host != '\0' && host[strspn(host, "0123456789._-:"
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")] == '\0';
}

int
on_join_at(void *child, struct msg *m)
{
	struct join		*j = child_arg(child);
	struct msg_join_at	 at;

	if (msg_decode(m, &at) == -1 || !join_host_ok(at.host) ||
	    (at.mesh[0] != '\0' && !mesh_slug_valid(at.mesh)))
		return -1;
	if (j->over || (at.mesh[0] != '\0' && !join_may(j, at.mesh,
	    at.mesh_id)))
		return 0;
	address_find(child, at.host, (uint16_t)at.port);
	return 0;
}

/* The mesh as its file shall have it.  -1: nonsense. */
static int
join_mesh(const struct join *j, const struct msg_join_done *d, struct mesh *m)
{
	memset(m, 0, sizeof *m);
	if (!join_host_ok(d->host) || !mesh_slug_valid(d->mesh) ||
	    d->mesh_id[0] == '\0' || d->member_id[0] == '\0' ||
	    identity_keypair_check(d->pub, d->secret) == -1)
		return -1;
	snprintf(m->url, sizeof m->url, strchr(d->host, ':') != NULL ?
	    "%s://[%s]:%u/ws" : "%s://%s:%u/ws", d->tls ? "wss" : "ws",
	    d->host, d->port);
	if (mesh_parse_url(m->url, m->host, &m->port, &m->tls) == -1)
		return -1;
	strcpy(m->slug, d->mesh);
	strcpy(m->name, d->mesh);
	strcpy(m->mesh_id, d->mesh_id);
	strcpy(m->member_id, d->member_id);
	strcpy(m->display_name, j->display_name);
	memcpy(m->pub, d->pub, sizeof m->pub);
	m->owner_uid = j->owner_uid;
	return 0;
}

int
on_join_done(void *child, struct msg *m)
{
	struct join		*j = child_arg(child);
	struct msg_join_done	 d;
	struct member		*mb;
	struct mesh		 mesh;
	json_t			*o;
	char			 err[600];
	int			 ret;

	ret = msg_decode(m, &d) == -1 ? -1 : join_mesh(j, &d, &mesh);
	sodium_memzero((void *)(uintptr_t)m->data, m->len);
	if (ret == 0 && !j->over && join_may(j, mesh.slug, mesh.mesh_id)) {
		switch (member_add_mesh(j->sup, &mesh, d.secret, &mb, err,
		    sizeof err)) {
		case MEMBER_ADDED:
			log_info("mesh %s: joined", mesh.slug);
			o = json_pack("{s:o}", "mesh", mesh_ask_json(mb));
			if (d.already)
				json_object_set_new(o, "already_member",
				    json_true());
			if (j->seq != 0)
				answer_json(j->sup, j->seq, o);
			else
				json_decref(o);
			join_over(j);
			break;
		case MEMBER_EXISTS:
			join_fail(j, 409, "mesh_exists", err);
			break;
		case MEMBER_FAILED:
			join_fail(j, 503, "mesh_not_kept", err);
			break;
		}
	}
	sodium_memzero(&d, sizeof d);
	return ret;
}

int
on_join_refused(void *child, struct msg *m)
{
	struct join		*j = child_arg(child);
	struct msg_join_refused	 a;

	if (msg_decode(m, &a) == -1)
		return -1;
	if (j->over)
		return 0;
	log_info("join: refused, %.*s", (int)strcspn(a.error, ":"), a.error);
	if (j->seq != 0)
		answer_forward(j->sup, j->seq, (int)a.status, a.error);
	join_over(j);
	return 0;
}

void
join_forget_answers(struct supervisor *s)
{
	struct join	*j;

	TAILQ_FOREACH(j, &s->joins, entry)
		j->seq = 0;
}

void
join_free_all(struct supervisor *s)
{
	struct join	*j;

	while ((j = TAILQ_FIRST(&s->joins)) != NULL)
		join_free(j);
}
