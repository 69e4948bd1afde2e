/* sse.c: events however they are cut into pieces, and bounded. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/cli/buf.h"
#include "supervisor/cli/sse.h"

static struct buf	seen;
static int		refuse;

/* Written down as "event|id|data;". */
static int
on_event(void *arg, const struct sse_event *ev)
{
	(void)arg;
	assert_int_equal(strlen(ev->data), ev->len);
	buf_addf(&seen, "%s|%s|%s;", ev->event, ev->id != NULL ? ev->id : "-",
	    ev->data);
	return refuse ? -1 : 0;
}

static int
setup(void **state)
{
	(void)state;
	refuse = 0;
	buf_adds(&seen, "");
	buf_reset(&seen);
	return 0;
}

static void
expect(const char *text, const char *want, const char *last_id)
{
	static const size_t	 pieces[] = { 1, 2, 5, 100000 };
	struct sse		*s;
	size_t			 len = strlen(text), i, off, n;

	for (i = 0; i < sizeof pieces / sizeof *pieces; i++) {
		buf_reset(&seen);
		buf_adds(&seen, "");
		s = sse_new(on_event, NULL);
		for (off = 0; off < len; off += n) {
			n = pieces[i] < len - off ? pieces[i] : len - off;
			assert_int_equal(sse_feed(s, text + off, n), 0);
		}
		assert_string_equal(seen.p, want);
		if (last_id == NULL)
			assert_null(sse_last_id(s));
		else
			assert_string_equal(sse_last_id(s), last_id);
		sse_free(&s);
		assert_null(s);
	}
}

static void
a_stream_of_the_daemon(void **state)
{
	(void)state;
	expect(": connected\n\nid: e-1\nevent: message\ndata: {\"a\":1}\n\n"
	    ": keepalive\n\nevent: peer_join\ndata: {}\n\n",
	    "message|e-1|{\"a\":1};peer_join|-|{};", "e-1");
}

static void
line_ends_of_every_kind(void **state)
{
	(void)state;
	expect("data: a\r\n\r\ndata: b\r\rdata: c\n\n",
	    "message|-|a;message|-|b;message|-|c;", NULL);
}

static void
fields_as_specified(void **state)
{
	(void)state;
	expect("data:  two blanks\ndata\ndata:x:y\nunknown: z\n\n",
	    "message|-| two blanks\n\nx:y;", NULL);
	/* Without data it is no event, but its id counts. */
	expect("id: 7\nevent: e\n\ndata: d\n\n", "message|-|d;", "7");
	/* An unfinished one is none. */
	expect("data: d\n", "", NULL);
	expect("\xef\xbb\xbf" "data: d\n\n", "message|-|d;", NULL);
	/* An id that could not travel in a header is no id. */
	expect("id: a b\ndata: d\n\n", "message|-|d;", NULL);
	expect("id: \x01\ndata: d\n\n", "message|-|d;", NULL);
}

static void
reset_drops_the_unfinished(void **state)
{
	struct sse	*s = sse_new(on_event, NULL);

	(void)state;
	assert_int_equal(sse_feed(s, "id: 1\ndata: a\n\nid: 2\ndata: lo", 29),
	    0);
	sse_reset(s);
	assert_string_equal(sse_last_id(s), "1");
	assert_int_equal(sse_feed(s, "data: b\n\n", 9), 0);
	assert_string_equal(seen.p, "message|1|a;message|-|b;");
	sse_free(&s);
}

/* What could not be written must come again. */
static void
refused_event_keeps_the_id_before(void **state)
{
	struct sse	*s = sse_new(on_event, NULL);

	(void)state;
	assert_int_equal(sse_set_last_id(s, "0"), 0);
	refuse = 1;
	assert_int_equal(sse_feed(s, "id: 1\ndata: a\n\n", 15), -1);
	assert_string_equal(sse_last_id(s), "0");
	sse_free(&s);
}

static void
last_id_is_checked(void **state)
{
	struct sse	*s = sse_new(on_event, NULL);
	char		 id[SSE_ID_MAX + 2];

	(void)state;
	assert_int_equal(sse_set_last_id(s, "a\r\nX: y"), -1);
	assert_int_equal(sse_set_last_id(s, "\xc3\xa9"), -1);
	memset(id, 'i', sizeof id - 1);
	id[sizeof id - 1] = '\0';
	assert_int_equal(sse_set_last_id(s, id), -1);
	id[SSE_ID_MAX] = '\0';
	assert_int_equal(sse_set_last_id(s, id), 0);
	sse_free(&s);
}

/* Neither one endless line nor endless lines grow without limit. */
static void
too_large_is_refused(void **state)
{
	static char	 piece[65536];
	struct sse	*s = sse_new(on_event, NULL);
	size_t		 total = 0;

	(void)state;
	memset(piece, 'x', sizeof piece);
	while (sse_feed(s, piece, sizeof piece) == 0) {
		total += sizeof piece;
		assert_true(total <= SSE_EVENT_MAX);
	}
	sse_free(&s);
	s = sse_new(on_event, NULL);
	memcpy(piece, "data: ", 6);
	piece[sizeof piece - 1] = '\n';
	for (total = 0; sse_feed(s, piece, sizeof piece) == 0; ) {
		total += sizeof piece;
		assert_true(total <= SSE_EVENT_MAX);
	}
	sse_free(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_stream_of_the_daemon, setup),
		cmocka_unit_test_setup(line_ends_of_every_kind, setup),
		cmocka_unit_test_setup(fields_as_specified, setup),
		cmocka_unit_test_setup(reset_drops_the_unfinished, setup),
		cmocka_unit_test_setup(refused_event_keeps_the_id_before,
		    setup),
		cmocka_unit_test_setup(last_id_is_checked, setup),
		cmocka_unit_test_setup(too_large_is_refused, setup),
	};
	int	 r = cmocka_run_group_tests(tests, NULL, NULL);

	buf_free(&seen);
	return r;
}
