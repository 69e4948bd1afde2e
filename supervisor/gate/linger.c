/* Reading on for a moment, on a descriptor of our own. */

#include "supervisor/gate/linger.h"

#include <sys/queue.h>
#include <sys/socket.h>

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/xalloc.h"

#define LINGER_MS	2000
#define LINGER_BYTES	(4 * 1024 * 1024)
#define LINGERS_MAX	64

struct lingerer {
	TAILQ_ENTRY(lingerer) next;
	struct lingers	*all;
	int		 fd;
	struct event	*ev;
	int64_t		 until;		/* monotonic, ms */
	size_t		 left;		/* bytes */
};

struct lingers {
	struct event_base *base;
	TAILQ_HEAD(, lingerer) list;
	unsigned	 n;
};

struct lingers *
lingers_new(struct event_base *base)
{
	struct lingers	*ls = xcalloc(1, sizeof *ls);

	ls->base = base;
	TAILQ_INIT(&ls->list);
	return ls;
}

static void
lingerer_free(struct lingerer *l)
{
	TAILQ_REMOVE(&l->all->list, l, next);
	l->all->n--;
	event_free(l->ev);
	fd_close(&l->fd);
	free(l);
}

void
lingers_free(struct lingers **lsp)
{
	struct lingers	*ls = *lsp;
	struct lingerer	*l;

	if (ls == NULL)
		return;
	while ((l = TAILQ_FIRST(&ls->list)) != NULL)
		lingerer_free(l);
	free(ls);
	*lsp = NULL;
}

static void
linger_event(evutil_socket_t fd, short what, void *arg)
{
	struct lingerer	*l = arg;
	char		 buf[16384];
	ssize_t		 n;

	n = what & EV_READ ? recv(fd, buf, sizeof buf, MSG_DONTWAIT) : 0;
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || (size_t)n >= l->left || clock_mono_ms() >= l->until)
		lingerer_free(l);
	else
		l->left -= (size_t)n;
}

void
linger(struct lingers *ls, int fd)
{
	const struct timeval	 tv = { LINGER_MS / 1000, 0 };
	struct lingerer		*l;

	if (ls->n >= LINGERS_MAX ||
	    (fd = fcntl(fd, F_DUPFD_CLOEXEC, 0)) == -1)
		return;			/* it has to do without */
	l = xcalloc(1, sizeof *l);
	l->all = ls;
	l->fd = fd;
	l->until = clock_mono_ms() + LINGER_MS;
	l->left = LINGER_BYTES;
	l->ev = event_new(ls->base, fd, EV_READ | EV_PERSIST, linger_event,
	    l);
	if (l->ev == NULL || event_add(l->ev, &tv) == -1)
		fatalx("event_new failed");
	TAILQ_INSERT_TAIL(&ls->list, l, next);
	ls->n++;
}
