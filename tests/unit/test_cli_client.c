/*
 * client.c: one request over a Unix socket, against a server in a thread that
 * answers as it is told, and then closes.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sys/socket.h>
#include <sys/un.h>

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/cli/buf.h"
#include "supervisor/cli/client.h"

#define SHORT_MS	50
#define LONG_MS		10000

static char		 dir[] = "/tmp/test_cli_client.XXXXXX";
static struct sockaddr_un addr = { .sun_family = AF_UNIX };
static int		 listener = -1;
static pthread_t	 server;

/* What the server does with its one connection. */
static struct script {
	const char	*answer;	/* "" closes at once */
	size_t		 read_max;	/* it reads no more than this */
	int		 keep_open;	/* until the client closes */
	char		 request[4096];
	size_t		 len;
} script;

static void *
serve(void *arg)
{
	char	 byte;
	int	 fd = accept(listener, NULL, NULL);

	(void)arg;
	while (script.len < script.read_max &&
	    read(fd, script.request + script.len, 1) == 1) {
		script.len++;
		if (script.len >= 4 && memcmp(script.request + script.len - 4,
		    "\r\n\r\n", 4) == 0)
			break;
	}
	send(fd, script.answer, strlen(script.answer), MSG_NOSIGNAL);
	while (script.keep_open && read(fd, &byte, 1) == 1)
		;
	close(fd);
	return NULL;
}

static int
setup(void **state)
{
	(void)state;
	memset(&script, 0, sizeof script);
	script.read_max = sizeof script.request - 1;
	snprintf(addr.sun_path, sizeof addr.sun_path, "%s/s", dir);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return bind(listener, (struct sockaddr *)&addr, sizeof addr) == -1 ||
	    listen(listener, 4) == -1 ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	close(listener);
	unlink(addr.sun_path);
	return 0;
}

static int
on_body(void *arg, const char *p, size_t len)
{
	buf_add(arg, p, len);
	return 0;
}

/* Call; the status in *status_r and the body in *body. */
static enum client_result
call(struct client_request *req, int *status_r, struct buf *body)
{
	struct http_parser	*http = http_new(1000000, on_body, body);
	enum client_result	 r;
	char			 err[256] = "";

	req->socket = addr.sun_path;
	if (req->method == NULL)
		req->method = "GET";
	if (req->path == NULL)
		req->path = "/v1/x?a=b";
	if (req->timeout_ms == 0)
		req->timeout_ms = LONG_MS;
	if (req->stop_fd == 0)
		req->stop_fd = -1;
	r = client_call(req, http, err, sizeof err);
	assert_int_equal(r == CLIENT_OK, *err == '\0');
	*status_r = http_status(http);
	http_free(&http);
	return r;
}

/* Call with the server running. */
static enum client_result
served(const char *answer, struct client_request *req, int *status_r,
    struct buf *body)
{
	enum client_result	 r;

	script.answer = answer;
	assert_int_equal(pthread_create(&server, NULL, serve, NULL), 0);
	r = call(req, status_r, body);
	pthread_join(server, NULL);
	return r;
}

static void
a_request_as_it_travels(void **state)
{
	struct client_request	 req = { .method = "POST", .token = "abcd",
				    .body = "{}", .bodylen = 2 };
	struct buf		 body = { 0 };
	int			 status;

	(void)state;
	assert_int_equal(served("HTTP/1.1 202 Accepted\r\nContent-Length: 2"
	    "\r\n\r\nok", &req, &status, &body), CLIENT_OK);
	assert_int_equal(status, 202);
	assert_string_equal(body.p, "ok");
	assert_memory_equal(script.request, "POST /v1/x?a=b HTTP/1.1\r\n", 25);
	assert_non_null(strstr(script.request, "\r\nHost: localhost\r\n"));
	assert_non_null(strstr(script.request,
	    "\r\nAuthorization: ClaudeMesh-Session abcd\r\n"));
	assert_non_null(strstr(script.request, "\r\nContent-Length: 2\r\n"));
	assert_null(strstr(script.request, "Last-Event-ID"));
	buf_free(&body);
}

/* A large body is refused before it is read: the answer still counts. */
static void
an_early_refusal_is_read(void **state)
{
	char			*large = calloc(1, 2000000);
	struct client_request	 req = { .method = "POST", .body = large,
				    .bodylen = 2000000 };
	struct buf		 body = { 0 };
	int			 status;

	(void)state;
	assert_non_null(large);
	assert_int_equal(served("HTTP/1.1 413 Large\r\nContent-Length: 0\r\n"
	    "\r\n", &req, &status, &body), CLIENT_OK);
	assert_int_equal(status, 413);
	buf_free(&body);
	free(large);
}

static void
a_lost_connection_is_told_from_no_answer(void **state)
{
	struct client_request	 req = { 0 };
	struct buf		 body = { 0 };
	int			 status;

	(void)state;
	assert_int_equal(served("", &req, &status, &body), CLIENT_LOST);
	assert_int_equal(served("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"
	    "half", &req, &status, &body), CLIENT_LOST);
	assert_int_equal(served("nonsense\r\n", &req, &status, &body),
	    CLIENT_BAD);
	script.keep_open = 1;
	req.timeout_ms = SHORT_MS;
	assert_int_equal(served("HTTP/1.1 200 OK\r\n", &req, &status, &body),
	    CLIENT_LATE);
	assert_int_equal(status, 0);
	buf_free(&body);
}

static void
nobody_there(void **state)
{
	struct client_request	 req = { 0 };
	struct buf		 body = { 0 };
	int			 status;

	(void)state;
	close(listener);
	assert_int_equal(call(&req, &status, &body), CLIENT_DOWN);
	unlink(addr.sun_path);
	assert_int_equal(call(&req, &status, &body), CLIENT_DOWN);
	memset(addr.sun_path, 'x', sizeof addr.sun_path - 1);
	assert_int_equal(call(&req, &status, &body), CLIENT_DOWN);
}

/* A server that accepts nobody, until its backlog is full. */
static void
a_full_backlog_is_late(void **state)
{
	struct client_request	 req = { .timeout_ms = SHORT_MS };
	struct buf		 body = { 0 };
	int			 fds[16], i, status;

	(void)state;
	for (i = 0; i < 16; i++) {
		fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(fds[i], (struct sockaddr *)&addr, sizeof addr);
	}
	assert_int_equal(call(&req, &status, &body), CLIENT_LATE);
	for (i = 0; i < 16; i++)
		close(fds[i]);
}

static void
a_stream_ends_when_told(void **state)
{
	struct client_request	 req = { .stream = 1, .last_event_id = "e-7" };
	struct buf		 body = { 0 };
	int			 ends[2], status;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	script.keep_open = 1;
	req.stop_fd = ends[0];
	assert_int_equal(served("HTTP/1.1 200 OK\r\n\r\n", &req, &status,
	    &body), CLIENT_STOPPED);
	assert_non_null(strstr(script.request, "\r\nLast-Event-ID: e-7\r\n"));
	close(ends[0]);
	close(ends[1]);
	buf_free(&body);
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_request_as_it_travels),
		TEST(an_early_refusal_is_read),
		TEST(a_lost_connection_is_told_from_no_answer),
		TEST(nobody_there),
		TEST(a_full_backlog_is_late),
		TEST(a_stream_ends_when_told),
	};
	int	 r;

	if (mkdtemp(dir) == NULL)
		return 1;
	r = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(dir);
	return r;
}
