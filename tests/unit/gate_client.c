/* The clients of the gate's world. */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "gate_world.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <netinet/in.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/xalloc.h"

/* Bytes that came with an answer and belong to the next one, by descriptor. */
static struct {
	char	*buf;
	size_t	 len;
}	rest[1024];

int
client_open(struct world *w, const char *name)
{
	struct sockaddr_un	 un = { .sun_family = AF_UNIX };
	struct sockaddr_in	 in = { .sin_family = AF_INET };
	int			 fd;

	if (name == NULL) {
		in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		in.sin_port = htons((uint16_t)w->tcp_port);
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(connect(fd, (struct sockaddr *)&in,
		    sizeof in), 0);
	} else {
		snprintf(un.sun_path, sizeof un.sun_path, "%s/%s", w->dir,
		    name);
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(connect(fd, (struct sockaddr *)&un,
		    sizeof un), 0);
	}
	fcntl(fd, F_SETFL, O_NONBLOCK);
	free(rest[fd].buf);		/* of who had this number before */
	rest[fd].buf = NULL;
	rest[fd].len = 0;
	return fd;
}

/* As much as the other side takes: it may have closed, and said why. */
void
client_write(struct world *w, int fd, const void *data, size_t len)
{
	const char	*p = data;
	int64_t		 until = clock_mono_ms() + WORLD_MS;
	ssize_t		 n;

	while (len > 0 && clock_mono_ms() < until) {
		n = send(fd, p, len, MSG_NOSIGNAL);
		if (n == -1 && errno != EAGAIN)
			return;
		if (n == -1) {
			world_pump(w, 5);
			continue;
		}
		p += n;
		len -= (size_t)n;
	}
}

/* More bytes at the end of *buf.  0: closed; -1: nothing within ms. */
static ssize_t
client_more(struct world *w, int fd, char **buf, size_t *len, int ms)
{
	int64_t	until = clock_mono_ms() + ms;
	ssize_t	n;

	*buf = xreallocarray(*buf, *len + 65537, 1);
	(*buf)[*len] = '\0';
	for (;;) {
		n = recv(fd, *buf + *len, 65536, 0);
		if (n >= 0 || errno != EAGAIN)
			break;
		if (clock_mono_ms() > until)
			return -1;
		world_poll(w, 20, fd);
	}
	if (n < 0)
		n = 0;			/* reset: closed, too */
	*len += (size_t)n;
	(*buf)[*len] = '\0';
	return n;
}

static size_t
content_length(const char *head)
{
	const char	*p = strcasestr(head, "\r\nContent-Length:");

	return p != NULL ? strtoul(p + 17, NULL, 10) : 0;
}

/* Is there a whole answer in front?  Its parts are then set. */
static int
answer_take(struct answer *a, char **buf, size_t *len)
{
	char	*end = *buf != NULL ? strstr(*buf, "\r\n\r\n") : NULL;
	size_t	 head, body;

	if (end == NULL)
		return 0;
	if (strncmp(*buf, "HTTP/1.1 100", 12) == 0) {
		head = (size_t)(end + 4 - *buf);
		memmove(*buf, *buf + head, *len - head + 1);
		*len -= head;
		return answer_take(a, buf, len);
	}
	head = (size_t)(end + 4 - *buf);
	body = content_length(*buf);
	if (*len < head + body)
		return 0;
	a->head = xstrndup(*buf, head);
	a->body = xstrndup(*buf + head, body);
	a->len = body;
	a->status = atoi(*buf + 9);
	a->json = json_loads(a->body, JSON_DECODE_ANY, NULL);
	return 1;
}

void
client_read(struct world *w, int fd, struct answer *a)
{
	char	*buf = rest[fd].buf;
	size_t	 len = rest[fd].len, used;
	int64_t	 until = clock_mono_ms() + WORLD_MS;

	memset(a, 0, sizeof *a);
	rest[fd].buf = NULL;
	rest[fd].len = 0;
	while (!answer_take(a, &buf, &len)) {
		if (clock_mono_ms() > until)
			fail_msg("no answer; so far: %s; the gate's log:\n%s",
			    buf != NULL ? buf : "", w->log != NULL ? w->log :
			    "");
		if (client_more(w, fd, &buf, &len, 100) == 0)
			break;
	}
	if (a->status != 0) {
		used = strlen(a->head) + a->len;
		if (len > used) {
			rest[fd].buf = xmalloc(len - used + 1);
			memcpy(rest[fd].buf, buf + used, len - used + 1);
			rest[fd].len = len - used;
		}
	}
	free(buf);
}

void
answer_clear(struct answer *a)
{
	free(a->head);
	free(a->body);
	json_decref(a->json);
	memset(a, 0, sizeof *a);
}

char *
client_read_until(struct world *w, int fd, char *have, const char *needle)
{
	size_t	len = have != NULL ? strlen(have) : 0;
	int64_t	until = clock_mono_ms() + WORLD_MS;

	while (have == NULL || strstr(have, needle) == NULL) {
		if (clock_mono_ms() > until ||
		    client_more(w, fd, &have, &len, 100) == 0)
			fail_msg("'%s' did not come; but: %s", needle,
			    have != NULL ? have : "");
	}
	return have;
}

int
client_is_closed(struct world *w, int fd)
{
	int64_t	 until = clock_mono_ms() + WORLD_MS;
	char	*buf = NULL;
	size_t	 len = 0;
	ssize_t	 n;

	do
		n = client_more(w, fd, &buf, &len, 100);
	while (n != 0 && clock_mono_ms() < until);
	free(buf);
	return n == 0;
}

void
ask_on(struct world *w, int fd, const char *method, const char *path,
    const char *headers, const void *body, size_t len)
{
	char	head[4096];
	int	n;

	n = snprintf(head, sizeof head, "%s %s HTTP/1.1\r\n"
	    "Host: localhost\r\n%s", method, path,
	    headers != NULL ? headers : "");
	if (body != NULL)
		n += snprintf(head + n, sizeof head - (size_t)n,
		    "Content-Length: %zu\r\n", len);
	n += snprintf(head + n, sizeof head - (size_t)n, "\r\n");
	client_write(w, fd, head, (size_t)n);
	if (body != NULL)
		client_write(w, fd, body, len);
}

static struct answer	last;

struct answer *
ask(struct world *w, const char *method, const char *path,
    const char *headers, const char *body)
{
	int	fd = client_open(w, "daemon.sock");

	answer_clear(&last);
	ask_on(w, fd, method, path, headers, body,
	    body != NULL ? strlen(body) : 0);
	client_read(w, fd, &last);
	close(fd);
	return &last;
}

const char *
said(const char *name)
{
	const char	*s;

	s = json_string_value(json_object_get(last.json, name));
	return s != NULL ? s : "";
}

void
expect(const struct answer *a, int status, const char *code)
{
	if (a->status != status || strcmp(said("error"), code) != 0)
		fail_msg("%d %s %s, not %d %s", a->status, said("error"),
		    a->body, status, code);
}

size_t
items(const struct answer *a, const char *name)
{
	if (a->status != 200)
		fail_msg("%d %s", a->status, a->body);
	return json_array_size(json_object_get(a->json, name));
}

const char *
item(const struct answer *a, size_t i, const char *name)
{
	const char	*s;

	s = json_string_value(json_object_get(json_array_get(
	    json_object_get(a->json, "items"), i), name));
	return s != NULL ? s : "(null)";
}
