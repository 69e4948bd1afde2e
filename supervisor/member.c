/* A member of a mesh, and its worker. */

#include "supervisor/member_impl.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/xalloc.h"
#include "supervisor/address.h"
#include "supervisor/child.h"
#include "supervisor/crash.h"
#include "supervisor/pace.h"
#include "supervisor/pair.h"
#include "supervisor/park.h"
#include "supervisor/session.h"

static void	member_setup(struct child *);
static void	member_up(struct child *);
static void	member_down(struct child *);

const struct child_ops member_ops = {
	member_setup, member_up, member_down
};

void
member_start(struct member *mb)
{
	if (mb->mesh.embedded && !mb->known)
		member_ask_broker(mb);
	else if (mb->sup->store_seen && park_member_runs(mb))
		child_start(mb->child);
}

void
member_start_all(struct supervisor *s)
{
	struct member	*mb;

	TAILQ_FOREACH(mb, &s->members, entry)
		/* Not one whose file was found to be of no use. */
		if (mb->state != CONN_PARKED || park_of_member(mb) != NULL)
			member_start(mb);
}

void
member_restart(struct member *mb)
{
	child_stop(mb->child);
	member_start(mb);
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
	char			 err[MESH_ERR_SIZE];

	memset(&w, 0, sizeof w);
	if (mesh_secret(&mb->mesh, w.secret, err, sizeof err) == -1) {
		log_warnx("mesh %s: %s", mb->mesh.slug, err);
		member_unusable(mb, "its mesh file cannot be used, see the "
		    "log");
		child_stop(c);
		return;
	}
	member_fill_setup(mb, &w);
	w.kind = OWNER_MEMBER;
	memcpy(w.owner, mb->owner, OWNER_ID_LEN);
	strcpy(w.display_name, mb->mesh.display_name);
	strcpy(w.wire_session_id, mb->session_id);
	w.pid = (uint64_t)getpid();
	strcpy(w.cwd, "/");
	w.key_mode = KEY_BROUGHT;
	w.parked = park_of_member(mb) != NULL;
	body_derive_key(w.body_key, s->host_key, "body", mb->owner);
	child_send(c, MSG_SUP_SETUP_WORKER, 0, &w, -1);
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
	char			 why[REASON_SIZE];

	address_forget(c);
	pace_forget(mb->pace, c);
	if (mb->gone || (mb->state == CONN_PARKED &&
	    park_of_member(mb) == NULL))
		return;
	child_info(c, &info);
	if (info.crash_loop) {
		log_warnx("mesh %s: its member's worker died %d times, too "
		    "often", mb->mesh.slug, CRASH_DEATHS);
		child_stop(c);
		park_crash_reason(c, why);
		park_member(mb, why, 0);
	} else
		member_set_state(mb, CONN_RECONNECTING, "");
}

void
member_set_state(struct member *mb, enum conn_state state, const char *reason)
{
	const char	*why = park_of_member(mb);

	if (why != NULL) {
		state = CONN_PARKED;
		reason = why;
	}
	if (mb->gone || (mb->state == state &&
	    strcmp(mb->reason, reason) == 0))
		return;
	mb->state = state;
	snprintf(mb->reason, sizeof mb->reason, "%s", reason);
	tell_member_state(mb);
}

void
member_unusable(struct member *mb, const char *why)
{
	mb->unusable = 1;
	member_set_state(mb, CONN_PARKED, why);
}

void
member_usable(struct member *mb)
{
	mb->unusable = 0;
	if (mb->state == CONN_PARKED)
		member_set_state(mb, CONN_STARTING, "");
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
