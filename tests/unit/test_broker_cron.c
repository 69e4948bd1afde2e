/*
 * contrib/broker/cron.c: five fields, in UTC, and the next time after any.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "contrib/broker/cron.h"

static int64_t
ms(const char *iso)
{
	int64_t	 t;

	assert_int_equal(clock_parse_iso(iso, &t), 0);
	return t;
}

/* The next time after one is that. */
static void
next_is(const char *text, const char *after, const char *want)
{
	struct cron	 c;
	char		 iso[CLOCK_ISO_SIZE];

	if (cron_parse(&c, text) == -1)
		fail_msg("%s: not parsed", text);
	clock_iso(cron_next(&c, ms(after)), iso);
	if (strncmp(iso, want, strlen(want)) != 0)
		fail_msg("%s after %s: %s, not %s", text, after, iso, want);
}

static void
test_next(void **state)
{
	(void)state;
	next_is("* * * * *", "2026-11-24T10:00:00Z", "2026-11-24T10:01:00");
	next_is("* * * * *", "2026-11-24T10:00:59.999Z",
	    "2026-11-24T10:01:00");
	next_is("0 9 * * *", "2026-11-24T09:00:00Z", "2026-11-25T09:00:00");
	next_is("0 9 * * *", "2026-11-24T08:59:59Z", "2026-11-24T09:00:00");
	next_is("*/15 * * * *", "2026-11-24T10:46:00Z",
	    "2026-11-24T11:00:00");
	next_is("10/20 * * * *", "2026-11-24T10:31:00Z",
	    "2026-11-24T10:50:00");
	next_is("5,10-12 3 * * *", "2026-11-24T03:10:00Z",
	    "2026-11-24T03:11:00");
	next_is("59 23 31 12 *", "2026-11-24T00:00:00Z",
	    "2026-12-31T23:59:00");
	next_is("59 23 31 12 *", "2026-12-31T23:59:00Z",
	    "2027-12-31T23:59:00");
	next_is("\t0  0\t1 1 *  ", "2026-06-01T00:00:00Z",
	    "2027-01-01T00:00:00");
}

static void
test_days(void **state)
{
	(void)state;
	/* The 24th of November 2026 is a Tuesday. */
	next_is("0 8 * * mon-fri", "2026-11-27T09:00:00Z",
	    "2026-11-30T08:00:00");
	next_is("0 8 * * 0", "2026-11-24T00:00:00Z", "2026-11-29T08:00:00");
	next_is("0 8 * * 7", "2026-11-24T00:00:00Z", "2026-11-29T08:00:00");
	next_is("0 8 * * SUN", "2026-11-24T00:00:00Z",
	    "2026-11-29T08:00:00");
	/* Both kinds of day: one that matches is enough; */
	next_is("0 0 26 * thu", "2026-11-24T00:00:00Z",
	    "2026-11-26T00:00:00");
	next_is("0 0 30 * wed", "2026-11-24T00:00:00Z",
	    "2026-11-25T00:00:00");
	next_is("0 0 25 * sat", "2026-11-24T00:00:00Z",
	    "2026-11-25T00:00:00");
	/* but a star with a step is a star. */
	next_is("0 0 */2 * wed", "2026-11-26T00:00:00Z",
	    "2026-12-09T00:00:00");
	next_is("0 0 1 feb,JUL *", "2026-02-01T00:00:00Z",
	    "2026-07-01T00:00:00");
}

static void
test_leap_days(void **state)
{
	(void)state;
	next_is("0 0 29 2 *", "2026-11-24T00:00:00Z", "2028-02-29T00:00:00");
	next_is("0 0 29 2 *", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00");
	next_is("0 0 28 2 *", "2027-02-28T00:00:00Z", "2028-02-28T00:00:00");
	next_is("0 0 31 * *", "2026-08-31T00:00:00Z", "2026-10-31T00:00:00");
	next_is("0 0 1 3 *", "2000-02-28T00:00:00Z", "2000-03-01T00:00:00");
}

static void
test_what_cannot_be(void **state)
{
	static const char *const bad[] = {
		"", " ", "*", "* * * *", "* * * * * *", "60 * * * *",
		"* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 0 *",
		"* * * 13 *", "* * * * 8", "*/0 * * * *", "*/100 * * * *",
		"5-1 * * * *", "1, * * * *", ",1 * * * *", "1-2-3 * * * *",
		"1/2/3 * * * *", "a * * * *", "* * jan * *", "* * * mon *",
		"* * * ja *", "** * * * *", "-1 * * * *", "+1 * * * *",
		"001 * * * *", "0x1 * * * *", "1.5 * * * *", "* * * * *x",
		"* * * * *;", "@daily", "*-5 * * * *", "99999999999 * * * *",
		"0 0 30 2 *", "0 0 31 4,6 *",
	};
	struct cron	 c;
	char		 longer[CRON_MAX + 2];
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		if (cron_parse(&c, bad[i]) != -1)
			fail_msg("\"%s\" was taken", bad[i]);
	memset(longer, ' ', sizeof longer - 1);
	memcpy(longer, "* * * * *", 9);
	longer[sizeof longer - 1] = '\0';
	assert_int_equal(cron_parse(&c, longer), -1);
	longer[sizeof longer - 2] = '\0';
	assert_int_equal(cron_parse(&c, longer), 0);
}

/* Every time follows the one before, and none is left out. */
static void
test_a_year_of_hours(void **state)
{
	struct cron	 c;
	int64_t		 t = ms("2027-12-31T23:59:59Z"), next;
	int		 n = 0;

	(void)state;
	assert_int_equal(cron_parse(&c, "0 * * * *"), 0);
	for (; (next = cron_next(&c, t)) < ms("2029-01-01T00:00:00Z"); n++) {
		if (n > 0)
			assert_int_equal(next - t, 3600 * 1000);
		t = next;
	}
	assert_int_equal(n, 366 * 24);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_next),
		cmocka_unit_test(test_days),
		cmocka_unit_test(test_leap_days),
		cmocka_unit_test(test_what_cannot_be),
		cmocka_unit_test(test_a_year_of_hours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
