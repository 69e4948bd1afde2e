/* rules.c: only who may, and only when; else the handler is not called. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/rules.h"

#define UP	0x1u
#define DOWN	0x2u

static int	 called;		/* which one, 0: none */
static int	 answer;

static int
on_first(void *arg, struct msg *m)
{
	assert_ptr_equal(arg, &called);
	assert_non_null(m);
	called = 1;
	return answer;
}

static int
on_second(void *arg, struct msg *m)
{
	assert_ptr_equal(arg, &called);
	assert_non_null(m);
	called = 2;
	return answer;
}

static const struct rule	rules[] = {
	{ MSG_READY, PEER_GATE | PEER_WORKER, UP, on_first },
	{ MSG_READY, PEER_STORE, UP | DOWN, on_second },
	{ MSG_LOG, PEER_WORKER, DOWN, on_first },
};
#define N	(sizeof rules / sizeof rules[0])

static void
expect(enum msg_type type, unsigned peer, unsigned state, int which)
{
	struct msg	m = { .type = type, .fd = -1 };

	for (answer = -1; answer <= 0; answer++) {
		called = 0;
		assert_int_equal(rules_dispatch(rules, N, peer, state,
		    &called, &m), which != 0 ? answer : -1);
		assert_int_equal(called, which);
	}
}

static void
test_dispatch(void **state)
{
	struct msg	m = { .type = MSG_READY };

	(void)state;
	expect(MSG_READY, PEER_GATE, UP, 1);
	expect(MSG_READY, PEER_WORKER, UP, 1);
	expect(MSG_READY, PEER_STORE, UP, 2);
	expect(MSG_READY, PEER_STORE, DOWN, 2);
	expect(MSG_LOG, PEER_WORKER, DOWN, 1);

	expect(MSG_READY, PEER_GATE, DOWN, 0);
	expect(MSG_READY, PEER_BROKER, UP, 0);
	expect(MSG_READY, 0, UP, 0);
	expect(MSG_READY, PEER_GATE, 0, 0);
	expect(MSG_LOG, PEER_WORKER, UP, 0);
	expect(MSG_LOG, PEER_STORE, DOWN, 0);
	expect(MSG_SUP_STOP, PEER_SUPERVISOR, UP, 0);

	called = 0;
	assert_int_equal(rules_dispatch(rules, 0, PEER_GATE, UP, &called, &m),
	    -1);
	assert_int_equal(called, 0);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_dispatch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
