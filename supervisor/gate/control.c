/*
 * Everything that anyone may tell the gate stands in one table.  The gate
 * drops a peer that says something else; without its supervisor it ends.
 */

#include "supervisor/gate/control.h"

#include <event2/event.h>
#include <sodium.h>
#include <string.h>

#include "common/evpeer.h"
#include "common/log.h"
#include "common/rules.h"
#include "supervisor/gate/call.h"
#include "supervisor/gate/gate.h"
#include "supervisor/gate/http.h"
#include "supervisor/gate/member.h"
#include "supervisor/gate/peers.h"
#include "supervisor/gate/pulse.h"
#include "supervisor/gate/request.h"
#include "supervisor/gate/session.h"
#include "supervisor/gate/stream.h"
#include "supervisor/gate/waits.h"

/* Who speaks, for the handlers. */
struct speaker {
	struct gate	*gate;
	struct peer	*peer;		/* NULL: the supervisor */
};

static int
on_setup(void *arg, struct msg *m)
{
	struct speaker		*s = arg;
	struct msg_setup_gate	 body;
	int			 ret = msg_decode(m, &body);

	if (ret == 0)
		gate_setup(s->gate, &body);
	sodium_memzero(&body, sizeof body);	/* the token of TCP */
	return ret;
}

static int
on_listen(void *arg, struct msg *m)
{
	struct speaker		*s = arg;
	struct msg_listen	 body;
	int			 fd;

	if (msg_decode(m, &body) == -1 || (fd = msg_take_fd(m)) == -1)
		return -1;
	return http_listen(s->gate->http, fd, (enum listen_kind)body.kind);
}

static int
on_channel(void *arg, struct msg *m)
{
	struct speaker		*s = arg;
	struct msg_channel	 body;
	int			 fd;

	if (msg_decode(m, &body) == -1 || (fd = msg_take_fd(m)) == -1)
		return -1;
	if (peers_add(s->gate->peers, fd, &body) == 0)
		return 0;
	m->fd = fd;			/* the caller closes it */
	return -1;
}

static int
on_member(void *arg, struct msg *m)
{
	struct speaker		*s = arg;
	struct msg_member	 body;
	struct member		*member;
	int			 changed;

	if (msg_decode(m, &body) == -1)
		return -1;
	member = members_put(s->gate->members, &body, &changed);
	sodium_memzero(&body, sizeof body);
	if (changed)
		pulse_broker(s->gate->streams, member);
	return 0;
}

static int
on_member_gone(void *arg, struct msg *m)
{
	struct speaker		*s = arg;
	struct msg_owner	 body;
	struct member		*member;

	if (msg_decode(m, &body) == -1)
		return -1;
	member = members_find(s->gate->members, body.owner);
	if (member == NULL)
		return 0;
	member->state = CONN_ENDED;	/* "closed", for who listens */
	pulse_broker(s->gate->streams, member);
	members_remove(s->gate->members, member);
	return 0;
}

/* Whoever came with the old token has no part in the session any more. */
static int
on_session(void *arg, struct msg *m)
{
	struct speaker		*s = arg;
	struct msg_session	 body;
	struct session		*old, *session;
	int			 other_token, news;

	if (msg_decode(m, &body) == -1)
		return -1;
	old = sessions_find(s->gate->sessions, body.owner);
	other_token = old != NULL && memcmp(old->token_hash, body.token_hash,
	    sizeof body.token_hash) != 0;
	news = old != NULL && (old->away || body.state == CONN_PARKED) &&
	    (old->state != (enum conn_state)body.state ||
	    strcmp(old->reason, body.reason) != 0);
	session = sessions_put(s->gate->sessions, &body);
	sodium_memzero(body.body_key, sizeof body.body_key);
	if (session == NULL)
		return -1;
	session->away = session->state == CONN_PARKED ||
	    (session->away && session->state != CONN_OPEN);
	if (news)
		pulse_session(s->gate->streams, session);
	if (other_token || !session_is_alive(session))
		streams_end_session(s->gate->streams, session);
	return 0;
}

static int
on_session_gone(void *arg, struct msg *m)
{
	struct speaker		*s = arg;
	struct msg_owner	 body;
	struct session		*session;

	if (msg_decode(m, &body) == -1)
		return -1;
	session = sessions_find(s->gate->sessions, body.owner);
	if (session == NULL)
		return 0;
	streams_end_session(s->gate->streams, session);
	requests_forget_session(s->gate->requests, session);
	sessions_remove(s->gate->sessions, session);
	return 0;
}

static int
on_allow(void *arg, struct msg *m)
{
	struct speaker		*s = arg;
	struct msg_allow	 body;

	if (msg_decode(m, &body) == -1)
		return -1;
	s->gate->allow_uids = body.uids;
	return 0;
}

static int
on_quiesce(void *arg, struct msg *m)
{
	struct speaker	*s = arg;

	if (msg_decode(m, NULL) == -1)
		return -1;
	s->gate->quiescing = 1;
	return 0;
}

static int
on_stop(void *arg, struct msg *m)
{
	struct speaker	*s = arg;

	(void)m;
	gate_stop(s->gate);
	return 0;
}

static int
on_replace(void *arg, struct msg *m)
{
	struct speaker	*s = arg;

	(void)m;
	gate_replace(s->gate);
	return 0;
}

/* Every answer to a call of ours, whatever is in it. */
static int
on_answer(void *arg, struct msg *m)
{
	struct speaker	*s = arg;
	union {
		struct msg_registered	registered;
		struct msg_ended	ended;
		struct msg_json		json;
		struct msg_accepted	accepted;
		struct msg_count	count;
		struct msg_answer	answer;
		struct msg_operated	operated;
		struct msg_requeued	requeued;
	} body;

	if (msg_decode(m, &body) == -1)
		return -1;
	if (m->type == MSG_STORE_ACCEPTED)
		tally_accept(&s->gate->tally, body.accepted.result);
	calls_answer(s->gate->calls,
	    s->peer != NULL && peer_who(s->peer)->peer == PEER_WORKER ?
	    s->peer : NULL, m, &body);
	return 0;
}

static int
on_rows(void *arg, struct msg *m)
{
	struct speaker	*s = arg;
	struct msg_rows	 body;

	if (msg_decode(m, &body) == -1)
		return -1;
	streams_rows(s->gate->streams, body.owner, body.seq);
	return 0;
}

static int
on_outcome(void *arg, struct msg *m)
{
	struct speaker		*s = arg;
	struct msg_outcome	 body;

	if (msg_decode(m, &body) == -1)
		return -1;
	tally_outcome(&s->gate->tally, body.state);
	pulse_outcome(s->gate->streams, &body);
	waits_outcome(s->gate->waits, &body);
	return 0;
}

/* Only a member's connection publishes system events. */
static int
on_event(void *arg, struct msg *m)
{
	struct speaker	*s = arg;
	struct msg_json	 body;

	if (msg_decode(m, &body) == -1 ||
	    peer_who(s->peer)->kind != OWNER_MEMBER)
		return -1;
	return pulse_event(s->gate->streams, peer_who(s->peer)->owner,
	    (const char *)body.json.p, body.json.len);
}

#define RUNNING	(GATE_UP | GATE_STOPPING)

static const struct rule gate_rules[] = {
	{ MSG_SUP_SETUP_GATE,	PEER_SUPERVISOR, GATE_NEW, on_setup },
	{ MSG_SUP_LISTEN,	PEER_SUPERVISOR, RUNNING, on_listen },
	{ MSG_SUP_CHANNEL,	PEER_SUPERVISOR, RUNNING, on_channel },
	{ MSG_SUP_MEMBER,	PEER_SUPERVISOR, RUNNING, on_member },
	{ MSG_SUP_MEMBER_GONE,	PEER_SUPERVISOR, RUNNING, on_member_gone },
	{ MSG_SUP_SESSION,	PEER_SUPERVISOR, RUNNING, on_session },
	{ MSG_SUP_SESSION_GONE,	PEER_SUPERVISOR, RUNNING, on_session_gone },
	{ MSG_SUP_REGISTERED,	PEER_SUPERVISOR, RUNNING, on_answer },
	{ MSG_SUP_ENDED,	PEER_SUPERVISOR, RUNNING, on_answer },
	{ MSG_SUP_STATUS,	PEER_SUPERVISOR, RUNNING, on_answer },
	{ MSG_SUP_ANSWER,	PEER_SUPERVISOR, RUNNING, on_answer },
	{ MSG_SUP_ALLOW,	PEER_SUPERVISOR, RUNNING, on_allow },
	{ MSG_SUP_LOG_LEVEL,	PEER_SUPERVISOR, RUNNING, rules_log_level },
	{ MSG_SUP_QUIESCE,	PEER_SUPERVISOR, RUNNING, on_quiesce },
	{ MSG_SUP_STOP,		PEER_SUPERVISOR, GATE_NEW | RUNNING, on_stop },
	{ MSG_SUP_REPLACE,	PEER_SUPERVISOR, GATE_NEW | RUNNING,
	    on_replace },

	{ MSG_STORE_ACCEPTED,	PEER_STORE, RUNNING, on_answer },
	{ MSG_STORE_SEEN,	PEER_STORE, RUNNING, on_answer },
	{ MSG_STORE_OPERATED,	PEER_STORE, RUNNING, on_answer },
	{ MSG_STORE_REQUEUED,	PEER_STORE, RUNNING, on_answer },
	{ MSG_STORE_DELETED,	PEER_STORE, RUNNING, on_answer },
	{ MSG_STORE_ROWS,	PEER_STORE, RUNNING, on_rows },
	{ MSG_STORE_STATUS,	PEER_STORE, RUNNING, on_outcome },

	{ MSG_WRK_ANSWER,	PEER_WORKER, RUNNING, on_answer },
	{ MSG_WRK_EVENT,	PEER_WORKER, RUNNING, on_event },
};

int
control_dispatch(struct gate *g, unsigned kind, struct peer *p, struct msg *m)
{
	struct speaker	s = { g, p };

	return rules_dispatch(gate_rules,
	    sizeof gate_rules / sizeof *gate_rules, kind, g->state, &s, m);
}

static int
control_msg_cb(void *arg, struct msg *m)
{
	struct gate	*g = arg;

	if (control_dispatch(g, PEER_SUPERVISOR, NULL, m) == 0)
		return 0;
	log_warnx("supervisor: %s: nonsense", msg_name(m->type));
	return -1;
}

static void
control_gone_cb(void *arg, const char *why)
{
	struct gate	*g = arg;

	(void)why;
	event_base_loopbreak(g->base);
}

struct evpeer *
control_new(struct gate *g, int fd)
{
	return evpeer_new(g->base, fd, control_msg_cb, control_gone_cb, g);
}
