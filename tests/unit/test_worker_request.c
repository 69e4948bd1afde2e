/* worker/request: every question gets one answer, within 2.5 s. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "worker/request.h"
#include "fake_time.h"

static struct peer	*gate = (struct peer *)0x10;
static struct requests	*rs;

static struct {
	uint32_t	seq;
	int64_t		status;
	char		error[REASON_SIZE], json[256];
} answers[200];
static int		nanswers;
static char		asked[200][128];
static int		nasked, is_open;
static struct outbuf	out;

int
peer_send(struct peer *to, enum msg_type type, uint32_t seq, const void *body)
{
	const struct msg_answer	*a = body;

	assert_ptr_equal(to, gate);
	assert_int_equal(type, MSG_WRK_ANSWER);
	answers[nanswers].seq = seq;
	answers[nanswers].status = a->status;
	snprintf(answers[nanswers].error, sizeof answers[0].error, "%s",
	    a->error);
	snprintf(answers[nanswers++].json, sizeof answers[0].json, "%.*s",
	    (int)a->json.len, (const char *)a->json.p);
	return 0;
}

struct outbuf *
broker_out(struct broker *b)
{
	(void)b;
	return &out;
}

void
broker_want_write(struct broker *b)
{
	(void)b;
}

int
broker_is_open(const struct broker *b)
{
	(void)b;
	return is_open;
}

int
broker_write(struct broker *b)
{
	(void)b;
	snprintf(asked[nasked++], sizeof asked[0], "%.*s", (int)out.len,
	    (char *)outbuf_data(&out));
	return 0;
}

static void
ask(uint32_t seq, const char *what)
{
	struct msg_ask	a = { .what = "" };

	snprintf(a.what, sizeof a.what, "%s", what);
	requests_ask(rs, seq, &a);
	assert_int_equal(requests_write(rs), 0);
}

static void
frame(const char *text)
{
	struct frame	f;

	assert_int_equal(frame_parse(&f, text, strlen(text)), 0);
	requests_frame(rs, &f);
	frame_clear(&f);
}

static int
setup(void **state)
{
	(void)state;
	fake_time_reset();
	nanswers = nasked = 0;
	is_open = 1;
	outbuf_init(&out);
	rs = requests_new(NULL, NULL);
	requests_gate(rs, gate);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	requests_free(&rs);
	outbuf_clear(&out);
	return 0;
}

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
	assert_int_equal(answers[0].status, 502);
	assert_string_equal(answers[0].error, "forbidden");
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
	ask(1, "kick");
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

#define T(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
