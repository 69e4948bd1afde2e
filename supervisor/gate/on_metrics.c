/*
 * GET /metrics: figures of the whole daemon as Prometheus text, for its
 * operator.  No label names a person or a session.
 *
 * Processes are the supervisor's to tell; sessions and members are known here;
 * rows are counted in the database, slice by slice.
 */

#include "supervisor/gate/handlers.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "supervisor/gate/call.h"
#include "supervisor/gate/gate.h"
#include "supervisor/gate/member.h"
#include "supervisor/gate/reply.h"
#include "supervisor/gate/request.h"
#include "supervisor/gate/session.h"
#include "supervisor/gate/stream.h"

#define TYPE		"text/plain; version=0.0.4; charset=utf-8"
#define SLICE		2000		/* rows, some 1 ms */
#define ROLES_MAX	8

struct scrape {
	struct request	*req;
	struct event	*ev;
	json_t		*status;	/* the supervisor's */
	int		 what;		/* enum rows_counted, being counted */
	struct rows_walk walk;
	int64_t		 counts[ROWS_COUNTED_N][ROWS_COUNT_STATES];
	int64_t		 until;		/* monotonic, ms */
	int		 counted;	/* all of them */
};

static void
scrape_free(void *arg)
{
	struct scrape	*s = arg;

	event_free(s->ev);
	json_decref(s->status);
	free(s);
}

/* ---- the text ---- */

static void
head(struct evbuffer *b, const char *name, const char *type, const char *help)
{
	evbuffer_add_printf(b, "# HELP meshsup_%s %s\n# TYPE meshsup_%s %s\n",
	    name, help, name, type);
}

static void
value(struct evbuffer *b, const char *name, const char *label,
    const char *is, int64_t v)
{
	evbuffer_add_printf(b, "meshsup_%s{%s=\"%s\"} %lld\n", name, label, is,
	    (long long)v);
}

static void
single(struct evbuffer *b, const char *name, const char *type,
    const char *help, int64_t v)
{
	head(b, name, type, help);
	evbuffer_add_printf(b, "meshsup_%s %lld\n", name, (long long)v);
}

/* One figure of all processes, summed up by role. */
static void
write_by_role(struct evbuffer *b, const json_t *processes, const char *key,
    const char *name, int64_t factor)
{
	static const char *const roles[ROLES_MAX] = { "supervisor", "store",
	    "gate", "resolver", "broker", "member", "join", "worker" };
	const char	*role;
	json_t		*p;
	int64_t		 sum;
	size_t		 i, k, n;

	for (i = 0; i < ROLES_MAX; i++) {
		sum = 0;
		n = 0;
		json_array_foreach(processes, k, p) {
			role = json_string_value(json_object_get(p, "role"));
			if (role == NULL || strcmp(role, roles[i]) != 0)
				continue;
			n++;
			sum += key == NULL ? 1 :
			    json_integer_value(json_object_get(p, key));
		}
		if (n > 0)
			value(b, name, "role", roles[i], sum * factor);
	}
}

static void
write_processes(struct evbuffer *b, const json_t *processes)
{
	head(b, "processes", "gauge", "Processes by role.");
	write_by_role(b, processes, NULL, "processes", 1);
	head(b, "process_restarts", "gauge",
	    "Restarts of the processes that there are.");
	write_by_role(b, processes, "restarts", "process_restarts", 1);
	head(b, "process_resident_bytes", "gauge", "Resident memory.");
	write_by_role(b, processes, "rss_kib", "process_resident_bytes", 1024);
	head(b, "process_own_bytes", "gauge",
	    "Resident memory that is not shared with other programs.");
	write_by_role(b, processes, "own_kib", "process_own_bytes", 1024);
}

/* What a session costs, and how many there may be. */
static void
write_room(struct evbuffer *b, const json_t *status)
{
	const json_t	*memory = json_object_get(status, "memory");
	const json_t	*limits = json_object_get(status, "limits");

	single(b, "session_own_bytes", "gauge",
	    "Memory of a session's worker, on average.", 1024 *
	    json_integer_value(json_object_get(memory, "per_session_kib")));
	single(b, "sessions_max", "gauge", "Sessions that there may be.",
	    json_integer_value(json_object_get(limits, "sessions")));
}

static void
write_sessions(struct evbuffer *b, struct gate *g)
{
	struct session	*s;
	int64_t		 n[CONN_STATE_MAX + 1] = { 0 };
	int		 i;

	TAILQ_FOREACH(s, sessions_list(g->sessions), next)
		n[s->state]++;
	/* As everywhere else, one that is reconnecting is connecting. */
	n[CONN_CONNECTING] += n[CONN_RECONNECTING];
	head(b, "sessions", "gauge", "Sessions by state.");
	for (i = 0; i <= CONN_STATE_MAX; i++)
		if (i != CONN_RECONNECTING)
			value(b, "sessions", "state",
			    conn_state_name((enum conn_state)i), n[i]);
}

/* Members of one mesh in one state. */
static int64_t
members_in(const struct gate *g, const char *mesh, const char *status)
{
	struct member	*m;
	int64_t		 n = 0;

	TAILQ_FOREACH(m, members_list(g->members), next)
		n += strcmp(m->mesh, mesh) == 0 &&
		    strcmp(member_status(m), status) == 0;
	return n;
}

/* Is it the first member of its mesh? */
static int
is_first(const struct gate *g, const struct member *m)
{
	struct member	*other;

	TAILQ_FOREACH(other, members_list(g->members), next)
		if (strcmp(other->mesh, m->mesh) == 0)
			break;
	return other == m;
}

static void
write_brokers(struct evbuffer *b, struct gate *g)
{
	static const char *const states[] = { "open", "connecting",
	    "reconnecting", "closed", "parked" };
	struct member	*m;
	size_t		 i;

	head(b, "broker_members", "gauge",
	    "Members by the state of their connection to the mesh's broker.");
	TAILQ_FOREACH(m, members_list(g->members), next) {
		if (!is_first(g, m))
			continue;
		for (i = 0; i < sizeof states / sizeof *states; i++)
			evbuffer_add_printf(b, "meshsup_broker_members{"
			    "mesh=\"%s\",state=\"%s\"} %lld\n", m->mesh,
			    states[i], (long long)members_in(g, m->mesh,
			    states[i]));
	}
}

static void
write_rows(struct evbuffer *b, const struct scrape *s)
{
	const int64_t	*in = s->counts[ROWS_COUNT_INBOX];
	const int64_t	*raw = s->counts[ROWS_COUNT_UNOPENED];
	int64_t		 opened = in[0] - raw[INBOX_HANDOVER] -
			    raw[INBOX_QUARANTINE];
	int		 i;

	if (!s->counted)
		return;
	head(b, "outbox_rows", "gauge", "Rows of the outbox by state.");
	for (i = 0; i <= ROW_STATE_MAX; i++)
		value(b, "outbox_rows", "state",
		    row_state_name((enum row_state)i),
		    s->counts[ROWS_COUNT_OPEN][i] +
		    s->counts[ROWS_COUNT_ENDED][i]);
	head(b, "inbox_rows", "gauge", "Rows of the inbox by state.");
	/* Rows may have come between the two counts. */
	value(b, "inbox_rows", "state", "message", opened > 0 ? opened : 0);
	value(b, "inbox_rows", "state", "handover", raw[INBOX_HANDOVER]);
	value(b, "inbox_rows", "state", "quarantine", raw[INBOX_QUARANTINE]);
}

static void
write_tally(struct evbuffer *b, struct gate *g)
{
	static const char *const results[ACCEPT_RESULT_MAX + 1] = { "new",
	    "known", "full", "busy" };
	static const char *const classes[TALLY_CLASSES] = { NULL, NULL, "2xx",
	    "3xx", "4xx", "5xx" };
	const struct tally	*t = &g->tally;
	int			 i;

	head(b, "accepts_total", "counter",
	    "What the store answered to messages to be sent.");
	for (i = 0; i <= ACCEPT_RESULT_MAX; i++)
		value(b, "accepts_total", "result", results[i],
		    (int64_t)t->accepts[i]);
	head(b, "ended_total", "counter", "Outbox rows that ended, by how.");
	for (i = ROW_DONE; i <= ROW_STATE_MAX; i++)
		value(b, "ended_total", "state",
		    row_state_name((enum row_state)i), (int64_t)t->ended[i]);
	head(b, "answers_total", "counter", "Answers of the API.");
	for (i = 2; i < TALLY_CLASSES; i++)
		value(b, "answers_total", "class", classes[i],
		    (int64_t)t->answers[i]);
	single(b, "event_streams", "gauge", "Event streams that are open.",
	    streams_count(g->streams));
	single(b, "events_dropped_total", "counter",
	    "Events, never messages, that slow readers missed.",
	    (int64_t)t->dropped);
}

static void
scrape_reply(struct scrape *s)
{
	struct request	*r = s->req;
	struct gate	*g = r->gate;
	struct evbuffer	*b = evbuffer_new();
	int64_t		 up = clock_wall_ms() - g->started_at;

	if (b == NULL)
		fatalx("evbuffer_new: no memory");
	head(b, "build_info", "gauge", "The version that runs.");
	value(b, "build_info", "version", PACKAGE_VERSION, 1);
	single(b, "uptime_seconds", "gauge", "Since the daemon was started.",
	    up > 0 ? up / 1000 : 0);
	write_processes(b, json_object_get(s->status, "processes"));
	write_room(b, s->status);
	write_sessions(b, g);
	write_brokers(b, g);
	write_rows(b, s);
	write_tally(b, g);
	reply_typed(r, TYPE, evbuffer_pullup(b, -1), evbuffer_get_length(b));
	evbuffer_free(b);
}

/* ---- rows ---- */

static void
count_event(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval	 tv = { 0, 0 };
	struct scrape		*s = arg;
	struct rows		*rows = s->req->gate->rows;
	int			 n;

	(void)fd;
	(void)what;
	n = rows == NULL ? -1 : rows_count(rows, (enum rows_counted)s->what,
	    &s->walk, SLICE, s->counts[s->what]);
	if (n == 0) {
		memset(&s->walk, 0, sizeof s->walk);
		s->counted = ++s->what == ROWS_COUNTED_N;
	}
	/* Figures that are not known in time are left out, not guessed. */
	if (n == -1 || s->counted || clock_mono_ms() > s->until)
		scrape_reply(s);
	else
		event_add(s->ev, &tv);
}

/* ---- the request ---- */

static void
status_cb(struct request *r, void *arg, enum call_end how, const void *body)
{
	const struct timeval	 tv = { 0, 0 };
	const struct msg_json	*status = body;
	struct scrape		*s = r->state;

	(void)arg;
	if (how != CALL_ANSWERED) {
		reply_unanswered(r, how == CALL_TIMEOUT, "supervisor");
		return;
	}
	s->status = json_loadb((const char *)status->json.p, status->json.len,
	    0, NULL);
	s->until = clock_mono_ms() + GATE_ANSWER_MS / 2;
	event_add(s->ev, &tv);
}

void
on_metrics(struct request *r)
{
	struct msg_status	 ask;
	struct scrape		*s;

	if (r->session != NULL ||
	    (r->via != LISTEN_ADMIN && r->via != LISTEN_TCP)) {
		reply_error(r, 403, "operator_required", "Figures are for who "
		    "runs the daemon: ask on admin.sock, or by TCP with the "
		    "content of local-token, and for no session.");
		return;
	}
	s = xcalloc(1, sizeof *s);
	s->req = r;
	s->ev = event_new(r->gate->base, -1, 0, count_event, s);
	if (s->ev == NULL)
		fatalx("event_new failed");
	request_keep(r, s, scrape_free);
	memset(&ask, 0, sizeof ask);
	ask.uid = r->uid;
	ask.all = 1;
	if (call_supervisor(r, MSG_GATE_STATUS, &ask, MSG_SUP_STATUS,
	    status_cb) == -1)
		reply_unanswered(r, 0, "supervisor");
}
