/*
 * contrib/broker: without options it is as broker-protocol.md says: 90 s of
 * grace, 10 s for a hello, a ping every 30 s, claims of 30 s, 10,000
 * connections, no rate limit.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "contrib/broker/broker.h"

static void
test_defaults(void **state)
{
	struct options	 o;

	(void)state;
	options_defaults(&o);
	assert_int_equal(o.grace_ms, 90 * 1000);
	assert_int_equal(o.hello_ms, 10 * 1000);
	assert_int_equal(o.ping_ms, 30 * 1000);
	assert_int_equal(o.claim_ms, 30 * 1000);
	assert_int_equal(o.max_connections, 10000);
	assert_int_equal(o.rate_limit, 0);
	assert_int_equal(o.rate_burst, 10);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_defaults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
