/*
 * canon.c: the numbers and the sorting example of RFC 8785, what its rules
 * say at the edges, and no leak when memory ends anywhere.  malloc() and
 * calloc() are wrapped for that.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/canon.h"

void	*__wrap_malloc(size_t);
void	*__real_malloc(size_t);
void	*__wrap_calloc(size_t, size_t);
void	*__real_calloc(size_t, size_t);

static int	 until_failure = -1;	/* allocations; -1: never */

void *
__wrap_malloc(size_t size)
{
	return until_failure >= 0 && until_failure-- == 0 ? NULL :
	    __real_malloc(size);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return until_failure >= 0 && until_failure-- == 0 ? NULL :
	    __real_calloc(n, size);
}

static void
expect(json_t *v, const char *want)
{
	char	*s = canon_dump(v);

	assert_non_null(v);
	assert_non_null(s);
	assert_string_equal(s, want);
	free(s);
	json_decref(v);
}

static void
expect_text(const char *json, const char *want)
{
	expect(json_loads(json, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL), want);
}

/* RFC 8785, appendix B; then the limits between the four ways to write. */
static const struct {
	uint64_t	 bits;
	const char	*text;
} numbers[] = {
	{ 0x0000000000000000, "0" },
	{ 0x8000000000000000, "0" },
	{ 0x0000000000000001, "5e-324" },
	{ 0x8000000000000001, "-5e-324" },
	{ 0x7fefffffffffffff, "1.7976931348623157e+308" },
	{ 0xffefffffffffffff, "-1.7976931348623157e+308" },
	{ 0x4340000000000000, "9007199254740992" },
	{ 0xc340000000000000, "-9007199254740992" },
	{ 0x4430000000000000, "295147905179352830000" },
	{ 0x44b52d02c7e14af5, "9.999999999999997e+22" },
	{ 0x44b52d02c7e14af6, "1e+23" },
	{ 0x44b52d02c7e14af7, "1.0000000000000001e+23" },
	{ 0x444b1ae4d6e2ef4e, "999999999999999700000" },
	{ 0x444b1ae4d6e2ef4f, "999999999999999900000" },
	{ 0x444b1ae4d6e2ef50, "1e+21" },
	{ 0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7" },
	{ 0x3eb0c6f7a0b5ed8d, "0.000001" },
	{ 0x41b3de4355555553, "333333333.3333332" },
	{ 0x41b3de4355555554, "333333333.33333325" },
	{ 0x41b3de4355555555, "333333333.3333333" },
	{ 0x41b3de4355555556, "333333333.3333334" },
	{ 0x41b3de4355555557, "333333333.33333343" },
	{ 0xbecbf647612f3696, "-0.0000033333333333333333" },
	{ 0x43143ff3c1cb0959, "1424953923781206.2" },

	{ 0x3ff0000000000000, "1" },
	{ 0xc024000000000000, "-10" },
	{ 0x3fb999999999999a, "0.1" },
	{ 0x000fffffffffffff, "2.225073858507201e-308" },
	{ 0x0010000000000000, "2.2250738585072014e-308" },
	/* Powers of two whose shortest digits are not the nearest. */
	{ 0x0060000000000000, "7.120236347223045e-307" },
	{ 0x0100000000000000, "7.291122019556398e-304" },
	{ 0x13e0000000000000, "5.940911144672375e-213" },
};

static void
test_numbers(void **state)
{
	double	 d;
	size_t	 i;

	(void)state;
	for (i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		memcpy(&d, &numbers[i].bits, sizeof d);
		expect(json_real(d), numbers[i].text);
	}
}

/* Shortest, for doubles of all sizes: it reads back, and no less does. */
static void
test_round_trip(void **state)
{
	char		 less[64], *s;
	uint64_t	 bits = 88172645463325252, use;
	double		 d;
	json_t		*v;
	int		 i, digits;

	(void)state;
	for (i = 0; i < 20000; i++) {
		bits ^= bits << 13;	/* xorshift: the same every time */
		bits ^= bits >> 7;
		bits ^= bits << 17;
		use = i % 8 == 0 ? bits & 0xfffffffffffff : bits;
		memcpy(&d, &use, sizeof d);
		if ((v = json_real(d)) == NULL)
			continue;	/* not a number, or infinite */
		assert_non_null(s = canon_dump(v));
		if (strtod(s, NULL) != d)
			fail_msg("%.17g became %s", d, s);
		for (digits = 1; digits <= 17; digits++) {
			snprintf(less, sizeof less, "%.*e", digits - 1, d);
			if (strtod(less, NULL) == d)
				break;
		}
		/* Its digits are these, apart from point and exponent. */
		if (strncmp(s, "-0.0", 4) != 0 && strncmp(s, "0.0", 3) != 0 &&
		    strchr(s, 'e') != NULL)
			assert_int_equal(strcspn(s, "e"), strcspn(less, "e"));
		free(s);
		json_decref(v);
	}
}

static void
test_integers(void **state)
{
	(void)state;
	expect_text("0", "0");
	expect_text("-0", "0");
	expect_text("-17", "-17");
	expect_text("9007199254740991", "9007199254740991");
	expect_text("9007199254740992", "9007199254740992");
	expect_text("9007199254740993", "9007199254740992");
	expect_text("-9007199254740993", "-9007199254740992");
	expect_text("9007199254740995", "9007199254740996");
	expect_text("9223372036854775807", "9223372036854776000");
	expect_text("-9223372036854775808", "-9223372036854776000");
	expect_text("1000000000000000000", "1000000000000000000");
	/* The same number, however it was written. */
	expect_text("[1, 1.0, 10e-1, 0.1e1]", "[1,1,1,1]");
	expect_text("[1e2, 1E+2, 100.00]", "[100,100,100]");
}

static void
test_strings(void **state)
{
	(void)state;
	expect_text("\"\"", "\"\"");
	expect_text("\"\\u0000\\u0001\\b\\t\\n\\u000b\\f\\r\\u001F\\u007f\"",
	    "\"\\u0000\\u0001\\b\\t\\n\\u000b\\f\\r\\u001f\x7f\"");
	expect_text("\"\\/ \\\" \\\\ '<>&\"", "\"/ \\\" \\\\ '<>&\"");
	expect_text("\"\\u20ac \\ud83d\\ude00 \\u2028 \\u0080\"",
	    "\"\xe2\x82\xac \xf0\x9f\x98\x80 \xe2\x80\xa8 \xc2\x80\"");
	/* Not normalized: a character and its combining form stay two. */
	expect_text("[\"\\u00e9\",\"e\\u0301\"]",
	    "[\"\xc3\xa9\",\"e\xcc\x81\"]");
}

/* RFC 8785, section 3.2.2 */
static void
test_example(void **state)
{
	(void)state;
	expect_text("{\n"
	    "  \"numbers\": [333333333.33333329, 1E30, 4.50, 2e-3,\n"
	    "    0.000000000000000000000000001],\n"
	    "  \"string\": \"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022"
	    "\\u005c\\\\\\\"\\/\",\n"
	    "  \"literals\": [null, true, false]\n}",
	    "{\"literals\":[null,true,false],"
	    "\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],"
	    "\"string\":\"\xe2\x82\xac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
}

/* RFC 8785, section 3.2.3 */
static void
test_sorting(void **state)
{
	(void)state;
	expect_text("{"
	    "\"\\u20ac\": \"Euro Sign\","
	    "\"\\r\": \"Carriage Return\","
	    "\"\\ufb33\": \"Hebrew Letter Dalet With Dagesh\","
	    "\"1\": \"One\","
	    "\"\\ud83d\\ude00\": \"Emoji: Grinning Face\","
	    "\"\\u0080\": \"Control\","
	    "\"\\u00f6\": \"Latin Small Letter O With Diaeresis\"}",
	    "{\"\\r\":\"Carriage Return\","
	    "\"1\":\"One\","
	    "\"\xc2\x80\":\"Control\","
	    "\"\xc3\xb6\":\"Latin Small Letter O With Diaeresis\","
	    "\"\xe2\x82\xac\":\"Euro Sign\","
	    "\"\xf0\x9f\x98\x80\":\"Emoji: Grinning Face\","
	    "\"\xef\xac\xb3\":\"Hebrew Letter Dalet With Dagesh\"}");
}

static void
test_keys(void **state)
{
	(void)state;
	/* Strings, also where they look like the indices of an array. */
	expect_text("{\"10\":1,\"9\":2,\"1\":3,\"01\":4,\"-1\":5,\"2\":6}",
	    "{\"-1\":5,\"01\":4,\"1\":3,\"10\":1,\"2\":6,\"9\":2}");
	expect_text("{\"b\":{\"d\":1,\"c\":2},\"a\":[{\"f\":1,\"e\":2}]}",
	    "{\"a\":[{\"e\":2,\"f\":1}],\"b\":{\"c\":2,\"d\":1}}");
	expect_text("{\"ab\":1,\"a\":2,\"\":3,\"B\":4}",
	    "{\"\":3,\"B\":4,\"a\":2,\"ab\":1}");
	/* U+D7FF, then surrogates, then U+E000 and U+EFFF, then U+FFFD. */
	expect_text("{\"\\ufffd\":5,\"\\udbff\\udfff\":3,\"\\ue000\":4,"
	    "\"\\ud7ff\":1,\"\\ud800\\udc00\":2,\"\\uefff\":6}",
	    "{\"\xed\x9f\xbf\":1,\"\xf0\x90\x80\x80\":2,"
	    "\"\xf4\x8f\xbf\xbf\":3,\"\xee\x80\x80\":4,\"\xee\xbf\xbf\":6,"
	    "\"\xef\xbf\xbd\":5}");
	expect_text("{}", "{}");
	expect_text("[]", "[]");
}

/* depth arrays and objects, in turn, around a 1. */
static json_t *
nested(int depth)
{
	json_t	*v = json_integer(1);

	while (depth-- > 0)
		v = depth % 2 ? json_pack("[o]", v) : json_pack("{so}", "k", v);
	return v;
}

static void
test_depth(void **state)
{
	json_t	*v = nested(64);
	char	*s = canon_dump(v);

	(void)state;
	assert_non_null(s);
	assert_int_equal(strlen(s), 32 * strlen("[]{\"k\":}") + 1);
	free(s);
	json_decref(v);
	v = nested(65);
	assert_null(canon_dump(v));
	json_decref(v);
	v = json_pack("[o]", nested(64));	/* an array outside */
	assert_null(canon_dump(v));
	json_decref(v);
	v = nested(2000);
	assert_null(canon_dump(v));
	json_decref(v);
}

static void
test_not_utf8(void **state)
{
	json_t	*v;

	(void)state;
	v = json_pack("[o]", json_string_nocheck("a\xff"));
	assert_null(canon_dump(v));
	json_decref(v);
	v = json_object();
	json_object_set_new_nocheck(v, "\xed\xa0\x80", json_null());
	assert_null(canon_dump(v));
	json_decref(v);
	assert_null(canon_dump(NULL));
}

static void
test_no_memory(void **state)
{
	char	 big[2000];
	char	*s;
	json_t	*v;
	int	 n;

	(void)state;
	memset(big, 'x', sizeof big);
	v = json_pack("{s:[s#,i],s:{s:n}}", "a", big, (int)sizeof big, 1, "b",
	    "c");
	assert_non_null(v);
	for (n = 0; ; n++) {
		until_failure = n;
		s = canon_dump(v);
		if (s != NULL)
			break;
	}
	until_failure = -1;
	assert_true(n >= 4);	/* two objects, and a buffer that grows */
	assert_int_equal(strlen(s), sizeof big + 27);
	free(s);
	json_decref(v);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_integers),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_example),
		cmocka_unit_test(test_sorting),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_not_utf8),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
