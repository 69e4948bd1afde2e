/*
 * evpeer.c: messages come in order and from the loop; gone_cb is called once,
 * after the last of them; a peer may be freed in any callback.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>

#include <errno.h>
#include <unistd.h>

#include "ends.h"
#include "fds.h"

static void
test_both_ways(void **state)
{
	struct msg_log_level	 level = { .level = 2 }, got;
	struct msg		 m;
	int			 n = fds_count();

	(void)state;
	say(&e, 3);
	turns(2);
	assert_int_equal(e.msgs, 3);
	assert_int_equal(e.seq, 3);
	assert_int_equal(f.msgs, 0);
	assert_int_equal(evpeer_send(e.p, MSG_SUP_LOG_LEVEL, 9, &level, -1),
	    0);
	assert_int_equal(evpeer_queued(e.p), 0);
	assert_int_equal(msg_recv(e.far, &m), 1);
	assert_int_equal(m.type, MSG_SUP_LOG_LEVEL);
	assert_int_equal(m.seq, 9);
	assert_int_equal(msg_decode(&m, &got), 0);
	assert_int_equal(got.level, 2);

	/* Out of its limits: an error of the caller's, and no end. */
	level.level = 99;
	assert_int_equal(evpeer_send(e.p, MSG_SUP_LOG_LEVEL, 9, &level,
	    dup(0)), -1);
	assert_int_equal(errno, EINVAL);
	turns(2);
	assert_int_equal(e.gone, 0);
	assert_int_equal(fds_count(), n);
}

static void
test_fds(void **state)
{
	struct msg	m;
	int		n = fds_count();

	(void)state;
	e.at = 2;
	e.what = STEAL;
	assert_int_equal(msg_send(e.far, MSG_READY, 1, NULL, dup(0)), 0);
	assert_int_equal(msg_send(e.far, MSG_READY, 2, NULL, dup(0)), 0);
	turns(2);
	assert_int_equal(e.msgs, 2);
	assert_true(e.fd >= 0 && fds_is_open(e.fd));
	assert_int_equal(fds_count(), n + 1);
	assert_int_equal(evpeer_send(e.p, MSG_READY, 1, NULL, e.fd), 0);
	assert_false(fds_is_open(e.fd));
	e.fd = -1;
	assert_int_equal(msg_recv(e.far, &m), 1);
	assert_true(fds_is_open(m.fd));
	msg_drop_fd(&m);
}

static void
test_gone(void **state)
{
	(void)state;
	say(&e, 3);
	channel_free(&e.far);
	expect_gone(&e, "closed");
	assert_int_equal(e.msgs, 3);
	assert_int_equal(evpeer_send(e.p, MSG_READY, 0, NULL, dup(0)), -1);
	assert_int_equal(errno, EPIPE);
	expect_gone(&e, "closed");		/* still once */
	assert_int_equal(f.gone, 0);
}

static void
test_nonsense(void **state)
{
	(void)state;
	e.at = 2;
	e.what = NONSENSE;
	say(&e, 5);
	expect_gone(&e, "talked nonsense");
	assert_int_equal(e.msgs, 2);
	assert_int_equal(evpeer_send(e.p, MSG_READY, 0, NULL, -1), -1);
}

static void
test_broken(void **state)
{
	(void)state;
	assert_int_equal(channel_send(e.far, "\xc1", 1, -1), 0);
	say(&e, 1);
	expect_gone(&e, "broke the protocol");
	assert_int_equal(e.msgs, 0);
}

static void
test_free_in_msg(void **state)
{
	(void)state;
	e.at = 2;
	e.what = FREE;
	say(&e, 5);
	channel_free(&e.far);
	turns(5);
	assert_null(e.p);
	assert_int_equal(e.msgs, 2);
	assert_int_equal(e.gone, 0);

	f.at = 1;
	f.what = FREE_NONSENSE;
	assert_int_equal(msg_send(f.far, MSG_READY, 1, NULL, dup(0)), 0);
	turns(5);
	assert_null(f.p);
	assert_int_equal(f.gone, 0);
}

static void
test_free_in_gone(void **state)
{
	(void)state;
	e.free_gone = 1;
	channel_free(&e.far);
	expect_gone(&e, "closed");
	assert_null(e.p);
}

/* Freed when its end was seen, but before it could be told. */
static void
test_free_before_gone(void **state)
{
	(void)state;
	e.at = f.at = 1;
	e.what = f.what = NONSENSE;
	say(&e, 1);
	turns(1);
	evpeer_free(&e.p);
	turns(5);
	evpeer_free(&e.p);		/* NULL is accepted */
	assert_true(e.gone <= 1);

	channel_free(&f.far);
	while (evpeer_send(f.p, MSG_READY, 0, NULL, -1) == 0)
		;
	evpeer_free(&f.p);
	turns(5);
	assert_int_equal(f.gone, 0);
}

/* Both are due in the same turn, and the first frees the second. */
static void
test_free_other(void **state)
{
	(void)state;
	e.at = f.at = 1;
	e.what = f.what = FREE;
	e.other = &f;
	f.other = &e;
	say(&e, 2);
	say(&f, 2);
	turns(5);
	assert_true((e.p == NULL) != (f.p == NULL));
	assert_int_equal(e.msgs + f.msgs, 2);
}

/* It wrote its last words and died; that we could not write is no matter. */
static void
test_heard_out(void **state)
{
	(void)state;
	say(&e, 3);
	channel_free(&e.far);
	assert_int_equal(evpeer_send(e.p, MSG_READY, 0, NULL, -1), -1);
	assert_int_equal(evpeer_send(e.p, MSG_READY, 0, NULL, -1), -1);
	assert_int_equal(errno, EPIPE);
	assert_int_equal(e.gone, 0);
	turns(5);
	assert_int_equal(e.msgs, 3);
	assert_int_equal(e.gone, 1);

	/* From inside its own callback. */
	f.at = 1;
	f.what = SEND;
	say(&f, 3);
	channel_free(&f.far);
	turns(5);
	assert_int_equal(f.msgs, 3);
	assert_int_equal(f.gone, 1);
}

/* It lives, and writes, but does not read: dropped when it has been heard. */
static void
test_deaf(void **state)
{
	(void)state;
	say(&e, 3);
	assert_int_equal(shutdown(channel_fd(e.far), SHUT_RD), 0);
	assert_int_equal(evpeer_send(e.p, MSG_READY, 0, NULL, -1), -1);
	expect_gone(&e, "closed while writing");
	assert_int_equal(e.msgs, 3);
}

/* Found by the loop, while it wanted to write what waited. */
static void
test_gone_while_queued(void **state)
{
	(void)state;
	fill(&e);
	turns(2);
	assert_int_equal(e.gone, 0);
	say(&e, 3);
	channel_free(&e.far);
	turns(5);
	assert_int_equal(e.gone, 1);
	assert_int_equal(e.msgs, 3);

	/* Paused: what cannot be written is no reason to wait any more. */
	fill(&f);
	evpeer_pause(f.p);
	say(&f, 3);
	channel_free(&f.far);
	turns(5);
	assert_int_equal(evpeer_queued(f.p), 0);
	assert_int_equal(f.msgs, 0);
	evpeer_resume(f.p);
	turns(5);
	assert_int_equal(f.msgs, 3);
	assert_int_equal(f.gone, 1);
}

#define TEST(t)	cmocka_unit_test_setup_teardown(t, ends_new, ends_free)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		TEST(test_both_ways),
		TEST(test_fds),
		TEST(test_gone),
		TEST(test_nonsense),
		TEST(test_broken),
		TEST(test_free_in_msg),
		TEST(test_free_in_gone),
		TEST(test_free_before_gone),
		TEST(test_free_other),
		TEST(test_heard_out),
		TEST(test_deaf),
		TEST(test_gone_while_queued),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
