/*
 * Connections.  evhttp knows neither a limit on how many there are nor one on
 * how long a request may take, and tells of a connection only with its first
 * request.  It does ask for the bufferevent of each, and its own connection is
 * the argument of that bufferevent's callbacks: so we learn of each as it is
 * made, and see its bytes come and go.
 */

#include "supervisor/gate/conn.h"

#include <sys/resource.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "supervisor/gate/gate.h"
#include "supervisor/gate/http.h"
#include "supervisor/gate/linger.h"
#include "supervisor/gate/reply.h"
#include "supervisor/gate/request.h"

/* Room for one whole request, or evhttp would wait for ever for its end. */
#define INPUT_MAX	(LIMIT_BODY + LIMIT_HEADERS + 64 * 1024)

#define FEW_FILES	256	/* too few to be shared out */

TAILQ_HEAD(conn_list, conn);

struct conns {
	struct gate	*gate;
	struct conn_list list;		/* adopted */
	struct conn_list fresh;		/* not adopted yet */
	unsigned	 n;		/* of list */
	unsigned	 max;		/* of them */
	int		 paused;	/* accept nobody: there are too many */
	struct event	*ev_adopt;
	const struct timeval *deadline;
	struct lingers	*lingers;
	struct conn	*by_fd[GATE_NOFILE];
};

static void
conn_destroy(struct conn *c)
{
	if (c->ev_deadline != NULL)
		event_free(c->ev_deadline);
	if (c->ev_fault != NULL)
		event_free(c->ev_fault);
	free(c);
}

/* Called by evhttp: the connection is about to go. */
static void
closed_cb(struct evhttp_connection *ev, void *arg)
{
	struct conn	*c = arg;
	struct conns	*cs = c->conns;

	(void)ev;
	if (c->req != NULL)
		request_gone(c->req);
	evbuffer_remove_cb_entry(bufferevent_get_input(c->bev), c->in_cb);
	evbuffer_remove_cb_entry(bufferevent_get_output(c->bev), c->out_cb);
	c->use->input -= c->charged;
	c->use->conns--;
	limits_put(cs->gate->limits, c->use);
	cs->by_fd[c->fd] = NULL;
	TAILQ_REMOVE(&cs->list, c, next);
	cs->n--;
	conn_destroy(c);
	if (cs->paused && cs->n <= cs->max) {
		cs->paused = 0;
		http_resume(cs->gate->http);
	}
	gate_idle_check(cs->gate);
}

/* Close it, unless a request is here.  By Unix socket none is lost. */
static void
conn_part(struct conn *c)
{
	char	b;

	if (recv(c->fd, &b, 1, MSG_PEEK | MSG_DONTWAIT) > 0)
		return;
	if (c->via != LISTEN_TCP)	/* its client cannot write any more */
		shutdown(c->fd, SHUT_RD);
	if (recv(c->fd, &b, 1, MSG_PEEK | MSG_DONTWAIT) <= 0)
		evhttp_connection_free(c->ev);
}

static void
deadline_event(evutil_socket_t fd, short what, void *arg)
{
	struct conn	*c = arg;

	(void)fd;
	(void)what;
	if (c->phase == AT_END)
		evhttp_connection_free(c->ev);
	else if (c->phase == AT_READING)
		conn_refuse(c, 408, "request_timeout",
		    "A request must be complete within 30 s.");
	else if (c->phase == AT_REST && c->conns->gate->replaced)
		conn_part(c);
}

static void
input_cb(struct evbuffer *b, const struct evbuffer_cb_info *info, void *arg)
{
	struct conn	*c = arg;
	size_t		 len = evbuffer_get_length(b);

	c->use->input = c->use->input - c->charged + len;
	c->charged = len;
	if (info->n_added == 0)
		return;
	c->received += info->n_added;
	if (c->phase == AT_REST) {
		c->phase = AT_READING;
		event_add(c->ev_deadline, c->conns->deadline);
	}
	if (c->use->input > LIMIT_UID_INPUT)
		event_active(c->ev_fault, EV_TIMEOUT, 0);
}

/* Nobody asked us for an answer: evhttp writes one by itself. */
static void
output_cb(struct evbuffer *b, const struct evbuffer_cb_info *info, void *arg)
{
	struct conn	*c = arg;

	(void)b;
	if (info->n_added > 0 && c->phase == AT_READING)
		event_active(c->ev_fault, EV_TIMEOUT, 0);
}

/* Who is it?  -1: the kernel does not say. */
static int
conn_identify(struct conn *c)
{
	struct ucred	 peer;
	socklen_t	 len = sizeof peer;

	if (c->via == LISTEN_TCP) {	/* SO_PEERCRED would say uid -1 */
		c->uid = c->conns->gate->owner_uid;
		return 0;
	}
	if (getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == -1 ||
	    peer.uid == (uid_t)-1)
		return -1;
	c->uid = peer.uid;
	return 0;
}

/* Close the connection that is longest at rest, of one uid (NULL: any). */
static int
conns_evict(struct conns *cs, const struct uid_use *of,
    const struct conn *but)
{
	struct conn	*c;

	TAILQ_FOREACH(c, &cs->list, next) {
		if (c->phase != AT_REST || c == but ||
		    (of != NULL && c->use != of))
			continue;
		evhttp_connection_free(c->ev);
		return 0;
	}
	return -1;
}

/* Is there room for one more?  It may be made. */
static int
conn_admit(struct conn *c)
{
	struct conns	*cs = c->conns;
	struct gate	*g = cs->gate;
	unsigned	 max = LIMIT_UID_CONNS;

	if (c->uid == g->owner_uid)
		max = cs->max;
	else if (!gate_uid_allowed(g, c->uid))
		max = LIMIT_STRANGER_CONNS;
	if (c->use->conns > max && conns_evict(cs, c->use, c) == -1)
		return -1;
	if (cs->n > cs->max && conns_evict(cs, NULL, c) == -1) {
		cs->paused = 1;
		http_pause(g->http);
	}
	return 0;
}

static void
conn_watch(struct conn *c)
{
	struct gate	*g = c->conns->gate;

	evhttp_connection_set_closecb(c->ev, closed_cb, c);
	c->in_cb = evbuffer_add_cb(bufferevent_get_input(c->bev), input_cb,
	    c);
	c->out_cb = evbuffer_add_cb(bufferevent_get_output(c->bev), output_cb,
	    c);
	c->ev_deadline = event_new(g->base, -1, 0, deadline_event, c);
	c->ev_fault = event_new(g->base, -1, 0, conn_fault_event, c);
	if (c->in_cb == NULL || c->out_cb == NULL || c->ev_deadline == NULL ||
	    c->ev_fault == NULL)
		fatalx("connection: no memory");
}

/* Before anything was read: the loop comes here first. */
static void
conn_adopt(struct conn *c)
{
	struct conns	*cs = c->conns;
	void		*ev = NULL;

	TAILQ_REMOVE(&cs->fresh, c, next);
	bufferevent_getcb(c->bev, NULL, NULL, NULL, &ev);
	c->fd = bufferevent_getfd(c->bev);
	bufferevent_decref(c->bev);	/* evhttp has one, if it needs it */
	if (ev == NULL) {		/* evhttp gave up on it */
		conn_destroy(c);
		return;
	}
	c->ev = ev;
	if (c->fd < 0 || c->fd >= GATE_NOFILE || conn_identify(c) == -1) {
		evhttp_connection_free(c->ev);
		conn_destroy(c);
		return;
	}
	c->use = limits_get(cs->gate->limits, c->uid);
	c->use->conns++;
	cs->by_fd[c->fd] = c;
	TAILQ_INSERT_TAIL(&cs->list, c, next);
	cs->n++;
	conn_watch(c);
	if (conn_admit(c) == -1)
		conn_refuse(c, 429, "too_many_connections",
		    "Close some of your connections to the daemon.");
}

static void
adopt_event(evutil_socket_t fd, short what, void *arg)
{
	struct conns	*cs = arg;
	struct conn	*c;

	(void)fd;
	(void)what;
	while ((c = TAILQ_FIRST(&cs->fresh)) != NULL)
		conn_adopt(c);
}

/* Half of the descriptors are for workers: each has one, a new one two. */
static unsigned
conns_max(void)
{
	struct rlimit	rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1 ||
	    rl.rlim_cur / 2 > LIMIT_CONNS || rl.rlim_cur < FEW_FILES)
		return LIMIT_CONNS;
	return (unsigned)(rl.rlim_cur / 2);
}

struct conns *
conns_new(struct gate *g)
{
	const struct timeval	 tv = { LIMIT_REQUEST_S, 0 };
	struct conns		*cs = xcalloc(1, sizeof *cs);

	cs->gate = g;
	cs->max = conns_max();
	TAILQ_INIT(&cs->list);
	TAILQ_INIT(&cs->fresh);
	cs->lingers = lingers_new(g->base);
	cs->deadline = event_base_init_common_timeout(g->base, &tv);
	cs->ev_adopt = event_new(g->base, -1, 0, adopt_event, cs);
	if (cs->deadline == NULL || cs->ev_adopt == NULL)
		fatalx("event_new failed");
	return cs;
}

/* After evhttp has closed them all. */
void
conns_free(struct conns **csp)
{
	struct conns	*cs = *csp;
	struct conn	*c;

	if (cs == NULL)
		return;
	while ((c = TAILQ_FIRST(&cs->fresh)) != NULL) {
		TAILQ_REMOVE(&cs->fresh, c, next);
		bufferevent_decref(c->bev);
		conn_destroy(c);
	}
	lingers_free(&cs->lingers);
	event_free(cs->ev_adopt);
	free(cs);
	*csp = NULL;
}

struct bufferevent *
conns_accept(struct conns *cs, enum listen_kind via)
{
	struct conn	*c;

	c = xcalloc(1, sizeof *c);
	c->conns = cs;
	c->via = via;
	c->bev = bufferevent_socket_new(cs->gate->base, -1,
	    BEV_OPT_CLOSE_ON_FREE);
	if (c->bev == NULL)
		fatalx("bufferevent_socket_new failed");
	bufferevent_incref(c->bev);
	bufferevent_setwatermark(c->bev, EV_READ, 0, INPUT_MAX);
	TAILQ_INSERT_TAIL(&cs->fresh, c, next);
	event_active(cs->ev_adopt, EV_TIMEOUT, 0);
	return c->bev;
}

struct conn *
conns_find(struct conns *cs, struct evhttp_connection *ev)
{
	int	fd = bufferevent_getfd(evhttp_connection_get_bufferevent(ev));

	return fd >= 0 && fd < GATE_NOFILE ? cs->by_fd[fd] : NULL;
}

void
conns_stop(struct conns *cs)
{
	while (conns_evict(cs, NULL, NULL) == 0)
		;
}

void
conns_part(struct conns *cs)
{
	struct conn	*c, *next;

	for (c = TAILQ_FIRST(&cs->list); c != NULL; c = next) {
		next = TAILQ_NEXT(c, next);
		if (c->phase == AT_REST && c->served)
			conn_part(c);
	}
}

void
conns_give_up(struct conns *cs)
{
	struct conn	*c, *next;

	for (c = TAILQ_FIRST(&cs->list); c != NULL; c = next) {
		next = TAILQ_NEXT(c, next);
		if (c->phase == AT_REST || c->phase == AT_READING)
			evhttp_connection_free(c->ev);
	}
}

int
conns_empty(const struct conns *cs)
{
	return TAILQ_EMPTY(&cs->list) && TAILQ_EMPTY(&cs->fresh);
}

void
conn_begin(struct conn *c, struct request *r)
{
	event_del(c->ev_deadline);
	c->phase = AT_WORK;
	c->req = r;
}

void
conn_end(struct conn *c)
{
	struct conns	*cs = c->conns;

	c->req = NULL;
	c->served = 1;
	c->received = evbuffer_get_length(bufferevent_get_input(c->bev));
	c->phase = AT_REST;
	if (c->received > 0) {		/* the next one, pipelined */
		c->phase = AT_READING;
		event_add(c->ev_deadline, cs->deadline);
	} else if (cs->gate->replaced)	/* a stream has no other end */
		event_active(c->ev_deadline, EV_TIMEOUT, 0);
	TAILQ_REMOVE(&cs->list, c, next);
	TAILQ_INSERT_TAIL(&cs->list, c, next);
}

void
conn_linger(struct conn *c)
{
	linger(c->conns->lingers, c->fd);
}

/* The socket's buffer is empty, or this is lost: nobody waits for it here. */
void
conn_refuse(struct conn *c, int status, const char *code, const char *detail)
{
	char	text[512];
	int	len;

	len = reply_canned(text, sizeof text, status, code, detail);
	(void)send(c->fd, text, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL);
	conn_linger(c);
	evhttp_connection_free(c->ev);
}
