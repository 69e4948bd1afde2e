/* The event stream of the daemon, told to the host as it comes. */

#include "supervisor/cli/mcp_events.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "supervisor/cli/buf.h"
#include "supervisor/cli/call.h"
#include "supervisor/cli/mcp.h"
#include "supervisor/cli/mcp_ask.h"
#include "supervisor/cli/mcp_event.h"
#include "supervisor/cli/mcp_marks.h"
#include "supervisor/cli/sse.h"

#define SILENCE_MS	45000	/* three keep-alives */
#define WAIT_FIRST_MS	250
#define WAIT_MAX_MS	10000
#define REFUSAL_MAX	65536

struct mcp_events {
	struct mcp		*m;
	struct sse		*sse;
	struct call		*call;		/* NULL: between two */
	struct http_parser	*http;
	struct buf		 refusal;	/* the body of another answer */
	int			 held;		/* it was not read */
	int			 open;		/* this one is a stream */
	int			 were_open;
	int			 lost;		/* said that it is not */
	int			 stopped;
	int			 wait_ms;
	int64_t			 at;		/* of the next attempt */
};

/* ---- events ---- */

/* Without a session, of one mesh only when that was named. */
static int
is_meant(const struct mcp *m, const json_t *data)
{
	return token_hex(&m->token) != NULL || m->mesh == NULL ||
	    strcmp(cli_json_or(data, "mesh", m->mesh), m->mesh) == 0;
}

static int
on_event(void *arg, const struct sse_event *ev)
{
	struct mcp_events	*e = arg;
	struct buf		 text = { 0 };
	const char		*row;
	json_t			*data, *meta;
	uint64_t		 pos;

	data = json_loadb(ev->data, ev->len, JSON_REJECT_DUPLICATES, NULL);
	if (data == NULL || !is_meant(e->m, data)) {
		json_decref(data);
		return 0;
	}
	meta = mcp_event_tell(ev->event, data, &text);
	if (meta != NULL) {
		pos = mcp_notify(e->m, text.p, meta);
		row = strcmp(ev->event, "message") == 0 ?
		    cli_json_str(data, "id") : NULL;
		if (row != NULL && !e->m->by_tool)
			mcp_marks_add(e->m->marks, row, pos);
	}
	buf_free(&text);
	json_decref(data);
	return 0;
}

/* ---- the connection ---- */

static int
is_stream(const struct mcp_events *e)
{
	return http_status(e->http) == 200 && http_is_stream(e->http);
}

static void
on_open(struct mcp_events *e)
{
	const char	*id = http_event_id(e->http);

	e->open = e->were_open = 1;
	e->wait_ms = WAIT_FIRST_MS;
	mcp_asks_reached(e->m->asks);
	mcp_token_taken(e->m);
	/* Where it begins: to come back there before the first message. */
	if (sse_last_id(e->sse) == NULL && id != NULL)
		sse_set_last_id(e->sse, id);
	if (e->lost)
		cli_warn(e->m->c, "connected to meshsup");
	e->lost = 0;
}

/* A piece of the body: of the stream, or of a refusal. */
static int
on_body(void *arg, const char *p, size_t len)
{
	struct mcp_events	*e = arg;

	if (is_stream(e)) {
		if (!e->open)
			on_open(e);
		return sse_feed(e->sse, p, len);
	}
	if (e->refusal.len + len > REFUSAL_MAX)
		return -1;
	buf_add(&e->refusal, p, len);
	return 0;
}

static void
connection_begin(struct mcp_events *e)
{
	struct mcp		*m = e->m;
	struct client_request	 req = { .socket = m->c->socket,
				    .method = "GET", .path = "/v1/events",
				    .token = token_hex(&m->token),
				    .last_event_id = sse_last_id(e->sse),
				    .timeout_ms = SILENCE_MS, .stream = 1 };

	e->http = http_new(0, on_body, e);
	e->call = call_new(&req, e->http);
	e->open = 0;
}

static void
connection_end(struct mcp_events *e)
{
	call_free(&e->call);
	http_free(&e->http);
	buf_free(&e->refusal);
	sse_reset(e->sse);
}

/* Say once why there is no stream, and try again after a while. */
static void
connection_lost(struct mcp_events *e, const struct api_answer *a)
{
	int	 ms = e->wait_ms;

	if (!e->lost) {
		cli_warn(e->m->c, "no events for now, trying again:");
		if (a->result == CLIENT_OK && a->json == NULL)
			cli_warn(e->m->c, "the daemon ended the stream");
		else
			api_explain(e->m->c, a);
	}
	e->lost = 1;
	if (a->retry_after > 0 && a->retry_after * 1000 > ms)
		ms = a->retry_after * 1000;
	e->at = clock_mono_ms() + ms;
	e->wait_ms = e->wait_ms * 2 < WAIT_MAX_MS ? e->wait_ms * 2 :
	    WAIT_MAX_MS;
}

static void
connection_ended(struct mcp_events *e, enum client_result result)
{
	struct api_answer	 a = { .result = result };
	int			 ms;

	snprintf(a.err, sizeof a.err, "%s", call_error(e->call));
	api_answer_read(&a, e->http, is_stream(e) ? NULL : &e->refusal);
	connection_end(e);
	if (a.result != CLIENT_OK || a.status != 401)
		connection_lost(e, &a);
	else if ((ms = mcp_token_refused(e->m)) != -1)
		e->at = clock_mono_ms() + ms;
	api_answer_clear(&a);
}

/* ---- for the loop ---- */

struct mcp_events *
mcp_events_new(struct mcp *m)
{
	struct mcp_events	*e = xcalloc(1, sizeof *e);

	e->m = m;
	e->sse = sse_new(on_event, e);
	e->wait_ms = WAIT_FIRST_MS;
	return e;
}

void
mcp_events_free(struct mcp_events **ep)
{
	if (*ep == NULL)
		return;
	connection_end(*ep);
	sse_free(&(*ep)->sse);
	freezero(*ep, sizeof **ep);
	*ep = NULL;
}

int
mcp_events_were_open(const struct mcp_events *e)
{
	return e->were_open;
}

void
mcp_events_stop(struct mcp_events *e)
{
	connection_end(e);
	e->stopped = 1;
}

/* Nothing is told before the host is ready, or while it does not read. */
static int
is_wanted(const struct mcp_events *e)
{
	return e->m->initialized && !e->stopped &&
	    !mcp_out_is_full(e->m->out) && !mcp_marks_are_many(e->m->marks);
}

void
mcp_events_prepare(const struct mcp_events *e, struct pollset *ps)
{
	struct pollfd	 pfd;

	if (!is_wanted(e))
		return;
	if (e->call == NULL) {
		pollset_until(ps, e->at);
		return;
	}
	pollset_until(ps, call_poll(e->call, &pfd));
	pollset_add(ps, pfd.fd, pfd.events);
}

void
mcp_events_step(struct mcp_events *e)
{
	enum client_result	 r;

	if (!is_wanted(e)) {
		e->held = 1;
		return;
	}
	if (e->call == NULL && e->at <= clock_mono_ms())
		connection_begin(e);
	if (e->call == NULL)
		return;
	if (e->held)
		call_touch(e->call);	/* our silence, not the daemon's */
	e->held = 0;
	if ((r = call_step(e->call)) != CLIENT_GOING)
		connection_ended(e, r);
}
