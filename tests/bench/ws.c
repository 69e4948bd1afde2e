/* A bare WebSocket client. */

#include "tests/bench/ws.h"

#include <sys/socket.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/xalloc.h"

#define CHUNK		65536
#define HEADER_MAX	14
#define WAIT_MS		30000

static int
tcp_connect(int port)
{
	struct sockaddr_in	sin = { .sin_family = AF_INET };
	int			fd, one = 1;

	sin.sin_port = htons((uint16_t)port);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if ((fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1 ||
	    connect(fd, (struct sockaddr *)&sin, sizeof sin) == -1 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == -1)
		fatal("broker: connect");
	return fd;
}

/* The answer to the upgrade; what follows it stays in the buffer. */
static void
ws_upgraded(struct ws *w)
{
	const char	*end = NULL;
	ssize_t		 n;

	while (end == NULL && w->inlen < w->incap) {
		n = read(w->fd, w->in + w->inlen, w->incap - w->inlen);
		if (n <= 0)
			fatal("broker: upgrade");
		w->inlen += (size_t)n;
		end = memmem(w->in, w->inlen, "\r\n\r\n", 4);
	}
	if (end == NULL || memcmp(w->in, "HTTP/1.1 101", 12) != 0)
		fatalx("broker: no upgrade");
	w->inoff = (size_t)((const uint8_t *)end - w->in) + 4;
}

void
ws_open(struct ws *w, int port)
{
	char	req[256];
	int	n;

	memset(w, 0, sizeof *w);
	w->fd = tcp_connect(port);
	w->incap = 2 * CHUNK;
	w->in = xmalloc(w->incap);
	n = snprintf(req, sizeof req, "GET /ws HTTP/1.1\r\n"
	    "Host: 127.0.0.1:%d\r\nUpgrade: websocket\r\n"
	    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
	    "Sec-WebSocket-Key: bWVzaHN1cCBiZW5jaCBrZQ==\r\n\r\n", port);
	if (fd_write_all(w->fd, req, (size_t)n) == -1)
		fatal("broker: upgrade");
	ws_upgraded(w);
	if (fd_nonblock(w->fd) == -1)
		fatal("broker: connection");
}

void
ws_close(struct ws *w)
{
	fd_close(&w->fd);
	free(w->in);
	free(w->out);
	w->in = w->out = NULL;
}

void
ws_put(struct ws *w, int op, const void *data, size_t len)
{
	uint8_t	*p;

	if (w->outlen + len + HEADER_MAX > w->outcap) {
		w->outcap = 2 * (w->outlen + len + HEADER_MAX);
		w->out = xreallocarray(w->out, w->outcap, 1);
	}
	p = w->out + w->outlen;
	*p++ = (uint8_t)(0x80 | op);
	if (len > 65535)
		fatalx("frame: too long");
	if (len < 126)
		*p++ = (uint8_t)(0x80 | len);
	else {
		*p++ = 0x80 | 126;
		*p++ = (uint8_t)(len >> 8);
		*p++ = (uint8_t)len;
	}
	memset(p, 0, 4);		/* the mask that changes nothing */
	memcpy(p + 4, data, len);
	w->outlen = (size_t)(p - w->out) + 4 + len;
}

int
ws_pending(const struct ws *w)
{
	return w->outoff < w->outlen;
}

void
ws_flush(struct ws *w)
{
	ssize_t	n;

	while (ws_pending(w)) {
		n = write(w->fd, w->out + w->outoff, w->outlen - w->outoff);
		if (n == -1 && errno == EAGAIN)
			return;
		if (n == -1)
			fatal("broker: write");
		w->outoff += (size_t)n;
	}
	w->outlen = w->outoff = 0;
}

void
ws_read(struct ws *w)
{
	ssize_t	n;

	if (w->inoff > 0) {
		memmove(w->in, w->in + w->inoff, w->inlen - w->inoff);
		w->inlen -= w->inoff;
		w->inoff = 0;
	}
	if (w->incap - w->inlen < CHUNK) {
		w->incap += CHUNK;
		w->in = xreallocarray(w->in, w->incap, 1);
	}
	n = read(w->fd, w->in + w->inlen, w->incap - w->inlen);
	if (n == -1 && errno == EAGAIN)
		return;
	if (n <= 0)
		fatal("broker: connection lost");
	w->inlen += (size_t)n;
}

/* Length of the header, and of what follows; 0: not yet there. */
static size_t
frame_header(const uint8_t *p, size_t left, uint64_t *len_r)
{
	size_t	i, n;

	if (left < 2)
		return 0;
	if (!(p[0] & 0x80) || (p[1] & 0x80))
		fatalx("broker: a frame in pieces, or masked");
	n = p[1] == 126 ? 2 : p[1] == 127 ? 8 : 0;
	*len_r = p[1];
	if (left < 2 + n)
		return 0;
	for (i = 0; i < n; i++)
		*len_r = i == 0 ? p[2] : *len_r << 8 | p[2 + i];
	return 2 + n;
}

int
ws_next(struct ws *w, struct ws_frame *f)
{
	const uint8_t	*p;
	uint64_t	 len;
	size_t		 head;

	for (;;) {
		p = w->in + w->inoff;
		head = frame_header(p, w->inlen - w->inoff, &len);
		if (head == 0 || w->inlen - w->inoff - head < len)
			return 0;
		f->op = p[0] & 0x0f;
		f->data = p + head;
		f->len = (size_t)len;
		w->inoff += head + f->len;
		if (f->op == WS_CLOSE)
			fatalx("broker: closed (%.*s)",
			    f->len > 2 ? (int)f->len - 2 : 0, f->data + 2);
		if (f->op != WS_PING)
			return 1;
		ws_put(w, WS_PONG, f->data, f->len);
		ws_flush(w);
	}
}

void
ws_wait(struct ws *w, struct ws_frame *f)
{
	int64_t		 deadline = clock_mono_ms() + WAIT_MS;
	struct pollfd	 p = { .fd = w->fd };

	while (!ws_next(w, f)) {
		if (clock_mono_ms() > deadline)
			fatalx("broker: nothing within %d s", WAIT_MS / 1000);
		ws_flush(w);
		p.events = (short)(POLLIN | (ws_pending(w) ? POLLOUT : 0));
		if (poll(&p, 1, 1000) > 0 && (p.revents & ~POLLOUT))
			ws_read(w);
	}
}
