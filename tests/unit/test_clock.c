/* clock.c: the calendar, there and back, and what is not a time. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"

#define DAY_MS	86400000LL

static void
expect_iso(int64_t ms, const char *iso)
{
	char	 out[CLOCK_ISO_SIZE];
	int64_t	 back;

	assert_string_equal(clock_iso(ms, out), iso);
	assert_int_equal(clock_parse_iso(iso, &back), 0);
	assert_true(back == ms);
}

static void
test_iso(void **state)
{
	char	 out[CLOCK_ISO_SIZE];

	(void)state;
	expect_iso(0, "1970-01-01T00:00:00.000Z");
	expect_iso(-1, "1969-12-31T23:59:59.999Z");
	expect_iso(1790000000000, "2026-09-21T14:13:20.000Z");
	expect_iso(951782400000, "2000-02-29T00:00:00.000Z");
	expect_iso(4107542399999, "2100-02-28T23:59:59.999Z");
	expect_iso(4107542400000, "2100-03-01T00:00:00.000Z");
	expect_iso(-62167219200000, "0000-01-01T00:00:00.000Z");
	expect_iso(253402300799999, "9999-12-31T23:59:59.999Z");
	/* Beyond what four digits can say it is as near as they can. */
	assert_string_equal(clock_iso(INT64_MAX, out),
	    "9999-12-31T23:59:59.999Z");
	assert_string_equal(clock_iso(INT64_MIN, out),
	    "0000-01-01T00:00:00.000Z");
}

/* Every day of ten thousand years, against the C library every now and then. */
static void
test_every_day(void **state)
{
	char		 out[CLOCK_ISO_SIZE], want[64];
	struct tm	 tm;
	int64_t		 day, back;
	time_t		 t;

	(void)state;
	for (day = -719528; day < 2932897; day++) {
		clock_iso(day * DAY_MS + 1, out);
		if (clock_parse_iso(out, &back) == -1 ||
		    back != day * DAY_MS + 1)
			fail_msg("day %lld is %s", (long long)day, out);
		if (day % 97 != 0)
			continue;
		t = day * 86400;
		gmtime_r(&t, &tm);
		snprintf(want, sizeof want, "%04d-%02d-%02dT00:00:00.001Z",
		    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
		assert_string_equal(out, want);
	}
}

static void
expect_time(const char *iso, int64_t ms)
{
	int64_t	 got;

	if (clock_parse_iso(iso, &got) == -1)
		fail_msg("%s was refused", iso);
	assert_true(got == ms);
}

static void
test_parse(void **state)
{
	(void)state;
	expect_time("2026-11-23T22:05:09Z", 1795471509000);
	expect_time("2026-11-23T22:05:09.7Z", 1795471509700);
	expect_time("2026-11-23T22:05:09.754Z", 1795471509754);
	expect_time("2026-11-23T22:05:09.7549999999999999Z", 1795471509754);
	expect_time("2026-11-24T00:05:09+02:00", 1795471509000);
	expect_time("2026-11-23T16:35:09.754-05:30", 1795471509754);
	expect_time("2024-02-29T00:00:00Z", 1709164800000);
}

static void
test_parse_refused(void **state)
{
	static const char	*const bad[] = {
		"", "2026", "2026-11-23", "2026-11-23T22:05:09",
		"2026-11-23 22:05:09Z", "2026-11-23T22:05Z",
		"2026-11-23T22:05:09.Z", "2026-11-23T22:05:09.754",
		"2026-11-23T22:05:09ZZ", "2026-11-23T22:05:09Z ",
		"2026-11-23t22:05:09z", " 2026-11-23T22:05:09Z",
		"2026-00-23T22:05:09Z", "2026-13-23T22:05:09Z",
		"2026-11-00T22:05:09Z", "2026-11-31T22:05:09Z",
		"2026-02-29T22:05:09Z", "2100-02-29T22:05:09Z",
		"2026-12-32T22:05:09Z", "2026-11-23T24:05:09Z",
		"2026-11-23T22:60:09Z", "2026-11-23T22:05:60Z",
		"2026-11-23T22:05:09+2:00", "2026-11-23T22:05:09+0200",
		"2026-11-23T22:05:09+24:00", "2026-11-23T22:05:09+02:60",
		"2026-11-23T22:05:09+02:00Z", "26-11-23T22:05:09Z",
		"-026-11-23T22:05:09Z", "2026-11-23T22:05:9Z",
		"+2026-11-23T22:05:09Z", "2026-1a-23T22:05:09Z",
	};
	int64_t			 ms;
	size_t			 i;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		if (clock_parse_iso(bad[i], &ms) != -1)
			fail_msg("\"%s\" was taken", bad[i]);
}

static void
test_now(void **state)
{
	int64_t	 mono, wall;

	(void)state;
	wall = clock_wall_ms();
	assert_true(wall / 1000 - time(NULL) <= 1 &&
	    time(NULL) - wall / 1000 < 60);
	mono = clock_mono_us();
	clock_shift(-5 * DAY_MS);
	assert_true(clock_wall_ms() < wall - 4 * DAY_MS);
	clock_shift(5 * DAY_MS);
	assert_true(clock_wall_ms() >= wall + 5 * DAY_MS);
	clock_shift(0);
	assert_true(clock_wall_ms() < wall + DAY_MS);
	/* Monotonic time does not know of it. */
	assert_true(clock_mono_us() >= mono);
	assert_true(clock_mono_us() - mono < DAY_MS);
	assert_true(clock_mono_ms() >= mono / 1000);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_iso),
		cmocka_unit_test(test_every_day),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_refused),
		cmocka_unit_test(test_now),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
