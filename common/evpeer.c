/* A channel on a libevent loop. */

#include "common/evpeer.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "common/channel.h"
#include "common/fd.h"
#include "common/xalloc.h"

#define TURN_MAX	64	/* packets per turn of the loop, for fairness */

struct evpeer {
	struct channel	*ch;
	struct event	*ev_read, *ev_write, *ev_gone;
	struct event	*ev_again;	/* read, with nothing to tell of it */
	evpeer_msg_cb	 msg_cb;
	evpeer_gone_cb	 gone_cb;
	void		*arg;
	const char	*why;		/* it is gone: static text */
	int		 deaf;		/* cannot be written to: heard out */
	int		 busy;		/* inside one of its callbacks */
	int		 dead;		/* freed when no longer busy */
	int		 manual, paused;
};

static struct evpeer	*log_peer;	/* where lines go, or NULL */

/* Not to be used again; tell the owner from the loop, once. */
static void
evpeer_bad(struct evpeer *p, const char *why)
{
	if (p->why != NULL)
		return;
	p->why = why;
	event_del(p->ev_read);
	event_del(p->ev_again);
	event_del(p->ev_write);
	event_active(p->ev_gone, EV_TIMEOUT, 0);
}

/* The reason in words, from the errno of a failed receive. */
static const char *
evpeer_why(int error)
{
	return error == 0 ? "closed" :
	    error == EPROTO ? "broke the protocol" : strerror(error);
}

/* Of one that is deaf, the end may be nothing that the kernel tells. */
static void
evpeer_again(struct evpeer *p)
{
	static const struct timeval	now = { 0, 0 };

	if (p->deaf && !p->paused && p->why == NULL)
		event_add(p->ev_again, &now);
}

/*
 * It cannot be written to.  What it said before still counts, so that it is
 * read until there is nothing more.
 */
static void
evpeer_deaf(struct evpeer *p)
{
	if (p->why != NULL || p->deaf)
		return;
	p->deaf = 1;
	event_del(p->ev_write);
	evpeer_again(p);
}

/* The next message; as channel_recv(). */
static int
evpeer_recv(struct evpeer *p, struct msg *m)
{
	int	ret = msg_recv(p->ch, m);

	if (ret == -1)
		evpeer_bad(p, evpeer_why(errno));
	else if (ret == 0 && p->deaf) {
		evpeer_bad(p, "closed while writing");
		ret = -1;
	}
	return ret;
}

static void
evpeer_destroy(struct evpeer *p)
{
	event_free(p->ev_read);
	event_free(p->ev_again);
	event_free(p->ev_write);
	event_free(p->ev_gone);
	channel_free(&p->ch);
	free(p);
}

/* After a callback: was it freed inside? */
static void
evpeer_leave(struct evpeer *p)
{
	if (--p->busy == 0 && p->dead)
		evpeer_destroy(p);
}

static void
evpeer_read_cb(evutil_socket_t fd, short what, void *arg)
{
	struct evpeer	*p = arg;
	struct msg	 m;
	int		 i, ret;

	(void)fd;
	(void)what;
	p->busy++;
	if (p->manual)
		(void)p->msg_cb(p->arg, NULL);
	for (i = 0; i < TURN_MAX && !p->manual && !p->dead && !p->paused &&
	    p->why == NULL; i++) {
		if (evpeer_recv(p, &m) != 1)
			break;
		ret = p->msg_cb(p->arg, &m);
		msg_drop_fd(&m);
		if (ret == -1 && !p->dead)
			evpeer_bad(p, "talked nonsense");
	}
	if (!p->dead)
		evpeer_again(p);
	evpeer_leave(p);
}

static void
evpeer_write_cb(evutil_socket_t fd, short what, void *arg)
{
	struct evpeer	*p = arg;
	int		 ret = channel_flush(p->ch);

	(void)fd;
	(void)what;
	if (ret == -1)
		evpeer_deaf(p);
	else if (ret == 0)
		event_del(p->ev_write);
}

static void
evpeer_gone_event(evutil_socket_t fd, short what, void *arg)
{
	struct evpeer	*p = arg;

	(void)fd;
	(void)what;
	p->busy++;
	p->gone_cb(p->arg, p->why);
	evpeer_leave(p);
}

struct evpeer *
evpeer_new(struct event_base *base, int fd, evpeer_msg_cb msg_cb,
    evpeer_gone_cb gone_cb, void *arg)
{
	struct evpeer	*p = xcalloc(1, sizeof *p);

	p->ch = channel_new(fd);
	p->msg_cb = msg_cb;
	p->gone_cb = gone_cb;
	p->arg = arg;
	p->ev_read = event_new(base, fd, EV_READ | EV_PERSIST,
	    evpeer_read_cb, p);
	p->ev_again = evtimer_new(base, evpeer_read_cb, p);
	p->ev_write = event_new(base, fd, EV_WRITE | EV_PERSIST,
	    evpeer_write_cb, p);
	p->ev_gone = event_new(base, -1, 0, evpeer_gone_event, p);
	if (p->ev_read == NULL || p->ev_again == NULL || p->ev_write == NULL ||
	    p->ev_gone == NULL || event_add(p->ev_read, NULL) == -1)
		fatalx("event_new failed");
	return p;
}

void
evpeer_free(struct evpeer **pp)
{
	struct evpeer	*p = *pp;

	*pp = NULL;
	if (p == NULL)
		return;
	if (p == log_peer)
		evpeer_log_to(NULL);
	event_del(p->ev_read);
	event_del(p->ev_again);
	event_del(p->ev_write);
	event_del(p->ev_gone);
	if (p->busy > 0)
		p->dead = 1;
	else
		evpeer_destroy(p);
}

int
evpeer_send(struct evpeer *p, enum msg_type type, uint32_t seq,
    const void *body, int fd)
{
	if (p->why != NULL || p->deaf) {
		fd_close(&fd);
		errno = EPIPE;
		return -1;
	}
	if (msg_send(p->ch, type, seq, body, fd) == -1) {
		if (errno != ENOBUFS && errno != EINVAL && errno != EMSGSIZE)
			evpeer_deaf(p);
		return -1;
	}
	if (channel_queued(p->ch) > 0)
		event_add(p->ev_write, NULL);
	return 0;
}

size_t
evpeer_queued(const struct evpeer *p)
{
	return channel_queued(p->ch);
}

void
evpeer_set_manual(struct evpeer *p)
{
	p->manual = 1;
}

int
evpeer_take(struct evpeer *p, struct msg *m)
{
	if (p->why != NULL) {
		errno = 0;
		return -1;
	}
	return evpeer_recv(p, m);
}

void
evpeer_pause(struct evpeer *p)
{
	p->paused = 1;
	event_del(p->ev_read);
	event_del(p->ev_again);
}

void
evpeer_resume(struct evpeer *p)
{
	p->paused = 0;
	if (p->why != NULL)
		return;
	event_add(p->ev_read, NULL);
	evpeer_again(p);
}

void
evpeer_drain(struct evpeer *p, int timeout_ms)
{
	if (p->why == NULL && !p->deaf &&
	    channel_drain(p->ch, timeout_ms) == -1)
		evpeer_deaf(p);
}

/* A line that does not fit the queue is lost; there is nobody to tell. */
static void
evpeer_log_cb(void *arg, enum log_level level, const char *text)
{
	struct evpeer	*p = arg;
	struct msg_log	 body;

	memset(&body, 0, sizeof body);
	body.level = (int64_t)level;
	memcpy(body.text, text, strnlen(text, sizeof body.text - 1));
	(void)evpeer_send(p, MSG_LOG, 0, &body, -1);
}

void
evpeer_log_to(struct evpeer *p)
{
	log_peer = p;
	log_set_sink(p != NULL ? evpeer_log_cb : NULL, p);
}
