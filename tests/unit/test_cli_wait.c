/*
 * wait.c and show.c: what a person is told of a message is what the daemon
 * said, no more and no less.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/cli/show.h"
#include "supervisor/cli/text.h"
#include "supervisor/cli/wait.h"

static json_t *
parse(const char *text)
{
	json_t	*j = json_loads(text, 0, NULL);

	assert_non_null(j);
	return j;
}

static const struct wait	until_sent = { 1, 0, 0 };
static const struct wait	until_delivered = { 1, 1, 0 };

static void
judged_by_status(void **state)
{
	static const struct {
		const char	*answer;
		enum wait_end	 sent, delivered;
	} cases[] = {
		{ "{}", WAIT_OPEN, WAIT_OPEN },
		{ "{\"status\":7}", WAIT_OPEN, WAIT_OPEN },
		{ "{\"status\":\"pending\"}", WAIT_OPEN, WAIT_OPEN },
		{ "{\"status\":\"inflight\"}", WAIT_OPEN, WAIT_OPEN },
		{ "{\"status\":\"done\"}", WAIT_REACHED, WAIT_OPEN },
		{ "{\"status\":\"done\",\"delivered\":null}", WAIT_REACHED,
		    WAIT_OPEN },
		{ "{\"status\":\"done\",\"delivered\":false}", WAIT_REACHED,
		    WAIT_OPEN },
		{ "{\"status\":\"done\",\"delivered\":true}", WAIT_REACHED,
		    WAIT_REACHED },
		{ "{\"status\":\"pending\",\"delivered\":true}", WAIT_OPEN,
		    WAIT_OPEN },
		{ "{\"status\":\"dead\"}", WAIT_MISSED, WAIT_MISSED },
		{ "{\"status\":\"aborted\"}", WAIT_MISSED, WAIT_MISSED },
	};
	json_t	*j;
	size_t	 i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		j = parse(cases[i].answer);
		assert_int_equal(wait_judge(&until_sent, j), cases[i].sent);
		assert_int_equal(wait_judge(&until_delivered, j),
		    cases[i].delivered);
		json_decref(j);
	}
}

static void
sentence_is(const struct wait *w, const char *answer, const char *want)
{
	json_t		*j = parse(answer);
	struct buf	 got = { 0 };

	wait_describe(w, j, "m1", &got);
	assert_string_equal(got.p, want);
	buf_free(&got);
	json_decref(j);
}

static void
said_as_it_is(void **state)
{
	(void)state;
	sentence_is(&until_sent, "{\"status\":\"done\"}", "sent m1");
	sentence_is(&until_sent, "{\"status\":\"done\",\"delivered\":true}",
	    "delivered m1");
	sentence_is(&until_delivered, "{\"status\":\"done\"}",
	    "sent m1; whether it was delivered is not known");
	sentence_is(&until_delivered,
	    "{\"status\":\"done\",\"delivered\":false}",
	    "sent m1, not yet delivered");
	sentence_is(&until_sent, "{}", "pending m1, not yet sent");
	sentence_is(&until_sent, "{\"status\":\"inflight\",\"attempts\":1}",
	    "inflight m1, not yet sent, 1 attempt");
	sentence_is(&until_sent, "{\"status\":\"pending\",\"attempts\":2,"
	    "\"last_error\":\"away\","
	    "\"next_attempt_at\":\"2026-11-23T22:43:14.004Z\"}",
	    "pending m1, not yet sent, 2 attempts: away; "
	    "next attempt at 2026-11-23 22:43:14");
	sentence_is(&until_sent, "{\"status\":\"dead\",\"last_error\":\"x\"}",
	    "dead m1: x");
	sentence_is(&until_sent, "{\"status\":\"dead\",\"last_error\":\"x\","
	    "\"reason\":\"Words. (x)\"}", "dead m1: Words. (x)");
	sentence_is(&until_sent, "{\"status\":\"aborted\"}", "aborted m1");
}

static void
object_is(const char *object, const char *want)
{
	json_t	*j = parse(object);
	char	*text = NULL;
	size_t	 len;
	FILE	*f = open_memstream(&text, &len);

	assert_non_null(f);
	show_object(f, j, "body");
	fclose(f);
	assert_string_equal(text, want);
	free(text);
	json_decref(j);
}

static void
objects_line_up(void **state)
{
	(void)state;
	object_is("{}", "");
	object_is("{\"body\":\"a\\n\\u001bb\\n\",\"id\":\"x\\ny\","
	    "\"attempts\":3,\"held\":true,\"seen_at\":null,\"list\":[1],"
	    "\"made_at\":\"2026-11-23T22:43:14.004Z\",\"_at\":\"z\"}",
	    "id        x\xe2\x90\x8ay\n"
	    "attempts  3\n"
	    "held      yes\n"
	    "seen_at   -\n"
	    "list      [1]\n"
	    "made_at   2026-11-23 22:43:14\n"
	    "_at       z\n"
	    "body\n"
	    "    a\n"
	    "    \xe2\x90\x9b" "b\n");
	object_is("{\"body\":null,\"a\\u001b\":false}",
	    "body  -\n"
	    "a\xe2\x90\x9b    no\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(judged_by_status),
		cmocka_unit_test(said_as_it_is),
		cmocka_unit_test(objects_line_up),
	};

	setenv("LC_ALL", "C.UTF-8", 1);
	setenv("TZ", "UTC", 1);
	text_init(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
