/*
 * evpeer.c: nothing is read while a peer is paused, nothing is lost when its
 * queue is full, nobody keeps the loop to himself; reading by hand; log lines.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>

#include <errno.h>
#include <event2/event.h>
#include <string.h>

#include "child.h"
#include "ends.h"

#define TURN_MAX	64	/* as in evpeer.c */

static void
test_pause(void **state)
{
	(void)state;
	evpeer_pause(e.p);
	say(&e, 3);
	turns(3);
	assert_int_equal(e.msgs, 0);
	e.at = 2;
	e.what = PAUSE;
	evpeer_resume(e.p);
	turns(3);
	assert_int_equal(e.msgs, 2);
	channel_free(&e.far);
	turns(3);
	assert_int_equal(e.msgs, 2);
	assert_int_equal(e.gone, 0);
	evpeer_resume(e.p);
	evpeer_resume(e.p);
	expect_gone(&e, "closed");
	assert_int_equal(e.msgs, 3);
	evpeer_resume(e.p);			/* changes nothing */
	expect_gone(&e, "closed");
}

/* One who talks much does not keep the loop from the others. */
static void
test_turns(void **state)
{
	(void)state;
	say(&e, 5 * TURN_MAX);
	say(&f, 1);
	turns(1);
	assert_true(e.msgs <= TURN_MAX);
	assert_int_equal(f.msgs, 1);
	turns(10);
	assert_int_equal(e.msgs, 5 * TURN_MAX);
}

/* Full, then read by the other end: nothing is lost, and the loop rests. */
static void
test_back_pressure(void **state)
{
	struct msg_json	body = { .json = { (const uint8_t *)"", 0 } };
	struct msg	m;
	static uint8_t	big[60000];
	unsigned	n = 0, got = 0;
	int		ret;

	(void)state;
	body.json.p = big;
	body.json.len = sizeof big;
	while (evpeer_send(e.p, MSG_SUP_STATUS, n, &body, -1) == 0)
		n++;
	assert_int_equal(errno, ENOBUFS);
	assert_true(evpeer_queued(e.p) > CHANNEL_QUEUE_MAX / 2);
	turns(3);
	assert_int_equal(e.gone, 0);
	while (got < n) {
		while ((ret = msg_recv(e.far, &m)) == 1)
			assert_int_equal(m.seq, got++);
		assert_int_equal(ret, 0);
		turns(1);
	}
	assert_int_equal(evpeer_queued(e.p), 0);
	turns(1);
	assert_int_equal(event_base_get_num_events(base,
	    EVENT_BASE_COUNT_ADDED), 2);	/* to read, of each */
	assert_int_equal(evpeer_send(e.p, MSG_SUP_STATUS, n, &body, -1), 0);
}

static void
test_drain(void **state)
{
	struct msg	m;
	int		ret, n = 0;

	(void)state;
	evpeer_drain(e.p, 1000);
	fill(&e);
	evpeer_drain(e.p, 10);
	assert_true(evpeer_queued(e.p) > 0);
	while ((ret = msg_recv(e.far, &m)) == 1)
		n++;
	assert_int_equal(ret, 0);
	assert_true(n > 0);
	evpeer_drain(e.p, 1000);
	assert_int_equal(evpeer_queued(e.p), 0);

	fill(&f);
	channel_free(&f.far);
	evpeer_drain(f.p, 1000);
	turns(5);
	assert_int_equal(f.gone, 1);
	evpeer_drain(f.p, 1000);
}

/* ---- by hand ---- */

static void
test_manual(void **state)
{
	struct msg	m;

	(void)state;
	turns(2);
	assert_int_equal(e.told, 0);
	assert_int_equal(evpeer_take(e.p, &m), 0);
	say(&e, 2);
	turns(1);
	assert_true(e.told > 0);
	assert_int_equal(evpeer_take(e.p, &m), 1);
	assert_int_equal(m.seq, 1);
	evpeer_pause(e.p);
	e.told = 0;
	turns(2);
	assert_int_equal(e.told, 0);
	assert_int_equal(evpeer_take(e.p, &m), 1);	/* paused or not */
	assert_int_equal(m.seq, 2);
	assert_int_equal(evpeer_take(e.p, &m), 0);
	evpeer_resume(e.p);

	say(&e, 1);
	channel_free(&e.far);
	turns(1);
	assert_true(e.told > 0);
	assert_int_equal(evpeer_take(e.p, &m), 1);
	assert_int_equal(evpeer_take(e.p, &m), -1);
	assert_int_equal(e.gone, 0);
	expect_gone(&e, "closed");
	assert_int_equal(evpeer_take(e.p, &m), -1);
	expect_gone(&e, "closed");
}

static void
test_manual_heard_out(void **state)
{
	struct msg	m;

	(void)state;
	say(&e, 2);
	assert_int_equal(shutdown(channel_fd(e.far), SHUT_RD), 0);
	assert_int_equal(evpeer_send(e.p, MSG_READY, 0, NULL, -1), -1);
	turns(1);
	assert_true(e.told > 0);
	assert_int_equal(evpeer_take(e.p, &m), 1);
	assert_int_equal(evpeer_take(e.p, &m), 1);
	e.told = 0;
	turns(1);
	assert_true(e.told > 0);		/* there is still the end to be taken */
	assert_int_equal(evpeer_take(e.p, &m), -1);
	expect_gone(&e, "closed while writing");
}

static void
test_manual_free(void **state)
{
	(void)state;
	e.free_told = 1;
	say(&e, 2);
	turns(3);
	assert_int_equal(e.told, 1);
	assert_null(e.p);
}

/* ---- logs ---- */

static void
expect_line(const char *text)
{
	struct msg_log	body;
	struct msg	m;

	assert_int_equal(msg_recv(e.far, &m), 1);
	assert_int_equal(m.type, MSG_LOG);
	assert_int_equal(msg_decode(&m, &body), 0);
	assert_int_equal(body.level, LOG_LV_INFO);
	assert_string_equal(body.text, text);
}

static void
test_log(void **state)
{
	static char	text[LOG_LINE_MAX + 1];

	(void)state;
	evpeer_log_to(e.p);
	log_info("one %d", 1);
	expect_line("one 1");
	memset(text, 'x', LOG_LINE_MAX);
	log_info("%s", text);
	expect_line(text);
	/* A character at the very end comes whole. */
	memcpy(text + LOG_LINE_MAX - 2, "\xc3\xbc", 2);
	log_info("%s", text);
	expect_line(text);
	evpeer_log_to(NULL);
}

static void
log_after_free(void)
{
	evpeer_log_to(e.p);
	log_info("to the peer");
	evpeer_free(&e.p);
	log_info("to stderr");
}

static void
test_log_free(void **state)
{
	char	err[1024];

	(void)state;
	assert_int_equal(child_run(log_after_free, err, sizeof err), 0);
	assert_non_null(strstr(err, "to stderr"));
	assert_null(strstr(err, "to the peer"));
}

#define TEST(t)	cmocka_unit_test_setup_teardown(t, ends_new, ends_free)
#define MANUAL(t) cmocka_unit_test_setup_teardown(t, ends_new_manual, \
	ends_free)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		TEST(test_pause),
		TEST(test_turns),
		TEST(test_back_pressure),
		TEST(test_drain),
		MANUAL(test_manual),
		MANUAL(test_manual_heard_out),
		MANUAL(test_manual_free),
		TEST(test_log),
		TEST(test_log_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
