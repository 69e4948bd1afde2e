/*
 * supervisor/crash.c: when a child that died is started again, and when no
 * more (design.md, "Sessions").
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "supervisor/crash.h"

static void
test_delays(void **state)
{
	static const int64_t	want[] = { 0, 1000, 2000, 4000, 8000, 16000,
				    30000, 30000, 30000 };
	struct crash		c = { 0 };
	unsigned		i;

	(void)state;
	assert_true(crash_delay(&c) == 0);
	for (i = 0; i < sizeof want / sizeof want[0]; i++) {
		crash_died(&c, 1, 0);
		assert_true(crash_delay(&c) == want[i]);
	}
	for (i = 0; i < 1000; i++)
		crash_failed(&c);
	assert_true(crash_delay(&c) == CRASH_DELAY_MAX_MS);
	crash_died(&c, 1, CRASH_STEADY_MS - 1);
	assert_true(crash_delay(&c) == CRASH_DELAY_MAX_MS);
	crash_died(&c, 1, CRASH_STEADY_MS);
	assert_true(crash_delay(&c) == 0);
	crash_died(&c, 1, CRASH_STEADY_MS - 1);
	assert_true(crash_delay(&c) == 1000);
	crash_forget(&c);
	assert_true(crash_delay(&c) == 0);
}

/*
 * After how many deaths is it a loop, when each comes after so long a life and
 * the wait before that?  0: never.
 */
static unsigned
loops_after(int64_t up_ms)
{
	struct crash	c = { 0 };
	int64_t		now = 1000000;
	unsigned	i;

	for (i = 1; i <= 1000; i++) {
		now += up_ms;
		crash_died(&c, now, up_ms);
		if (crash_is_loop(&c))
			return i;
		now += crash_delay(&c);
	}
	return 0;
}

static void
test_loop(void **state)
{
	struct crash	c = { 0 };
	unsigned	i;

	(void)state;
	/* At every start: whatever the waits between make of the time. */
	assert_int_equal(loops_after(0), CRASH_DEATHS);
	assert_int_equal(loops_after(CRASH_STEADY_MS - 1), CRASH_DEATHS);
	/* Steady, but ten within a minute. */
	assert_int_equal(loops_after(CRASH_STEADY_MS), CRASH_DEATHS);
	assert_int_equal(loops_after(CRASH_SPAN_MS / 9 - 1), CRASH_DEATHS);
	/* Somebody who is killed now and then is none. */
	assert_int_equal(loops_after(CRASH_SPAN_MS / 9 + 1), 0);

	/* One that was steady begins anew to die early. */
	for (i = 1; i < CRASH_DEATHS; i++)
		crash_died(&c, i * 20000, 0);
	crash_died(&c, i++ * 20000, CRASH_STEADY_MS);
	for (; i < 2 * CRASH_DEATHS; i++)
		crash_died(&c, i * 20000, 0);
	assert_false(crash_is_loop(&c));
	crash_died(&c, i * 20000, 0);
	assert_true(crash_is_loop(&c));
	crash_forget(&c);
	assert_false(crash_is_loop(&c));

	/* What cannot be started at all is not its fault. */
	for (i = 0; i < 100; i++)
		crash_failed(&c);
	assert_false(crash_is_loop(&c));
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_delays),
		cmocka_unit_test(test_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
