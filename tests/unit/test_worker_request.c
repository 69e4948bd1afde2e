/*
 * worker/request, worker/roster: every question gets one answer, within 2.5 s;
 * a roster may be 5 s old, and is never older than what was heard since.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fake_time.h"
#include "request_help.h"

static void
answers_find_their_questions(void **state)
{
	static const char	second[] = "{\"type\":\"peers_list\","
	    "\"peers\":[],\"_reqId\":\"r2\"}";

	(void)state;
	ask(11, "list_peers");
	ask(12, "list_peers");
	assert_int_equal(nasked, 2);
	assert_string_equal(asked[1],
	    "{\"type\":\"list_peers\",\"_reqId\":\"r2\"}");
	frame(second);
	assert_int_equal(nanswers, 1);
	assert_int_equal(answers[0].seq, 12);
	assert_int_equal(answers[0].status, 0);
	assert_string_equal(answers[0].json, second);	/* as it came */
	frame(second);					/* twice is nothing */
	frame("{\"type\":\"peers_list\",\"_reqId\":\"other\"}");
	assert_int_equal(nanswers, 1);
	frame("{\"type\":\"peers_list\"}");		/* without an id */
	assert_int_equal(nanswers, 2);
	assert_int_equal(answers[1].seq, 11);
	fake_time_advance(5000, NULL);
	assert_int_equal(nanswers, 2);
}

static void
an_error_is_an_answer(void **state)
{
	(void)state;
	ask(1, "list_peers");
	ask(2, "list_peers");
	frame("{\"type\":\"error\",\"code\":\"forbidden\",\"_reqId\":\"r1\"}");
	frame("{\"type\":\"error\",\"code\":\"odd\",\"id\":\"r2\"}");
	frame("{\"type\":\"error\",\"code\":\"lost\"}");
	assert_int_equal(nanswers, 2);
	assert_int_equal(answers[0].status, 403);
	assert_string_equal(answers[0].error, "forbidden");
	assert_int_equal(answers[1].status, 502);
	assert_string_equal(answers[1].error, "odd");
}

static void
silence_is_504(void **state)
{
	(void)state;
	ask(1, "list_peers");
	fake_time_advance(1000, NULL);
	ask(2, "list_peers");
	fake_time_advance(1400, NULL);
	assert_int_equal(nanswers, 0);
	fake_time_advance(200, NULL);
	assert_int_equal(nanswers, 1);
	assert_int_equal(answers[0].status, 504);
	assert_string_equal(answers[0].error, "broker_timeout");
	fake_time_advance(1000, NULL);
	assert_int_equal(nanswers, 2);
	assert_int_equal(answers[1].seq, 2);
}

static void
no_connection_is_503(void **state)
{
	(void)state;
	ask(1, "list_peers");
	is_open = 0;
	requests_closed(rs);
	ask(2, "list_peers");
	assert_int_equal(nanswers, 2);
	assert_int_equal(answers[0].status, 503);
	assert_int_equal(answers[1].status, 503);
	assert_int_equal(nasked, 1);
}

static void
only_what_may_be_asked(void **state)
{
	(void)state;
	ask(1, "send");
	ask(2, "");
	assert_int_equal(nanswers, 2);
	assert_int_equal(answers[0].status, 501);
	assert_int_equal(nasked, 0);
}

static void
not_more_than_64(void **state)
{
	int	i;

	(void)state;
	for (i = 0; i < 100; i++)
		ask((uint32_t)i, "list_peers");
	assert_int_equal(nasked, 64);
	assert_int_equal(nanswers, 36);
	assert_int_equal(answers[0].status, 503);
}

static void
a_gate_that_is_gone_gets_nothing(void **state)
{
	(void)state;
	ask(1, "list_peers");
	requests_gate(rs, NULL);
	frame("{\"type\":\"peers_list\",\"_reqId\":\"r1\"}");
	fake_time_advance(5000, NULL);
	requests_closed(rs);
	assert_int_equal(nanswers, 0);
}

static void
a_status_of_a_message(void **state)
{
	static const char	result[] = "{\"type\":"
	    "\"message_status_result\",\"messageId\":\"abc\",\"_reqId\":"
	    "\"r2\"}";
	static const char	bare[] = "{\"type\":"
	    "\"message_status_result\",\"messageId\":\"x\\\"y\"}";

	(void)state;
	ask_with(1, "message_status", "{\"messageId\":\"x\\\"y\"}");
	ask_with(2, "message_status", "{\"messageId\":\"abc\",\"to\":1}");
	assert_string_equal(asked[0], "{\"type\":\"message_status\","
	    "\"messageId\":\"x\\\"y\",\"_reqId\":\"r1\"}");
	assert_string_equal(asked[1], "{\"type\":\"message_status\","
	    "\"messageId\":\"abc\",\"_reqId\":\"r2\"}");
	frame("{\"type\":\"peers_list\",\"_reqId\":\"r2\"}");
	assert_int_equal(nanswers, 0);
	frame(result);
	frame("{\"type\":\"message_status_result\",\"messageId\":\"q\"}");
	assert_int_equal(nanswers, 1);
	assert_int_equal(answers[0].seq, 2);
	assert_string_equal(answers[0].json, result);
	frame(bare);			/* without an id: by what it is of */
	assert_int_equal(nanswers, 2);
	assert_int_equal(answers[1].seq, 1);
}

static void
a_status_without_a_message(void **state)
{
	static const char	*bad[] = { "", "[]", "{}", "{\"messageId\":1}",
	    "{\"messageId\":\"\"}", "{\"messageId\":\"a\\u0007\"}",
	    "{\"messageId\":\"a\"", NULL };
	int	i;

	(void)state;
	for (i = 0; bad[i] != NULL; i++) {
		ask_with(1, "message_status", bad[i]);
		assert_int_equal(nanswers, i + 1);
		assert_int_equal(answers[i].status, 400);
		assert_non_null(strstr(answers[i].error,
		    "invalid_argument: "));
	}
	assert_int_equal(nasked, 0);
}

static void
what_a_broker_refuses(void **state)
{
	static const struct {
		const char	*code;
		int64_t		 status;
	} codes[] = {
		{ "not_found", 404 }, { "invalid_argument", 400 },
		{ "ambiguous_prefix", 409 }, { "no_hello", 502 },
	};
	char	text[128];
	size_t	i;

	(void)state;
	for (i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		ask_with(1, "message_status", "{\"messageId\":\"abc\"}");
		snprintf(text, sizeof text, "{\"type\":\"error\",\"code\":"
		    "\"%s\",\"_reqId\":\"r%zu\"}", codes[i].code, i + 1);
		frame(text);
		assert_int_equal(answers[i].status, codes[i].status);
		assert_string_equal(answers[i].error, codes[i].code);
	}
}

static void
a_roster_may_be_5_s_old(void **state)
{
	(void)state;
	ask(1, "roster");
	assert_string_equal(asked[0],
	    "{\"type\":\"list_peers\",\"_reqId\":\"r1\"}");
	fake_time_advance(1000, NULL);
	frame("{\"type\":\"peers_list\",\"_reqId\":\"r1\"}");
	fake_time_advance(3999, NULL);
	ask(2, "roster");
	assert_int_equal(nasked, 1);
	assert_int_equal(nanswers, 2);
	assert_int_equal(answers[1].seq, 2);
	assert_int_equal(answers[1].status, 0);
	assert_string_equal(answers[1].json, answers[0].json);
	ask(3, "list_peers");			/* is as it is now */
	assert_int_equal(nasked, 2);
	fake_time_advance(2, NULL);		/* since it was asked for */
	ask(4, "roster");
	assert_int_equal(nanswers, 2);
	frame("{\"type\":\"peers_list\",\"_reqId\":\"r2\"}");
	assert_int_equal(nanswers, 4);		/* one answer for both */
	fake_time_advance(4000, NULL);
	ask(5, "roster");			/* from what 3 brought */
	assert_int_equal(nanswers, 5);
	assert_int_equal(nasked, 2);
}

static void
a_change_makes_a_roster_old(void **state)
{
	(void)state;
	ask(1, "roster");
	frame("{\"type\":\"peers_list\",\"_reqId\":\"r1\"}");
	requests_peers_changed(rs);
	ask(2, "roster");
	assert_int_equal(nasked, 2);
	requests_peers_changed(rs);	/* the answer may not tell of it */
	frame("{\"type\":\"peers_list\",\"_reqId\":\"r2\"}");
	assert_int_equal(nanswers, 2);
	ask(3, "roster");
	assert_int_equal(nasked, 3);
	frame("{\"type\":\"peers_list\",\"_reqId\":\"r3\"}");
	ask(4, "roster");
	assert_int_equal(nasked, 3);
	requests_closed(rs);
	ask(5, "roster");
	assert_int_equal(nasked, 4);
}

static void
one_question_for_all_who_want_the_roster(void **state)
{
	uint32_t	i;

	(void)state;
	for (i = 1; i <= 10; i++)
		ask_only(i, "roster", "");
	assert_int_equal(requests_write(rs), 0);
	for (; i <= 20; i++)
		ask(i, "roster");
	assert_int_equal(nasked, 1);
	fake_time_advance(2000, NULL);
	ask(21, "roster");
	fake_time_advance(600, NULL);
	assert_int_equal(nanswers, 20);		/* 504, but for the last */
	assert_int_equal(answers[19].status, 504);
	frame("{\"type\":\"peers_list\",\"_reqId\":\"r1\"}");
	assert_int_equal(nanswers, 21);
	assert_int_equal(answers[20].seq, 21);
	assert_int_equal(answers[20].status, 0);
	fake_time_advance(2300, NULL);		/* 4.9 s since it was sent */
	ask(22, "roster");
	fake_time_advance(200, NULL);
	ask(23, "roster");
	assert_int_equal(nanswers, 22);
	assert_int_equal(nasked, 2);
}

/* One answer that is lost is not waited for for ever, by always others. */
static void
a_lost_roster_is_asked_for_again(void **state)
{
	(void)state;
	ask(1, "roster");
	fake_time_advance(2000, NULL);
	ask(2, "roster");
	assert_int_equal(nasked, 1);
	fake_time_advance(1000, NULL);
	assert_int_equal(nanswers, 1);
	ask(3, "roster");			/* 2 waits still, for r1 */
	assert_int_equal(nasked, 2);
	frame("{\"type\":\"peers_list\",\"_reqId\":\"r2\"}");
	assert_int_equal(nanswers, 2);
	assert_int_equal(answers[1].seq, 3);
}

/* What is under way may not tell of what was heard since it was asked. */
static void
a_roster_on_its_way_may_be_old(void **state)
{
	(void)state;
	ask(1, "roster");
	requests_peers_changed(rs);
	ask(2, "roster");
	assert_int_equal(nasked, 2);
	frame("{\"type\":\"peers_list\",\"_reqId\":\"r1\"}");
	assert_int_equal(nanswers, 1);
	frame("{\"type\":\"peers_list\",\"_reqId\":\"r2\"}");
	assert_int_equal(nanswers, 2);
	ask(3, "roster");
	assert_int_equal(nasked, 2);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, asking_new, asking_free)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		T(answers_find_their_questions),
		T(an_error_is_an_answer),
		T(silence_is_504),
		T(no_connection_is_503),
		T(only_what_may_be_asked),
		T(not_more_than_64),
		T(a_gate_that_is_gone_gets_nothing),
		T(a_status_of_a_message),
		T(a_status_without_a_message),
		T(what_a_broker_refuses),
		T(a_roster_may_be_5_s_old),
		T(a_change_makes_a_roster_old),
		T(one_question_for_all_who_want_the_roster),
		T(a_lost_roster_is_asked_for_again),
		T(a_roster_on_its_way_may_be_old),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
