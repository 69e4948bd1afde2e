/* Store, gate, resolver and embedded broker: their set-up. */

#include "supervisor/core.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/address.h"
#include "supervisor/child.h"
#include "supervisor/join.h"
#include "supervisor/launch.h"
#include "supervisor/member.h"
#include "supervisor/mesh_ask.h"
#include "supervisor/pair.h"
#include "supervisor/register.h"
#include "supervisor/session.h"
#include "supervisor/tell.h"
#include "supervisor/upgrade.h"

#define START_DEATHS	3	/* of a core process: the start has failed */

/* One that dies over and over while starting will not get better. */
static void
core_down(struct child *c)
{
	struct supervisor	*s = child_sup(c);
	struct child_info	 i;

	child_info(c, &i);
	if (c == s->gate) {
		session_forget_answers(s);
		join_forget_answers(s);
		mesh_ask_forget_answers(s);
		tell_stop(s);
		upgrade_forget_answer(s);
		s->gate_waits = 0;
	}
	if (c == s->broker)
		mesh_ask_broker_down(s);
	if (s->state == SUP_STARTING && i.restarts >= START_DEATHS)
		supervisor_fail(s, "%s does not start: %s (%s)", i.role,
		    i.last_words[0] != '\0' ? i.last_words : "see the log",
		    i.last_exit);
}

static void
store_setup(struct child *c)
{
	struct supervisor	*s = child_sup(c);
	struct msg_setup_store	 body;

	memset(&body, 0, sizeof body);
	body.log_level = s->conf.log_level;
	snprintf(body.dir, sizeof body.dir, "%s/%s", s->paths.state_dir,
	    PATHS_STORE_DIR);
	body.retention_ms = s->conf.retention_ms;
	body.max_age_ms = s->conf.max_age_ms;
	child_send(c, MSG_SUP_SETUP_STORE, 0, &body, -1);
}

/* With the database there, its readers can start. */
static void
store_up(struct child *c)
{
	struct supervisor	*s = child_sup(c);

	s->store_seen = 1;
	child_start(s->gate);
	member_start_all(s);
	launch_all(s);
	pair_up(c);
	supervisor_check_ready(s);
}

static void
gate_setup(struct child *c)
{
	struct supervisor	*s = child_sup(c);
	struct msg_setup_gate	 body;
	int64_t			 i;

	memset(&body, 0, sizeof body);
	body.log_level = s->conf.log_level;
	snprintf(body.db, sizeof body.db, "%s", s->mesh_db);
	body.owner_uid = geteuid();
	body.system_mode = s->system_mode;
	for (i = 0; i < s->conf.n_allow_uids; i++)
		body.allow_uids.v[body.allow_uids.n++] =
		    s->conf.allow_uids[i];
	body.started_at = s->started_at;
	body.supervisor_pid = (uint64_t)getpid();
	memcpy(body.local_token, s->local_token, sizeof body.local_token);
	child_send(c, MSG_SUP_SETUP_GATE, 0, &body, -1);
	sodium_memzero(&body, sizeof body);
}

/* A copy of a listening socket goes to the child; the original stays. */
static void
core_listen(struct child *c, int fd, enum listen_kind kind)
{
	struct msg_listen	body = { .kind = kind };

	if (fd == -1)
		return;
	if ((fd = fcntl(fd, F_DUPFD_CLOEXEC, 0)) == -1) {
		log_warn("gate: listening socket");
		child_kill(c);
		return;
	}
	child_send(c, MSG_SUP_LISTEN, 0, &body, fd);
}

static void	gate_told(struct supervisor *);

static void
gate_up(struct child *c)
{
	struct supervisor	*s = child_sup(c);

	tell_allowed(s);		/* it may be another since */
	tell_members(s);
	tell_sessions(s, gate_told);
}

/* Now whoever asks can be answered. */
static void
gate_listen(struct supervisor *s)
{
	struct child	*c = s->gate;

	if (!s->gate_waits)		/* it is another one since */
		return;
	s->gate_waits = 0;
	core_listen(c, s->listen_unix, LISTEN_UNIX);
	core_listen(c, s->listen_admin, LISTEN_ADMIN);
	core_listen(c, s->listen_tcp, LISTEN_TCP);
	supervisor_check_ready(s);
}

/*
 * It knows all sessions.  After an upgrade those that were connected get a
 * moment to be so again: requests wait in the listening sockets meanwhile, and
 * none is refused for want of a connection.
 */
static void
gate_told(struct supervisor *s)
{
	pair_up(s->gate);
	s->gate_waits = 1;
	if (!upgrade_waits(s, gate_listen))
		gate_listen(s);
}

static void
resolver_setup(struct child *c)
{
	struct msg_setup_resolver	body;

	body.log_level = child_sup(c)->conf.log_level;
	child_send(c, MSG_SUP_SETUP_RESOLVER, 0, &body, -1);
}

static void
resolver_up(struct child *c)
{
	address_ask_again(child_sup(c));
}

static void
broker_setup(struct child *c)
{
	struct supervisor	*s = child_sup(c);
	struct msg_setup_broker	 body;
	int			 fd;

	memset(&body, 0, sizeof body);
	body.log_level = s->conf.log_level;
	snprintf(body.db, sizeof body.db, "%s/%s/%s", s->paths.state_dir,
	    PATHS_BROKER_DIR, PATHS_BROKER_DB);
	snprintf(body.tls_cert, sizeof body.tls_cert, "%s",
	    s->conf.broker_tls_cert);
	snprintf(body.tls_key, sizeof body.tls_key, "%s",
	    s->conf.broker_tls_key);
	body.max_connections = s->conf.broker_max_connections;
	body.rate_limit = s->conf.broker_rate_limit;
	body.rate_burst = s->conf.broker_rate_burst;
	if ((fd = fcntl(s->listen_broker, F_DUPFD_CLOEXEC, 0)) == -1) {
		log_warn("broker: listening socket");
		child_kill(c);
		return;
	}
	child_send(c, MSG_SUP_SETUP_BROKER, 0, &body, fd);
}

static void
broker_up(struct child *c)
{
	struct supervisor	*s = child_sup(c);

	member_broker_up(s);
	mesh_ask_broker_up(s);
	supervisor_check_ready(s);
}

static const struct child_ops store_ops = { store_setup, store_up, core_down };
static const struct child_ops gate_ops = { gate_setup, gate_up, core_down };
static const struct child_ops resolver_ops = { resolver_setup, resolver_up,
    core_down };
static const struct child_ops broker_ops = { broker_setup, broker_up,
    core_down };

int
core_need_broker(struct supervisor *s, char *err, size_t errlen)
{
	if (s->broker != NULL)
		return 0;
	if (s->conf.broker_enabled == CONF_NO) {
		snprintf(err, errlen, "the embedded broker is switched off: "
		    "set \"enabled\" in [broker]");
		return -1;
	}
	if (s->listen_broker == -1 &&
	    supervisor_listen_broker(s, err, errlen) == -1)
		return -1;
	s->broker = child_new(s, CHILD_BROKER, &broker_ops, NULL, NULL, NULL);
	child_start(s->broker);
	return 0;
}

void
core_new(struct supervisor *s)
{
	s->store = child_new(s, CHILD_STORE, &store_ops, NULL, NULL, NULL);
	s->gate = child_new(s, CHILD_GATE, &gate_ops, NULL, NULL, NULL);
	s->resolver = child_new(s, CHILD_RESOLVER, &resolver_ops, NULL, NULL,
	    NULL);
	if (supervisor_wants_broker(s))
		s->broker = child_new(s, CHILD_BROKER, &broker_ops, NULL, NULL,
		    NULL);
}

void
core_start(struct supervisor *s)
{
	child_start(s->store);
	child_start(s->resolver);
	if (s->broker != NULL)
		child_start(s->broker);
}

int
core_is_up(const struct supervisor *s)
{
	return child_is_up(s->store) && child_is_up(s->gate) &&
	    (s->broker == NULL || child_is_up(s->broker));
}

void
core_free(struct supervisor *s)
{
	launch_stop(s);
	tell_stop(s);
	child_free(&s->gate);
	child_free(&s->resolver);
	child_free(&s->store);
	child_free(&s->broker);
}
