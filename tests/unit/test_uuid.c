/* uuid.c: form, version and order, also when the clock does not help. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sodium.h>
#include <string.h>

#include "common/clock.h"
#include "common/uuid.h"

#define MANY	20000

/* Lower case, and the digits of version and variant. */
static void
expect_form(const char *u, char version)
{
	assert_int_equal(strlen(u), UUID_SIZE - 1);
	assert_true(uuid_is(u));
	assert_int_equal(strspn(u, "0123456789abcdef-"), UUID_SIZE - 1);
	assert_int_equal(u[14], version);
	assert_non_null(strchr("89ab", u[19]));
}

/* The first 48 bits, in milliseconds. */
static int64_t
time_of(const char *u)
{
	int64_t		 ms = 0;
	uint8_t		 b[6];
	size_t		 i, n;

	assert_int_equal(sodium_hex2bin(b, 6, u, 13, "-", &n, NULL), 0);
	for (i = 0; i < 6; i++)
		ms = ms << 8 | b[i];
	return ms;
}

static void
expect_rising(int n)
{
	char	 a[UUID_SIZE], b[UUID_SIZE];

	uuid_v7(a);
	for (; n > 0; n--) {
		uuid_v7(b);
		if (strcmp(a, b) >= 0)
			fail_msg("%s after %s", b, a);
		strcpy(a, b);
	}
}

static void
test_v7(void **state)
{
	char	 u[UUID_SIZE];
	int64_t	 before;

	(void)state;
	before = clock_wall_ms();
	assert_ptr_equal(uuid_v7(u), u);
	expect_form(u, '7');
	assert_true(time_of(u) >= before && time_of(u) <= clock_wall_ms());
	/* More in a millisecond than a counter of 12 bits has numbers. */
	expect_rising(MANY);
}

static void
test_v7_clock_back(void **state)
{
	char	 a[UUID_SIZE], b[UUID_SIZE];

	(void)state;
	uuid_v7(a);
	clock_shift(-3600 * 1000);
	expect_rising(MANY);
	uuid_v7(b);
	assert_true(strcmp(a, b) < 0);
	clock_shift(3600 * 1000);
	uuid_v7(b);
	assert_true(time_of(b) >= time_of(a) + 3500 * 1000);
	clock_shift(0);
}

static void
test_v4(void **state)
{
	char	 a[UUID_SIZE], b[UUID_SIZE];

	(void)state;
	assert_ptr_equal(uuid_v4(a), a);
	expect_form(a, '4');
	expect_form(uuid_v4(b), '4');
	assert_string_not_equal(a, b);
}

static void
test_is(void **state)
{
	static const char	*const bad[] = {
		"", "x", "0190f5a0-0000-7000-8000-00000000000",
		"0190f5a0-0000-7000-8000-0000000000000",
		"0190f5a0-0000-7000-8000-00000000000g",
		"0190f5a00000-7000-8000-0000000000000",
		"0190f5a0-0000-7000-80000-00000000000",
		"0190f5a0 0000-7000-8000-000000000000",
		"{190f5a0-0000-7000-8000-00000000000}",
		"0190f5a000007000800000000000000000000",
	};
	size_t			 i;

	(void)state;
	assert_true(uuid_is("0190f5a0-0000-7000-8000-000000000000"));
	assert_true(uuid_is("0190F5A0-ABCD-1fff-0000-00000000abCD"));
	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(uuid_is(bad[i]));
	assert_false(uuid_is(NULL));
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_v7),
		cmocka_unit_test(test_v7_clock_back),
		cmocka_unit_test(test_v4),
		cmocka_unit_test(test_is),
	};

	if (sodium_init() == -1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
