/*
 * The listening socket: accepting what comes.
 *
 * Not libwebsockets' own listener, since the socket may be inherited.  When no
 * descriptor or no place is left, it is not polled for a moment: those who
 * wait then wait in the kernel's queue.
 */

#include "contrib/broker/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libwebsockets.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/fd.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "contrib/broker/server.h"
#include "contrib/broker/watch.h"

#define ACCEPT_TURN	64	/* connections taken in one turn */
#define BACKLOG		512
#define PAUSE_US	(100 * LWS_USEC_PER_SEC / 1000)

struct listener {
	struct server		*server;
	struct watch		 watch;
	lws_sorted_usec_list_t	 sul;
	int			 paused, stopped;
	int			 failing;	/* and it was said */
};

static int
is_loopback(const struct sockaddr *sa)
{
	const struct sockaddr_in	*in = (const void *)sa;
	const struct sockaddr_in6	*in6 = (const void *)sa;

	if (sa->sa_family == AF_INET)
		return ntohl(in->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	return sa->sa_family == AF_INET6 &&
	    IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
}

/* "host:port" in two; 0 or -1. */
static int
split(const char *where, char *host, size_t hostlen, const char **port_r)
{
	const char	*colon = strrchr(where, ':');
	size_t		 len;

	if (colon == NULL || colon == where || colon[1] == '\0')
		return -1;
	len = (size_t)(colon - where);
	if (where[0] == '[' && colon[-1] == ']') {
		where++;
		len -= 2;
	} else if (memchr(where, ':', len) != NULL)
		return -1;
	if (len == 0 || len >= hostlen)
		return -1;
	memcpy(host, where, len);
	host[len] = '\0';
	*port_r = colon + 1;
	return 0;
}

static int
bind_to(const struct addrinfo *ai)
{
	int	 fd, on = 1;

	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);
	if (fd == -1)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (ai->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 &&
	    listen(fd, BACKLOG) == 0)
		return fd;
	fd_close(&fd);
	return -1;
}

int
listen_open(const char *where, int local_only, char *err, size_t errlen)
{
	struct addrinfo	 hints, *ai = NULL;
	const char	*port;
	char		 host[64];
	int		 fd = -1;

	memset(&hints, 0, sizeof hints);
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
	if (split(where, host, sizeof host, &port) == -1 ||
	    getaddrinfo(host, port, &hints, &ai) != 0)
		snprintf(err, errlen, "%s: not a numeric address and port",
		    where);
	else if (local_only && !is_loopback(ai->ai_addr))
		snprintf(err, errlen, "%s: not a loopback address; "
		    "--allow-remote lets others in", where);
	else if ((fd = bind_to(ai)) == -1)
		snprintf(err, errlen, "%s: %s", where, strerror(errno));
	if (ai != NULL)
		freeaddrinfo(ai);
	return fd;
}

int
listen_name(int fd, char *host, size_t hostlen, unsigned *port_r)
{
	struct sockaddr_storage	 ss;
	socklen_t		 len = sizeof ss;
	char			 port[8];

	if (getsockname(fd, (struct sockaddr *)&ss, &len) == -1 ||
	    getnameinfo((struct sockaddr *)&ss, len, host, (socklen_t)hostlen,
	    port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return -1;
	*port_r = (unsigned)strtoul(port, NULL, 10);
	return 0;
}

static void
resume_cb(lws_sorted_usec_list_t *sul)
{
	listen_resume(lws_container_of(sul, struct listener, sul));
}

static void
pause_accept(struct listener *l)
{
	l->paused = 1;
	watch_read(&l->watch, 0);
	lws_sul_schedule(server_context(l->server), 0, &l->sul, resume_cb,
	    PAUSE_US);
}

void
listen_resume(struct listener *l)
{
	if (l == NULL || !l->paused || l->stopped)
		return;
	l->paused = 0;
	lws_sul_cancel(&l->sul);
	watch_read(&l->watch, 1);
}

/* What ends one connection is no reason to wait. */
static int
is_transient(int error)
{
	return error == ECONNABORTED || error == EINTR || error == EPROTO ||
	    error == EPERM;
}

static void
readable(struct watch *w)
{
	struct listener	*l = w->arg;
	int		 fd, i;

	for (i = 0; i < ACCEPT_TURN; i++) {
		if (!server_has_place(l->server)) {
			pause_accept(l);
			return;
		}
		fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd != -1) {
			l->failing = 0;
			(void)server_adopt(l->server, fd);
			continue;
		}
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return;
		if (is_transient(errno))
			continue;
		if (!l->failing)
			log_warn("accept");
		l->failing = 1;
		pause_accept(l);
		return;
	}
}

struct listener *
listen_new(struct server *s, int fd)
{
	struct listener	*l = xcalloc(1, sizeof *l);

	l->server = s;
	l->watch.readable = readable;
	l->watch.arg = l;
	if (fd_nonblock(fd) == -1 ||
	    server_watch(s, &l->watch, fd) == -1) {
		log_warnx("listen: the socket cannot be watched");
		free(l);
		return NULL;
	}
	return l;
}

void
listen_free(struct listener **lp)
{
	free(*lp);
	*lp = NULL;
}

void
listen_stop(struct listener *l)
{
	if (l == NULL)
		return;
	l->stopped = 1;
	lws_sul_cancel(&l->sul);
	watch_read(&l->watch, 0);
}
