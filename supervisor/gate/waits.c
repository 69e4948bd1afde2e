/*
 * Waiting for what becomes of sends.  The row is read whenever something may
 * have changed; that it was delivered nobody tells us, so the broker is asked,
 * again and again, and not so often after a while.
 */

#include "supervisor/gate/waits.h"

#include <sys/queue.h>

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/encode.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "supervisor/gate/ask.h"
#include "supervisor/gate/conn.h"
#include "supervisor/gate/gate.h"
#include "supervisor/gate/item.h"
#include "supervisor/gate/reply.h"
#include "supervisor/gate/request.h"

#define ASK_MS		1000	/* for the broker, when nothing is waited for */
#define AGAIN_MIN_MS	100	/* until it is asked again */
#define AGAIN_MAX_MS	2000

enum delivered { DELIVERED_NO, DELIVERED_YES, DELIVERED_UNKNOWN };

struct wait {
	TAILQ_ENTRY(wait) next;
	struct waits	*all;
	struct request	*req;		/* NULL: answered */
	uint8_t		 owner[OWNER_ID_LEN];
	char		 client_id[CLIENT_ID_SIZE];
	enum wait_for	 what;
	int64_t		 end;		/* monotonic, ms; 0: say what is */
					/* known, and ask no more */
	int64_t		 again;		/* ms until the broker is asked again */
	int		 asking;
	enum delivered	 delivered;	/* as the broker said last */
	struct event	*ev_timer;
};

struct waits {
	struct gate	*gate;
	TAILQ_HEAD(, wait) list;
};

static void	wait_step(struct wait *);

struct waits *
waits_new(struct gate *g)
{
	struct waits	*ws = xcalloc(1, sizeof *ws);

	ws->gate = g;
	TAILQ_INIT(&ws->list);
	return ws;
}

/* After every request has ended. */
void
waits_free(struct waits **wsp)
{
	free(*wsp);
	*wsp = NULL;
}

/* ---- the answer ---- */

static json_t *
delivered_json(enum delivered d)
{
	return d == DELIVERED_UNKNOWN ? json_null() :
	    json_boolean(d == DELIVERED_YES);
}

/* It waits no longer. */
static struct request *
wait_end(struct wait *w)
{
	const struct timeval	 tv = { LIMIT_IDLE_S, 0 };
	struct request		*r = w->req;

	TAILQ_REMOVE(&w->all->list, w, next);
	w->req = NULL;
	event_del(w->ev_timer);
	bufferevent_set_timeouts(r->conn->bev, &tv, &tv);
	return r;
}

static void
wait_reply(struct wait *w, const struct out_row *row, enum delivered d)
{
	json_t	*item = item_outbox(row);

	json_object_set_new(item, "delivered", delivered_json(d));
	reply_json(wait_end(w), 200, item);
}

/* ---- asking the broker ---- */

static void
wait_again(struct wait *w, int64_t ms)
{
	const struct timeval	tv = { ms / 1000, ms % 1000 * 1000 };

	event_add(w->ev_timer, &tv);
}

static int64_t
wait_left(const struct wait *w)
{
	int64_t	left = w->end - clock_mono_ms();

	return left > 0 ? left : 0;
}

/*
 * What the broker says.  1: that is all that it will ever say; 0: it may say
 * something else later.
 */
static int
fate_read(struct wait *w, enum call_end how, const struct msg_answer *a)
{
	const json_t	*v;
	struct fault	 f;
	json_t		*j;

	w->delivered = DELIVERED_UNKNOWN;
	if (how != CALL_ANSWERED || a->status >= 500)
		return how == CALL_ANSWERED && a->status == 501;
	if (a->status != 0)		/* it does not know the message */
		return 1;
	j = ask_read(how, a, "the message", &f);
	v = json_object_get(j, "delivered");
	if (json_is_boolean(v))
		w->delivered = json_is_true(v) ? DELIVERED_YES : DELIVERED_NO;
	json_decref(j);
	return w->delivered != DELIVERED_NO;
}

static void
fate_cb(struct request *r, void *arg, enum call_end how, const void *body)
{
	struct wait	*w = r->state;
	int64_t		 left = wait_left(w);

	(void)arg;
	w->asking = 0;
	if (w->req == NULL)		/* it was not waited for */
		return;
	if (fate_read(w, how, body) || w->what != WAIT_DELIVERED || left == 0) {
		w->end = 0;
		wait_step(w);
		return;
	}
	wait_again(w, w->again < left ? w->again : left);
	if ((w->again *= 2) > AGAIN_MAX_MS)
		w->again = AGAIN_MAX_MS;
}

/* Nobody acknowledges a message to many, and not every row has its id. */
static int
fate_can_be_asked(const struct out_row *row)
{
	return *row->broker_id != '\0' &&
	    hex_is(row->target, HEX_KEY_SIZE - 1);
}

/* -1: nobody can be asked now. */
static int
fate_ask(struct wait *w, const struct out_row *row)
{
	int64_t		 left = wait_left(w);
	json_t		*args;
	struct fault	 f;
	int		 ret;

	args = json_pack("{s:s}", "messageId", row->broker_id);
	w->req->until = clock_mono_ms() + (left > ASK_MS ? left : ASK_MS);
	ret = ask_worker(w->req, w->owner, "message_status", args, fate_cb,
	    NULL, &f);
	json_decref(args);
	w->asking = ret == 0;
	return ret;
}

/* ---- the row ---- */

/* It is with the broker: does the recipient have it? */
static void
wait_done(struct wait *w, const struct out_row *row)
{
	int64_t	left;

	if (w->what == WAIT_SENT || !fate_can_be_asked(row)) {
		wait_reply(w, row, DELIVERED_UNKNOWN);
		return;
	}
	if (w->end == 0) {		/* it was asked, or there is no time */
		wait_reply(w, row, w->delivered);
		return;
	}
	if (fate_ask(w, row) == 0)
		return;
	left = w->what == WAIT_DELIVERED ? wait_left(w) : 0;
	if (left == 0)
		wait_reply(w, row, DELIVERED_UNKNOWN);
	else
		wait_again(w, left < AGAIN_MAX_MS ? left : AGAIN_MAX_MS);
}

/* Look at the row: answer, ask, or wait on. */
static void
wait_step(struct wait *w)
{
	struct out_row	row;
	int		found;

	if (w->asking)
		return;
	found = rows_out_by_client_id(w->all->gate->rows, w->owner,
	    w->client_id, &row);
	if (found == -1)
		reply_unanswered(wait_end(w), 0, "database");
	else if (found == 0)
		reply_error(wait_end(w), 404, "row_not_found", "The message is "
		    "not in the outbox any more: it ended long ago.");
	else if (row.state == ROW_DONE)
		wait_done(w, &row);
	else if (row.state > ROW_DONE)
		wait_reply(w, &row, DELIVERED_NO);
	else if (w->what == WAIT_NOT || wait_left(w) == 0)
		wait_reply(w, &row, DELIVERED_NO);
	else
		wait_again(w, wait_left(w));
	if (found == 1)
		out_row_clear(&row);
}

static void
timer_event(evutil_socket_t fd, short what, void *arg)
{
	struct wait	*w = arg;

	(void)fd;
	(void)what;
	if (wait_left(w) == 0)
		w->end = 0;
	wait_step(w);
}

/* ---- life ---- */

/*
 * evhttp reads nothing from a connection whose request is worked on, so that
 * it would not see it end.  What is said meanwhile is not looked at.
 */
static void
wait_watch(struct bufferevent *bev)
{
	bufferevent_data_cb	 read_cb, write_cb;
	bufferevent_event_cb	 event_cb;
	void			*arg;

	bufferevent_getcb(bev, &read_cb, &write_cb, &event_cb, &arg);
	bufferevent_setcb(bev, NULL, write_cb, event_cb, arg);
	/* It may be silent for as long as a connection may. */
	bufferevent_set_timeouts(bev, NULL, NULL);
	bufferevent_enable(bev, EV_READ);
}

/* With its request. */
static void
wait_free(void *arg)
{
	struct wait	*w = arg;

	if (w->req != NULL)
		TAILQ_REMOVE(&w->all->list, w, next);
	event_free(w->ev_timer);
	free(w);
}

void
wait_begin(struct request *r, const uint8_t owner[OWNER_ID_LEN],
    const char *client_id, enum wait_for what, int64_t ms)
{
	struct waits	*ws = r->gate->waits;
	struct wait	*w = xcalloc(1, sizeof *w);

	w->all = ws;
	w->req = r;
	memcpy(w->owner, owner, sizeof w->owner);
	strcpy(w->client_id, client_id);	/* it is a row's */
	w->what = what;
	w->end = ws->gate->state == GATE_STOPPING ? 0 : clock_mono_ms() + ms;
	w->again = AGAIN_MIN_MS;
	w->delivered = DELIVERED_UNKNOWN;
	w->ev_timer = event_new(ws->gate->base, -1, 0, timer_event, w);
	if (w->ev_timer == NULL)
		fatalx("event_new failed");
	TAILQ_INSERT_TAIL(&ws->list, w, next);
	request_keep(r, w, wait_free);
	wait_step(w);
	if (w->req != NULL && what != WAIT_NOT)
		wait_watch(r->conn->bev);
}

void
waits_outcome(struct waits *ws, const struct msg_outcome *o)
{
	struct wait	*w, *next;

	for (w = TAILQ_FIRST(&ws->list); w != NULL; w = next) {
		next = TAILQ_NEXT(w, next);
		if (memcmp(w->owner, o->owner, sizeof w->owner) == 0 &&
		    strcmp(w->client_id, o->client_id) == 0)
			wait_step(w);
	}
}

void
waits_again(struct waits *ws)
{
	struct wait	*w, *next;

	for (w = TAILQ_FIRST(&ws->list); w != NULL; w = next) {
		next = TAILQ_NEXT(w, next);
		wait_step(w);
	}
}

void
waits_stop(struct waits *ws)
{
	struct wait	*w;

	while ((w = TAILQ_FIRST(&ws->list)) != NULL) {
		w->end = 0;		/* so that it does not wait on */
		w->asking = 0;
		wait_step(w);
	}
}
