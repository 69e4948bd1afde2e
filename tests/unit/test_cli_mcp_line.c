/*
 * mcp_in.c, mcp_rpc.c: lines of the host however they are cut into pieces, and
 * whatever stands in them: each answer is one line of JSON-RPC, every request
 * that can be told has one answer, and nothing else happens.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/xalloc.h"
#include "supervisor/cli/buf.h"
#include "supervisor/cli/mcp.h"
#include "supervisor/cli/mcp_ask.h"
#include "supervisor/cli/mcp_events.h"
#include "supervisor/cli/mcp_in.h"
#include "supervisor/cli/mcp_marks.h"
#include "supervisor/cli/mcp_rpc.h"
#include "supervisor/cli/mcp_welcome.h"

/* ---- lines ---- */

static struct buf	seen;

/* Written down as "line;", or "TOO LONG;". */
static void
on_line(void *arg, const char *line, size_t len)
{
	(void)arg;
	if (line == NULL)
		buf_adds(&seen, "TOO LONG;");
	else {
		assert_int_equal(strlen(line), len);
		buf_addf(&seen, "%s;", line);
	}
}

static void
expect_lines(const char *text, size_t max, const char *want)
{
	static const size_t	 pieces[] = { 1, 3, 100000 };
	struct mcp_in		*in;
	size_t			 len = strlen(text), i, off, n;

	for (i = 0; i < sizeof pieces / sizeof *pieces; i++) {
		buf_reset(&seen);
		buf_adds(&seen, "");
		in = mcp_in_new(max, on_line, NULL);
		for (off = 0; off < len; off += n) {
			n = pieces[i] < len - off ? pieces[i] : len - off;
			mcp_in_feed(in, text + off, n);
		}
		mcp_in_end(in);
		mcp_in_end(in);
		assert_string_equal(seen.p, want);
		mcp_in_free(&in);
		assert_null(in);
	}
	buf_free(&seen);
}

static void
lines_of_every_kind(void **state)
{
	(void)state;
	expect_lines("", 10, "");
	expect_lines("a\nb\r\nc", 10, "a;b;c;");
	expect_lines("\n\r\n \t\na\n\n", 10, "a;");
	expect_lines("a\rb\r\r\n", 10, "a\rb\r;");
}

static void
lines_that_are_too_long(void **state)
{
	(void)state;
	expect_lines("12345\n123456\n1\n", 5, "12345;TOO LONG;1;");
	expect_lines("123456789 123456789", 5, "TOO LONG;");
	expect_lines("1234567\n\n7654321\n", 5, "TOO LONG;TOO LONG;");
}

/* ---- requests ---- */

/* A bridge whose daemon is nowhere, and whose host is a pipe. */
struct bridge {
	struct cli	 c;
	struct mcp	 m;
	int		 fd[2];
	struct buf	 out;
};

static void
bridge_open(struct bridge *b)
{
	memset(b, 0, sizeof *b);
	assert_int_equal(pipe2(b->fd, O_CLOEXEC | O_NONBLOCK), 0);
	b->c.socket = xstrdup("/nonexistent/daemon.sock");
	b->m.c = &b->c;
	b->m.out = mcp_out_new(b->fd[1]);
	b->m.asks = mcp_asks_new(&b->m);
	b->m.marks = mcp_marks_new(&b->m);
	b->m.events = mcp_events_new(&b->m);
	b->m.rpc = mcp_rpc_new(&b->m);
	b->m.welcome = mcp_welcome_new(&b->m);
}

static void
bridge_close(struct bridge *b)
{
	mcp_welcome_free(&b->m.welcome);
	mcp_rpc_free(&b->m.rpc);
	mcp_events_free(&b->m.events);
	mcp_marks_free(&b->m.marks);
	mcp_asks_free(&b->m.asks);
	mcp_out_free(&b->m.out);
	close(b->fd[0]);
	close(b->fd[1]);
	free(b->c.socket);
	buf_free(&b->out);
}

/* Everything that is asked is answered: no daemon means an error at once. */
static void
bridge_settle(struct bridge *b)
{
	char	 piece[4096];
	ssize_t	 n;
	int	 i;

	for (i = 0; i < 1000 && (mcp_rpc_open(b->m.rpc) > 0 ||
	    !mcp_out_is_empty(b->m.out)); i++) {
		mcp_asks_step(b->m.asks);
		assert_int_equal(mcp_out_step(b->m.out), 0);
		while ((n = read(b->fd[0], piece, sizeof piece)) > 0)
			buf_add(&b->out, piece, (size_t)n);
		assert_true(n == -1 && errno == EAGAIN);
	}
	assert_int_equal(mcp_rpc_open(b->m.rpc), 0);
	mcp_asks_step(b->m.asks);
}

/* An answer as the specification has it. */
static void
check_answer(const json_t *j)
{
	const json_t	*error = json_object_get(j, "error");
	const json_t	*id = json_object_get(j, "id");

	assert_true(json_is_object(j));
	assert_string_equal(cli_json_str(j, "jsonrpc"), "2.0");
	assert_int_equal(json_object_size(j), 3);
	if (error != NULL) {
		assert_true(json_is_integer(json_object_get(error, "code")));
		assert_non_null(cli_json_str(error, "message"));
		assert_true(json_is_string(id) || json_is_number(id) ||
		    json_is_null(id));
	} else {
		assert_true(json_is_object(json_object_get(j, "result")));
		assert_true(json_is_string(id) || json_is_number(id));
	}
}

/* How many answers there are, each checked; the output is emptied. */
static size_t
answers_take(struct bridge *b)
{
	char	*line, *next;
	size_t	 n = 0, i;
	json_t	*j, *item;

	for (line = b->out.p; line != NULL && *line != '\0'; line = next) {
		next = strchr(line, '\n');
		assert_non_null(next);
		*next++ = '\0';
		j = json_loads(line, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL,
		    NULL);
		assert_non_null(j);
		if (json_is_array(j)) {
			json_array_foreach(j, i, item)
				check_answer(item);
			n += json_array_size(j);
		} else {
			check_answer(j);
			n++;
		}
		json_decref(j);
	}
	buf_reset(&b->out);
	return n;
}

static const char *const samples[] = {
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":"
	    "{\"protocolVersion\":\"2025-03-26\"}}",
	"{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"ping\"}",
	"{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/list\"}",
	"{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"tools/call\",\"params\":"
	    "{\"name\":\"send_message\",\"arguments\":{\"to\":\"bob\","
	    "\"message\":\"hi\",\"wait\":\"sent\"}}}",
	"{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"tools/call\",\"params\":"
	    "{\"name\":\"set_state\",\"arguments\":{\"key\":\"k\","
	    "\"value\":[1,2]}}}",
	"{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"resources/read\","
	    "\"params\":{\"uri\":\"skill://meshsup/a%20b\"}}",
	"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
	    "\"params\":{\"requestId\":3}}",
	"[{\"jsonrpc\":\"2.0\",\"id\":6,\"method\":\"ping\"},"
	    "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"prompts/list\"},7]",
};
#define N_SAMPLES	(sizeof samples / sizeof *samples)

/* The last sample has three answers, the one before it has none. */
static void
samples_are_answered(void **state)
{
	struct bridge	 b;
	size_t		 i;

	(void)state;
	bridge_open(&b);
	for (i = 0; i < N_SAMPLES; i++) {
		mcp_rpc_line(b.m.rpc, samples[i], strlen(samples[i]));
		bridge_settle(&b);
		assert_int_equal(answers_take(&b), i == N_SAMPLES - 1 ? 3 :
		    i == N_SAMPLES - 2 ? 0 : 1);
	}
	bridge_close(&b);
}

/* A copy of exactly its size, so that reading behind it is seen. */
static void
line_try(struct bridge *b, const char *line, size_t len)
{
	char	*copy = xmalloc(len > 0 ? len : 1);

	memcpy(copy, line, len);
	mcp_rpc_line(b->m.rpc, copy, len);
	free(copy);
}

/* Every sample with a byte changed, cut off, or doubled. */
static void
changed_lines_do_no_harm(void **state)
{
	static const char	 values[] = { '\0', '"', '\\', '{', '}', '[',
				    ']', ':', ',', '0', '-', 'e', 'n', '\xff',
				    '\x80', '\n', ' ', '%' };
	struct bridge		 b;
	char			 line[512];
	size_t			 i, at, k, len;

	(void)state;
	bridge_open(&b);
	for (i = 0; i < N_SAMPLES; i++) {
		len = strlen(samples[i]);
		assert_true(len + 1 < sizeof line);
		for (at = 0; at < len; at++) {
			memcpy(line, samples[i], len);
			for (k = 0; k < sizeof values; k++) {
				line[at] = values[k];
				line_try(&b, line, len);
			}
			line_try(&b, samples[i], at);
			memcpy(line, samples[i], at + 1);
			memcpy(line + at + 1, samples[i] + at, len - at);
			line_try(&b, line, len + 1);
			bridge_settle(&b);
			/* The batch, with most answers, has three. */
			assert_true(answers_take(&b) <= 3 * (sizeof values +
			    2));
		}
	}
	assert_true(mcp_out_is_empty(b.m.out));
	bridge_close(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_of_every_kind),
		cmocka_unit_test(lines_that_are_too_long),
		cmocka_unit_test(samples_are_answered),
		cmocka_unit_test(changed_lines_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
