/*
 * contrib/broker/rate.c: tokens of a member, filled evenly.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "contrib/broker/rate.h"

static void
test_no_limit(void **state)
{
	struct rates	*r = rates_new(0, 10);
	int		 i;

	(void)state;
	for (i = 0; i < 1000; i++)
		assert_int_equal(rates_take(r, 1, 0), 1);
	assert_int_equal(rates_count(r), 0);
	rates_free(&r);
}

static void
test_burst_and_rate(void **state)
{
	struct rates	*r = rates_new(60, 10);
	int		 i;

	(void)state;
	for (i = 0; i < 10; i++)
		assert_int_equal(rates_take(r, 1, 5000), 1);
	/* A refused one costs nothing. */
	for (i = 0; i < 50; i++)
		assert_int_equal(rates_take(r, 1, 5000), 0);
	/* Another member has its own. */
	assert_int_equal(rates_take(r, 2, 5000), 1);
	assert_int_equal(rates_take(r, 1, 5999), 0);
	assert_int_equal(rates_take(r, 1, 6000), 1);
	assert_int_equal(rates_take(r, 1, 6000), 0);
	assert_int_equal(rates_take(r, 1, 8000), 1);
	assert_int_equal(rates_take(r, 1, 8000), 1);
	assert_int_equal(rates_take(r, 1, 8000), 0);
	/* It never holds more than the burst. */
	for (i = 0; i < 10; i++)
		assert_int_equal(rates_take(r, 1, 999999999), 1);
	assert_int_equal(rates_take(r, 1, 999999999), 0);
	rates_free(&r);
}

static void
test_prune(void **state)
{
	struct rates	*r = rates_new(60, 10);

	(void)state;
	rates_take(r, 1, 1000);
	rates_take(r, 2, 3000);
	rates_prune(r, 1999);
	assert_int_equal(rates_count(r), 2);
	rates_prune(r, 2000);
	assert_int_equal(rates_count(r), 1);
	rates_prune(r, 4000);
	assert_int_equal(rates_count(r), 0);
	rates_free(&r);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_no_limit),
		cmocka_unit_test(test_burst_and_rate),
		cmocka_unit_test(test_prune),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
