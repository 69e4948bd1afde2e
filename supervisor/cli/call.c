/* One HTTP request over a Unix socket, in steps. */

#include "supervisor/cli/call.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fd.h"
#include "common/xalloc.h"
#include "supervisor/cli/buf.h"

#define BACKLOG_WAIT_MS	20	/* a full backlog is tried again after it */

struct call {
	struct http_parser	*http;
	char			*socket;
	int			 fd;		/* -1: not connected */
	struct buf		 out;
	size_t			 off;		/* sent so far */
	int			 timeout_ms;
	int			 stream;
	int64_t			 deadline;
	int64_t			 connect_at;	/* the next attempt */
	char			 err[512];
};

static enum client_result call_fail(struct call *, enum client_result,
	    const char *, ...) __attribute__((__format__(printf, 3, 4)));

static enum client_result
call_fail(struct call *c, enum client_result r, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	vsnprintf(c->err, sizeof c->err, fmt, ap);
	va_end(ap);
	return r;
}

static void
request_format(const struct client_request *req, struct buf *b)
{
	buf_addf(b, "%s %s HTTP/1.1\r\nHost: localhost\r\n"
	    "User-Agent: meshsup/%s\r\nConnection: %s\r\n", req->method,
	    req->path, PACKAGE_VERSION, req->stream ? "keep-alive" : "close");
	if (req->token != NULL)
		buf_addf(b, "Authorization: ClaudeMesh-Session %s\r\n",
		    req->token);
	if (req->stream)
		buf_adds(b, "Accept: text/event-stream\r\n");
	if (req->last_event_id != NULL)
		buf_addf(b, "Last-Event-ID: %s\r\n", req->last_event_id);
	if (req->body != NULL)
		buf_addf(b, "Content-Type: application/json\r\n"
		    "Content-Length: %zu\r\n", req->bodylen);
	buf_adds(b, "\r\n");
	if (req->body != NULL)
		buf_add(b, req->body, req->bodylen);
}

void
call_touch(struct call *c)
{
	c->deadline = clock_mono_ms() + c->timeout_ms;
}

struct call *
call_new(const struct client_request *req, struct http_parser *http)
{
	struct call	*c = xcalloc(1, sizeof *c);

	c->http = http;
	c->socket = xstrdup(req->socket);
	c->fd = -1;
	c->timeout_ms = req->timeout_ms;
	c->stream = req->stream;
	request_format(req, &c->out);
	call_touch(c);
	return c;
}

void
call_free(struct call **cp)
{
	if (*cp == NULL)
		return;
	fd_close(&(*cp)->fd);
	buf_free(&(*cp)->out);
	free((*cp)->socket);
	free(*cp);
	*cp = NULL;
}

const char *
call_error(const struct call *c)
{
	return c->err;
}

int64_t
call_poll(const struct call *c, struct pollfd *pfd)
{
	pfd->fd = c->fd;
	pfd->events = c->off < c->out.len ? POLLOUT : POLLIN;
	pfd->revents = 0;
	return c->fd == -1 && c->connect_at < c->deadline ? c->connect_at :
	    c->deadline;
}

static enum client_result
connect_fail(struct call *c)
{
	switch (errno) {
	case ENOENT:
	case ENOTDIR:
		return call_fail(c, CLIENT_DOWN, "there is no socket %s",
		    c->socket);
	case ECONNREFUSED:
		return call_fail(c, CLIENT_DOWN, "nobody listens on %s",
		    c->socket);
	case EACCES:
	case EPERM:
		return call_fail(c, CLIENT_DENIED, "not allowed to connect "
		    "to %s", c->socket);
	default:
		return call_fail(c, CLIENT_LOST, "connect to %s: %s",
		    c->socket, strerror(errno));
	}
}

/* A Unix socket connects at once, or its backlog is full (EAGAIN). */
static enum client_result
call_connect(struct call *c)
{
	struct sockaddr_un	 sun = { .sun_family = AF_UNIX };
	size_t			 len = strlen(c->socket);
	enum client_result	 r;
	int			 fd;

	if (clock_mono_ms() < c->connect_at)
		return CLIENT_GOING;
	if (len >= sizeof sun.sun_path)
		return call_fail(c, CLIENT_DENIED, "the path of the socket "
		    "is too long: %s", c->socket);
	memcpy(sun.sun_path, c->socket, len + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return call_fail(c, CLIENT_LOST, "socket: %s",
		    strerror(errno));
	if (connect(fd, (struct sockaddr *)&sun, sizeof sun) == 0) {
		c->fd = fd;
		return CLIENT_GOING;
	}
	r = errno == EAGAIN || errno == EINTR ? CLIENT_GOING :
	    connect_fail(c);
	close(fd);
	c->connect_at = clock_mono_ms() + BACKLOG_WAIT_MS;
	return r;
}

/*
 * Send what goes.  A daemon that refuses a request early answers and closes
 * before it has read it all, so a broken pipe is not yet the end: the answer
 * may be there to be read.
 */
static enum client_result
call_send(struct call *c)
{
	ssize_t	 n;

	while (c->off < c->out.len) {
		n = send(c->fd, c->out.p + c->off, c->out.len - c->off,
		    MSG_NOSIGNAL);
		if (n >= 0)
			c->off += (size_t)n;
		else if (errno == EPIPE || errno == ECONNRESET)
			c->off = c->out.len;
		else if (errno == EAGAIN)
			return CLIENT_GOING;
		else if (errno != EINTR)
			return call_fail(c, CLIENT_LOST, "send: %s",
			    strerror(errno));
	}
	return CLIENT_GOING;
}

/* What the parser made of the end of the connection, or of a broken one. */
static enum client_result
call_eof(struct call *c, int error)
{
	if (error == 0 && http_eof(c->http) == HTTP_DONE)
		return CLIENT_OK;
	return call_fail(c, CLIENT_LOST, "the daemon closed the connection%s",
	    http_started(c->http) ? " in the middle of its answer" : "");
}

/* One piece of the answer. */
static enum client_result
call_receive(struct call *c)
{
	char			 piece[16384];
	enum http_result	 h;
	ssize_t			 n;

	n = recv(c->fd, piece, sizeof piece, 0);
	if (n == -1 && (errno == EINTR || errno == EAGAIN))
		return CLIENT_GOING;
	if (n <= 0)
		return call_eof(c, n == -1);
	if (c->stream)
		call_touch(c);
	h = http_feed(c->http, piece, (size_t)n);
	explicit_bzero(piece, (size_t)n);
	if (h == HTTP_BAD)
		return call_fail(c, CLIENT_BAD, "%s", http_error(c->http));
	return h == HTTP_DONE ? CLIENT_OK : CLIENT_GOING;
}

enum client_result
call_step(struct call *c)
{
	enum client_result	 r = CLIENT_GOING;

	if (c->fd == -1)
		r = call_connect(c);
	if (r == CLIENT_GOING && c->fd != -1 && c->off < c->out.len)
		r = call_send(c);
	if (r == CLIENT_GOING && c->fd != -1 && c->off == c->out.len)
		r = call_receive(c);
	if (r != CLIENT_GOING || clock_mono_ms() < c->deadline)
		return r;
	return c->fd == -1 ? call_fail(c, CLIENT_LATE, "the daemon does not "
	    "take connections") : call_fail(c, CLIENT_LATE, "no answer for "
	    "%d ms", c->timeout_ms);
}
