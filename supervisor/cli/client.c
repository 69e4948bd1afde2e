/* One HTTP request over a Unix socket, with a deadline. */

#include "supervisor/cli/client.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "supervisor/cli/buf.h"

#define BACKLOG_WAIT_MS	20	/* a full backlog is tried again after it */

struct call {
	const struct client_request	*req;
	struct http_parser		*http;
	int				 fd;
	int64_t				 deadline;
	char				*err;
	size_t				 errlen;
};

static enum client_result call_fail(struct call *, enum client_result,
	    const char *, ...) __attribute__((__format__(printf, 3, 4)));

static enum client_result
call_fail(struct call *c, enum client_result r, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	vsnprintf(c->err, c->errlen, fmt, ap);
	va_end(ap);
	return r;
}

static void
deadline_set(struct call *c)
{
	c->deadline = clock_mono_ms() + c->req->timeout_ms;
}

/* Wait for events on the connection, or for the end of the wait. */
static enum client_result
call_wait(struct call *c, short events)
{
	struct pollfd	 pfd[2] = { { c->fd, events, 0 },
			    { c->req->stop_fd, POLLIN, 0 } };
	int64_t		 left;
	int		 n;

	for (;;) {
		if ((left = c->deadline - clock_mono_ms()) < 0)
			left = 0;
		n = poll(pfd, 2, (int)left);
		if (n == -1 && errno != EINTR)
			return call_fail(c, CLIENT_LOST, "poll: %s",
			    strerror(errno));
		if (n > 0 && pfd[1].revents != 0)
			return call_fail(c, CLIENT_STOPPED, "interrupted");
		if (n > 0)
			return CLIENT_OK;
		if (n == 0 && left == 0)
			return call_fail(c, CLIENT_LATE, "no answer for "
			    "%d ms", c->req->timeout_ms);
	}
}

static enum client_result
connect_fail(struct call *c)
{
	const char	*path = c->req->socket;

	switch (errno) {
	case ENOENT:
	case ENOTDIR:
		return call_fail(c, CLIENT_DOWN, "there is no socket %s",
		    path);
	case ECONNREFUSED:
		return call_fail(c, CLIENT_DOWN, "nobody listens on %s", path);
	case EACCES:
	case EPERM:
		return call_fail(c, CLIENT_DENIED, "not allowed to connect "
		    "to %s", path);
	default:
		return call_fail(c, CLIENT_LOST, "connect to %s: %s", path,
		    strerror(errno));
	}
}

/* Connect.  A Unix socket does it at once, or its backlog is full (EAGAIN). */
static enum client_result
call_connect(struct call *c)
{
	struct sockaddr_un	 sun = { .sun_family = AF_UNIX };
	size_t			 len = strlen(c->req->socket);

	if (len >= sizeof sun.sun_path)
		return call_fail(c, CLIENT_DENIED, "the path of the socket "
		    "is too long: %s", c->req->socket);
	memcpy(sun.sun_path, c->req->socket, len + 1);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd == -1)
		return call_fail(c, CLIENT_LOST, "socket: %s",
		    strerror(errno));
	while (connect(c->fd, (struct sockaddr *)&sun, sizeof sun) == -1) {
		if (errno != EAGAIN && errno != EINTR)
			return connect_fail(c);
		if (clock_mono_ms() >= c->deadline)
			return call_fail(c, CLIENT_LATE, "the daemon does "
			    "not take connections");
		usleep(BACKLOG_WAIT_MS * 1000);
	}
	return CLIENT_OK;
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

/*
 * Send everything.  A daemon that refuses a request early answers and closes
 * before it has read it all, so a broken pipe is not yet the end: the answer
 * may be there to be read.
 */
static enum client_result
call_send(struct call *c, const struct buf *b)
{
	enum client_result	 r;
	size_t			 off = 0;
	ssize_t			 n;

	while (off < b->len) {
		n = send(c->fd, b->p + off, b->len - off, MSG_NOSIGNAL);
		if (n >= 0)
			off += (size_t)n;
		else if (errno == EPIPE || errno == ECONNRESET)
			return CLIENT_OK;
		else if (errno == EAGAIN) {
			if ((r = call_wait(c, POLLOUT)) != CLIENT_OK)
				return r;
		} else if (errno != EINTR)
			return call_fail(c, CLIENT_LOST, "send: %s",
			    strerror(errno));
	}
	return CLIENT_OK;
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

static enum client_result
call_receive(struct call *c)
{
	char			 piece[16384];
	enum client_result	 r;
	enum http_result	 h = HTTP_MORE;
	ssize_t			 n;

	while (h == HTTP_MORE) {
		if ((r = call_wait(c, POLLIN)) != CLIENT_OK)
			return r;
		n = recv(c->fd, piece, sizeof piece, 0);
		if (n == -1 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return call_eof(c, n == -1);
		if (c->req->stream)
			deadline_set(c);
		h = http_feed(c->http, piece, (size_t)n);
		explicit_bzero(piece, (size_t)n);
	}
	if (h == HTTP_BAD)
		return call_fail(c, CLIENT_BAD, "%s", http_error(c->http));
	return CLIENT_OK;
}

enum client_result
client_call(const struct client_request *req, struct http_parser *http,
    char *err, size_t errlen)
{
	struct call		 c = { req, http, -1, 0, err, errlen };
	struct buf		 out = { 0 };
	enum client_result	 r;

	deadline_set(&c);
	request_format(req, &out);
	r = call_connect(&c);
	if (r == CLIENT_OK)
		r = call_send(&c, &out);
	if (r == CLIENT_OK)
		r = call_receive(&c);
	if (c.fd != -1)
		close(c.fd);
	buf_free(&out);
	return r;
}
