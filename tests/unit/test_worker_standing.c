/*
 * worker/standing, worker/request_answer: what was set of a presence is said
 * again to a new one, and only to that; answers under the names of both kinds
 * of brokers, and of brokers that echo no ids, find their questions.
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

/* A connection as this presence; how many frames it was told at once. */
static int
reopen(const char *presence)
{
	is_open = 0;
	requests_closed(rs);
	is_open = 1;
	nasked = 0;
	requests_open(rs, presence);
	assert_int_equal(requests_write(rs), 0);
	return nasked;
}

static int
was_asked(const char *text)
{
	int	i, n = 0;

	for (i = 0; i < nasked; i++)
		n += strcmp(asked[i], text) == 0;
	return n;
}

/* The answer to that question, checked. */
static void
answered(uint32_t seq, int64_t status, const char *error)
{
	int	i;

	for (i = 0; i < nanswers; i++) {
		if (answers[i].seq != seq)
			continue;
		assert_int_equal(answers[i].status, status);
		if (strstr(answers[i].error, error) == NULL)
			fail_msg("%u: %s", seq, answers[i].error);
		return;
	}
	fail_msg("%u is not answered", seq);
}

static void
said_again_to_a_new_presence(void **state)
{
	(void)state;
	assert_int_equal(reopen("p1"), 0);
	ask_with(1, "set_status", "{\"status\":\"working\"}");
	ask_with(2, "set_status", "{\"status\":\"dnd\"}");
	ask_with(3, "set_summary", "{\"summary\":\"s\"}");
	ask_with(4, "set_stats", "{\"stats\":{\"n\":1}}");
	ask_with(5, "join_group", "{\"name\":\"a\",\"role\":\"lead\"}");
	ask_with(6, "join_group", "{\"name\":\"b\"}");
	ask_with(7, "leave_group", "{\"name\":\"b\"}");
	ask_with(8, "set_state", "{\"key\":\"k\",\"value\":1}");
	assert_int_equal(nanswers, 8);		/* at once, when written */
	answered(8, 0, "");
	assert_string_equal(answers[7].json, "{}");
	ask_with(9, "set_visible", "{\"visible\":false}");
	ask_with(10, "set_profile", "{\"title\":\"t\",\"bio\":\"b\"}");
	ask_with(11, "set_profile", "{\"title\":\"u\"}");
	assert_int_equal(nanswers, 8);		/* these are acknowledged */
	frame("{\"type\":\"ack\",\"id\":\"\",\"_reqId\":\"r9\","
	    "\"queued\":false}");
	frame("{\"type\":\"ack\",\"id\":\"r10\",\"queued\":false}");
	frame("{\"type\":\"ack\",\"queued\":false}");
	answered(9, 0, "");
	answered(10, 0, "");
	answered(11, 0, "");

	assert_int_equal(reopen("p1"), 0);	/* reattached: it stands */
	assert_int_equal(reopen("p2"), 7);
	assert_int_equal(was_asked(
	    "{\"type\":\"set_status\",\"status\":\"dnd\"}"), 1);
	assert_int_equal(was_asked(
	    "{\"type\":\"set_summary\",\"summary\":\"s\"}"), 1);
	assert_int_equal(was_asked(
	    "{\"type\":\"set_stats\",\"stats\":{\"n\":1}}"), 1);
	assert_int_equal(was_asked("{\"type\":\"join_group\",\"name\":\"a\","
	    "\"role\":\"lead\"}"), 1);
	assert_int_equal(was_asked(
	    "{\"type\":\"leave_group\",\"name\":\"b\"}"), 1);
	assert_int_equal(was_asked(
	    "{\"type\":\"set_visible\",\"visible\":false}"), 1);
	assert_int_equal(was_asked("{\"type\":\"set_profile\",\"title\":\"u\","
	    "\"bio\":\"b\"}"), 1);
	assert_int_equal(reopen("p2"), 0);
	assert_int_equal(reopen(""), 7);	/* a broker that names none */
	assert_int_equal(reopen(""), 7);
}

static void
what_the_broker_refused_does_not_stand(void **state)
{
	(void)state;
	ask_with(1, "set_visible", "{\"visible\":false}");
	frame("{\"type\":\"error\",\"code\":\"forbidden\",\"message\":"
	    "\"not you\",\"_reqId\":\"r1\"}");
	answered(1, 403, "forbidden: not you");
	ask_with(2, "set_visible", "{\"visible\":false}");
	frame("{\"type\":\"ack\",\"id\":\"r2\",\"queued\":false,\"error\":"
	    "\"no\"}");
	answered(2, 502, "refused");
	ask_only(3, "set_status", "{\"status\":\"dnd\"}");
	assert_int_equal(reopen("p"), 0);	/* that was never written */
	answered(3, 503, "broker_unavailable");
}

static void
groups_are_bounded(void **state)
{
	char	args[64];
	int	i;

	(void)state;
	for (i = 0; i < 256; i++) {
		snprintf(args, sizeof args, "{\"name\":\"g%d\"}", i);
		nanswers = nasked = 0;
		ask_with(1, "join_group", args);
		answered(1, 0, "");
	}
	nanswers = nasked = 0;
	ask_with(2, "join_group", "{\"name\":\"more\"}");
	answered(2, 400, "too_many_groups");
	assert_int_equal(nasked, 0);
	ask_with(3, "leave_group", "{\"name\":\"g7\"}");
	answered(3, 0, "");
}

static void
both_names_of_answers(void **state)
{
	(void)state;
	ask_with(1, "get_state", "{\"key\":\"k\"}");
	ask_with(2, "get_state", "{\"key\":\"k\"}");
	ask_with(3, "recall", "{\"query\":\"q\"}");
	ask_with(4, "recall", "{\"query\":\"q\"}");
	frame("{\"type\":\"state_value\",\"_reqId\":\"r1\"}");
	frame("{\"type\":\"state_result\",\"_reqId\":\"r2\"}");
	frame("{\"type\":\"memory_recall_result\",\"_reqId\":\"r3\"}");
	frame("{\"type\":\"memory_results\",\"_reqId\":\"r4\"}");
	assert_int_equal(nanswers, 4);
	assert_non_null(strstr(answers[0].json, "state_value"));
	assert_non_null(strstr(answers[3].json, "memory_results"));
}

/* By what they say, else in order. */
static void
answers_without_ids(void **state)
{
	(void)state;
	ask_with(1, "get_state", "{\"key\":\"a\"}");
	ask_with(2, "get_state", "{\"key\":\"ab\"}");
	frame("{\"type\":\"state_result\",\"key\":\"ab\",\"value\":1}");
	answered(2, 0, "");
	frame("{\"type\":\"state_result\",\"key\":\"abc\",\"value\":1}");
	assert_int_equal(nanswers, 1);		/* nobody asked for that */
	frame("{\"type\":\"state_result\",\"key\":\"a\",\"value\":1}");
	answered(1, 0, "");

	ask_with(3, "topic_history", "{\"topic\":\"x\"}");
	ask_with(4, "topic_history", "{\"topic\":\"y\"}");
	frame("{\"type\":\"topic_history_response\",\"topic\":\"y\"}");
	answered(4, 0, "");
	frame("{\"type\":\"topic_history_response\",\"topic\":\"id of x\"}");
	answered(3, 0, "");

	ask_with(5, "get_skill", "{\"name\":\"s\"}");
	ask_with(6, "get_skill", "{\"name\":\"t\"}");
	frame("{\"type\":\"skill_data\",\"skill\":{\"name\":\"t\"}}");
	answered(6, 0, "");
	frame("{\"type\":\"skill_data\",\"skill\":null}");
	answered(5, 0, "");

	ask_with(7, "forget", "{\"memoryId\":\"m1\"}");
	ask_with(8, "forget", "{\"memoryId\":\"m2\"}");
	frame("{\"type\":\"ack\",\"id\":\"m2\",\"queued\":false}");
	answered(8, 0, "");
	frame("{\"type\":\"ack\",\"id\":\"other\",\"queued\":false}");
	assert_int_equal(nanswers, 7);
	frame("{\"type\":\"ack\",\"queued\":false}");
	answered(7, 0, "");
}

static void
errors_without_ids(void **state)
{
	(void)state;
	ask_with(1, "list_state", "");
	ask_with(2, "topic_members", "{\"topic\":\"t\"}");
	ask_with(3, "schedule", "{\"to\":\"*\",\"message\":\"m\","
	    "\"deliverAt\":5,\"cron\":\"x\"}");
	frame("{\"type\":\"error\",\"code\":\"invalid_cron\"}");
	answered(3, 400, "invalid_cron");
	frame("{\"type\":\"error\",\"code\":\"forbidden\"}");
	assert_int_equal(nanswers, 1);		/* one of two: nobody knows */
	frame("{\"type\":\"error\",\"code\":\"topic_not_found\"}");
	answered(2, 404, "topic_not_found");
	frame("{\"type\":\"error\",\"code\":\"odd\",\"message\":\"x\"}");
	answered(1, 502, "odd: x");
}

/* A broker may not make a sentence longer than what travels, nor break it. */
static void
long_sentences_are_cut(void **state)
{
	char	text[700] = "{\"type\":\"error\",\"code\":\"forbidden\","
		    "\"_reqId\":\"r1\",\"message\":\"";
	int	i;

	(void)state;
	for (i = 0; i < 120; i++)
		strcat(text, "\xe2\x82\xac");
	strcat(text, "\"}");
	ask(1, "list_bans");
	frame(text);
	answered(1, 403, "forbidden: \xe2\x82\xac");
	assert_true(strlen(answers[0].error) < REASON_SIZE);
	assert_int_equal((strlen(answers[0].error) -
	    strlen("forbidden: ")) % 3, 0);
}

static void
frames_have_a_limit(void **state)
{
	static char	args[70000];
	size_t		len;

	(void)state;
	/* A control character takes six bytes. */
	len = (size_t)snprintf(args, sizeof args, "{\"content\":\"");
	while (len < 65500)
		len += (size_t)snprintf(args + len, sizeof args - len,
		    "\\u0001");
	strcpy(args + len, "\"}");
	ask_with(1, "remember", args);
	answered(1, 413, "frame_too_large");
	assert_int_equal(nasked, 0);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, asking_new, asking_free)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		T(said_again_to_a_new_presence),
		T(what_the_broker_refused_does_not_stand),
		T(groups_are_bounded),
		T(both_names_of_answers),
		T(answers_without_ids),
		T(errors_without_ids),
		T(long_sentences_are_cut),
		T(frames_have_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
