/*
 * Calls, oldest first.  Answers mostly come in the order of the calls, so that
 * a list does.
 */

#include "supervisor/gate/call.h"

#include <sys/queue.h>

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/evpeer.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "supervisor/gate/gate.h"
#include "supervisor/gate/peers.h"
#include "supervisor/gate/request.h"

struct call {
	TAILQ_ENTRY(call) next;
	uint32_t	 seq;
	struct request	*req;		/* NULL: it is gone */
	call_cb		 cb;
	void		*arg;
	enum msg_type	 type, answer;
	int64_t		 until;		/* monotonic, ms */
	const struct peer *worker;	/* NULL: supervisor or store */
	int		 refused;	/* by a full queue, when repeated */

	/* To the store, to ask it again. */
	void		*body;
	size_t		 size;
	uint8_t		*slice;
	size_t		 slicelen;
};

TAILQ_HEAD(call_list, call);

struct calls {
	struct gate	*gate;
	struct call_list list;
	uint32_t	 last_seq;
	struct event	*ev_timer;
	int64_t		 armed;		/* for this time; monotonic, ms */
};

static void
call_free(struct call *c)
{
	freezero(c->body, c->size);
	freezero(c->slice, c->slicelen);
	free(c);
}

/*
 * Wake at this time, if not earlier.  Waking for a call that was answered
 * meanwhile does no harm.
 */
static void
calls_arm(struct calls *cs, int64_t until)
{
	struct timeval	 tv;
	int64_t		 ms;

	if (evtimer_pending(cs->ev_timer, NULL) && cs->armed <= until)
		return;
	if ((ms = until - clock_mono_ms()) < 0)
		ms = 0;
	cs->armed = until;
	tv.tv_sec = ms / 1000;
	tv.tv_usec = ms % 1000 * 1000;
	event_add(cs->ev_timer, &tv);
}

/* Out of the list first: the callback may make another call. */
static void
call_end(struct calls *cs, struct call *c, enum call_end how, const void *body)
{
	TAILQ_REMOVE(&cs->list, c, next);
	if (c->req != NULL)
		c->cb(c->req, c->arg, how, body);
	call_free(c);
}

static void
timer_event(evutil_socket_t fd, short what, void *arg)
{
	struct calls	*cs = arg;
	struct call	*c, *next;
	int64_t		 now = clock_mono_ms();

	(void)fd;
	(void)what;
	for (c = TAILQ_FIRST(&cs->list); c != NULL; c = next) {
		next = TAILQ_NEXT(c, next);
		if (c->refused)
			call_end(cs, c, CALL_FULL, NULL);
		else if (c->until <= now)
			call_end(cs, c, CALL_TIMEOUT, NULL);
	}
	TAILQ_FOREACH(c, &cs->list, next)
		calls_arm(cs, c->until);
}

struct calls *
calls_new(struct gate *g)
{
	struct calls	*cs = xcalloc(1, sizeof *cs);

	cs->gate = g;
	TAILQ_INIT(&cs->list);
	if ((cs->ev_timer = event_new(g->base, -1, 0, timer_event, cs)) ==
	    NULL)
		fatalx("event_new failed");
	return cs;
}

void
calls_free(struct calls **csp)
{
	struct calls	*cs = *csp;
	struct call	*c;

	if (cs == NULL)
		return;
	while ((c = TAILQ_FIRST(&cs->list)) != NULL) {
		TAILQ_REMOVE(&cs->list, c, next);
		call_free(c);
	}
	event_free(cs->ev_timer);
	free(cs);
	*csp = NULL;
}

static struct call *
call_new(struct calls *cs, struct request *r, enum msg_type type,
    enum msg_type answer, call_cb cb)
{
	struct call	*c = xcalloc(1, sizeof *c);

	if (++cs->last_seq == 0)	/* 0 means that no answer is meant */
		cs->last_seq = 1;
	c->seq = cs->last_seq;
	c->req = r;
	c->cb = cb;
	c->type = type;
	c->answer = answer;
	c->until = clock_mono_ms() + GATE_ANSWER_MS;
	return c;
}

/* One of several that a request makes has only the time that is left. */
static void
call_add(struct calls *cs, struct call *c)
{
	if (c->req->until != 0 && c->until > c->req->until)
		c->until = c->req->until;
	TAILQ_INSERT_TAIL(&cs->list, c, next);
	calls_arm(cs, c->until);
}

/* Ask somebody who is asked only once. */
static int
call_once(struct request *r, struct evpeer *to, const struct peer *worker,
    enum msg_type type, const void *body, enum msg_type answer, call_cb cb,
    void *arg, int64_t ms)
{
	struct calls	*cs = request_gate(r)->calls;
	struct call	*c = call_new(cs, r, type, answer, cb);

	c->arg = arg;
	c->worker = worker;
	c->until = clock_mono_ms() + ms;
	if (evpeer_send(to, type, c->seq, body, -1) == -1) {
		log_warn("%s: send", msg_name(type));
		call_free(c);
		return -1;
	}
	call_add(cs, c);
	return 0;
}

int
call_supervisor(struct request *r, enum msg_type type, const void *body,
    enum msg_type answer, call_cb cb)
{
	return call_supervisor_for(r, type, body, answer, cb, GATE_ANSWER_MS);
}

int
call_supervisor_for(struct request *r, enum msg_type type, const void *body,
    enum msg_type answer, call_cb cb, int64_t ms)
{
	return call_once(r, request_gate(r)->sup, NULL, type, body, answer,
	    cb, NULL, ms);
}

int
call_worker(struct request *r, struct peer *worker, enum msg_type type,
    const void *body, enum msg_type answer, call_cb cb, void *arg)
{
	return call_once(r, peer_ev(worker), worker, type, body, answer, cb,
	    arg, GATE_WORKER_MS);
}

/* -1: it will not be asked: the queue is full, or a field out of limits. */
static int
call_ask_store(struct calls *cs, const struct call *c)
{
	struct peer	*store = peers_store(cs->gate->peers);

	if (store == NULL || evpeer_send(peer_ev(store), c->type, c->seq,
	    c->body, -1) == 0)
		return 0;
	if (errno != ENOBUFS && errno != EINVAL && errno != EMSGSIZE)
		return 0;		/* dead: the next one is asked */
	log_warn("store: %s", msg_name(c->type));
	return -1;
}

int
call_store(struct request *r, enum msg_type type, void *body, size_t size,
    uint8_t *slice, size_t slicelen, enum msg_type answer, call_cb cb)
{
	struct calls	*cs = request_gate(r)->calls;
	struct call	*c = call_new(cs, r, type, answer, cb);

	c->body = body;
	c->size = size;
	c->slice = slice;
	c->slicelen = slicelen;
	if (call_ask_store(cs, c) == -1) {
		call_free(c);
		return -1;
	}
	call_add(cs, c);
	return 0;
}

void
calls_repeat(struct calls *cs)
{
	struct call	*c;

	TAILQ_FOREACH(c, &cs->list, next) {
		if (c->body == NULL || c->req == NULL)
			continue;
		if ((c->refused = call_ask_store(cs, c) == -1) != 0)
			event_active(cs->ev_timer, EV_TIMEOUT, 0);
	}
}

void
calls_lost(struct calls *cs, const struct peer *worker)
{
	struct call	*c, *next;

	for (c = TAILQ_FIRST(&cs->list); c != NULL; c = next) {
		next = TAILQ_NEXT(c, next);
		if (c->worker == worker)
			call_end(cs, c, CALL_LOST, NULL);
	}
}

void
calls_answer(struct calls *cs, const struct peer *from, const struct msg *m,
    const void *body)
{
	struct call	*c;

	TAILQ_FOREACH(c, &cs->list, next)
		if (c->seq == m->seq)
			break;
	/* A worker cannot answer for another one, nor with another thing. */
	if (c == NULL || c->answer != m->type || c->worker != from)
		return;
	call_end(cs, c, CALL_ANSWERED, body);
}

void
calls_cancel(struct calls *cs, const struct request *r)
{
	struct call	*c;

	TAILQ_FOREACH(c, &cs->list, next)
		if (c->req == r)
			c->req = NULL;
}
