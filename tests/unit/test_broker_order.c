/*
 * contrib/broker/order.c: after a refusal nothing to that target passes, until
 * the refused id comes again or "first" does (delivery.md section 4).
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "contrib/broker/order.h"

static struct order	o;

static int
set_up(void **state)
{
	(void)state;
	order_init(&o);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	order_clear(&o);
	return 0;
}

static void
test_nothing_refused(void **state)
{
	(void)state;
	assert_true(order_allows(&o, "a", "1", 0));
	order_accepted(&o, "a");
	assert_true(order_allows(&o, "a", "2", 0));
}

static void
test_refused_id_again(void **state)
{
	(void)state;
	order_refused(&o, "a", "1");
	assert_false(order_allows(&o, "a", "2", 0));
	assert_false(order_allows(&o, "a", "", 0));
	assert_true(order_allows(&o, "b", "2", 0));
	/* It comes, and is refused again: the others still wait. */
	assert_true(order_allows(&o, "a", "1", 0));
	order_refused(&o, "a", "1");
	order_refused(&o, "a", "2");	/* and not for another one */
	assert_false(order_allows(&o, "a", "2", 0));
	assert_true(order_allows(&o, "a", "1", 0));
	order_accepted(&o, "a");
	assert_true(order_allows(&o, "a", "2", 0));
}

static void
test_first(void **state)
{
	(void)state;
	order_refused(&o, "a", "1");
	assert_true(order_allows(&o, "a", "2", 1));
	assert_true(order_allows(&o, "a", "3", 0));
	/* Refused in its turn, it is the one to wait for. */
	order_refused(&o, "a", "2");
	assert_false(order_allows(&o, "a", "1", 0));
	assert_true(order_allows(&o, "a", "2", 0));
}

static void
test_bounded(void **state)
{
	char	 target[16];
	int	 i;

	(void)state;
	for (i = 0; i < ORDER_MAX + 3; i++) {
		snprintf(target, sizeof target, "t%d", i);
		order_refused(&o, target, "1");
	}
	assert_int_equal(o.table.count, ORDER_MAX);
	assert_true(order_allows(&o, "t2", "2", 0));	/* forgotten */
	assert_false(order_allows(&o, "t3", "2", 0));
	assert_false(order_allows(&o, target, "2", 0));
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing_refused, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(test_refused_id_again, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(test_first, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bounded, set_up,
		    tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
