/*
 * list.c, show.c and event_line.c: what the API answers reads as words, all of
 * it, and what is of another type than it should be breaks nothing.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "supervisor/cli/event_line.h"
#include "supervisor/cli/list.h"
#include "supervisor/cli/show.h"
#include "supervisor/cli/text.h"

static json_t *
json_of(const char *text)
{
	json_t	*j = json_loads(text, JSON_DECODE_ANY, NULL);

	assert_non_null(j);
	return j;
}

static void
joined_is(const char *array, const char *want)
{
	struct buf	 b = { 0 };
	json_t		*j = json_of(array);

	list_join(&b, j, ", ");
	assert_string_equal(b.p != NULL ? b.p : "", want);
	buf_free(&b);
	json_decref(j);
}

static void
texts_and_groups_are_joined(void **state)
{
	(void)state;
	joined_is("[]", "");
	joined_is("null", "");
	joined_is("\"text\"", "");
	joined_is("[\"a\"]", "a");
	joined_is("[\"a\",\"b c\"]", "a, b c");
	joined_is("[{\"name\":\"ops\"},{\"name\":\"n\",\"role\":\"lead\"}]",
	    "@ops, @n:lead");
	joined_is("[{\"name\":\"n\",\"role\":\"\"}]", "@n");
	joined_is("[1,null,{\"x\":2},{\"name\":3}]",
	    "1, null, {\"x\":2}, {\"name\":3}");
}

static void
cells_of_nothing_are_dashes(void **state)
{
	static const char *const heads[] = { "A", "B", "C", "D", NULL };
	char		*text = NULL;
	size_t		 len;
	FILE		*f = open_memstream(&text, &len);
	struct table	*t = table_new(heads);
	json_t		*j = json_of("[\"x\\u001b\",\"y\"]");

	(void)state;
	list_cell(t, NULL, ", ");
	list_cell(t, j, "/");
	table_add_cut(t, "", 4);
	table_add_cut(t, "abcdef", 4);
	table_add_time(t, NULL);
	table_add_time(t, "2026-11-23T22:05:09.754Z");
	table_add_key(t, "0123456789abcdef0123456789abcdef"
	    "0123456789abcdef0123456789abcdef");
	table_add_key(t, "#a");
	table_end(&t, f, 0, "none");
	fclose(f);
	assert_string_equal(text,
	    "A  B                    C                 D\n"
	    "-  x\xe2\x90\x9b/y                 -                 "
	    "abc\xe2\x80\xa6\n"
	    "-  2026-11-23 22:05:09  0123456789abcdef  #a\n");
	free(text);
	json_decref(j);
}

static void
an_object_has_its_text_last(void **state)
{
	char	*text = NULL;
	size_t	 len;
	FILE	*f = open_memstream(&text, &len);
	json_t	*j = json_of("{\"name\":\"n\",\"steps\":\"a\\nb\",\"none\":null,"
		    "\"tags\":[\"t\",\"u\"],\"empty\":[],\"createdAt\":"
		    "\"2026-11-23T22:05:09Z\",\"At\":\"x\",\"n\":3,"
		    "\"mix\":[1,\"x\"]}");

	(void)state;
	show_object(f, j, "steps");
	show_object(f, NULL, NULL);
	fclose(f);
	assert_string_equal(text,
	    "name       n\n"
	    "none       -\n"
	    "tags       t, u\n"
	    "empty      -\n"
	    "createdAt  2026-11-23 22:05:09\n"
	    "At         x\n"
	    "n          3\n"
	    "mix        [1,\"x\"]\n"
	    "steps\n"
	    "    a\n"
	    "    b\n");
	free(text);
	json_decref(j);
}

static void
event_is(const char *event, const char *data, const char *want)
{
	struct buf	 b = { 0 };
	json_t		*j = json_of(data);

	event_line_text(&b, event, j);
	assert_string_equal(b.p, want);
	buf_free(&b);
	json_decref(j);
}

static void
every_event_is_a_sentence(void **state)
{
	(void)state;
	event_is("message", "{\"sender_name\":\"bob\",\"mesh\":\"m\",\"topic\":"
	    "null,\"body\":\"hi\",\"authenticated\":true,\"priority\":"
	    "\"next\"}", "bob on m: hi");
	event_is("message", "{\"sender_name\":\"bob\",\"mesh\":\"m\",\"topic\":"
	    "\"news\",\"body\":\"hi\",\"authenticated\":false,\"priority\":"
	    "\"now\",\"subtype\":\"reminder\"}",
	    "bob on m #news [unverified] [now] reminder: hi");
	event_is("peer_join", "{\"event\":\"peer_returned\",\"name\":\"bob\","
	    "\"mesh\":\"m\",\"pubkey\":\"ab\",\"groups\":[{\"name\":\"g\"}],"
	    "\"lastSeenAt\":\"2026-11-23T22:05:09Z\"}",
	    "peer_returned bob on m ab @g, last seen 2026-11-23 22:05:09");
	event_is("peer_leave", "{\"mesh\":\"m\"}", "peer_leave ? on m ");
	event_is("broker_status", "{\"mesh\":\"m\",\"status\":\"open\"}",
	    "broker of m is open");
	event_is("broker_status", "{\"mesh\":\"m\",\"status\":\"parked\","
	    "\"session\":\"s\",\"reason\":\"kicked\"}",
	    "session s on m is parked (kicked)");
	event_is("send_status", "{\"client_message_id\":\"c\",\"status\":"
	    "\"dead\",\"reason\":\"Why.\"}", "c is dead: Why.");
	event_is("gap", "{\"dropped\":3}", "3 events were left out, no "
	    "messages among them: the output was read too slowly");
	event_is("system", "{\"event\":\"tick\",\"mesh\":\"m\",\"ts\":\"t\"}",
	    "tick on m");
	event_is("system", "{\"event\":\"tick\",\"mesh\":\"m\",\"n\":1}",
	    "tick on m {\"n\":1}");
}

static void
events_of_another_shape_are_shown_too(void **state)
{
	static const char *const names[] = { "message", "peer_join",
				    "peer_leave", "broker_status",
				    "send_status", "gap", "system", "other" };
	static const char *const shapes[] = { "null", "\"x\"", "[1]", "{}",
				    "{\"mesh\":1,\"groups\":2,\"topic\":[],"
				    "\"lastSeenAt\":{},\"name\":[],"
				    "\"dropped\":\"x\",\"body\":{}}" };
	struct buf	 b = { 0 };
	json_t		*j;
	size_t		 i, k;

	(void)state;
	for (i = 0; i < sizeof names / sizeof *names; i++)
		for (k = 0; k < sizeof shapes / sizeof *shapes; k++) {
			j = json_of(shapes[k]);
			event_line_text(&b, names[i], j);
			assert_true(b.len > 0);
			buf_free(&b);
			json_decref(j);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_and_groups_are_joined),
		cmocka_unit_test(cells_of_nothing_are_dashes),
		cmocka_unit_test(an_object_has_its_text_last),
		cmocka_unit_test(every_event_is_a_sentence),
		cmocka_unit_test(events_of_another_shape_are_shown_too),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	setenv("LC_ALL", "C.UTF-8", 1);
	text_init(1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
