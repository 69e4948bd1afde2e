/*
 * supervisor/pace.c: the broker's rate limit, shared by the workers of one
 * member (delivery.md section 4, "Rate limit"; broker-protocol.md, "Send").
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <event2/event.h>
#include <event2/event_struct.h>
#include <string.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "supervisor/child.h"
#include "supervisor/member.h"
#include "supervisor/pace.h"
#include "supervisor/session.h"

#define SESSIONS	10
#define SECOND		1000000LL

/* A worker as the supervisor sees it, and what it was told. */
struct child {
	int		 number;	/* 0: the member's */
	int		 up;
	unsigned	 told, sends;	/* messages; sends that they gave */
	int		 limited;
};

static struct supervisor sup;
static struct member	 member;
static struct session	 sessions[SESSIONS];
static struct child	 children[SESSIONS + 1];
static int64_t		 now_us, timer_us;
static struct event	*timer;

int64_t	__wrap_clock_mono_us(void);

int64_t
__wrap_clock_mono_us(void)
{
	return now_us;
}

void
supervisor_after(struct event *ev, int64_t ms)
{
	timer = ev;
	timer_us = now_us + ms * 1000;
}

void
child_send(struct child *c, enum msg_type type, uint32_t seq,
    const void *body, int fd)
{
	const struct msg_pace	*p = body;

	assert_int_equal(type, MSG_SUP_PACE);
	assert_int_equal(seq, 0);
	assert_int_equal(fd, -1);
	c->told++;
	c->sends += p->sends;
	c->limited = (int)p->limited;
}

int
child_is_up(const struct child *c)
{
	return c->up;
}

enum child_role
child_role(const struct child *c)
{
	return c->number == 0 ? CHILD_MEMBER : CHILD_SESSION;
}

void *
child_arg(const struct child *c)
{
	return c->number == 0 ? (void *)&member :
	    (void *)&sessions[c->number - 1];
}

static int
setup(void **state)
{
	int	i;

	(void)state;
	memset(&member, 0, sizeof member);
	memset(sessions, 0, sizeof sessions);
	memset(children, 0, sizeof children);
	sup.base = event_base_new();
	TAILQ_INIT(&sup.sessions);
	member.sup = &sup;
	member.child = &children[0];
	children[0].up = 1;
	for (i = 0; i < SESSIONS; i++) {
		sessions[i].member = &member;
		sessions[i].child = &children[i + 1];
		children[i + 1].number = i + 1;
		children[i + 1].up = 1;
		TAILQ_INSERT_TAIL(&sup.sessions, &sessions[i], entry);
	}
	now_us = 5 * SECOND;
	timer_us = 0;
	timer = NULL;
	member.pace = pace_new(&member);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	pace_free(&member.pace);
	event_base_free(sup.base);
	return 0;
}

static void
say(int who, const struct msg_rate *rate)
{
	struct msg	 m;
	uint8_t		*buf;
	size_t		 len;

	assert_int_equal(msg_encode(MSG_WRK_RATE, 0, rate, &buf, &len), 0);
	assert_int_equal(msg_parse(&m, buf, len), 0);
	assert_int_equal(on_rate(&children[who], &m), 0);
	freezero(buf, len);
}

static void
refused(int who, uint32_t per_minute, uint32_t burst)
{
	const struct msg_rate	r = { .refused = 1,
	    .per_minute = per_minute, .burst = burst };

	say(who, &r);
}

static void
asks(int who)
{
	static const struct msg_rate	r = { .due = 1 };

	say(who, &r);
}

static void
gives_back(int who)
{
	static const struct msg_rate	r = { 0 };

	say(who, &r);
}

/* Until then, with what the timer does on the way. */
static void
until(int64_t us)
{
	event_callback_fn	cb;

	while (timer_us != 0 && timer_us <= us) {
		now_us = timer_us;
		timer_us = 0;
		cb = event_get_callback(timer);
		cb(-1, EV_TIMEOUT, event_get_callback_arg(timer));
	}
	now_us = us;
}

static void
after(int64_t us)
{
	until(now_us + us);
}

static void
test_a_refusal_is_everybodys(void **state)
{
	int	i;

	(void)state;
	children[3].up = 0;
	asks(1);			/* there is no limit: it may send */
	assert_int_equal(children[1].told, 1);
	assert_false(children[1].limited);
	refused(2, 60, 10);
	for (i = 0; i <= SESSIONS; i++) {
		assert_int_equal(children[i].limited, i != 3);
		assert_int_equal(children[i].sends, 0);
	}
	refused(4, 60, 10);		/* no news */
	assert_int_equal(children[1].told, 2);
	/* One that comes later is told too. */
	children[3].up = 1;
	pace_up(member.pace, &children[3]);
	assert_true(children[3].limited);
}

static void
test_turns(void **state)
{
	int	i, n;

	(void)state;
	refused(0, 60, 10);
	for (i = 0; i < 3; i++)
		asks(i);
	asks(0);			/* asking twice is one place, behind */
	after(999 * 1000);
	for (i = 0; i < 3; i++)
		assert_int_equal(children[i].sends, 0);
	for (n = 1; n <= 3; n++) {	/* one each 1.02 s, in turn */
		after(1020 * 1000);
		assert_int_equal(children[1].sends, n >= 1);
		assert_int_equal(children[2].sends, n >= 2);
		assert_int_equal(children[0].sends, n >= 3);
	}
	after(30 * SECOND);
	assert_int_equal(children[0].sends, 1);
}

static void
test_what_is_given_back_is_anothers(void **state)
{
	(void)state;
	refused(1, 60, 0);
	asks(1);
	after(1020 * 1000);
	assert_int_equal(children[1].sends, 1);
	asks(2);
	gives_back(1);
	after(1000);
	assert_int_equal(children[2].sends, 1);
}

static void
test_who_is_gone_asks_no_more(void **state)
{
	(void)state;
	refused(1, 60, 10);
	asks(1);
	asks(2);
	pace_forget(member.pace, &children[1]);
	pace_forget(member.pace, &children[5]);
	after(1020 * 1000);
	assert_int_equal(children[1].sends, 0);
	assert_int_equal(children[2].sends, 1);
}

/* The broker saves up to a burst; what we save is one less. */
static void
test_a_pause_saves_up(void **state)
{
	int	i;

	(void)state;
	refused(1, 60, 4);
	after(40 * SECOND);
	for (i = 0; i < SESSIONS; i++)
		asks(i);
	after(1000);
	for (i = 0; i < SESSIONS; i++)
		assert_int_equal(children[i].sends, i < 3);
}

static void
test_forgotten_after_a_minute_without_a_wish(void **state)
{
	(void)state;
	refused(1, 60, 10);
	after(50 * SECOND);
	asks(1);
	after(59 * SECOND);
	assert_true(children[1].limited);
	assert_int_equal(children[1].sends, 1);
	after(2 * SECOND);
	assert_false(children[1].limited);
	assert_false(children[9].limited);
	asks(2);
	assert_false(children[2].limited);
	refused(2, 60, 10);
	assert_true(children[1].limited);
}

static void
test_a_refusal_that_names_no_rate(void **state)
{
	(void)state;
	refused(1, 0, 0);
	asks(1);
	after(900 * 1000);
	assert_int_equal(children[1].sends, 0);
	after(200 * 1000);
	assert_int_equal(children[1].sends, 1);
}

/* ---- against a broker that allows 60 a minute, with bursts of 10 ---- */

struct bucket {
	double	 tokens;
	int64_t	 at_us;
};

static int
bucket_takes(struct bucket *b)
{
	b->tokens += (double)(now_us - b->at_us) / SECOND;
	b->at_us = now_us;
	if (b->tokens > 10)
		b->tokens = 10;
	if (b->tokens < 1)
		return 0;
	b->tokens -= 1;
	return 1;
}

/*
 * Ten sessions with 50 rows each, all under way when the first is refused.
 * Workers need up to 0.2 s to use what they are given, and to ask again.
 */
static void
test_ten_sessions_with_fifty_rows_each(void **state)
{
	struct bucket	b = { 10, now_us };
	int		left[SESSIONS], late = 0, total = 0, i, n;
	int64_t		asks_us[SESSIONS] = { 0 }, sends_us[SESSIONS] = { 0 };
	int64_t		begin, end[SESSIONS] = { 0 };

	(void)state;
	for (i = 0; i < SESSIONS; i++)
		for (left[i] = 50, n = 0; n < 50; n++)
			if (bucket_takes(&b))
				left[i]--;
	for (i = 0; i < SESSIONS; i++) {
		total += left[i];
		refused(i + 1, 60, 10);
	}
	assert_int_equal(total, 490);
	begin = now_us;
	for (n = 0; total > 0; n++) {
		assert_in_range(n, 0, 60000);
		for (i = 0; i < SESSIONS; i++) {
			if (left[i] > 0 && asks_us[i] == 0 &&
			    sends_us[i] == 0 && children[i + 1].sends == 0)
				asks_us[i] = now_us + 1 + n * 7919 % 200000;
			if (asks_us[i] != 0 && now_us >= asks_us[i]) {
				asks_us[i] = 0;
				asks(i + 1);
				sends_us[i] = -1;
			}
			if (sends_us[i] == -1 && children[i + 1].sends > 0)
				sends_us[i] = now_us + n * 6007 % 200000;
			if (sends_us[i] < 1 || now_us < sends_us[i])
				continue;
			sends_us[i] = 0;
			children[i + 1].sends = 0;
			if (!bucket_takes(&b)) {
				late++;
				refused(i + 1, 60, 10);
				continue;
			}
			total--;
			if (--left[i] == 0)
				end[i] = now_us - begin;
		}
		after(10 * 1000);
	}
	/* No more than three refusals a minute, and nearly the whole rate. */
	assert_true(late <= 3 * 8);
	assert_true(now_us - begin < 510 * SECOND);
	/* The first one had nine rows less. */
	for (i = 1; i < SESSIONS; i++)
		assert_in_range(end[i], 480 * SECOND, 510 * SECOND);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		T(test_a_refusal_is_everybodys),
		T(test_turns),
		T(test_what_is_given_back_is_anothers),
		T(test_who_is_gone_asks_no_more),
		T(test_a_pause_saves_up),
		T(test_forgotten_after_a_minute_without_a_wish),
		T(test_a_refusal_that_names_no_rate),
		T(test_ten_sessions_with_fifty_rows_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
