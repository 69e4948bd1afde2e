/* worker/pace: waits double to their limit, jitter stays in its bounds. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker/pace.h"

static void
within(int64_t ms, int64_t want)
{
	assert_in_range(ms, want * 80 / 100, want * 120 / 100);
}

static void
rows_double_up_to_the_limit(void **state)
{
	static const uint32_t	rnds[] = { 0, 1, 0x7fffffff, 0xffffffff };
	int64_t			want;
	unsigned		i, n;

	(void)state;
	for (i = 0; i < 4; i++) {
		for (n = 0, want = 500; n < 70; n++) {
			within(pace_row(n, PACE_ROW_MAX_MS, rnds[i]),
			    want > 30000 ? 30000 : want);
			within(pace_row(n, PACE_ABSENT_MAX_MS, rnds[i]),
			    want > 300000 ? 300000 : want);
			if (want < 1000000)
				want *= 2;
		}
		within(pace_row(INT64_MAX, PACE_ROW_MAX_MS, rnds[i]), 30000);
	}
}

static void
connections_wait_as_the_document_says(void **state)
{
	static const int64_t	want[] = { 1000, 2000, 4000, 8000, 16000,
	    30000, 30000, 30000 };
	unsigned		i;

	(void)state;
	for (i = 0; i < 8; i++) {
		within(pace_connect(i, 0), want[i]);
		within(pace_connect(i, 0xffffffff), want[i]);
	}
	within(pace_connect(~0u, 7), 30000);
}

static void
jitter_uses_its_whole_range(void **state)
{
	int64_t		low = INT64_MAX, high = 0, ms;
	uint32_t	i;

	(void)state;
	for (i = 0; i < 5000; i++) {
		ms = pace_jitter(1000, i);
		low = ms < low ? ms : low;
		high = ms > high ? ms : high;
	}
	assert_int_equal(low, 800);
	assert_int_equal(high, 1200);
	assert_int_equal(pace_jitter(0, 5), 0);
}

static void
a_clock_that_went_back_makes_rows_due(void **state)
{
	(void)state;
	assert_int_equal(pace_wait(0, 1000), 0);
	assert_int_equal(pace_wait(1000, 1000), 0);
	assert_int_equal(pace_wait(3000, 1000), 2000);
	assert_int_equal(pace_wait(1000 + 300000, 1000), 300000);
	assert_int_equal(pace_wait(1000 + 360000, 1000), 360000);
	assert_int_equal(pace_wait(1000 + 360001, 1000), 0);
	assert_int_equal(pace_wait(INT64_MAX, 1000), 0);
}

static void
a_rate_is_what_the_broker_names(void **state)
{
	static const struct {
		const char	*error;
		uint32_t	 per_minute, burst;
	} t[] = {
		{ "rate_limit: max 60 msg/min (burst 10) — slow down", 60,
		    10 },
		{ "rate_limit: max 600 msg/min", 600, 0 },
		{ "rate_limit: max -5 msg/min (burst 99999999999)", 0, 0 },
		{ "rate_limit: max 1000001 msg/min (burst x)", 0, 0 },
		{ "rate_limit", 0, 0 },
		{ "", 0, 0 },
	};
	uint32_t	per_minute, burst;
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof t / sizeof t[0]; i++) {
		pace_parse(t[i].error, &per_minute, &burst);
		assert_int_equal(per_minute, t[i].per_minute);
		assert_int_equal(burst, t[i].burst);
	}
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(rows_double_up_to_the_limit),
		cmocka_unit_test(connections_wait_as_the_document_says),
		cmocka_unit_test(jitter_uses_its_whole_range),
		cmocka_unit_test(a_clock_that_went_back_makes_rows_due),
		cmocka_unit_test(a_rate_is_what_the_broker_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
