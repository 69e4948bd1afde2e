/* Lines from a child's standard error. */

#include "supervisor/complaint.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/log.h"
#include "common/xalloc.h"

#define READS_MAX	64	/* in one turn of the loop */

struct complaint {
	int		 fd;
	struct event	*ev;
	complaint_cb	 cb;
	void		*arg;
	size_t		 len;
	char		 buf[LOG_LINE_MAX - 16];
};

/* Hand over whole lines, and a line that fills the buffer. */
static void
complaint_lines(struct complaint *c)
{
	char	*nl;
	size_t	 n;

	while (c->len > 0) {
		nl = memchr(c->buf, '\n', c->len);
		if (nl == NULL && c->len < sizeof c->buf - 1)
			return;
		n = nl != NULL ? (size_t)(nl - c->buf) : c->len;
		c->buf[n] = '\0';
		if (n > 0)
			c->cb(c->arg, c->buf);
		if (nl != NULL)
			n++;
		memmove(c->buf, c->buf + n, c->len - n);
		c->len -= n;
	}
}

static void
complaint_read(struct complaint *c)
{
	ssize_t	n;
	int	i;

	for (i = 0; i < READS_MAX; i++) {
		n = read(c->fd, c->buf + c->len, sizeof c->buf - 1 - c->len);
		if (n <= 0) {
			if (n == 0)
				event_del(c->ev);
			return;
		}
		c->len += (size_t)n;
		complaint_lines(c);
	}
}

static void
complaint_event(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	complaint_read(arg);
}

struct complaint *
complaint_new(struct event_base *base, int fd, complaint_cb cb, void *arg)
{
	struct complaint	*c = xcalloc(1, sizeof *c);

	c->fd = fd;
	c->cb = cb;
	c->arg = arg;
	(void)fd_nonblock(fd);
	c->ev = event_new(base, fd, EV_READ | EV_PERSIST, complaint_event, c);
	if (c->ev == NULL || event_add(c->ev, NULL) == -1)
		fatalx("event_new failed");
	return c;
}

void
complaint_drain(struct complaint *c)
{
	if (c != NULL)
		complaint_read(c);
}

void
complaint_free(struct complaint **cp)
{
	struct complaint	*c = *cp;

	if (c == NULL)
		return;
	if (c->len > 0) {		/* a last line without an end */
		c->buf[c->len] = '\0';
		c->cb(c->arg, c->buf);
	}
	event_free(c->ev);
	fd_close(&c->fd);
	free(c);
	*cp = NULL;
}
