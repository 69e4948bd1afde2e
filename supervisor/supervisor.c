/*
 * The supervisor's loop: start, the table of who may tell it what, stop.
 * It may not parse what clients or brokers sent, nor open mesh.db.
 */

#include "supervisor/supervisor.h"

#include <sys/stat.h>

#include <errno.h>
#include <event2/event.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fd.h"
#include "common/rules.h"
#include "common/xalloc.h"
#include "supervisor/address.h"
#include "supervisor/child.h"
#include "supervisor/core.h"
#include "supervisor/join.h"
#include "supervisor/leave.h"
#include "supervisor/lock.h"
#include "supervisor/logger.h"
#include "supervisor/member.h"
#include "supervisor/mesh_ask.h"
#include "supervisor/notify.h"
#include "supervisor/pace.h"
#include "supervisor/presence.h"
#include "supervisor/register.h"
#include "supervisor/registry.h"
#include "supervisor/reload.h"
#include "supervisor/session.h"
#include "supervisor/signals.h"
#include "supervisor/status.h"
#include "supervisor/stopping.h"
#include "supervisor/upgrade.h"

#define START_MS	30000	/* until the API must answer */
#define PRUNE_MS	(3600 * 1000)

static int
on_log(void *child, struct msg *m)
{
	struct msg_log	body;

	if (msg_decode(m, &body) == -1)
		return -1;
	child_log(child, (enum log_level)body.level, body.text);
	return 0;
}

static int
on_ready(void *child, struct msg *m)
{
	if (msg_decode(m, NULL) == -1)
		return -1;
	child_set_up(child);
	return 0;
}

#define FROM_ALL	(PEER_STORE | PEER_GATE | PEER_WORKER | \
	PEER_RESOLVER | PEER_BROKER | PEER_JOIN)
#define ALIVE		(CHILD_STARTING | CHILD_UP | CHILD_STOPPING)
#define WORKING		(CHILD_UP | CHILD_STOPPING)

static const struct rule supervisor_rules[] = {
	{ MSG_LOG, FROM_ALL, ALIVE, on_log },
	{ MSG_READY, PEER_STORE | PEER_GATE | PEER_RESOLVER | PEER_BROKER |
	    PEER_JOIN,
	    CHILD_STARTING | CHILD_STOPPING, on_ready },
	{ MSG_GATE_REGISTER, PEER_GATE, WORKING, on_register },
	{ MSG_GATE_END, PEER_GATE, WORKING, on_end },
	{ MSG_GATE_STATUS, PEER_GATE, WORKING, on_status },
	{ MSG_GATE_MESH_CREATE, PEER_GATE, WORKING, on_mesh_create },
	{ MSG_GATE_MESH_INVITE, PEER_GATE, WORKING, on_mesh_invite },
	{ MSG_GATE_MESH_JOIN, PEER_GATE, WORKING, on_mesh_join },
	{ MSG_GATE_PRESENCE, PEER_GATE, WORKING, on_presence },
	{ MSG_GATE_RELOAD, PEER_GATE, WORKING, on_reload },
	{ MSG_GATE_LEAVE, PEER_GATE, WORKING, on_leave },
	{ MSG_GATE_UPGRADE, PEER_GATE, WORKING, on_upgrade },
	{ MSG_STORE_ENDED, PEER_STORE, WORKING, on_rows_ended },
	{ MSG_WRK_READY, PEER_WORKER, CHILD_STARTING | CHILD_STOPPING,
	    on_worker_ready },
	{ MSG_WRK_STATE, PEER_WORKER, WORKING, on_worker_state },
	{ MSG_WRK_NEED_ADDRESS, PEER_WORKER, WORKING, on_need_address },
	{ MSG_WRK_NEED_ATTEST, PEER_WORKER, WORKING, on_need_attest },
	{ MSG_WRK_ATTESTED, PEER_WORKER, WORKING, on_attested },
	{ MSG_WRK_DRAINED, PEER_WORKER, WORKING, on_drained },
	{ MSG_WRK_RATE, PEER_WORKER, WORKING, on_rate },
	{ MSG_WRK_QUIET, PEER_WORKER, WORKING, on_quiet },
	{ MSG_RES_RESOLVED, PEER_RESOLVER, WORKING, on_resolved },
	{ MSG_BRK_MEMBER, PEER_BROKER, WORKING, on_broker_member },
	{ MSG_BRK_MESH, PEER_BROKER, WORKING, on_broker_mesh },
	{ MSG_BRK_INVITE, PEER_BROKER, WORKING, on_broker_invite },
	{ MSG_JOIN_AT, PEER_JOIN, WORKING, on_join_at },
	{ MSG_JOIN_DONE, PEER_JOIN, WORKING, on_join_done },
	{ MSG_JOIN_REFUSED, PEER_JOIN, WORKING, on_join_refused },
};

int
supervisor_dispatch(struct child *c, struct msg *m)
{
	if (rules_dispatch(supervisor_rules,
	    sizeof supervisor_rules / sizeof supervisor_rules[0],
	    child_peer(c), child_state(c), c, m) == 0)
		return 0;
	log_warnx("%s: unexpected or malformed message %s",
	    child_role_name(child_role(c)), msg_name(m->type));
	return -1;
}

struct supervisor *
supervisor_new(void)
{
	struct supervisor	*s = xcalloc(1, sizeof *s);

	s->ready_fd = s->state_lock = s->run_lock = -1;
	s->listen_unix = s->listen_admin = -1;
	s->listen_tcp = s->listen_broker = -1;
	s->started_at = clock_wall_ms();
	s->started_mono = clock_mono_ms();
	s->system_mode = geteuid() == 0;
	TAILQ_INIT(&s->children);
	TAILQ_INIT(&s->members);
	TAILQ_INIT(&s->leaving);
	TAILQ_INIT(&s->joins);
	TAILQ_INIT(&s->asks);
	TAILQ_INIT(&s->sessions);
	TAILQ_INIT(&s->launching);
	TAILQ_INIT(&s->resolving);
	if (gethostname(s->hostname, sizeof s->hostname - 1) == -1 ||
	    s->hostname[0] == '\0')
		strcpy(s->hostname, "localhost");
	return s;
}

void
supervisor_free(struct supervisor **sp)
{
	struct supervisor	*s = *sp;

	if (s == NULL)
		return;
	upgrade_cancel(s);
	upgrade_take_free(s);
	join_free_all(s);
	mesh_ask_free_all(s);
	address_free_all(s);
	session_free_all(s);
	member_free_all(s);
	if (s->base != NULL) {
		core_free(s);
		signals_deinit(s);
		if (s->ev_stop != NULL)
			event_free(s->ev_stop);
		if (s->ev_start != NULL)
			event_free(s->ev_start);
		if (s->ev_prune != NULL)
			event_free(s->ev_prune);
		if (s->ev_watchdog != NULL)
			event_free(s->ev_watchdog);
		event_base_free(s->base);
	}
	registry_close(&s->registry);
	fd_close(&s->listen_unix);
	fd_close(&s->listen_admin);
	fd_close(&s->listen_tcp);
	fd_close(&s->listen_broker);
	fd_close(&s->ready_fd);
	logger_close(&s->logger);
	notify_free(&s->notify);
	sodium_memzero(s->host_key, sizeof s->host_key);
	sodium_memzero(s->local_token, sizeof s->local_token);
	free(s->libexec);
	free(s->mesh_db);
	paths_clear(&s->paths);
	fd_close(&s->run_lock);		/* last: now another may start */
	fd_close(&s->state_lock);
	free(s);
	*sp = NULL;
}

int
supervisor_wants_broker(const struct supervisor *s)
{
	const struct member	*mb;

	if (s->conf.broker_enabled != CONF_AUTO)
		return s->conf.broker_enabled == CONF_YES;
	TAILQ_FOREACH(mb, &s->members, entry)
		if (mb->mesh.embedded)
			return 1;
	return 0;
}

void
supervisor_after(struct event *ev, int64_t ms)
{
	struct timeval	tv = { ms / 1000, ms % 1000 * 1000 };

	event_add(ev, &tv);
}

static void
supervisor_start_timeout(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	supervisor_fail(arg, "not ready within %d s, see the log",
	    START_MS / 1000);
}

/* Hourly, and at the start: ended sessions that are past their retention. */
static void
supervisor_prune(evutil_socket_t fd, short what, void *arg)
{
	struct supervisor	*s = arg;
	int			 n;

	(void)fd;
	(void)what;
	n = registry_prune(s->registry, clock_wall_ms() -
	    s->conf.retention_ms);
	if (n > 0)
		log_info("forgot %d sessions that ended long ago", n);
	supervisor_after(s->ev_prune, PRUNE_MS);
}

/* The service manager, where there is one, hears that the loop turns. */
static void
supervisor_watchdog(evutil_socket_t fd, short what, void *arg)
{
	struct supervisor	*s = arg;

	(void)fd;
	(void)what;
	notify_say(s->notify, "WATCHDOG=1");
	supervisor_after(s->ev_watchdog, notify_watchdog_ms(s->notify));
}

int
supervisor_start(struct supervisor *s, char *err, size_t errlen)
{
	if (child_check_programs(s, err, errlen) == -1 ||
	    member_load(s, err, errlen) == -1 ||
	    session_load(s, err, errlen) == -1 ||
	    supervisor_listen(s, err, errlen) == -1)
		return -1;
	signals_init(s);
	core_new(s);
	s->ev_start = evtimer_new(s->base, supervisor_start_timeout, s);
	s->ev_prune = evtimer_new(s->base, supervisor_prune, s);
	s->ev_watchdog = evtimer_new(s->base, supervisor_watchdog, s);
	if (s->ev_start == NULL || s->ev_prune == NULL ||
	    s->ev_watchdog == NULL)
		fatalx("evtimer_new failed");
	if (notify_watchdog_ms(s->notify) > 0)
		supervisor_after(s->ev_watchdog, 0);
	supervisor_after(s->ev_prune, 0);
	supervisor_after(s->ev_start, START_MS);
	core_start(s);
	return 0;
}

/* One line to who waits in `meshsup start`. */
static void
supervisor_tell_starter(struct supervisor *s, const char *line)
{
	if (s->ready_fd == -1)
		return;
	if (fd_write_all(s->ready_fd, line, strlen(line)) == -1)
		log_debug("nobody waits for the start");
	fd_close(&s->ready_fd);
}

void
supervisor_check_ready(struct supervisor *s)
{
	struct member	*mb;

	if (s->state != SUP_STARTING || !core_is_up(s) || s->gate_waits)
		return;
	TAILQ_FOREACH(mb, &s->members, entry)
		if (mb->mesh.embedded && !mb->known)
			return;
	s->state = SUP_RUNNING;
	event_del(s->ev_start);
	lock_say(s->state_lock, "running");
	lock_say(s->run_lock, "running");
	log_info("ready, socket %s/%s", s->paths.run_dir, PATHS_SOCKET);
	supervisor_tell_starter(s, "ok\n");
	notify_say(s->notify, "READY=1\nSTATUS=serving %s/%s",
	    s->paths.run_dir, PATHS_SOCKET);
	if (s->reload_due)
		reload_later(s);
}

void
supervisor_fail(struct supervisor *s, const char *fmt, ...)
{
	char	text[512], line[600];
	va_list	ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	log_warnx("%s", text);
	if (s->state != SUP_STARTING)
		return;
	snprintf(line, sizeof line, "error %s\n", text);
	supervisor_tell_starter(s, line);
	notify_say(s->notify, "STATUS=not started: %.400s", text);
	s->exit_code = 1;
	if (s->ev_start != NULL)	/* else there is nothing to stop yet */
		supervisor_stop(s);
}

void
supervisor_unlink(struct supervisor *s)
{
	static const char *const names[] = { PATHS_SOCKET, PATHS_ADMIN,
	    PATHS_PID };
	const int	 given[] = { s->given_unix, s->given_admin, 0 };
	char		*path;
	size_t		 i;

	if (s->run_lock == -1)		/* they are somebody else's */
		return;
	for (i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (given[i])
			continue;
		path = paths_join(s->paths.run_dir, names[i]);
		if (unlink(path) == -1 && errno != ENOENT)
			log_warn("%s", path);
		free(path);
	}
}

int
supervisor_loop(struct supervisor *s)
{
	if (event_base_dispatch(s->base) == -1)
		fatalx("event loop failed");
	log_info("stopped");
	return s->exit_code;
}
