/* The gate's parts, put together; the loop; set-up and stop. */

#include "supervisor/gate/gate.h"

#include <event2/event.h>
#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/evpeer.h"
#include "common/log.h"
#include "common/rows.h"
#include "common/xalloc.h"
#include "supervisor/gate/call.h"
#include "supervisor/gate/conn.h"
#include "supervisor/gate/control.h"
#include "supervisor/gate/http.h"
#include "supervisor/gate/limit.h"
#include "supervisor/gate/member.h"
#include "supervisor/gate/peers.h"
#include "supervisor/gate/request.h"
#include "supervisor/gate/sends.h"
#include "supervisor/gate/session.h"
#include "supervisor/gate/stream.h"
#include "supervisor/gate/waits.h"

#define OPEN_RETRY_MS	100
#define OPEN_MAX_MS	10000	/* then the supervisor shall start us anew */

static void
library_log(int severity, const char *text)
{
	if (severity >= EVENT_LOG_WARN)
		log_warnx("libevent: %s", text);
}

/* libevent says goodbye by exit(); let the log have the reason. */
static void
library_fatal(int error)
{
	fatalx("libevent: fatal error %d", error);
}

void
gate_memory(void)
{
	if (sodium_init() == -1)
		fatalx("sodium_init failed");
	event_set_mem_functions(wipe_malloc, wipe_realloc, wipe_free);
	event_set_log_callback(library_log);
	event_set_fatal_callback(library_fatal);
	json_set_alloc_funcs(wipe_malloc, wipe_free);
	json_object_seed(0);		/* reads randomness: not later */
}

static void
open_event(evutil_socket_t fd, short what, void *arg)
{
	struct gate		*g = arg;
	const struct timeval	 tv = { 0, OPEN_RETRY_MS * 1000 };

	(void)fd;
	(void)what;
	/* rows_open() waits for what passes, but not for a file to appear. */
	if (access(g->db, R_OK) == 0 &&
	    (g->rows = rows_open(g->db)) != NULL &&
	    rows_epoch(g->rows, g->epoch) == 0) {
		if (evpeer_send(g->sup, MSG_READY, 0, NULL, -1) == -1)
			log_warn("supervisor: ready");
		return;
	}
	rows_close(&g->rows);
	if (clock_mono_ms() > g->open_until)
		fatalx("%s: cannot be read", g->db);
	event_add(g->ev_open, &tv);
}

static void
stop_event(evutil_socket_t fd, short what, void *arg)
{
	struct gate	*g = arg;

	(void)fd;
	(void)what;
	event_base_loopbreak(g->base);
}

static void
part_event(evutil_socket_t fd, short what, void *arg)
{
	struct gate	*g = arg;

	(void)fd;
	(void)what;
	conns_give_up(http_conns(g->http));
	gate_idle_check(g);
}

struct gate *
gate_new(int ctl_fd)
{
	struct gate	*g = xcalloc(1, sizeof *g);

	if ((g->base = event_base_new()) == NULL)
		fatalx("event_base_new failed");
	g->state = GATE_NEW;
	g->ev_open = event_new(g->base, -1, 0, open_event, g);
	g->ev_stop = event_new(g->base, -1, 0, stop_event, g);
	g->ev_part = event_new(g->base, -1, 0, part_event, g);
	if (g->ev_open == NULL || g->ev_stop == NULL || g->ev_part == NULL)
		fatalx("event_new failed");
	g->members = members_new();
	g->sessions = sessions_new();
	g->limits = limits_new();
	g->requests = requests_new();
	g->calls = calls_new(g);
	g->sends = sends_new(g, send_step);
	g->peers = peers_new(g);
	g->streams = streams_new(g);
	g->waits = waits_new(g);
	g->http = http_new(g);
	g->sup = control_new(g, ctl_fd);
	evpeer_log_to(g->sup);
	return g;
}

void
gate_free(struct gate **gp)
{
	struct gate	*g = *gp;

	if (g == NULL)
		return;
	*gp = NULL;
	http_free(&g->http);		/* ends every request and stream */
	streams_free(&g->streams);
	waits_free(&g->waits);
	sends_free(&g->sends);
	peers_free(&g->peers);
	calls_free(&g->calls);
	requests_free(&g->requests);
	sessions_free(&g->sessions);
	members_free(&g->members);
	limits_free(&g->limits);
	rows_close(&g->rows);
	evpeer_log_to(NULL);
	evpeer_free(&g->sup);
	event_free(g->ev_open);
	event_free(g->ev_stop);
	event_free(g->ev_part);
	event_base_free(g->base);
	freezero(g, sizeof *g);
	libevent_global_shutdown();
}

void
gate_loop(struct gate *g)
{
	if (event_base_dispatch(g->base) == -1)
		fatalx("event loop failed");
}

void
gate_setup(struct gate *g, const struct msg_setup_gate *s)
{
	log_set_level((enum log_level)s->log_level);
	memcpy(g->db, s->db, sizeof g->db);
	memcpy(g->local_token, s->local_token, sizeof g->local_token);
	g->owner_uid = s->owner_uid;
	g->allow_uids = s->allow_uids;
	g->started_at = s->started_at;
	g->supervisor_pid = s->supervisor_pid;
	g->state = GATE_UP;
	g->open_until = clock_mono_ms() + OPEN_MAX_MS;
	event_active(g->ev_open, EV_TIMEOUT, 0);
}

void
gate_stop(struct gate *g)
{
	const struct timeval	 tv = { GATE_STOP_MS / 1000,
				    GATE_STOP_MS % 1000 * 1000 };

	if (g->state == GATE_STOPPING)
		return;
	g->state = GATE_STOPPING;
	http_stop(g->http);
	streams_stop(g->streams);
	waits_stop(g->waits);
	event_add(g->ev_stop, &tv);
	gate_idle_check(g);
}

void
gate_replace(struct gate *g)
{
	const struct timeval	 tv = { 0, GATE_PART_MS * 1000 };

	if (g->state == GATE_STOPPING)
		return;
	g->replaced = 1;
	event_add(g->ev_part, &tv);
	gate_stop(g);
}

void
gate_idle_check(struct gate *g)
{
	if (g->state == GATE_STOPPING && requests_empty(g->requests) &&
	    (!g->replaced || conns_empty(http_conns(g->http))))
		event_active(g->ev_stop, EV_TIMEOUT, 0);
}

int
gate_uid_allowed(const struct gate *g, uint64_t uid)
{
	uint32_t	i;

	if (uid == 0 || uid == g->owner_uid)
		return 1;
	for (i = 0; i < g->allow_uids.n; i++)
		if (g->allow_uids.v[i] == uid)
			return 1;
	return members_have_user(g->members, uid);
}
