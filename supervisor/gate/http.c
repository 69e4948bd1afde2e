/*
 * Listeners.  Each has an evhttp of its own, which parses and frames; limits
 * and errors that it does not know of are conn.c's.
 */

#include "supervisor/gate/http.h"

#include <sys/queue.h>
#include <sys/socket.h>

#include <errno.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "supervisor/gate/conn.h"
#include "supervisor/gate/gate.h"
#include "supervisor/gate/limit.h"
#include "supervisor/gate/request.h"

#define ACCEPT_AGAIN_MS	200	/* after accept() failed */
#define COMPLAIN_MS	60000

/* Every method that evhttp knows, and the one for those that it does not. */
#define METHODS	(EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | \
	    EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS | \
	    EVHTTP_REQ_TRACE | EVHTTP_REQ_PATCH | 1 << 15)

struct listener {
	TAILQ_ENTRY(listener) next;
	struct http	*http;
	enum listen_kind kind;
	struct evhttp	*ev;
	struct evconnlistener *lev;
	struct evhttp_bound_socket *bound;
};

struct http {
	struct gate	*gate;
	struct conns	*conns;
	TAILQ_HEAD(, listener) listeners;
	struct event	*ev_again;
	int64_t		 complained;	/* of accept(), last */
	int		 stopped;
};

/* For accept_error_cb() alone: evhttp has taken the argument of listeners. */
static struct http	*http_of_errors;

static void
again_event(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	http_resume(arg);
}

struct http *
http_new(struct gate *g)
{
	struct http	*h = xcalloc(1, sizeof *h);

	h->gate = g;
	TAILQ_INIT(&h->listeners);
	h->conns = conns_new(g);
	if ((h->ev_again = event_new(g->base, -1, 0, again_event, h)) == NULL)
		fatalx("event_new failed");
	http_of_errors = h;
	return h;
}

void
http_free(struct http **hp)
{
	struct http	*h = *hp;
	struct listener	*l;

	if (h == NULL)
		return;
	while ((l = TAILQ_FIRST(&h->listeners)) != NULL) {
		TAILQ_REMOVE(&h->listeners, l, next);
		evhttp_free(l->ev);	/* with its connections */
		free(l);
	}
	http_of_errors = NULL;
	conns_free(&h->conns);
	event_free(h->ev_again);
	free(h);
	*hp = NULL;
}

static struct bufferevent *
bufferevent_cb(struct event_base *base, void *arg)
{
	struct listener	*l = arg;

	(void)base;
	return conns_accept(l->http->conns, l->kind);
}

/*
 * accept() failed, most likely for want of descriptors: it would fail again at
 * once, for ever.
 */
static void
accept_error_cb(struct evconnlistener *lev, void *arg)
{
	const struct timeval	 tv = { 0, ACCEPT_AGAIN_MS * 1000 };
	struct http		*h = http_of_errors;

	(void)lev;
	(void)arg;
	if (h->complained == 0 ||
	    clock_mono_ms() - h->complained >= COMPLAIN_MS) {
		log_warn("accept: clients wait until it succeeds");
		h->complained = clock_mono_ms();
	}
	http_pause(h);
	event_add(h->ev_again, &tv);
}

static struct evhttp *
evhttp_make(struct listener *l)
{
	struct evhttp	*ev = evhttp_new(l->http->gate->base);

	if (ev == NULL)
		fatalx("evhttp_new failed");
	evhttp_set_allowed_methods(ev, (ev_uint16_t)METHODS);
	evhttp_set_max_headers_size(ev, LIMIT_HEADERS);
	evhttp_set_max_body_size(ev, LIMIT_BODY);
	evhttp_set_timeout(ev, LIMIT_IDLE_S);
	evhttp_set_default_content_type(ev, NULL);
	evhttp_set_bevcb(ev, bufferevent_cb, l);
	evhttp_set_gencb(ev, request_cb, l->http->gate);
	return ev;
}

/* Is it what the supervisor says? */
static int
listen_kind_ok(int fd, enum listen_kind kind)
{
	int		 domain, on;
	socklen_t	 len = sizeof domain;

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == -1)
		return 0;
	len = sizeof on;
	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) == -1 || !on)
		return 0;
	return kind == LISTEN_TCP ? domain == AF_INET || domain == AF_INET6 :
	    domain == AF_UNIX;
}

int
http_listen(struct http *h, int fd, enum listen_kind kind)
{
	struct listener	*l;

	if (!listen_kind_ok(fd, kind) || fd_nonblock(fd) == -1 || h->stopped) {
		log_warnx("listening socket %d: not of its kind", (int)kind);
		close(fd);
		return h->stopped ? 0 : -1;
	}
	l = xcalloc(1, sizeof *l);
	l->http = h;
	l->kind = kind;
	l->ev = evhttp_make(l);
	/* A backlog of 0: listen() was called by the supervisor. */
	l->lev = evconnlistener_new(h->gate->base, NULL, NULL,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (l->lev == NULL ||
	    (l->bound = evhttp_bind_listener(l->ev, l->lev)) == NULL)
		fatalx("listener failed");
	evconnlistener_set_error_cb(l->lev, accept_error_cb);
	TAILQ_INSERT_TAIL(&h->listeners, l, next);
	return 0;
}

void
http_stop(struct http *h)
{
	struct listener	*l;

	h->stopped = 1;
	TAILQ_FOREACH(l, &h->listeners, next) {
		evhttp_del_accept_socket(l->ev, l->bound);
		l->lev = NULL;
	}
	if (h->gate->replaced)
		conns_part(h->conns);
	else
		conns_stop(h->conns);
}

void
http_pause(struct http *h)
{
	struct listener	*l;

	TAILQ_FOREACH(l, &h->listeners, next)
		if (l->lev != NULL)
			evconnlistener_disable(l->lev);
}

void
http_resume(struct http *h)
{
	struct listener	*l;

	TAILQ_FOREACH(l, &h->listeners, next)
		if (l->lev != NULL)
			evconnlistener_enable(l->lev);
}

struct conns *
http_conns(struct http *h)
{
	return h->conns;
}
