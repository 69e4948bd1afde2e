/* A member of a mesh, and its worker. */

#include "supervisor/member.h"

#include <sys/stat.h>

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/xalloc.h"
#include "supervisor/address.h"
#include "supervisor/child.h"
#include "supervisor/pace.h"
#include "supervisor/pair.h"
#include "supervisor/session.h"

static void	member_setup(struct child *);
static void	member_up(struct child *);
static void	member_down(struct child *);

static const struct child_ops member_ops = {
	member_setup, member_up, member_down
};

/* Take a mesh over; m is emptied. */
static struct member *
member_new(struct supervisor *s, struct mesh *m)
{
	struct member	*mb = xcalloc(1, sizeof *mb);
	char		 name[SESSION_SHORT_SIZE];

	mb->sup = s;
	if (registry_member(s->registry, m->slug, m->pub, mb->owner,
	    mb->session_id) == -1) {
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
	TAILQ_INSERT_TAIL(&s->members, mb, entry);
	return mb;
}

static void
member_load_cb(void *arg, struct mesh *m)
{
	struct supervisor	*s = arg;
	struct member		*mb;

	TAILQ_FOREACH(mb, &s->members, entry) {
		if (strcmp(mb->mesh.slug, m->slug) == 0 &&
		    mb->mesh.owner_uid == m->owner_uid) {
			log_warnx("%s: mesh %s is already there from %s, left "
			    "out", m->path, m->slug, mb->mesh.path);
			return;
		}
	}
	(void)member_new(s, m);
}

/* The mesh that everyone has: two sessions can talk with no configuration. */
static int
member_make_local(struct supervisor *s, const char *dir, char *err,
    size_t errlen)
{
	struct mesh	 m;
	struct member	*mb;
	struct stat	 st;
	char		*path = paths_join(dir, MESH_LOCAL ".json");
	uint8_t		*secret;

	/* A file that was left out is not to be replaced: it holds a key. */
	if (lstat(path, &st) == 0) {
		if (mesh_read(path, &m, NULL, err, errlen) == 0) {
			snprintf(err, errlen, "%s: cannot be used, see the "
			    "log", path);
			mesh_clear(&m);
		}
		free(path);
		return -1;
	}
	if ((secret = sodium_malloc(KEY_SECRET_LEN)) == NULL) {
		snprintf(err, errlen, "no memory for a key");
		free(path);
		return -1;
	}
	memset(&m, 0, sizeof m);
	strcpy(m.slug, MESH_LOCAL);
	strcpy(m.name, MESH_LOCAL);
	strcpy(m.url, MESH_EMBEDDED);
	m.embedded = 1;
	m.owner_uid = geteuid();
	snprintf(m.display_name, sizeof m.display_name, "%.100s",
	    s->hostname);
	crypto_sign_keypair(m.pub, secret);
	m.path = path;
	if ((mb = member_new(s, &m)) == NULL) {
		snprintf(err, errlen, "cannot make the mesh \"local\"");
		sodium_free(secret);
		mesh_clear(&m);
		return -1;
	}
	mb->new_secret = secret;
	return 0;
}

int
member_load(struct supervisor *s, char *err, size_t errlen)
{
	char	*dir = paths_join(s->paths.state_dir, PATHS_MESHES);
	int	 ret = 0;

	if (mesh_each(dir, member_load_cb, s) == -1) {
		snprintf(err, errlen, "%s: %s", dir, strerror(errno));
		ret = -1;
	} else if (TAILQ_EMPTY(&s->members) &&
	    s->conf.broker_enabled != CONF_NO)
		ret = member_make_local(s, dir, err, errlen);
	free(dir);
	return ret;
}

void
member_free_all(struct supervisor *s)
{
	struct member	*mb;

	while ((mb = TAILQ_FIRST(&s->members)) != NULL) {
		TAILQ_REMOVE(&s->members, mb, entry);
		child_free(&mb->child);
		pace_free(&mb->pace);
		tell_deinit(&mb->tell);
		sodium_free(mb->new_secret);
		mesh_clear(&mb->mesh);
		free(mb);
	}
}

void
member_start_all(struct supervisor *s)
{
	struct member	*mb;

	TAILQ_FOREACH(mb, &s->members, entry) {
		if (mb->mesh.embedded && !mb->known)
			member_ask_broker(mb);
		else if (s->store_seen && mb->state != CONN_PARKED)
			child_start(mb->child);
	}
}

void
member_broker(const struct member *mb, const char **host_r, uint16_t *port_r,
    int *tls_r)
{
	const struct supervisor	*s = mb->sup;

	if (mb->mesh.embedded) {
		*tls_r = s->conf.broker_tls_cert[0] != '\0';
		*host_r = *tls_r ? "localhost" : s->broker_host;
		*port_r = s->broker_port;
	} else {
		*host_r = mb->mesh.host;
		*port_r = mb->mesh.port;
		*tls_r = mb->mesh.tls;
	}
}

void
member_fill_setup(const struct member *mb, struct msg_setup_worker *w)
{
	const struct supervisor	*s = mb->sup;
	const char		*host;
	uint16_t		 port;
	int			 tls;

	w->log_level = s->conf.log_level;
	snprintf(w->db, sizeof w->db, "%s", s->mesh_db);
	snprintf(w->ca_file, sizeof w->ca_file, "%s", s->conf.ca_file);
	strcpy(w->mesh, mb->mesh.slug);
	strcpy(w->mesh_id, mb->mesh.mesh_id);
	strcpy(w->member_id, mb->mesh.member_id);
	memcpy(w->member_pub, mb->mesh.pub, KEY_PUBLIC_LEN);
	memcpy(w->member_owner, mb->owner, OWNER_ID_LEN);
	member_broker(mb, &host, &port, &tls);
	snprintf(w->host, sizeof w->host, "%s", host);
	w->port = port;
	w->tls = tls;
	strcpy(w->hostname, s->hostname);
}

static void
member_setup(struct child *c)
{
	struct member		*mb = child_arg(c);
	struct supervisor	*s = mb->sup;
	struct msg_setup_worker	 w;
	struct mesh		 m;
	char			 err[512];

	memset(&w, 0, sizeof w);
	if (mesh_read(mb->mesh.path, &m, w.secret, err, sizeof err) == -1) {
		log_warnx("mesh %s: %s", mb->mesh.slug, err);
		member_set_state(mb, CONN_PARKED, "its mesh file cannot be "
		    "read, see the log");
		child_stop(c);
		return;
	}
	mesh_clear(&m);
	if (memcmp(m.pub, mb->mesh.pub, KEY_PUBLIC_LEN) != 0) {
		member_set_state(mb, CONN_PARKED, "its mesh file has another "
		    "key than at the start");
		child_stop(c);
		goto out;
	}
	member_fill_setup(mb, &w);
	w.kind = OWNER_MEMBER;
	memcpy(w.owner, mb->owner, OWNER_ID_LEN);
	strcpy(w.display_name, mb->mesh.display_name);
	strcpy(w.wire_session_id, mb->session_id);
	w.pid = (uint64_t)getpid();
	strcpy(w.cwd, "/");
	w.key_mode = KEY_BROUGHT;
	body_derive_key(w.body_key, s->host_key, "body", mb->owner);
	child_send(c, MSG_SUP_SETUP_WORKER, 0, &w, -1);
out:
	sodium_memzero(&w, sizeof w);
}

static void
member_up(struct child *c)
{
	struct member		*mb = child_arg(c);
	struct supervisor	*s = mb->sup;
	struct session		*se;

	member_set_state(mb, CONN_CONNECTING, "");
	pace_up(mb->pace, c);
	pair_up(c);
	TAILQ_FOREACH(se, &s->sessions, entry)
		if (se->member == mb && se->wants_attest)
			member_attest(mb, se);
}

static void
member_down(struct child *c)
{
	struct member		*mb = child_arg(c);
	struct child_info	 info;

	address_forget(c);
	pace_forget(mb->pace, c);
	if (mb->state == CONN_PARKED)
		return;
	child_info(c, &info);
	if (info.crash_loop) {
		log_warnx("mesh %s: member worker parked, it died %d times "
		    "within a minute, last of %s", mb->mesh.slug, CHILD_DEATHS,
		    info.last_exit);
		child_stop(c);
		member_set_state(mb, CONN_PARKED, "crash_loop");
	} else
		member_set_state(mb, CONN_RECONNECTING, "");
}

void
member_set_state(struct member *mb, enum conn_state state, const char *reason)
{
	if (mb->state == state && strcmp(mb->reason, reason) == 0)
		return;
	mb->state = state;
	snprintf(mb->reason, sizeof mb->reason, "%s", reason);
	tell_member_state(mb);
}

int
member_allows(const struct member *mb, uint64_t uid)
{
	uint32_t	i;

	if (uid == mb->mesh.owner_uid)
		return 1;
	for (i = 0; i < mb->mesh.users.n; i++)
		if (mb->mesh.users.v[i] == uid)
			return 1;
	return 0;
}

struct member *
member_find(struct supervisor *s, const char *slug, uint64_t uid)
{
	struct member	*mb, *found = NULL;

	TAILQ_FOREACH(mb, &s->members, entry) {
		if (strcmp(mb->mesh.slug, slug) != 0)
			continue;
		if (mb->mesh.owner_uid == uid)
			return mb;		/* its own comes first */
		if (found == NULL && member_allows(mb, uid))
			found = mb;
	}
	return found;
}

struct member *
member_by_owner(struct supervisor *s, const uint8_t owner[OWNER_ID_LEN])
{
	struct member	*mb;

	TAILQ_FOREACH(mb, &s->members, entry)
		if (memcmp(mb->owner, owner, OWNER_ID_LEN) == 0)
			return mb;
	return NULL;
}

void
member_attest(struct member *mb, struct session *se)
{
	struct msg_attest	body;

	se->wants_attest = 1;
	if (!child_is_up(mb->child) || !se->rec.has_key)
		return;			/* when both are there */
	memset(&body, 0, sizeof body);
	memcpy(body.owner, se->rec.owner, OWNER_ID_LEN);
	memcpy(body.pub, se->rec.pub, KEY_PUBLIC_LEN);
	child_send(mb->child, MSG_SUP_ATTEST, 0, &body, -1);
}

int
on_attested(void *child, struct msg *m)
{
	struct member		*mb = child_arg(child);
	struct msg_attestation	 body;
	struct session		*se;

	if (child_role(child) != CHILD_MEMBER || msg_decode(m, &body) == -1)
		return -1;
	se = session_by_owner(mb->sup, body.owner);
	if (se == NULL || se->member != mb || !se->wants_attest ||
	    memcmp(se->rec.pub, body.pub, KEY_PUBLIC_LEN) != 0)
		return 0;		/* it has ended meanwhile */
	se->wants_attest = 0;
	if (child_is_up(se->child))
		child_send(se->child, MSG_SUP_ATTESTATION, 0, &body, -1);
	return 0;
}
