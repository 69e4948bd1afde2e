/* Clients under load. */

#include "tests/bench/load.h"

#include <sys/epoll.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "tests/bench/api.h"

#define ANSWER_MAX	8192
#define STUCK_MS	30000
#define EVENTS		64

struct client {
	int	 fd;
	unsigned number;
	int	 busy;
	int64_t	 t0;
	char	 req[LOAD_REQUEST_MAX];
	size_t	 reqlen, reqoff;
	char	 buf[ANSWER_MAX];
	size_t	 len;
};

struct running {
	struct load	*load;
	int		 epoll;
	struct client	*clients;
	unsigned	 started, busy;
	int64_t		 begin, last;
};

static void
client_watch(struct running *r, struct client *c, int op, uint32_t events)
{
	struct epoll_event	ev = { .events = events, .data.ptr = c };

	if (epoll_ctl(r->epoll, op, c->fd, &ev) == -1)
		fatal("epoll");
}

static void
client_write(struct running *r, struct client *c)
{
	ssize_t	n;

	n = write(c->fd, c->req + c->reqoff, c->reqlen - c->reqoff);
	if (n == -1 && errno != EAGAIN)
		fatal("request");
	c->reqoff += n > 0 ? (size_t)n : 0;
	if (c->reqoff < c->reqlen)
		client_watch(r, c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
}

/* The next request, if there is to be one. */
static void
client_start(struct running *r, struct client *c)
{
	struct load	*l = r->load;
	int64_t		 now = clock_mono_us();

	if ((l->max_n != 0 && r->started >= l->max_n) ||
	    (l->max_ms != 0 && now - r->begin >= l->max_ms * 1000LL)) {
		if (c->busy)
			r->busy--;
		c->busy = 0;
		return;
	}
	if (!c->busy)
		r->busy++;
	c->busy = 1;
	c->reqlen = l->fill(l->arg, c->number, r->started++, c->req,
	    sizeof c->req);
	c->reqoff = c->len = 0;
	c->t0 = clock_mono_us();
	client_write(r, c);
}

static void
client_read(struct running *r, struct client *c)
{
	struct load		*l = r->load;
	struct http_answer	 a;
	ssize_t			 n;
	int			 whole;

	n = read(c->fd, c->buf + c->len, sizeof c->buf - c->len);
	if (n == -1 && errno == EAGAIN)
		return;
	if (n <= 0)
		fatal("answer: connection lost");
	c->len += (size_t)n;
	whole = http_parse(&a, c->buf, c->len);
	if (whole == -1 || (whole == 0 && c->len == sizeof c->buf))
		fatalx("answer: not understood");
	if (whole == 0)
		return;
	r->last = clock_mono_us();
	if (a.status == l->expect) {
		l->n++;
		samples_add(&l->us, (double)(r->last - c->t0));
	} else if (l->others++ == 0)
		l->other = a.status;
	client_start(r, c);
}

static void
clients_connect(struct running *r)
{
	unsigned	i;

	r->clients = xcalloc(r->load->clients, sizeof *r->clients);
	for (i = 0; i < r->load->clients; i++) {
		r->clients[i].number = i;
		r->clients[i].fd = api_connect(r->load->socket);
		if (fd_nonblock(r->clients[i].fd) == -1)
			fatal("client");
		client_watch(r, &r->clients[i], EPOLL_CTL_ADD, EPOLLIN);
	}
}

static void
clients_serve(struct running *r)
{
	struct epoll_event	 ev[EVENTS];
	struct client		*c;
	int			 i, n;

	if ((n = epoll_wait(r->epoll, ev, EVENTS, STUCK_MS)) == 0)
		fatalx("no answer within %d s", STUCK_MS / 1000);
	for (i = 0; i < n; i++) {
		c = ev[i].data.ptr;
		if (c->busy && c->reqoff < c->reqlen &&
		    (ev[i].events & EPOLLOUT)) {
			client_watch(r, c, EPOLL_CTL_MOD, EPOLLIN);
			client_write(r, c);
		}
		if (ev[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
			client_read(r, c);
	}
}

void
load_run(struct load *l)
{
	struct running	r = { .load = l };
	unsigned	i;

	if ((r.epoll = epoll_create1(EPOLL_CLOEXEC)) == -1)
		fatal("epoll");
	clients_connect(&r);
	r.begin = r.last = clock_mono_us();
	for (i = 0; i < l->clients; i++)
		client_start(&r, &r.clients[i]);
	while (r.busy > 0)
		clients_serve(&r);
	l->seconds = (double)(r.last - r.begin) / 1e6;
	for (i = 0; i < l->clients; i++)
		close(r.clients[i].fd);
	free(r.clients);
	close(r.epoll);
	if (l->n == 0)
		fatalx("no answer was %d, but %d", l->expect, l->other);
	if (l->others > 0)
		log_warnx("%u of %u answers were not %d (the first: %d)",
		    l->others, l->n + l->others, l->expect, l->other);
}

void
load_clear(struct load *l)
{
	samples_clear(&l->us);
	l->n = l->others = 0;
	l->other = 0;
}

double
load_rate(const struct load *l)
{
	return l->seconds > 0 ? l->n / l->seconds : 0;
}
