/*
 * mcp_schema.c, mcp_out.c: what a tool takes is what its schema says, and
 * lines to the host wait as long as they must, and no longer.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/encode.h"
#include "common/xalloc.h"
#include "supervisor/cli/mcp_out.h"
#include "supervisor/cli/mcp_tools.h"

/* ---- arguments ---- */

static void
expect(const char *tool, const char *args, const char *word)
{
	const struct tool	*t = tool_find(tool);
	json_t			*j = json_loads(args, JSON_DECODE_ANY |
				    JSON_ALLOW_NUL, NULL);
	char			 err[512] = "";
	int			 r;

	assert_non_null(t);
	assert_non_null(j);
	r = tool_check(t->args, j, err, sizeof err);
	assert_true(utf8_valid(err, strlen(err), 1));
	if (word == NULL) {
		assert_string_equal(err, "");
		assert_int_equal(r, 0);
	} else {
		assert_int_equal(r, -1);
		assert_non_null(strstr(err, word));
	}
	json_decref(j);
}

static void
arguments(void **state)
{
	char	*big;

	(void)state;
	expect("list_peers", "{}", NULL);
	expect("list_peers", "[]", "an object");
	expect("list_peers", "{\"a\":1}", "takes nothing");
	expect("send_message", "{\"to\":\"a\",\"message\":\"b\"}", NULL);
	expect("send_message", "{\"to\":\"a\",\"message\":\"b\","
	    "\"priority\":null,\"wait\":\"delivered\","
	    "\"timeout_seconds\":60}", NULL);
	expect("send_message", "{\"to\":\"a\"}", "message is missing");
	expect("send_message", "{\"to\":null,\"message\":\"b\"}",
	    "to is missing");
	expect("send_message", "{\"to\":\"a\",\"message\":\"b\","
	    "\"wait\":\"sent|delivered\"}", "one of");
	expect("send_message", "{\"to\":\"a\",\"message\":\"b\","
	    "\"wait\":\"\"}", "one of");
	expect("send_message", "{\"to\":\"a\",\"message\":\"b\","
	    "\"timeout_seconds\":1.5}", "whole number");
	expect("send_message", "{\"to\":\"a\\u0000\",\"message\":\"b\"}",
	    "without NUL");
	expect("check_messages", "{\"limit\":0}", "1 to 100");
	expect("check_messages", "{\"include_seen\":false}", NULL);
	expect("set_state", "{\"key\":\"k\",\"value\":false}", NULL);
	expect("remember", "{\"content\":\"c\",\"tags\":[\"a\",1]}", "list");
	expect("remember", "{\"content\":\"c\",\"tags\":[\"a\",\"b\"]}", NULL);
	xasprintf(&big, "{\"to\":\"%257d\",\"message\":\"b\"}", 1);
	expect("send_message", big, "1 to 256 bytes");
	free(big);
	/* What is cut is cut between characters. */
	xasprintf(&big, "{\"a%s%s\":1}", "\u00fc\u00fc\u00fc\u00fc\u00fc"
	    "\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc"
	    "\u00fc", "\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc"
	    "\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc");
	expect("list_peers", big, "\u00fc; it takes nothing");
	free(big);
	assert_null(tool_find("nothing"));
	assert_null(tool_find(""));
}

/* Every argument of a tool is in its schema, with a type that JSON has. */
static void
schemas(void **state)
{
	static const char *const names[] = { "send_message", "check_messages",
				    "remember", "set_state", "list_peers" };
	const struct tool_arg	*a;
	json_t			*j, *p;
	size_t			 i, n;

	(void)state;
	for (i = 0; i < sizeof names / sizeof *names; i++) {
		j = tool_schema(tool_find(names[i])->args);
		n = 0;
		for (a = tool_find(names[i])->args; a->name != NULL; a++) {
			p = json_object_get(json_object_get(j, "properties"),
			    a->name);
			assert_non_null(json_object_get(p, "description"));
			assert_true((json_object_get(p, "type") != NULL) ==
			    (a->type != ARG_ANY));
			n += (size_t)a->required;
		}
		assert_int_equal(json_array_size(json_object_get(j,
		    "required")), n);
		assert_true(json_is_false(json_object_get(j,
		    "additionalProperties")));
		json_decref(j);
	}
	j = tool_schema(tool_find("set_status")->args);
	p = json_object_get(json_object_get(json_object_get(j, "properties"),
	    "status"), "enum");
	assert_int_equal(json_array_size(p), 3);
	assert_string_equal(json_string_value(json_array_get(p, 2)), "dnd");
	json_decref(j);
}

/* ---- output ---- */

/* Read and drop up to max bytes; how many there were. */
static size_t
drain(int fd, size_t max)
{
	char	 piece[8192];
	size_t	 n = 0;
	ssize_t	 r;

	while (n < max && (r = read(fd, piece, max - n < sizeof piece ?
	    max - n : sizeof piece)) > 0)
		n += (size_t)r;
	return n;
}

static void
check_output(int out, int in)
{
	struct mcp_out	*o = mcp_out_new(out);
	json_t		*line = json_sprintf("%*d", 10000, 1);
	uint64_t	 pos = 0, i, total = 0;

	assert_int_equal(fcntl(in, F_SETFL, O_NONBLOCK), 0);
	assert_true(mcp_out_is_empty(o));
	for (i = 1; !mcp_out_is_full(o); i++) {
		pos = mcp_out_put(o, line);
		assert_int_equal(pos, i * 10003);
		/* Nobody reads, and it does not block. */
		assert_int_equal(mcp_out_step(o), 0);
		assert_true(i < 10000);
	}
	assert_true(mcp_out_written(o) < pos);
	while (!mcp_out_is_empty(o)) {
		total += drain(in, 5000);
		assert_int_equal(mcp_out_step(o), 0);
		assert_true(mcp_out_written(o) >= total);
	}
	total += drain(in, SIZE_MAX);
	assert_int_equal(total, pos);
	assert_int_equal(mcp_out_written(o), pos);
	/* Nobody ever will. */
	close(in);
	mcp_out_put(o, line);
	assert_int_equal(mcp_out_step(o), -1);
	mcp_out_forget(o);
	assert_true(mcp_out_is_empty(o));
	assert_true(mcp_out_put(o, line) > mcp_out_written(o));
	assert_int_equal(mcp_out_step(o), 0);
	mcp_out_free(&o);
	assert_null(o);
	json_decref(line);
	close(out);
}

static void
output_to_a_pipe(void **state)
{
	int	fd[2];

	(void)state;
	assert_int_equal(pipe(fd), 0);
	check_output(fd[1], fd[0]);
}

static void
output_to_a_socket(void **state)
{
	int	fd[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	check_output(fd[1], fd[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arguments),
		cmocka_unit_test(schemas),
		cmocka_unit_test(output_to_a_pipe),
		cmocka_unit_test(output_to_a_socket),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
