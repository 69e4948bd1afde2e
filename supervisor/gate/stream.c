/*
 * Event streams.  A stream is read for only while its reader keeps up: over
 * OUT_MAX unwritten bytes the cursor waits, and other events are dropped, which
 * the reader is told when it has caught up.
 */

#include "supervisor/gate/stream.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "supervisor/gate/batch.h"
#include "supervisor/gate/conn.h"
#include "supervisor/gate/gate.h"
#include "supervisor/gate/item.h"
#include "supervisor/gate/request.h"
#include "supervisor/gate/scope.h"
#include "supervisor/gate/stream_impl.h"

#define OUT_MAX		(256 * 1024)	/* unwritten bytes of one stream */
#define INPUT_MAX	4096		/* that a client says meanwhile */
#define ALIVE_S		15
#define RETRY_MS	200		/* after the database failed */

/* ---- writing ---- */

static size_t
stream_unwritten(const struct stream *s)
{
	return evbuffer_get_length(bufferevent_get_output(s->req->conn->bev));
}

void
streams_pump_soon(struct streams *ss, int ms)
{
	const struct timeval	tv = { ms / 1000, ms % 1000 * 1000 };

	/* By timer, not event_active(): others have their turn between. */
	if (!evtimer_pending(ss->ev_pump, NULL))
		event_add(ss->ev_pump, &tv);
}

static void	stream_gap(struct stream *);

/* All of it is with the kernel. */
static void
written_cb(struct evhttp_connection *ev, void *arg)
{
	struct stream	*s = arg;

	(void)ev;
	if (!s->full)
		return;
	s->full = 0;
	stream_gap(s);
	streams_pump_soon(s->all, 0);
}

static void
stream_write(struct stream *s, struct evbuffer *b)
{
	evhttp_send_reply_chunk_with_cb(s->req->http, b, written_cb, s);
}

static void
stream_write_text(struct stream *s, const char *text)
{
	struct evbuffer	*b = evbuffer_new();

	if (b == NULL)
		fatalx("evbuffer_new: no memory");
	evbuffer_add(b, text, strlen(text));
	stream_write(s, b);
	evbuffer_free(b);
}

static void
stream_write_event(struct stream *s, const char *event, const json_t *data)
{
	struct evbuffer	*b = evbuffer_new();
	char		*text = json_dumps(data, JSON_COMPACT);

	if (b == NULL)
		fatalx("evbuffer_new: no memory");
	if (text != NULL) {
		evbuffer_add_printf(b, "event: %s\ndata: %s\n\n", event, text);
		stream_write(s, b);
	}
	evbuffer_free(b);
	wipe_free(text);
}

/* Say how much was dropped, now that there is room to say it. */
static void
stream_gap(struct stream *s)
{
	json_t	*data;

	if (s->lost == 0)
		return;
	data = json_pack("{s:o, s:I}", "ts", item_time(clock_wall_ms()),
	    "dropped", (json_int_t)s->lost);
	s->lost = 0;
	stream_write_event(s, "gap", data);
	json_decref(data);
}

void
stream_drop(struct stream *s, int64_t n)
{
	s->lost += n;
	s->all->gate->tally.dropped += n;
	if (!s->full)
		stream_gap(s);
}

void
stream_tell(struct stream *s, const char *event, const json_t *data)
{
	if (stream_unwritten(s) > OUT_MAX)
		s->full = 1;
	if (s->full) {
		s->lost++;
		s->all->gate->tally.dropped++;
	} else
		stream_write_event(s, event, data);
}

static void
alive_event(evutil_socket_t fd, short what, void *arg)
{
	struct stream	*s = arg;

	(void)fd;
	(void)what;
	if (!s->full)
		stream_write_text(s, ": keepalive\n\n");
	event_add(s->ev_alive, s->all->alive);
}

/* ---- messages ---- */

/* One batch.  1: there is more; 0; -1: the database failed. */
static int
stream_read(struct stream *s, const struct scope *sc)
{
	struct batch	 b;
	struct evbuffer	*out;
	int64_t		 newest = s->newest;
	int		 more = -1;

	if (batch_read(&b, s->all->gate, sc, s->cursor, s->unread_to) == 0) {
		if ((out = evbuffer_new()) == NULL)
			fatalx("evbuffer_new: no memory");
		batch_write(&b, s->all->gate->epoch, out);
		if (evbuffer_get_length(out) > 0)
			stream_write(s, out);
		evbuffer_free(out);
		more = b.more;
		s->cursor = b.cursor;
		if (!more && newest > s->cursor)
			s->cursor = newest;	/* rows that are no events */
		s->again = more;
	}
	batch_clear(&b);
	return more;
}

/* As stream_read(). */
static int
stream_pump(struct stream *s)
{
	struct scope	 sc;
	struct fault	 f;
	int		 more = 0;

	if (stream_unwritten(s) > OUT_MAX)
		s->full = 1;
	if (s->full || (!s->again && s->newest <= s->cursor))
		return 0;
	if (scope_find(&sc, s->req, NULL, &f) == 0)
		more = stream_read(s, &sc);
	scope_clear(&sc);
	return more;
}

static void
pump_event(evutil_socket_t fd, short what, void *arg)
{
	struct streams	*ss = arg;
	struct stream	*s;
	int		 ret, more = 0, failed = 0;

	(void)fd;
	(void)what;
	TAILQ_FOREACH(s, &ss->list, next) {
		ret = stream_pump(s);
		more |= ret == 1;
		failed |= ret == -1;
	}
	if (more)
		streams_pump_soon(ss, 0);
	else if (failed)
		streams_pump_soon(ss, RETRY_MS);
}

void
streams_again(struct streams *ss)
{
	struct stream	*s;

	TAILQ_FOREACH(s, &ss->list, next)
		s->again = 1;
	streams_pump_soon(ss, 0);
}

unsigned
streams_count(const struct streams *ss)
{
	const struct stream	*s;
	unsigned		 n = 0;

	TAILQ_FOREACH(s, &ss->list, next)
		n++;
	return n;
}

struct gate *
streams_gate(struct streams *ss)
{
	return ss->gate;
}

/* ---- begin and end ---- */

/* With its request. */
static void
stream_free(void *arg)
{
	struct stream	*s = arg;

	if (s->all != NULL)
		TAILQ_REMOVE(&s->all->list, s, next);
	event_free(s->ev_alive);
	free(s);
}

void
stream_open(struct request *r, int64_t cursor, int64_t unread_to)
{
	struct streams	*ss = r->gate->streams;
	struct stream	*s = xcalloc(1, sizeof *s);

	s->all = ss;
	s->req = r;
	s->cursor = cursor;
	s->unread_to = unread_to;
	s->again = 1;
	s->ev_alive = event_new(ss->gate->base, -1, 0, alive_event, s);
	if (s->ev_alive == NULL)
		fatalx("event_new failed");
	TAILQ_INSERT_TAIL(&ss->list, s, next);
	request_keep(r, s, stream_free);
	request_answered(r, 0);
	evhttp_send_reply_start(r->http, 200, "OK");
	/* It may be silent for long, and what its client says is not read. */
	bufferevent_set_timeouts(r->conn->bev, NULL, NULL);
	bufferevent_setwatermark(r->conn->bev, EV_READ, 0, INPUT_MAX);
	stream_write_text(s, ": connected\n\n");
	event_add(s->ev_alive, ss->alive);
	streams_pump_soon(ss, 0);
}

/*
 * It is no stream from here on; its request ends when the last bytes are
 * written, which may be at once.
 */
static void
stream_end(struct stream *s)
{
	const struct timeval	 tv = { LIMIT_IDLE_S, 0 };
	struct request		*r = s->req;

	TAILQ_REMOVE(&s->all->list, s, next);
	s->all = NULL;
	event_del(s->ev_alive);
	bufferevent_set_timeouts(r->conn->bev, NULL, &tv);
	evhttp_send_reply_end(r->http);
}

void
streams_end_session(struct streams *ss, const struct session *session)
{
	struct stream	*s, *next;

	for (s = TAILQ_FIRST(&ss->list); s != NULL; s = next) {
		next = TAILQ_NEXT(s, next);
		if (s->req->session == session)
			stream_end(s);
	}
}

void
streams_stop(struct streams *ss)
{
	struct stream	*s;

	while ((s = TAILQ_FIRST(&ss->list)) != NULL)
		stream_end(s);
}

struct streams *
streams_new(struct gate *g)
{
	const struct timeval	 tv = { ALIVE_S, 0 };
	struct streams		*ss = xcalloc(1, sizeof *ss);

	ss->gate = g;
	TAILQ_INIT(&ss->list);
	ss->alive = event_base_init_common_timeout(g->base, &tv);
	ss->ev_pump = event_new(g->base, -1, 0, pump_event, ss);
	if (ss->alive == NULL || ss->ev_pump == NULL)
		fatalx("event_new failed");
	return ss;
}

/* After every request has ended. */
void
streams_free(struct streams **ssp)
{
	struct streams	*ss = *ssp;

	if (ss == NULL)
		return;
	event_free(ss->ev_pump);
	free(ss);
	*ssp = NULL;
}
