/*
 * worker/request_kind: nothing but the words and fields of the table gets into
 * a frame, each of its type and within its limits; what is wrong is named.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/request_kind.h"

static char	why[256];

/* The frame as text, or NULL. */
static char *
frame_of(const char *what, const char *args)
{
	const struct kind	*k = kind_find(what);
	json_t			*o = json_loads(args, 0, NULL), *frame;
	char			*text;

	assert_non_null(k);
	*why = '\0';
	frame = kind_frame(k, o, why, sizeof why);
	text = frame != NULL ? json_dumps(frame, JSON_COMPACT) : NULL;
	json_decref(frame);
	json_decref(o);
	return text;
}

static void
makes(const char *what, const char *args, const char *frame)
{
	char	*text = frame_of(what, args);

	if (text == NULL)
		fail_msg("%s %s: %s", what, args, why);
	assert_string_equal(text, frame);
	free(text);
}

/* Refused, for this field. */
static void
refuses(const char *what, const char *args, const char *field)
{
	char	*text = frame_of(what, args);

	if (text != NULL)
		fail_msg("%s %s is taken", what, args);
	if (strstr(why, field) == NULL)
		fail_msg("%s %s: %s", what, args, why);
}

static void
frames_have_what_the_table_has(void **state)
{
	(void)state;
	makes("list_state", "{\"key\":1}", "{\"type\":\"list_state\"}");
	makes("roster", "{}", "{\"type\":\"list_peers\"}");
	makes("set_status", "{\"status\":\"dnd\",\"type\":\"ban\",\"_reqId\":"
	    "\"x\"}", "{\"type\":\"set_status\",\"status\":\"dnd\"}");
	makes("set_summary", "{\"summary\":\"\"}",
	    "{\"type\":\"set_summary\",\"summary\":\"\"}");
	makes("set_state", "{\"key\":\"k\",\"value\":false}",
	    "{\"type\":\"set_state\",\"key\":\"k\",\"value\":false}");
	makes("set_state", "{\"key\":\"k\",\"value\":[null,1.5]}",
	    "{\"type\":\"set_state\",\"key\":\"k\",\"value\":[null,1.5]}");
	makes("remember", "{\"content\":\"a\\nb\",\"tags\":[\"t\"]}",
	    "{\"type\":\"remember\",\"content\":\"a\\nb\",\"tags\":[\"t\"]}");
	makes("topic_history", "{\"topic\":\"t\",\"limit\":200,\"beforeId\":"
	    "null}",
	    "{\"type\":\"topic_history\",\"topic\":\"t\",\"limit\":200}");
	makes("set_profile", "{\"bio\":\"\",\"capabilities\":[]}",
	    "{\"type\":\"set_profile\",\"bio\":\"\",\"capabilities\":[]}");
	makes("kick", "{\"stale\":true}", "{\"type\":\"kick\",\"stale\":true}");
	makes("kick", "{\"stale\":5,\"all\":true}",
	    "{\"type\":\"kick\",\"stale\":5,\"all\":true}");
	makes("share_skill", "{\"name\":\"n\",\"description\":\"\","
	    "\"instructions\":\"i\",\"manifest\":[]}", "{\"type\":"
	    "\"share_skill\",\"name\":\"n\",\"description\":\"\","
	    "\"instructions\":\"i\",\"manifest\":[]}");
}

static void
what_is_wrong_is_named(void **state)
{
	(void)state;
	refuses("get_state", "{}", "'key'");
	refuses("get_state", "{\"key\":null}", "'key'");
	refuses("get_state", "{\"key\":\"\"}", "'key'");
	refuses("get_state", "{\"key\":7}", "'key'");
	refuses("get_state", "{\"key\":\"a\\nb\"}", "control");
	refuses("set_state", "{\"key\":\"k\"}", "'value'");
	refuses("set_state", "{\"key\":\"k\",\"value\":null}", "null");
	refuses("set_status", "{\"status\":\"busy\"}", "idle working dnd");
	refuses("set_status", "{\"status\":\"idl\"}", "'status'");
	refuses("set_status", "{\"status\":\"idle working\"}", "'status'");
	refuses("set_visible", "{\"visible\":1}", "'visible'");
	refuses("set_stats", "{\"stats\":[]}", "an object");
	refuses("set_profile", "{\"avatar\":\"ok\",\"capabilities\":\"x\"}",
	    "'capabilities'");
	refuses("set_profile", "{\"capabilities\":[\"\"]}", "'capabilities'");
	refuses("set_profile", "{\"capabilities\":[1]}", "'capabilities'");
	refuses("topic_history", "{\"topic\":\"t\",\"limit\":0}", "'limit'");
	refuses("topic_history", "{\"topic\":\"t\",\"limit\":201}", "200");
	refuses("topic_history", "{\"topic\":\"t\",\"limit\":1.0}", "'limit'");
	refuses("topic_history", "{\"topic\":\"t\",\"limit\":true}",
	    "'limit'");
	refuses("schedule", "{\"to\":\"*\",\"message\":\"m\"}",
	    "'deliverAt'");
	refuses("kick", "{\"stale\":false}", "or true");
	refuses("kick", "{\"all\":\"yes\"}", "'all'");
}

/* Exactly at a limit, and one past it. */
static void
limits_are_exact(void **state)
{
	static char	args[70000];
	char		*text;
	size_t		 len;

	(void)state;
	len = (size_t)snprintf(args, sizeof args, "{\"key\":\"");
	memset(args + len, 'k', 257);
	strcpy(args + len + 256, "\"}");
	assert_non_null(text = frame_of("get_state", args));
	free(text);
	memset(args + len, 'k', 257);
	strcpy(args + len + 257, "\"}");
	refuses("get_state", args, "256");
	len = (size_t)snprintf(args, sizeof args, "{\"content\":\"");
	memset(args + len, 'c', 60001);
	strcpy(args + len + 60000, "\"}");
	assert_non_null(text = frame_of("remember", args));
	free(text);
	memset(args + len, 'c', 60001);
	strcpy(args + len + 60001, "\"}");
	refuses("remember", args, "60000");
}

static void
nothing_else_can_be_asked(void **state)
{
	static const char	*const no[] = { "", "send", "hello", "client_ack",
	    "session_hello", "List_peers", "list_peers " };
	size_t			i;

	(void)state;
	for (i = 0; i < sizeof no / sizeof *no; i++)
		assert_null(kind_find(no[i]));
}

static void
errors_have_a_status(void **state)
{
	(void)state;
	assert_int_equal(kind_error_status("forbidden"), 403);
	assert_int_equal(kind_error_status("topic_not_found"), 404);
	assert_int_equal(kind_error_status("invalid_cron"), 400);
	assert_int_equal(kind_error_status("limit_exceeded"), 409);
	assert_int_equal(kind_error_status("anything"), 502);
	assert_int_equal(kind_error_fits("invalid_cron",
	    kind_find("schedule")), 1);
	assert_int_equal(kind_error_fits("invalid_cron", kind_find("kick")),
	    0);
	assert_int_equal(kind_error_fits("not_found", kind_find("ban")), 1);
	assert_int_equal(kind_error_fits("not_found", kind_find("unban")), 1);
	assert_int_equal(kind_error_fits("odd", kind_find("kick")), -1);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(frames_have_what_the_table_has),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(limits_are_exact),
		cmocka_unit_test(nothing_else_can_be_asked),
		cmocka_unit_test(errors_have_a_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
