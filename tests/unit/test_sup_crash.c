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
		crash_died(&c, 0);
		assert_true(crash_delay(&c) == want[i]);
	}
	for (i = 0; i < 1000; i++)
		crash_failed(&c);
	assert_true(crash_delay(&c) == CRASH_DELAY_MAX_MS);
	crash_died(&c, CRASH_STEADY_MS - 1);
	assert_true(crash_delay(&c) == CRASH_DELAY_MAX_MS);
	crash_died(&c, CRASH_STEADY_MS);
	assert_true(crash_delay(&c) == 0);
	crash_died(&c, CRASH_STEADY_MS - 1);
	assert_true(crash_delay(&c) == 1000);
	crash_forget(&c);
	assert_true(crash_delay(&c) == 0);
}

/* Died so many times after so long: is it a loop? */
static int
loops(unsigned times, int64_t up_ms)
{
	struct crash	c = { 0 };

	while (times-- > 0)
		crash_died(&c, up_ms);
	return crash_is_loop(&c);
}

static void
test_loop(void **state)
{
	static const int64_t	ups[] = { 0, 1, CRASH_STEADY_MS,
				    CRASH_WELL_MS - 1 };
	struct crash		c = { 0 };
	unsigned		i;

	(void)state;
	/* Whatever the back-off makes of the time between. */
	for (i = 0; i < sizeof ups / sizeof ups[0]; i++) {
		assert_false(loops(CRASH_DEATHS - 1, ups[i]));
		assert_true(loops(CRASH_DEATHS, ups[i]));
	}
	assert_false(loops(1000, CRASH_WELL_MS));

	/* One good minute counts from the beginning. */
	for (i = 0; i < CRASH_DEATHS - 1; i++)
		crash_died(&c, 0);
	crash_died(&c, CRASH_WELL_MS);
	for (i = 0; i < CRASH_DEATHS - 2; i++)
		crash_died(&c, 0);
	assert_false(crash_is_loop(&c));
	crash_died(&c, 0);
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
