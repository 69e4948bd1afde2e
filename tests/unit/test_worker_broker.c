/*
 * worker/broker: the life of a connection, with a WebSocket that the test
 * plays: what is asked from the supervisor and when, what is told it, how long
 * it waits.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "worker/broker.h"
#include "worker/ws.h"
#include "fake_time.h"

static struct self	 self;
static struct broker	*b;

/* ---- the WebSocket ---- */

static const struct ws_cbs *ws_cbs;
static void		*ws_arg;
static int		 up, connects, paused;
static char		 addr[64], closed_why[128], hello[2000];
static struct attestation attested;

struct ws *
ws_new(struct lws_context *ctx, struct lws_vhost *vh, const char *host,
    uint32_t port, int tls, const struct ws_cbs *cbs, void *arg)
{
	(void)ctx, (void)vh, (void)host, (void)port, (void)tls;
	ws_cbs = cbs;
	ws_arg = arg;
	return NULL;
}

void
ws_free(struct ws **ws)
{
	(void)ws;
}

void
ws_connect(struct ws *ws, const char *to, uint32_t port)
{
	(void)ws;
	assert_false(up);
	snprintf(addr, sizeof addr, "%s %u", to, port);
	up = 1;
	paused = 0;
	connects++;
}

int
ws_send(struct ws *ws, struct outbuf *o)
{
	(void)ws;
	snprintf(hello, sizeof hello, "%.*s", (int)o->len,
	    (char *)outbuf_data(o));
	return 0;
}

static int	want;
static const char *farewell;

void
ws_want_write(struct ws *ws)
{
	(void)ws;
	want = 1;
}

void
ws_pause(struct ws *ws, int on)
{
	(void)ws;
	paused = on;
}

/* The end, as the other side or ws_close() brings it. */
static void
end(int code, const char *reason)
{
	up = 0;
	ws_cbs->closed(ws_arg, code, reason);
}

void
ws_close(struct ws *ws, int code, const char *reason)
{
	(void)ws;
	(void)code;
	snprintf(closed_why, sizeof closed_why, "%s", reason);
}

void
ws_farewell(struct ws *ws, const char *text)
{
	(void)ws;
	farewell = text;
}

int
ws_is_down(const struct ws *ws)
{
	(void)ws;
	return !up;
}

int
ws_callback(struct ws *ws, struct lws *wsi, enum lws_callback_reasons reason,
    void *in, size_t len)
{
	(void)ws, (void)wsi, (void)reason, (void)in, (void)len;
	return 0;
}

int
hello_write(struct outbuf *o, const struct self *s,
    const struct attestation *a, int64_t now_ms)
{
	(void)s;
	(void)now_ms;
	attested = *a;
	outbuf_reset(o);
	outbuf_add(o, "hello");
	return 0;
}

/* ---- the supervisor ---- */

static int	need_address, need_attest, opens, closes, close_code, frames;
static int	writables;
static enum conn_state	state;
static int	whole, told;
static char	reason[REASON_SIZE];

static void
on_open(void *arg, const struct frame_hello_ack *a)
{
	(void)arg;
	(void)a;
	opens++;
}

static void
on_frame(void *arg, const struct frame *f)
{
	(void)arg;
	(void)f;
	frames++;
}

static void
on_writable(void *arg)
{
	(void)arg;
	writables++;
}

static void
on_closed(void *arg, int code)
{
	(void)arg;
	closes++;
	close_code = code;
}

static void
on_state(void *arg, enum conn_state s, const char *why, int all)
{
	(void)arg;
	state = s;
	whole = all;
	told++;
	strcpy(reason, why);
}

static void
on_need_address(void *arg)
{
	(void)arg;
	need_address++;
}

static void
on_need_attest(void *arg)
{
	(void)arg;
	need_attest++;
}

static const struct broker_cbs cbs = { on_open, on_frame, on_writable,
    on_closed, on_state, on_need_address, on_need_attest };

/* ---- what tests do ---- */

static void
address(const char *addrs)
{
	struct msg_address	a = { .port = 7 };

	strcpy(a.addrs, addrs);
	strcpy(a.error, addrs[0] == '\0' ? "no such name" : "");
	broker_address(b, &a);
}

static void
attest(int64_t ms)
{
	struct attestation	a = { .expires_at = FAKE_WALL +
	    fake_us / 1000 + fake_slept_ms + ms };

	broker_attestation(b, &a);
}

static void
writable(void)
{
	want = 0;
	ws_cbs->writable(ws_arg);
}

static void
frame(const char *text)
{
	ws_cbs->frame(ws_arg, text, strlen(text));
}

static void
advance(int64_t ms)
{
	fake_time_advance(ms, NULL);
}

/* From nothing to an open connection. */
static void
open_it(void)
{
	if (!up)
		address("10.0.0.1");
	assert_true(up);
	ws_cbs->opened(ws_arg);
	writable();
	assert_string_equal(hello, "hello");
	frame("{\"type\":\"hello_ack\",\"presenceId\":\"p\"}");
	assert_int_equal(state, CONN_OPEN);
}

static int
setup_kind(enum row_kind kind)
{
	fake_time_reset();
	memset(&self, 0, sizeof self);
	self.kind = kind;
	up = connects = paused = want = 0;
	need_address = need_attest = opens = closes = frames = 0;
	writables = told = 0;
	closed_why[0] = hello[0] = '\0';
	b = broker_new(NULL, NULL, &self, &cbs, NULL);
	return 0;
}

static int
setup(void **st)
{
	(void)st;
	return setup_kind(OWNER_MEMBER);
}

static int
setup_session(void **st)
{
	(void)st;
	return setup_kind(OWNER_SESSION);
}

static int
teardown(void **st)
{
	(void)st;
	broker_free(&b);
	assert_int_equal(fake_timers(), 0);
	return 0;
}

static void
a_broker_that_is_away_at_the_start(void **st)
{
	int	i;

	(void)st;
	broker_start(b);
	assert_int_equal(state, CONN_CONNECTING);
	assert_int_equal(need_address, 1);
	for (i = 1; i < 8; i++) {
		address("10.0.0.1");
		assert_int_equal(connects, i);
		end(0, "Connection refused");
		assert_int_equal(state, CONN_RECONNECTING);
		assert_string_equal(reason, "Connection refused");
		assert_int_equal(need_address, i);
		advance(i < 6 ? 800 << (i - 1) : 24000);
		advance(i < 6 ? 401 << (i - 1) : 12001);
		assert_int_equal(need_address, i + 1);	/* it may have moved */
	}
	open_it();
	assert_int_equal(opens, 1);
	end(1001, "shutting down");		/* begins at 1 s again */
	assert_int_equal(closes, 1);
	advance(1201);
	assert_int_equal(connects, 9);
}

static void
every_address_is_tried(void **st)
{
	(void)st;
	broker_start(b);
	address("10.0.0.1  10.0.0.2 ::1");
	assert_string_equal(addr, "10.0.0.1 7");
	end(0, "refused");
	advance(1);
	assert_string_equal(addr, "10.0.0.2 7");
	end(0, "refused");
	advance(1);
	assert_string_equal(addr, "::1 7");
	end(0, "refused");
	advance(500);
	assert_int_equal(connects, 3);
	address("");
	assert_string_equal(reason, "no address: no such name");
	advance(3000);
	assert_int_equal(connects, 3);
	assert_true(need_address > 1);
}

static void
a_question_without_an_answer_is_repeated(void **st)
{
	(void)st;
	broker_start(b);
	advance(14000);
	assert_int_equal(need_address, 1);
	advance(2000);
	assert_int_equal(need_address, 2);
}

static void
patience_has_an_end(void **st)
{
	(void)st;
	broker_start(b);
	address("10.0.0.1");
	advance(9900);
	assert_string_equal(closed_why, "");
	advance(200);
	assert_string_equal(closed_why, "no connection within 10 s");
	end(0, closed_why);
	advance(1300);
	closed_why[0] = '\0';
	address("10.0.0.1");
	ws_cbs->opened(ws_arg);
	writable();
	advance(4900);
	assert_string_equal(closed_why, "");
	advance(200);
	assert_non_null(strstr(closed_why, "within 5 s"));
	end(0, closed_why);
	assert_int_equal(closes, 1);
}

static void
nothing_is_sent_before_the_hello_is_accepted(void **st)
{
	(void)st;
	broker_start(b);
	address("10.0.0.1");
	ws_cbs->opened(ws_arg);
	writable();
	writable();
	assert_int_equal(writables, 0);
	assert_false(broker_is_open(b));
	/* A push says that it was, so that acknowledgements may go. */
	frame("{\"type\":\"push\"}");
	assert_int_equal(frames, 1);
	assert_true(broker_takes_acks(b));
	writable();
	assert_int_equal(writables, 1);
	assert_false(broker_is_open(b));
	frame("nonsense");
	frame("[]");
	frame("{\"type\":\"hello_ack\"}");
	assert_true(broker_is_open(b));
	frame("{\"type\":\"hello_ack\"}");		/* once */
	assert_int_equal(opens, 1);
}

static void
reading_stops_only_while_it_is_open(void **st)
{
	(void)st;
	broker_start(b);
	open_it();
	broker_pause(b, 1);
	assert_true(paused);
	end(0, "lost");
	advance(1300);
	ws_cbs->opened(ws_arg);
	writable();
	assert_false(paused);			/* the answer must be read */
	frame("{\"type\":\"hello_ack\"}");
	assert_true(paused);
	broker_pause(b, 0);
	assert_false(paused);
}

static void
a_session_needs_its_members_word(void **st)
{
	(void)st;
	broker_start(b);
	assert_int_equal(need_attest, 1);
	assert_int_equal(need_address, 0);
	attest(10000);				/* not worth a hello */
	assert_int_equal(need_address, 0);
	attest(12 * 3600000LL);
	assert_int_equal(need_address, 1);
	open_it();
	assert_int_equal(attested.expires_at, FAKE_WALL + 1000 +
	    12 * 3600000LL);
	advance(6 * 3600000LL - 1000);
	assert_int_equal(need_attest, 1);
	advance(2000);
	assert_int_equal(need_attest, 2);	/* at half-life */
	advance(61000);
	assert_int_equal(need_attest, 3);
	attest(12 * 3600000LL);
	advance(3600000);
	assert_int_equal(need_attest, 3);
	assert_int_equal(connects, 1);		/* all on one connection */
}

/* A host that slept: its timers stood still, and the wall clock did not. */
static void
half_life_is_of_the_wall_clock(void **st)
{
	(void)st;
	broker_start(b);
	attest(12 * 3600000LL);
	open_it();
	fake_slept_ms = 7 * 3600000LL;
	advance(5 * 60000 + 1000);
	assert_int_equal(need_attest, 2);
	attest(12 * 3600000LL);
	advance(3600000);
	assert_int_equal(need_attest, 2);
	assert_int_equal(connects, 1);
}

/* What seems to hold for more than a day would be refused as that. */
static void
made_before_the_clock_went_back(void **st)
{
	(void)st;
	broker_start(b);
	attest(12 * 3600000LL);
	open_it();
	fake_slept_ms = -3 * 3600000LL;
	end(1006, "lost");
	advance(2000);
	assert_int_equal(connects, 2);		/* 15 h are no harm */
	open_it();
	end(1006, "lost");
	fake_slept_ms = -13 * 3600000LL;
	advance(10000);
	assert_int_equal(connects, 2);
	assert_int_equal(need_attest, 2);
	attest(12 * 3600000LL);
	assert_int_equal(connects, 3);
}

static void
an_attestation_that_was_brought_is_used(void **st)
{
	(void)st;
	self.attest_expires_at = FAKE_WALL + 3600000;
	broker_start(b);
	assert_int_equal(need_attest, 0);
	open_it();
	assert_int_equal(attested.expires_at, self.attest_expires_at);
}

static void
expired_is_renewed_at_once_but_once(void **st)
{
	(void)st;
	broker_start(b);
	attest(3600000);
	open_it();
	end(1008, "expired");
	advance(1);
	assert_int_equal(need_attest, 2);
	attest(3600000);
	assert_int_equal(connects, 2);
	ws_cbs->opened(ws_arg);
	writable();
	frame("{\"type\":\"error\",\"code\":\"expired\"}");
	end(0, "connection lost");		/* the error frame is enough */
	advance(1);
	assert_int_equal(need_attest, 2);
	advance(1300);
	assert_int_equal(need_attest, 3);
}

/* Each line of the table that parks; from a close, or an error frame. */
static void
what_will_not_get_better_parks(void **st)
{
	static const struct {
		int		 code;
		const char	*reason, *told;
		int		 whole;
	} t[] = {
		{ 4001, "kicked", "kicked", 0 },
		{ 4001, "kicked_stale", "kicked", 0 },
		{ 4002, "", "banned", 1 },
		{ 4002, "banned", "banned", 1 },
		{ 1008, "revoked", "banned", 1 },
		{ 1008, "bad_signature", "bad_signature", 0 },
		{ 1008, "bad_session_pubkey", "bad_session_pubkey", 0 },
		{ 1008, "malformed", "malformed", 0 },
		{ 1008, "ttl_too_long", "ttl_too_long", 0 },
		{ 1008, "attestation_mismatch", "attestation_mismatch", 0 },
		{ 1008, "parent_member_id_mismatch",
		    "parent_member_id_mismatch", 0 },
		{ 1008, "unauthorized", "unauthorized", 0 },
	};
	size_t	i;

	for (i = 0; i < sizeof t / sizeof t[0]; i++) {
		broker_start(b);
		open_it();
		end(t[i].code, t[i].reason);
		assert_int_equal(state, CONN_PARKED);
		assert_int_equal(whole, t[i].whole);
		assert_string_equal(reason, t[i].told);
		assert_int_equal(closes, 1);
		address("10.0.0.1");
		attest(3600000);
		advance(3600000);
		assert_int_equal(connects, 1);
		teardown(st);
		setup(st);
	}
}

/* Parked from without: nothing is told back, nothing is tried. */
static void
parked_and_resumed(void **st)
{
	int	before;

	(void)st;
	broker_start(b);
	open_it();
	before = told;
	broker_park(b);
	assert_string_equal(closed_why, "parked");
	assert_int_equal(closes, 1);		/* what is in flight waits */
	broker_park(b);
	frame("{\"type\":\"push\"}");
	assert_int_equal(frames, 0);
	end(1000, "");
	advance(3600000);
	assert_int_equal(connects, 1);
	assert_int_equal(closes, 1);
	assert_int_equal(told, before);
	broker_resume(b);
	broker_resume(b);
	assert_int_equal(state, CONN_CONNECTING);
	assert_int_equal(told, before + 1);
	open_it();				/* at once, at a new address */
	assert_int_equal(connects, 2);
	assert_int_equal(opens, 2);
}

/* The old socket is still closing when it is resumed. */
static void
resumed_while_it_parts(void **st)
{
	(void)st;
	broker_start(b);
	open_it();
	broker_park(b);
	broker_resume(b);
	assert_int_equal(connects, 1);
	end(4001, "kicked");			/* nobody cares any more */
	assert_int_equal(state, CONN_CONNECTING);
	advance(1);
	open_it();
	assert_int_equal(connects, 2);
	assert_int_equal(closes, 1);
	broker_park(b);
	broker_resume(b);
	broker_park(b);
	end(1000, "");
	advance(3600000);
	assert_int_equal(connects, 2);
	broker_stop(b, 0);
}

static void
parked_while_it_connects(void **st)
{
	(void)st;
	broker_start(b);
	address("10.0.0.1");
	broker_park(b);
	ws_cbs->opened(ws_arg);
	writable();
	assert_string_equal(hello, "");
	end(0, "parked");
	advance(3600000);
	assert_int_equal(connects, 1);
	assert_int_equal(closes, 0);
}

/* A worker that starts anew while it is parked. */
static void
parked_from_the_start(void **st)
{
	(void)st;
	self.parked = 1;
	self.attest_expires_at = FAKE_WALL + 12 * 3600000LL;
	broker_start(b);
	advance(3600000);
	assert_int_equal(told, 0);
	assert_int_equal(need_attest, 0);
	assert_int_equal(need_address, 0);
	broker_resume(b);
	assert_int_equal(need_attest, 0);	/* what was brought still holds */
	open_it();
	assert_int_equal(attested.expires_at, self.attest_expires_at);
}

/* A session that was refused asks for its member's word anew. */
static void
resumed_after_a_refusal(void **st)
{
	(void)st;
	broker_start(b);
	attest(12 * 3600000LL);
	open_it();
	end(1008, "bad_signature");
	assert_int_equal(need_attest, 1);
	broker_resume(b);
	assert_int_equal(need_attest, 2);
	attest(12 * 3600000LL);
	open_it();
	assert_int_equal(connects, 2);
}

static void
what_may_pass_waits_long(void **st)
{
	(void)st;
	broker_start(b);
	open_it();
	end(1008, "capacity");
	assert_int_equal(state, CONN_RECONNECTING);
	assert_string_equal(reason, "capacity");
	advance(47000);
	assert_int_equal(connects, 1);
	advance(26000);
	assert_int_equal(connects, 2);
}

static void
replaced_three_times_parks(void **st)
{
	int	i;

	for (i = 1; i <= 3; i++) {
		if (i == 1)
			broker_start(b);
		open_it();
		end(1000, "session_replaced");
		assert_int_equal(state, i == 3 ? CONN_PARKED :
		    CONN_RECONNECTING);
		advance(1300);
	}
	assert_string_equal(reason, "session_id_in_use");
	teardown(st);
	setup(st);
	broker_start(b);
	for (i = 1; i <= 5; i++) {		/* but not when it is rare */
		open_it();
		end(1000, "session_replaced");
		assert_int_equal(state, CONN_RECONNECTING);
		advance(31000);
	}
}

static void
the_code_of_the_end_is_passed_on(void **st)
{
	(void)st;
	broker_start(b);
	open_it();
	end(1009, "");
	assert_int_equal(close_code, 1009);
	assert_string_equal(reason, "frame_too_large");
}

static void
stopping_is_final(void **st)
{
	(void)st;
	broker_start(b);
	open_it();
	farewell = NULL;
	broker_stop(b, 0);
	assert_string_equal(closed_why, "stopping");
	assert_null(farewell);
	end(1000, "");
	assert_true(broker_is_down(b));
	advance(3600000);
	assert_int_equal(connects, 1);
	assert_int_equal(closes, 0);
}

/* Its presence ends with it, and need not be kept for its return. */
static void
a_session_that_is_over_says_so(void **st)
{
	(void)st;
	broker_start(b);
	open_it();
	farewell = NULL;
	broker_stop(b, 1);
	assert_string_equal(farewell, "session_ended");
	end(1000, "");
}

#define T(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)
#define S(f)	cmocka_unit_test_setup_teardown(f, setup_session, teardown)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		T(a_broker_that_is_away_at_the_start),
		T(every_address_is_tried),
		T(a_question_without_an_answer_is_repeated),
		T(patience_has_an_end),
		T(nothing_is_sent_before_the_hello_is_accepted),
		T(reading_stops_only_while_it_is_open),
		S(a_session_needs_its_members_word),
		S(half_life_is_of_the_wall_clock),
		S(made_before_the_clock_went_back),
		S(an_attestation_that_was_brought_is_used),
		S(expired_is_renewed_at_once_but_once),
		T(what_will_not_get_better_parks),
		T(parked_and_resumed),
		T(resumed_while_it_parts),
		T(parked_while_it_connects),
		S(parked_from_the_start),
		S(resumed_after_a_refusal),
		T(what_may_pass_waits_long),
		T(replaced_three_times_parks),
		T(the_code_of_the_end_is_passed_on),
		T(stopping_is_final),
		T(a_session_that_is_over_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
