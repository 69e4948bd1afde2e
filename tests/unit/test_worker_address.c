/* worker/address: whatever is written there, only what fits is taken. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/address.h"

static void
lists(void **state)
{
	char		 out[ADDRESSES_MAX][ADDRESS_SIZE];
	char		 text[ADDRESS_SIZE + 8];
	unsigned	 n;

	(void)state;
	assert_int_equal(address_list("", out), 0);
	assert_int_equal(address_list("   ", out), 0);
	n = address_list(" 127.0.0.1  ::1 ", out);
	assert_int_equal(n, 2);
	assert_string_equal(out[0], "127.0.0.1");
	assert_string_equal(out[1], "::1");
	n = address_list("1 2 3 4 5 6 7 8 9 10", out);
	assert_int_equal(n, ADDRESSES_MAX);
	assert_string_equal(out[7], "8");
	memset(text, 'x', sizeof text);
	strcpy(text + ADDRESS_SIZE, " a");
	n = address_list(text, out);		/* the first is too long */
	assert_int_equal(n, 1);
	assert_string_equal(out[0], "a");
}

static void
hosts(void **state)
{
	static const struct {
		const char	*host;
		uint32_t	 port;
		int		 tls;
		const char	*is;
	} t[] = {
		{ "a.example", 443, 1, "a.example" },
		{ "a.example", 443, 0, "a.example:443" },
		{ "a.example", 80, 0, "a.example" },
		{ "a.example", 80, 1, "a.example:80" },
		{ "::1", 443, 1, "[::1]" },
		{ "::1", 65535, 1, "[::1]:65535" },
	};
	char	*s;
	size_t	 i;

	(void)state;
	for (i = 0; i < sizeof t / sizeof *t; i++) {
		s = address_host(t[i].host, t[i].port, t[i].tls);
		assert_string_equal(s, t[i].is);
		free(s);
	}
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(lists),
		cmocka_unit_test(hosts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
