/*
 * http.c: one answer, however it is cut into pieces; and nothing accepted
 * that is malformed or too large.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/cli/buf.h"
#include "supervisor/cli/http.h"

static struct buf	body;

static int
on_body(void *arg, const char *p, size_t len)
{
	(void)arg;
	buf_add(&body, p, len);
	return 0;
}

/* Feed text in pieces of n bytes; the parser is the caller's to free. */
static struct http_parser *
feed(const char *text, size_t n, size_t max, enum http_result *r)
{
	struct http_parser	*p = http_new(max, on_body, NULL);
	size_t			 len = strlen(text), i;

	buf_reset(&body);
	*r = HTTP_MORE;
	for (i = 0; i < len && *r == HTTP_MORE; i += n)
		*r = http_feed(p, text + i, n < len - i ? n : len - i);
	return p;
}

/* The answer is complete, whole or byte by byte, with this body. */
static void
expect_done(const char *text, int status, const char *want)
{
	static const size_t	 pieces[] = { 1, 7, 100000 };
	struct http_parser	*p;
	enum http_result	 r;
	size_t			 i;

	for (i = 0; i < sizeof pieces / sizeof *pieces; i++) {
		p = feed(text, pieces[i], 1000, &r);
		assert_int_equal(r, HTTP_DONE);
		assert_int_equal(http_status(p), status);
		assert_int_equal(body.len, strlen(want));
		assert_memory_equal(body.len > 0 ? body.p : "", want,
		    strlen(want));
		http_free(&p);
	}
	buf_free(&body);
}

static void
expect_bad(const char *text, const char *why)
{
	static const size_t	 pieces[] = { 1, 100000 };
	struct http_parser	*p;
	enum http_result	 r;
	size_t			 i;

	for (i = 0; i < sizeof pieces / sizeof *pieces; i++) {
		p = feed(text, pieces[i], 1000, &r);
		assert_int_equal(r, HTTP_BAD);
		assert_string_equal(http_error(p), why);
		/* It stays bad. */
		assert_int_equal(http_feed(p, "x", 1), HTTP_BAD);
		assert_int_equal(http_eof(p), HTTP_BAD);
		http_free(&p);
	}
	buf_free(&body);
}

static void
body_by_length(void **state)
{
	(void)state;
	expect_done("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	    "content-LENGTH:  2 \r\n\r\n{}", 200, "{}");
	expect_done("HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n", 404, "");
	expect_done("HTTP/1.1 204 No Content\r\n\r\n", 204, "");
}

static void
body_in_chunks(void **state)
{
	(void)state;
	expect_done("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "3\r\nabc\r\n00A;ext=1\r\n0123456789\r\n0\r\n\r\n", 200,
	    "abc0123456789");
	expect_done("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "0\r\nTrailer: x\r\n\r\n", 200, "");
}

static void
interim_answers_are_skipped(void **state)
{
	(void)state;
	expect_done("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\n"
	    "Content-Length: 1\r\n\r\nx", 202, "x");
}

static void
body_to_the_end(void **state)
{
	struct http_parser	*p;
	enum http_result	 r;

	(void)state;
	p = feed("HTTP/1.0 200 OK\r\n\r\nabc", 1, 1000, &r);
	assert_int_equal(r, HTTP_MORE);
	assert_int_equal(http_eof(p), HTTP_DONE);
	assert_int_equal(body.len, 3);
	http_free(&p);
	p = feed("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc", 1, 1000,
	    &r);
	assert_int_equal(r, HTTP_MORE);
	assert_int_equal(http_eof(p), HTTP_BAD);
	http_free(&p);
	buf_free(&body);
}

static void
headers_that_matter(void **state)
{
	struct http_parser	*p;
	enum http_result	 r;

	(void)state;
	p = feed("HTTP/1.1 503 Busy\r\nRetry-After: 3\r\nContent-Type: "
	    "text/event-stream; charset=utf-8\r\nContent-Length: 0\r\n\r\n",
	    100000, 0, &r);
	assert_int_equal(http_retry_after(p), 3);
	assert_true(http_is_stream(p));
	assert_null(http_event_id(p));
	http_free(&p);
	p = feed("HTTP/1.1 200 OK\r\nLast-Event-ID: e-17\r\n"
	    "Content-Length: 0\r\n\r\n", 100000, 0, &r);
	assert_string_equal(http_event_id(p), "e-17");
	http_free(&p);
	p = feed("HTTP/1.1 200 OK\r\nRetry-After: Mon, 23 Nov 2026\r\n"
	    "Content-Type: text/event-streams\r\nContent-Length: 0\r\n\r\n",
	    100000, 0, &r);
	assert_int_equal(http_retry_after(p), -1);
	assert_false(http_is_stream(p));
	http_free(&p);
	/* No status is told before the headers are complete. */
	p = feed("HTTP/1.1 200 OK\r\nContent-", 100000, 0, &r);
	assert_int_equal(http_status(p), 0);
	assert_true(http_started(p));
	http_free(&p);
}

static void
malformed_is_refused(void **state)
{
	(void)state;
	expect_bad("SSH-2.0-OpenSSH\r\n", "not an HTTP answer");
	expect_bad("HTTP/2.0 200 OK\r\n", "not an HTTP answer");
	expect_bad("HTTP/1.1 2x0 OK\r\n", "malformed status line");
	expect_bad("HTTP/1.1 2000\r\n", "malformed status line");
	expect_bad("HTTP/1.1 200 OK\n", "a line without CR LF");
	expect_bad("HTTP/1.1 200 OK\r\n folded: x\r\n", "malformed header");
	expect_bad("HTTP/1.1 200 OK\r\nno colon\r\n", "malformed header");
	expect_bad("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n",
	    "malformed Content-Length");
	expect_bad("HTTP/1.1 200 OK\r\nContent-Length: "
	    "99999999999999999999\r\n", "malformed Content-Length");
	expect_bad("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n"
	    "Content-Length: 2\r\n", "malformed Content-Length");
	expect_bad("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n",
	    "unknown Transfer-Encoding");
	expect_bad("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
	    "Content-Length: 1\r\n\r\n", "two lengths of one body");
	expect_bad("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "x\r\n", "malformed chunk");
	expect_bad("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "123456789\r\n", "malformed chunk");
	expect_bad("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "1\r\nab\r\n", "malformed chunk");
}

/* A stream of endless headers, or of chunks past the limit of the body. */
static void
too_large_is_refused(void **state)
{
	char	*text = calloc(1, 2 * HTTP_HEAD_MAX);
	size_t	 i;

	(void)state;
	assert_non_null(text);
	expect_bad("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n",
	    "the answer is too large");
	strcpy(text, "HTTP/1.1 200 OK\r\n");
	for (i = 0; i < HTTP_HEAD_MAX / 8; i++)
		strcpy(text + 17 + i * 8, "Abc: d\r\n");
	expect_bad(text, "the headers are too large");
	strcpy(text, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (i = 0; i < 101; i++)
		strcat(text, "a\r\n0123456789\r\n");
	expect_bad(text, "the answer is too large");
	strcpy(text, "HTTP/1.1 200 OK\r\nX: ");
	memset(text + strlen(text), 'x', 10000);
	expect_bad(text, "malformed line");
	free(text);
}

static int
on_body_refuse(void *arg, const char *p, size_t len)
{
	(void)arg;
	(void)p;
	(void)len;
	return -1;
}

static void
reader_may_refuse(void **state)
{
	static const char	 text[] = "HTTP/1.1 200 OK\r\n"
				    "Content-Length: 1\r\n\r\nx";
	struct http_parser	*p = http_new(0, on_body_refuse, NULL);

	(void)state;
	assert_int_equal(http_feed(p, text, sizeof text - 1), HTTP_BAD);
	assert_string_equal(http_error(p), "the answer was refused");
	http_free(&p);
	assert_null(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(body_by_length),
		cmocka_unit_test(body_in_chunks),
		cmocka_unit_test(interim_answers_are_skipped),
		cmocka_unit_test(body_to_the_end),
		cmocka_unit_test(headers_that_matter),
		cmocka_unit_test(malformed_is_refused),
		cmocka_unit_test(too_large_is_refused),
		cmocka_unit_test(reader_may_refuse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
