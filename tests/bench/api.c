/* HTTP over the local socket, as much of it as meshsup speaks. */

#include "tests/bench/api.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/log.h"

#define CALL_MAX_S	30

int
http_parse(struct http_answer *a, const char *buf, size_t len)
{
	static const char	 name[] = "\r\nContent-Length:";
	const char		*end, *p;

	if ((end = memmem(buf, len, "\r\n\r\n", 4)) == NULL)
		return 0;
	if (len < 12 || memcmp(buf, "HTTP/1.1 ", 9) != 0)
		return -1;
	a->status = atoi(buf + 9);
	a->body = (size_t)(end - buf) + 4;
	for (p = buf; p < end; p++)
		if (*p == '\r' && strncasecmp(p, name, sizeof name - 1) == 0)
			break;
	if (p == end)
		return -1;
	a->bodylen = (size_t)strtoul(p + sizeof name - 1, NULL, 10);
	a->len = a->body + a->bodylen;
	return len >= a->len;
}

size_t
http_request(char *buf, size_t size, const char *method, const char *path,
    const char *token, const char *body)
{
	char	auth[128] = "";
	int	n;

	if (token != NULL)
		snprintf(auth, sizeof auth,
		    "Authorization: ClaudeMesh-Session %s\r\n", token);
	if (body != NULL)
		n = snprintf(buf, size, "%s %s HTTP/1.1\r\n"
		    "Host: localhost\r\n%sContent-Type: application/json\r\n"
		    "Content-Length: %zu\r\n\r\n%s", method, path, auth,
		    strlen(body), body);
	else
		n = snprintf(buf, size, "%s %s HTTP/1.1\r\n"
		    "Host: localhost\r\n%s\r\n", method, path, auth);
	if (n < 0 || (size_t)n >= size)
		fatalx("%s %s: too long", method, path);
	return (size_t)n;
}

int
api_try_connect(const char *path)
{
	struct sockaddr_un	sun = { .sun_family = AF_UNIX };
	int			fd;

	if (strlen(path) >= sizeof sun.sun_path)
		fatalx("%s: too long for a socket", path);
	strcpy(sun.sun_path, path);
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) != -1 &&
	    connect(fd, (struct sockaddr *)&sun, sizeof sun) == -1)
		fd_close(&fd);
	return fd;
}

int
api_connect(const char *path)
{
	int	fd = api_try_connect(path);

	if (fd == -1)
		fatal("%s: connect", path);
	return fd;
}

void
api_open(struct api *a, const char *path)
{
	struct timeval	tv = { .tv_sec = CALL_MAX_S };

	a->fd = api_connect(path);
	a->len = 0;
	if (setsockopt(a->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv) == -1)
		fatal("%s: timeout", path);
}

void
api_close(struct api *a)
{
	fd_close(&a->fd);
}

int
api_call(struct api *a, const char *method, const char *path,
    const char *token, const char *body, json_t **json_r)
{
	struct http_answer	 h;
	char			 req[16384];
	size_t			 n;
	ssize_t			 got;
	int			 whole = 0;

	n = http_request(req, sizeof req, method, path, token, body);
	if (fd_write_all(a->fd, req, n) == -1)
		fatal("%s %s", method, path);
	for (a->len = 0; !whole && a->len < sizeof a->buf;
	    a->len += (size_t)got) {
		got = read(a->fd, a->buf + a->len, sizeof a->buf - a->len);
		if (got <= 0)
			fatal("%s %s: no answer", method, path);
		whole = http_parse(&h, a->buf, a->len + (size_t)got);
	}
	if (whole != 1)
		fatalx("%s %s: not understood: %.*s", method, path,
		    a->len > 200 ? 200 : (int)a->len, a->buf);
	if (json_r != NULL)
		*json_r = json_loadb(a->buf + h.body, h.bodylen, 0, NULL);
	return h.status;
}
