/* The new program takes over. */

#include "supervisor/upgrade.h"

#include <sys/file.h>
#include <sys/socket.h>

#include <errno.h>
#include <event2/event.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fd.h"
#include "common/inherit.h"
#include "common/xalloc.h"
#include "supervisor/handover.h"
#include "supervisor/member.h"
#include "supervisor/session.h"

/*
 * For those that were connected; on a machine on which all is slow, this many
 * times what it took to get here.
 */
#define WAIT_MS		500
#define WAIT_TIMES	5
#define WAIT_MAX_MS	5000
#define LOOK_MS		3

/* What was taken, until it is not needed any more. */
struct taken {
	struct handover	 h;
	int64_t		 begun, until;	/* monotonic */
	struct event	*ev;
	void		(*ready_cb)(struct supervisor *);
};

int
upgrade_take_fd(void)
{
	const char	*env = getenv(INHERIT_HANDOVER_ENV);
	char		*end;
	long		 fd = -1;

	if (env != NULL) {
		fd = strtol(env, &end, 10);
		if (*env == '\0' || *end != '\0' || fd < 3 || fd > INT_MAX ||
		    fd_cloexec((int)fd, 1) == -1)
			fd = -1;
	}
	unsetenv(INHERIT_HANDOVER_ENV);
	return (int)fd;
}

static int
is_listening(int fd)
{
	int		on = 0;
	socklen_t	len = sizeof on;

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) == 0 && on;
}

/* Are they what they are said to be?  From here on an exec closes them. */
static int
take_descriptors(struct supervisor *s, const struct handover *h)
{
	const int	sockets[] = { h->listen_unix, h->listen_admin,
			    h->listen_tcp, h->listen_broker };
	size_t		i;

	for (i = 0; i < sizeof sockets / sizeof *sockets; i++)
		if (sockets[i] != -1 && (!is_listening(sockets[i]) ||
		    fd_cloexec(sockets[i], 1) == -1))
			return -1;
	for (i = 0; i < h->n_owners; i++)
		if (fd_cloexec(h->owners[i].pidfd, 1) == -1)
			return -1;
	if (flock(h->state_lock, LOCK_EX | LOCK_NB) == -1 ||
	    flock(h->run_lock, LOCK_EX | LOCK_NB) == -1 ||
	    fd_cloexec(h->state_lock, 1) == -1 ||
	    fd_cloexec(h->run_lock, 1) == -1)
		return -1;
	s->state_lock = h->state_lock;
	s->run_lock = h->run_lock;
	s->listen_unix = h->listen_unix;
	s->listen_admin = h->listen_admin;
	s->listen_tcp = h->listen_tcp;
	s->listen_broker = h->listen_broker;
	return 0;
}

static void
take_places(struct paths *p, const struct handover *h)
{
	p->config = xstrdup(h->config);
	p->config_named = (int)h->config_named;
	p->state_dir = xstrdup(h->state_dir);
	p->run_dir = xstrdup(h->run_dir);
	p->reference = h->reference[0] != '\0' ? xstrdup(h->reference) : NULL;
}

int
upgrade_take(struct supervisor *s, int fd, char *err, size_t errlen)
{
	struct taken	*t = xcalloc(1, sizeof *t);
	struct handover	*h = &t->h;
	int		 ret = handover_read(h, fd, err, errlen);

	fd_close(&fd);
	if (ret == 0 && take_descriptors(s, h) == -1) {
		snprintf(err, errlen, "upgrade: a descriptor is not what was "
		    "handed over: %s", strerror(errno));
		ret = -1;
	}
	if (ret == -1) {
		handover_clear(h);
		free(t);
		return -1;
	}
	s->taken = t;
	t->begun = clock_mono_ms();
	take_places(&s->paths, h);
	s->foreground = (int)h->foreground;
	s->started_at = h->started_at;
	s->started_mono = h->started_mono;
	s->upgrades = h->upgrades + 1;
	s->given_unix = (int)h->given_unix;
	s->given_admin = (int)h->given_admin;
	snprintf(s->broker_host, sizeof s->broker_host, "%s", h->broker_host);
	s->broker_port = (uint16_t)h->broker_port;
	return 0;
}

void
upgrade_sockets(struct supervisor *s)
{
	const struct handover	*h;

	if (s->taken == NULL)
		return;
	h = &s->taken->h;
	if (s->conf.tcp_port != h->tcp_port)
		fd_close(&s->listen_tcp);
	if (strcmp(s->conf.broker_listen, h->broker_listen) != 0)
		fd_close(&s->listen_broker);
}

int
upgrade_pidfd(struct supervisor *s, const uint8_t owner[OWNER_ID_LEN])
{
	struct handover	*h;
	uint32_t	 i;
	int		 fd;

	if (s->taken == NULL)
		return -1;
	h = &s->taken->h;
	for (i = 0; i < h->n_owners; i++) {
		if (memcmp(h->owners[i].owner, owner, OWNER_ID_LEN) != 0)
			continue;
		fd = h->owners[i].pidfd;
		h->owners[i].pidfd = -1;
		return fd;
	}
	return -1;
}

/* Is it connected, or never will be by itself? */
static int
is_back(struct supervisor *s, const uint8_t owner[OWNER_ID_LEN])
{
	const struct session	*se = session_by_owner(s, owner);
	const struct member	*mb;

	if (se != NULL)
		return se->draining || se->state == CONN_OPEN ||
		    se->state == CONN_PARKED;
	mb = member_by_owner(s, owner);
	return mb == NULL || mb->state == CONN_OPEN ||
	    mb->state == CONN_PARKED;
}

static int
all_back(struct supervisor *s)
{
	const struct handover	*h = &s->taken->h;
	uint32_t		 i;

	for (i = 0; i < h->n_open; i++)
		if (!is_back(s, h->open[i]))
			return 0;
	return 1;
}

static void
upgrade_wait_cb(evutil_socket_t fd, short what, void *arg)
{
	struct supervisor	*s = arg;
	void			(*ready_cb)(struct supervisor *) =
				    s->taken->ready_cb;

	(void)fd;
	(void)what;
	if (upgrade_waits(s, ready_cb))
		return;
	ready_cb(s);
}

static int64_t
wait_ms(const struct taken *t)
{
	int64_t	ms = WAIT_TIMES * (clock_mono_ms() - t->begun);

	return ms < WAIT_MS ? WAIT_MS : ms > WAIT_MAX_MS ? WAIT_MAX_MS : ms;
}

int
upgrade_waits(struct supervisor *s, void (*ready_cb)(struct supervisor *))
{
	struct taken	*t = s->taken;

	if (t == NULL)
		return 0;
	if (t->ev == NULL) {
		t->until = clock_mono_ms() + wait_ms(t);
		t->ev = evtimer_new(s->base, upgrade_wait_cb, s);
		if (t->ev == NULL)
			fatalx("evtimer_new failed");
	}
	if (all_back(s) || clock_mono_ms() >= t->until) {
		upgrade_take_free(s);
		return 0;
	}
	t->ready_cb = ready_cb;
	supervisor_after(t->ev, LOOK_MS);
	return 1;
}

void
upgrade_take_free(struct supervisor *s)
{
	struct taken	*t = s->taken;
	uint32_t	 i;

	if (t == NULL)
		return;
	if (t->ev != NULL)
		event_free(t->ev);
	for (i = 0; i < t->h.n_owners; i++)
		fd_close(&t->h.owners[i].pidfd);
	handover_clear(&t->h);
	free(t);
	s->taken = NULL;
}
