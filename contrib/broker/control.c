/*
 * The broker as a child of the supervisor: what it is told.
 */

#include "contrib/broker/control.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/inherit.h"
#include "common/log.h"
#include "common/msg.h"
#include "common/rules.h"
#include "common/xalloc.h"
#include "contrib/broker/invites.h"
#include "contrib/broker/members.h"
#include "contrib/broker/server.h"
#include "contrib/broker/turn.h"
#include "contrib/broker/watch.h"

#define SETUP_MS	30000
#define LAST_WORD_MS	1000

#define NEW		0x1u
#define UP		0x2u

struct control {
	struct channel		*channel;
	unsigned		 state;
	struct options		*options;
	struct msg_setup_broker	 setup;		/* options point into it */
	int			 listen_fd;
	struct broker		*broker;
	struct watch		 watch;
};

static void
control_send(struct control *c, enum msg_type type, uint32_t seq,
    const void *body)
{
	if (msg_send(c->channel, type, seq, body, -1) == -1 &&
	    errno != ENOBUFS)
		fatal("supervisor: %s", msg_name(type));
	c->watch.want_write = channel_queued(c->channel) > 0;
}

/* A line that does not fit is lost: it may be about the full queue itself. */
static void
control_log(void *arg, enum log_level level, const char *text)
{
	struct control	*c = arg;
	struct msg_log	 m;

	m.level = level;
	snprintf(m.text, sizeof m.text, "%s", text);
	(void)msg_send(c->channel, MSG_LOG, 0, &m, -1);
	c->watch.want_write = channel_queued(c->channel) > 0;
}

static int
on_setup(void *arg, struct msg *m)
{
	struct control	*c = arg;
	struct options	*o = c->options;

	if (msg_decode(m, &c->setup) == -1 || c->setup.max_connections < 1 ||
	    c->setup.max_connections > 1000000 ||
	    (c->listen_fd = msg_take_fd(m)) == -1)
		return -1;
	options_defaults(o);
	o->db = c->setup.db;
	o->max_connections = (unsigned)c->setup.max_connections;
	o->rate_limit = (unsigned)c->setup.rate_limit;
	o->rate_burst = (unsigned)c->setup.rate_burst;
	if (*c->setup.tls_cert != '\0') {
		o->tls_cert = c->setup.tls_cert;
		o->tls_key = c->setup.tls_key;
	}
	log_set_level((enum log_level)c->setup.log_level);
	c->state = UP;
	return 0;
}

static int
on_member_add(void *arg, struct msg *m)
{
	struct control			*c = arg;
	struct msg_member_add		 add;
	struct msg_broker_member	 member;

	if (msg_decode(m, &add) == -1)
		return -1;
	memset(&member, 0, sizeof member);
	member.ok = members_add(c->broker->members, add.mesh, add.pub,
	    add.name, member.mesh_id, member.member_id, member.error,
	    sizeof member.error) == 0;
	if (turn_commit(c->broker->turn) == -1 && member.ok) {
		memset(&member, 0, sizeof member);
		snprintf(member.error, sizeof member.error,
		    "the broker's file failed");
	}
	control_send(c, MSG_BRK_MEMBER, m->seq, &member);
	return 0;
}

/* The mesh and its first member are there together, or neither. */
static int
on_mesh_make(void *arg, struct msg *m)
{
	struct control		*c = arg;
	struct msg_mesh_make	 ask;
	struct msg_broker_mesh	 answer;

	if (msg_decode(m, &ask) == -1)
		return -1;
	memset(&answer, 0, sizeof answer);
	answer.result = invites_mesh(c->broker->invites, &ask, answer.mesh_id,
	    answer.member_id, answer.error, sizeof answer.error);
	if (turn_commit(c->broker->turn) == -1 &&
	    answer.result == BROKER_OK) {
		memset(&answer, 0, sizeof answer);
		answer.result = invites_failed(answer.error,
		    sizeof answer.error);
	}
	control_send(c, MSG_BRK_MESH, m->seq, &answer);
	return 0;
}

static int
on_invite(void *arg, struct msg *m)
{
	struct control			*c = arg;
	struct msg_invite_make		 ask;
	struct msg_broker_invite	 answer;
	char				*token = NULL;

	if (msg_decode(m, &ask) == -1)
		return -1;
	memset(&answer, 0, sizeof answer);
	if (ask.revoke)
		answer.result = invites_revoke(c->broker->invites, ask.mesh,
		    &answer.revoked, answer.error, sizeof answer.error);
	else
		answer.result = invites_make(c->broker->invites, &ask,
		    &token, answer.error, sizeof answer.error);
	if (turn_commit(c->broker->turn) == -1 &&
	    answer.result == BROKER_OK) {
		freezero_str(token);
		token = NULL;
		answer.result = invites_failed(answer.error,
		    sizeof answer.error);
	}
	answer.expires_at = ask.expires_at;
	if (token != NULL) {
		answer.token.p = (const uint8_t *)token;
		answer.token.len = strlen(token);
	}
	control_send(c, MSG_BRK_INVITE, m->seq, &answer);
	freezero_str(token);
	return 0;
}

static int
on_stop(void *arg, struct msg *m)
{
	struct control	*c = arg;

	if (msg_decode(m, NULL) == -1)
		return -1;
	server_stop(c->broker->server);
	return 0;
}

static const struct rule rules[] = {
	{ MSG_SUP_SETUP_BROKER,	PEER_SUPERVISOR, NEW, on_setup },
	{ MSG_SUP_LOG_LEVEL,	PEER_SUPERVISOR, UP, rules_log_level },
	{ MSG_SUP_MEMBER_ADD,	PEER_SUPERVISOR, UP, on_member_add },
	{ MSG_SUP_MESH_MAKE,	PEER_SUPERVISOR, UP, on_mesh_make },
	{ MSG_SUP_INVITE,	PEER_SUPERVISOR, UP, on_invite },
	{ MSG_SUP_STOP,		PEER_SUPERVISOR, UP, on_stop },
};

/* One message, if there is one.  1, 0; -1: the supervisor is gone. */
static int
control_take(struct control *c)
{
	struct msg	 m;
	int		 rc;

	if ((rc = msg_recv(c->channel, &m)) == -1 && errno != 0)
		fatal("supervisor");
	if (rc != 1)
		return rc;
	if (rules_dispatch(rules, sizeof rules / sizeof *rules,
	    PEER_SUPERVISOR, c->state, c, &m) == -1)
		fatalx("supervisor: nonsense: %s", msg_name(m.type));
	msg_drop_fd(&m);
	return 1;
}

static void
readable(struct watch *w)
{
	struct control	*c = w->arg;
	int		 rc;

	while ((rc = control_take(c)) == 1)
		continue;
	if (rc == -1) {
		watch_read(w, 0);
		server_stop(c->broker->server);
	}
}

static void
writable(struct watch *w)
{
	struct control	*c = w->arg;

	w->want_write = channel_flush(c->channel) == 1;
}

struct control *
control_new(struct options *options, int *listen_fd_r)
{
	struct control	*c = xcalloc(1, sizeof *c);
	struct pollfd	 pfd = { .fd = INHERIT_CTL_FD, .events = POLLIN };

	c->channel = channel_new(INHERIT_CTL_FD);
	c->options = options;
	c->state = NEW;
	c->listen_fd = -1;
	log_set_sink(control_log, c);
	while (c->state == NEW) {
		if (poll(&pfd, 1, SETUP_MS) <= 0 && errno != EINTR)
			fatalx("supervisor: no set-up");
		if (control_take(c) == -1)
			exit(0);
	}
	*listen_fd_r = c->listen_fd;
	return c;
}

void
control_run(struct control *c, struct broker *b)
{
	int	 fd;

	c->broker = b;
	c->watch.readable = readable;
	c->watch.writable = writable;
	c->watch.arg = c;
	/* The loop closes what it watches, and the channel its own. */
	if ((fd = dup(INHERIT_CTL_FD)) == -1 ||
	    fd_cloexec(fd, 1) == -1 ||
	    server_watch(b->server, &c->watch, fd) == -1)
		fatal("supervisor: cannot be watched");
	control_send(c, MSG_READY, 0, NULL);
}

void
control_free(struct control **cp)
{
	struct control	*c = *cp;

	*cp = NULL;
	if (c == NULL)
		return;
	(void)channel_drain(c->channel, LAST_WORD_MS);
	log_set_sink(NULL, NULL);
	channel_free(&c->channel);
	free(c);
}
