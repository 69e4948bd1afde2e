/* What the gate is told of members and sessions. */

#include "supervisor/tell.h"

#include <event2/event.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "supervisor/child.h"
#include "supervisor/member.h"
#include "supervisor/session.h"

#define TELL_MS	20		/* at least, between two changes of state */

#define QUEUE_EASY	(1024 * 1024)	/* a gate that reads is not far behind */
#define QUEUE_WAIT_MS	5

/* Its time has come, or it is told in another way now. */
static void
tell_now(struct tell *t)
{
	t->told_ms = clock_mono_ms();
	t->due = 0;
	event_del(t->ev);
}

/* Wait, or not? */
static int
tell_waits(struct tell *t)
{
	int64_t	left = t->told_ms + TELL_MS - clock_mono_ms();

	if (event_pending(t->ev, EV_TIMEOUT, NULL))
		return 1;
	if (left <= 0 || left > TELL_MS)
		return 0;
	supervisor_after(t->ev, left);
	return 1;
}

static void
tell_member_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	tell_member(arg);
}

static void
tell_session_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	tell_session(arg);
}

void
tell_init_member(struct member *mb)
{
	mb->tell.ev = evtimer_new(mb->sup->base, tell_member_cb, mb);
	if (mb->tell.ev == NULL)
		fatalx("evtimer_new failed");
}

void
tell_init_session(struct session *se)
{
	se->tell.ev = evtimer_new(se->sup->base, tell_session_cb, se);
	if (se->tell.ev == NULL)
		fatalx("evtimer_new failed");
}

void
tell_deinit(struct tell *t)
{
	event_free(t->ev);
}

void
tell_member_state(struct member *mb)
{
	if (!tell_waits(&mb->tell))
		tell_member(mb);
}

void
tell_session_state(struct session *se)
{
	if (!tell_waits(&se->tell))
		tell_session(se);
}

void
tell_member(struct member *mb)
{
	struct supervisor	*s = mb->sup;
	struct msg_member	 body;
	const char		*host;
	uint16_t		 port;
	int			 tls;

	tell_now(&mb->tell);
	/*
	 * A new one has no ids before the embedded broker knows it.  Those that
	 * it had before hold until the broker says otherwise: its sessions are
	 * heard from the first moment on.
	 */
	if (!child_is_up(s->gate) || *mb->mesh.mesh_id == '\0')
		return;
	memset(&body, 0, sizeof body);
	memcpy(body.owner, mb->owner, OWNER_ID_LEN);
	strcpy(body.mesh, mb->mesh.slug);
	strcpy(body.name, mb->mesh.name);
	strcpy(body.mesh_id, mb->mesh.mesh_id);
	if (mb->mesh.embedded) {
		member_broker(mb, &host, &port, &tls);
		snprintf(body.broker_url, sizeof body.broker_url,
		    "%s://%s:%u/ws", tls ? "wss" : "ws", host, port);
	} else
		strcpy(body.broker_url, mb->mesh.url);
	memcpy(body.pub, mb->mesh.pub, KEY_PUBLIC_LEN);
	body.owner_uid = mb->mesh.owner_uid;
	body.users = mb->mesh.users;
	body_derive_key(body.body_key, s->host_key, "body", mb->owner);
	body.state = mb->state;
	strcpy(body.reason, mb->reason);
	child_send(s->gate, MSG_SUP_MEMBER, 0, &body, -1);
	sodium_memzero(&body, sizeof body);
}

void
tell_member_gone(struct member *mb)
{
	struct msg_owner	body;

	event_del(mb->tell.ev);
	memcpy(body.owner, mb->owner, OWNER_ID_LEN);
	if (child_is_up(mb->sup->gate))
		child_send(mb->sup->gate, MSG_SUP_MEMBER_GONE, 0, &body, -1);
}

void
tell_members(struct supervisor *s)
{
	struct member	*mb;

	TAILQ_FOREACH(mb, &s->members, entry)
		tell_member(mb);
}

void
tell_allowed(struct supervisor *s)
{
	struct msg_allow	body;
	int64_t			i;

	if (!child_is_up(s->gate))
		return;
	memset(&body, 0, sizeof body);
	for (i = 0; i < s->conf.n_allow_uids; i++)
		body.uids.v[body.uids.n++] = s->conf.allow_uids[i];
	child_send(s->gate, MSG_SUP_ALLOW, 0, &body, -1);
}

void
tell_session(struct session *se)
{
	struct supervisor	*s = se->sup;
	struct msg_session	 body;

	tell_now(&se->tell);
	if (!child_is_up(s->gate) || !se->kept || se->dead)
		return;
	memset(&body, 0, sizeof body);
	memcpy(body.owner, se->rec.owner, OWNER_ID_LEN);
	body.uid = se->rec.uid;
	if (se->rec.has_token)		/* zero is the hash of no token */
		memcpy(body.token_hash, se->rec.token_hash,
		    sizeof body.token_hash);
	memcpy(body.token_prefix, se->rec.token_prefix,
	    sizeof body.token_prefix);
	strcpy(body.session_id, se->rec.session_id);
	strcpy(body.mesh, se->rec.mesh);
	strcpy(body.display_name, se->rec.display_name);
	body.pid = (uint64_t)se->rec.process.pid;
	strcpy(body.cwd, se->rec.cwd);
	strcpy(body.role, se->rec.role);
	body.groups.p = (const uint8_t *)se->rec.groups;
	body.groups.len = strlen(se->rec.groups);
	body.caps = se->rec.caps;
	memcpy(body.pub, se->rec.pub, KEY_PUBLIC_LEN);
	memcpy(body.member_owner, se->member->owner, OWNER_ID_LEN);
	memcpy(body.member_pub, se->member->mesh.pub, KEY_PUBLIC_LEN);
	body_derive_key(body.body_key, s->host_key, "body", se->rec.owner);
	body.state = se->draining ? CONN_DRAINING : se->state;
	strcpy(body.reason, se->reason);
	body.registered_at = se->rec.registered_at;
	child_send(s->gate, MSG_SUP_SESSION, 0, &body, -1);
	sodium_memzero(&body, sizeof body);
}

void
tell_hurry(struct supervisor *s)
{
	struct member	*mb;
	struct session	*se;

	TAILQ_FOREACH(mb, &s->members, entry)
		if (event_pending(mb->tell.ev, EV_TIMEOUT, NULL))
			tell_member(mb);
	TAILQ_FOREACH(se, &s->sessions, entry)
		if (event_pending(se->tell.ev, EV_TIMEOUT, NULL) &&
		    child_queued(s->gate) < QUEUE_EASY)
			tell_session(se);
}

/* As many as the queue takes with ease. */
static void
tell_more(evutil_socket_t fd, short what, void *arg)
{
	struct supervisor	*s = arg;
	struct session		*se;

	(void)fd;
	(void)what;
	TAILQ_FOREACH(se, &s->sessions, entry) {
		if (!se->tell.due)
			continue;
		if (child_queued(s->gate) > QUEUE_EASY) {
			supervisor_after(s->ev_tell, QUEUE_WAIT_MS);
			return;
		}
		tell_session(se);
	}
	s->told_cb(s);
}

void
tell_sessions(struct supervisor *s, void (*told_cb)(struct supervisor *))
{
	struct session	*se;

	tell_stop(s);
	s->told_cb = told_cb;
	if ((s->ev_tell = evtimer_new(s->base, tell_more, s)) == NULL)
		fatalx("evtimer_new failed");
	TAILQ_FOREACH(se, &s->sessions, entry)
		se->tell.due = 1;
	tell_more(-1, 0, s);
}

void
tell_stop(struct supervisor *s)
{
	if (s->ev_tell != NULL)
		event_free(s->ev_tell);
	s->ev_tell = NULL;
}
