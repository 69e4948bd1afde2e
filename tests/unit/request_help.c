/* A worker's questions without a loop: the gate and the broker are played. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fake_time.h"
#include "request_help.h"

struct peer	*gate = (struct peer *)0x10;
struct requests	*rs;

struct one_answer	 answers[200];
int			 nanswers;
char			 asked[200][ASKED_SIZE];
int			 nasked, is_open;
static struct outbuf	 out;

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

void
ask_only(uint32_t seq, const char *what, const char *args)
{
	struct msg_ask	a = { .what = "" };

	snprintf(a.what, sizeof a.what, "%s", what);
	a.args.p = (const uint8_t *)args;
	a.args.len = strlen(args);
	requests_ask(rs, seq, &a);
}

void
ask_with(uint32_t seq, const char *what, const char *args)
{
	ask_only(seq, what, args);
	assert_int_equal(requests_write(rs), 0);
}

void
ask(uint32_t seq, const char *what)
{
	ask_with(seq, what, "");
}

void
frame(const char *text)
{
	struct frame	f;

	assert_int_equal(frame_parse(&f, text, strlen(text)), 0);
	requests_frame(rs, &f);
	frame_clear(&f);
}

int
asking_new(void **state)
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

int
asking_free(void **state)
{
	(void)state;
	requests_free(&rs);
	outbuf_clear(&out);
	return 0;
}
