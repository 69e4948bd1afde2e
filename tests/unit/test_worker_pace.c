/* worker/pace: waits double to their limit, jitter stays in its bounds. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker/pace.h"

#define RATE	"rate_limit: max 60 msg/min (burst 10) - slow down"

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
a_rate_is_learned_and_forgotten(void **state)
{
	struct pace	p = { 0 };

	(void)state;
	assert_int_equal(pace_left(&p, 0), 0);
	pace_sent(&p, 0);
	assert_int_equal(pace_left(&p, 0), 0);	/* no limit without refusal */

	pace_refused(&p, RATE, 1000, 1010);
	assert_int_equal(pace_left(&p, 1010), 1000);
	pace_refused(&p, RATE, 1005, 1012);	/* was under way already */
	assert_int_equal(pace_left(&p, 1010), 1000);
	assert_int_equal(pace_left(&p, 2010), 0);

	pace_sent(&p, 2010);
	assert_int_equal(pace_left(&p, 2010), 1000);
	pace_refused(&p, RATE, 2010, 2020);	/* again: twice as long */
	assert_int_equal(pace_left(&p, 2020), 2000);
	pace_sent(&p, 4020);
	pace_accepted(&p);
	assert_int_equal(pace_left(&p, 4020), 1000);

	assert_int_equal(pace_left(&p, 4020 + 60001), 0);
	pace_sent(&p, 4020 + 60001);
	assert_int_equal(pace_left(&p, 4020 + 60001), 0);
}

static void
a_rate_is_what_the_broker_names(void **state)
{
	struct pace	p = { 0 }, q = { 0 }, r = { 0 };

	(void)state;
	pace_refused(&p, "rate_limit: max 600 msg/min", 0, 0);
	assert_int_equal(pace_left(&p, 0), 100);
	pace_refused(&q, "rate_limit: max -5 msg/min", 0, 0);
	assert_int_equal(pace_left(&q, 0), 1000);
	pace_refused(&r, "rate_limit", 0, 0);
	assert_int_equal(pace_left(&r, 0), 1000);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(rows_double_up_to_the_limit),
		cmocka_unit_test(connections_wait_as_the_document_says),
		cmocka_unit_test(jitter_uses_its_whole_range),
		cmocka_unit_test(a_clock_that_went_back_makes_rows_due),
		cmocka_unit_test(a_rate_is_learned_and_forgotten),
		cmocka_unit_test(a_rate_is_what_the_broker_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
