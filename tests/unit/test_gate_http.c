/*
 * HTTP as the gate takes it, through the real process: what is refused is
 * refused in JSON, and the next one is served.
 */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/channel.h"
#include "gate_world.h"

#define GET	"GET /v1/version HTTP/1.1\r\nHost: localhost\r\n\r\n"

static struct world	*w;

static int
setup(void **state)
{
	world_setup(state);
	w = *state;
	return 0;
}

static const char *
error_of(const struct answer *a)
{
	const char	*s;

	s = json_string_value(json_object_get(a->json, "error"));
	return s != NULL ? s : "";
}

/* Bytes on a connection of its own; the answer, in JSON as every one is. */
static void
raw(const char *bytes, size_t len, int status, const char *code, int closes)
{
	int		fd = client_open(w, "daemon.sock");
	struct answer	a;

	client_write(w, fd, bytes, len);
	client_read(w, fd, &a);
	if (a.status != status || strcmp(error_of(&a), code) != 0)
		fail_msg("%.60s: %d %s, not %d %s", bytes, a.status, a.body,
		    status, code);
	assert_non_null(strstr(a.head, "Content-Type: application/json"));
	if (status >= 400)
		assert_non_null(json_string_value(json_object_get(a.json,
		    "detail")));
	answer_clear(&a);
	if (closes)
		assert_true(client_is_closed(w, fd));
	close(fd);
}

#define RAW(s, status, code, closes)	raw(s, sizeof(s) - 1, status, code, \
					    closes)

/* The gate is still there, and serves. */
static void
alive(void)
{
	assert_int_equal(ask(w, "GET", "/v1/version", NULL, NULL)->status,
	    200);
}

static void
guards(void **state)
{
	(void)state;
	RAW("GET /v1/health HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403,
	    "forbidden_host", 0);
	RAW("GET /v1/health HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n"
	    "\r\n", 403, "forbidden_host", 0);
	RAW("GET http://evil/v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n",
	    403, "forbidden_host", 0);
	RAW("GET http://localhost/v1/health HTTP/1.1\r\nHost: localhost\r\n"
	    "\r\n", 200, "", 0);
	RAW("GET /v1/health HTTP/1.1\r\nHost: localhost:47823\r\n\r\n", 200,
	    "", 0);
	RAW("GET /v1/health HTTP/1.1\r\n\r\n", 200, "", 0);
	RAW("GET /v1/health HTTP/1.1\r\nHost:\r\n\r\n", 200, "", 0);
	RAW("GET /v1/health HTTP/1.1\r\nHost: localhost\r\n"
	    "Origin: http://x\r\n\r\n", 403, "forbidden_origin", 0);
	/* Guards come before paths, methods and tokens. */
	RAW("PUT /nope HTTP/1.1\r\nHost: evil\r\nAuthorization: x\r\n\r\n",
	    403, "forbidden_host", 0);
}

static void
token_in_query(void **state)
{
	(void)state;
	RAW("GET /v1/health?token=topsecret HTTP/1.1\r\nHost: localhost\r\n"
	    "\r\n", 400, "token_in_query", 0);
	RAW("GET /v1/health?a=1&%74oken=topsecret HTTP/1.1\r\n\r\n", 400,
	    "token_in_query", 0);
	world_logged(w, "token in a query");
	assert_null(strstr(w->log, "topsecret"));
}

static void
paths_and_methods(void **state)
{
	struct answer	*a;

	(void)state;
	RAW("GET /nope HTTP/1.1\r\n\r\n", 404, "not_found", 0);
	a = ask(w, "PUT", "/v1/send", NULL, NULL);
	assert_int_equal(a->status, 405);
	assert_non_null(strstr(a->head, "Allow: POST"));
	RAW("PATCH /v1/send HTTP/1.1\r\n\r\n", 405, "method_not_allowed", 0);
	RAW("OPTIONS /v1/inbox HTTP/1.1\r\n\r\n", 405, "method_not_allowed",
	    0);
	/* evhttp reads no body of these: what follows may be one. */
	RAW("FOO /v1/inbox HTTP/1.1\r\n\r\n", 405, "method_not_allowed", 1);
	RAW("TRACE /v1/inbox HTTP/1.1\r\n\r\n", 405, "method_not_allowed", 1);
	RAW("CONNECT localhost:80 HTTP/1.1\r\n\r\n", 405,
	    "method_not_allowed", 0);
	alive();
}

static void
head_has_no_body(void **state)
{
	int	 fd = client_open(w, "daemon.sock");
	char	*got;

	(void)state;
	client_write(w, fd, TEXT("HEAD /v1/version HTTP/1.1\r\n\r\n"));
	got = client_read_until(w, fd, NULL, "\r\n\r\n");
	assert_non_null(strstr(got, "HTTP/1.1 405"));
	assert_true(client_is_closed(w, fd));
	assert_string_equal(strstr(got, "\r\n\r\n"), "\r\n\r\n");
	free(got);
	close(fd);
}

static void
malformed_heads(void **state)
{
	static char	big[40000];
	int		n;

	(void)state;
	RAW("nonsense\r\n\r\n", 400, "malformed_request", 1);
	RAW("GET /v1/version HTTP/2.0\r\n\r\n", 400, "malformed_request", 1);
	RAW("GET /v1/version\r\n\r\n", 400, "malformed_request", 1);
	RAW("GET /v1/version HTTP/1.1\r\nno colon\r\n\r\n", 400,
	    "malformed_request", 1);
	RAW("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n", 400,
	    "malformed_request", 1);
	n = sprintf(big, "GET /v1/version HTTP/1.1\r\nX-Big: ");
	memset(big + n, 'x', 20000);
	strcpy(big + n + 20000, "\r\n\r\n");
	raw(big, strlen(big), 431, "headers_too_large", 1);
	/* Also without an end in sight. */
	memset(big, 'x', sizeof big);
	raw(big, sizeof big, 431, "headers_too_large", 1);
	alive();
}

static void
bodies_too_large(void **state)
{
	static char	big[300000];
	int		n;

	(void)state;
	n = sprintf(big, "POST /v1/send HTTP/1.1\r\nContent-Length: 270000"
	    "\r\n\r\n");
	memset(big + n, 'x', 270000);
	raw(big, (size_t)n + 270000, 413, "body_too_large", 1);
	/* Said before it is all there, and to whoever waits to be asked. */
	RAW("POST /v1/send HTTP/1.1\r\nContent-Length: 1000000000000\r\n\r\n",
	    413, "body_too_large", 1);
	RAW("POST /v1/send HTTP/1.1\r\nContent-Length: 270000\r\n"
	    "Expect: 100-continue\r\n\r\n", 413, "body_too_large", 1);
	/* In chunks. */
	n = sprintf(big, "POST /v1/send HTTP/1.1\r\nTransfer-Encoding: "
	    "chunked\r\n\r\n20000\r\n");
	memset(big + n, 'x', 0x20000);
	n += 0x20000;
	n += sprintf(big + n, "\r\n20000\r\n");
	memset(big + n, 'x', 0x20000);
	n += 0x20000;
	n += sprintf(big + n, "\r\n1\r\nx\r\n0\r\n\r\n");
	raw(big, (size_t)n, 413, "body_too_large", 1);
	/* Just not too large: it is read, and is no JSON. */
	n = sprintf(big, "POST /v1/send HTTP/1.1\r\nContent-Length: 262144"
	    "\r\n\r\n");
	memset(big + n, 'x', 262144);
	raw(big, (size_t)n + 262144, 400, "malformed_json", 0);
	alive();
}

/*
 * A client that writes all before it reads: its writes do not fail, so that it
 * comes to read why it was refused.
 */
static void
refused_while_writing(void **state)
{
	static char	big[1024 * 1024];
	int		fd, left, n;
	ssize_t		sent;
	struct answer	a;

	(void)state;
	fd = client_open(w, "daemon.sock");
	client_write(w, fd, TEXT("POST /v1/send HTTP/1.1\r\n"
	    "Content-Length: 1048576\r\n\r\n"));
	for (left = sizeof big, n = 0; left > 0 && n < 2000; n++) {
		sent = send(fd, big, left < 65536 ? (size_t)left : 65536,
		    MSG_NOSIGNAL);
		if (sent == -1) {
			assert_int_equal(errno, EAGAIN);
			world_pump(w, 2);
		} else
			left -= (int)sent;
	}
	assert_int_equal(left, 0);
	client_read(w, fd, &a);
	assert_int_equal(a.status, 413);
	answer_clear(&a);
	close(fd);
}

static void
malformed_bodies(void **state)
{
	(void)state;
	RAW("POST /v1/send HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "zz\r\n", 413, "body_too_large", 1);
	RAW("POST /v1/send HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "-1\r\n", 413, "body_too_large", 1);
	RAW("POST /v1/send HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400,
	    "malformed_request", 1);
	RAW("POST /v1/send HTTP/1.1\r\nContent-Length: -5\r\n\r\n", 400,
	    "malformed_request", 1);
	/* What could be read in two ways is not read at all. */
	RAW("POST /v1/send HTTP/1.1\r\nContent-Length: 2\r\n"
	    "Content-Length: 3\r\n\r\n{} ", 400, "malformed_request", 1);
	RAW("POST /v1/send HTTP/1.1\r\nContent-Length: 5\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
	    "malformed_request", 1);
	RAW("POST /v1/send HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 400,
	    "malformed_request", 1);
	RAW("POST /v1/send HTTP/1.1\r\nExpect: miracles\r\n"
	    "Content-Length: 2\r\n\r\n{}", 417, "expectation_failed", 1);
	alive();
}

static void
answers(int fd, int n, int status)
{
	struct answer	a;

	while (n-- > 0) {
		client_read(w, fd, &a);
		assert_int_equal(a.status, status);
		answer_clear(&a);
	}
}

static void
pipelined(void **state)
{
	int	fd = client_open(w, "daemon.sock");
	int	i;

	(void)state;
	for (i = 0; i < 50; i++)
		client_write(w, fd, TEXT(GET));
	answers(fd, 50, 200);
	/* Garbage behind a request is the next request. */
	client_write(w, fd, TEXT(GET "garbage\r\n\r\n" GET));
	answers(fd, 1, 200);
	answers(fd, 1, 400);
	assert_true(client_is_closed(w, fd));
	close(fd);
	alive();
}

static void
chunked_and_expected(void **state)
{
	int		 fd = client_open(w, "daemon.sock");
	struct answer	 a;
	char		*got;

	(void)state;
	client_write(w, fd, TEXT("POST /v1/send HTTP/1.1\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n1a\r\n{\"to\":\"*\",\"message\""
	    ":\"chk\"}\r\n0\r\n\r\n"));
	answers(fd, 1, 202);
	client_write(w, fd, TEXT("POST /v1/send HTTP/1.1\r\n"
	    "Expect: 100-continue\r\nContent-Length: 26\r\n\r\n"));
	got = client_read_until(w, fd, NULL, "\r\n\r\n");
	assert_string_equal(got, "HTTP/1.1 100 Continue\r\n\r\n");
	free(got);
	client_write(w, fd, TEXT("{\"to\":\"*\",\"message\":\"exp\"}"));
	client_read(w, fd, &a);
	assert_int_equal(a.status, 202);
	answer_clear(&a);
	close(fd);
}

static void
http_1_0(void **state)
{
	int		fd = client_open(w, "daemon.sock");
	struct answer	a;

	(void)state;
	client_write(w, fd, TEXT("GET /v1/health HTTP/1.0\r\n\r\n"));
	/* It may leave the length out: the end of the connection is its end. */
	client_read(w, fd, &a);
	assert_int_equal(a.status, 200);
	answer_clear(&a);
	assert_true(client_is_closed(w, fd));
	close(fd);
}

/* `printf ... | nc -U` says no more, but listens. */
static void
half_closed(void **state)
{
	static char	large[40000];
	int		fd;
	struct answer	a;
	int		i;

	(void)state;
	memset(large, 't', sizeof large - 1);
	for (i = 0; i < 40; i++)
		world_deliver(w, &w->bob, large, NULL);
	fd = client_open(w, "daemon.sock");	/* more than the kernel takes */
	ask_on(w, fd, "GET", "/v1/inbox?mark_seen=false", w->bob.auth, NULL,
	    0);
	shutdown(fd, SHUT_WR);
	client_read(w, fd, &a);
	assert_int_equal(a.status, 200);
	assert_int_equal(json_array_size(json_object_get(a.json, "items")),
	    40);
	answer_clear(&a);
	close(fd);
	for (i = 0; i < 20; i++) {
		fd = client_open(w, "daemon.sock");
		client_write(w, fd, TEXT(GET));
		shutdown(fd, SHUT_WR);
		client_read(w, fd, &a);
		assert_int_equal(a.status, 200);
		answer_clear(&a);
		close(fd);
		/* Also while it waits for the store. */
		fd = client_open(w, "daemon.sock");
		ask_on(w, fd, "POST", "/v1/send", NULL,
		    TEXT("{\"to\":\"*\",\"message\":\"x\"}"));
		shutdown(fd, SHUT_WR);
		client_read(w, fd, &a);
		assert_int_equal(a.status, 202);
		answer_clear(&a);
		close(fd);
	}
}

int
main(void)
{
#define T(f)	cmocka_unit_test_setup_teardown(f, setup, world_teardown)
	const struct CMUnitTest tests[] = {
		T(guards),
		T(token_in_query),
		T(paths_and_methods),
		T(head_has_no_body),
		T(malformed_heads),
		T(bodies_too_large),
		T(refused_while_writing),
		T(malformed_bodies),
		T(pipelined),
		T(chunked_and_expected),
		T(http_1_0),
		T(half_closed),
	};

	if (sodium_init() == -1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
