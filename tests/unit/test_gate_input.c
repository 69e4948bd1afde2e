/* input.c, query.c: JSON, text and query strings of clients. */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "supervisor/gate/input.h"
#include "supervisor/gate/query.h"

static struct fault	f;

static json_t *
object(const char *s)
{
	memset(&f, 0, sizeof f);
	return input_object(s, strlen(s), &f);
}

static void
only_sound_objects(void **state)
{
	static const char *const bad[] = { "", "{", "{nope", "[1]", "1",
	    "null", "{\"a\":1,\"a\":2}", "{\"a\":\"\\u0000\"}", "{} x",
	    "{\"a\":\"\xff\"}", "{\"a\":01}", "{\"a\":1e999}",
	    "{\"a\":99999999999999999999}", "{'a':1}", "{\"a\":1,}" };
	json_t	*j;
	size_t	 i;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (object(bad[i]) != NULL)
			fail_msg("%s was taken", bad[i]);
		assert_int_equal(f.status, 400);
		assert_non_null(f.code);
		assert_string_not_equal(f.detail, "");
	}
	j = object(" {\"a\": [1, \"]\\\"[\"]} ");
	assert_non_null(j);
	json_decref(j);
}

/* What a client sent may be a secret: it is not repeated. */
static void
errors_quote_nothing(void **state)
{
	(void)state;
	assert_null(object("{\"token\": hunter2hunter2}"));
	assert_null(strstr(f.detail, "hunter2"));
}

static void
depth_has_a_limit(void **state)
{
	char	buf[2 * INPUT_DEPTH_MAX + 8];
	int	i, n = INPUT_DEPTH_MAX;

	(void)state;
	for (i = 0; i < n; i++) {
		buf[i] = '[';
		buf[2 * n - 1 - i] = ']';
	}
	assert_true(input_depth_ok(buf, 2 * (size_t)n));
	memmove(buf + 1, buf, 2 * (size_t)n);
	assert_false(input_depth_ok(buf, 2 * (size_t)n + 1));
	/* Brackets in strings are no arrays, whatever is escaped in them. */
	memset(buf, '[', sizeof buf);
	buf[0] = '"';
	assert_true(input_depth_ok(buf, sizeof buf));
	buf[1] = '\\';
	buf[2] = '"';
	assert_true(input_depth_ok(buf, sizeof buf));
	buf[3] = '"';
	assert_false(input_depth_ok(buf, sizeof buf));
}

static void
text_members(void **state)
{
	json_t		*j = object("{\"a\":\"xyz\",\"n\":null,\"i\":1,"
			    "\"c\":\"a\\nb\",\"e\":\"\"}");
	const char	*s;

	(void)state;
	assert_int_equal(input_text(j, "a", 1, 3, &s, &f), 0);
	assert_string_equal(s, "xyz");
	assert_int_equal(input_text(j, "a", 1, 2, &s, &f), -1);
	assert_int_equal(input_text(j, "a", 4, 9, &s, &f), -1);
	assert_int_equal(input_text(j, "n", 0, 3, &s, &f), 0);
	assert_null(s);
	assert_int_equal(input_text(j, "gone", 0, 3, &s, &f), 0);
	assert_null(s);
	assert_int_equal(input_text(j, "gone", 1, 3, &s, &f), -1);
	assert_int_equal(input_text(j, "n", 1, 3, &s, &f), -1);
	assert_int_equal(input_text(j, "i", 0, 3, &s, &f), -1);
	assert_int_equal(input_text(j, "c", 0, 3, &s, &f), -1);
	assert_int_equal(input_text(j, "e", 0, 3, &s, &f), 0);
	assert_string_equal(s, "");
	json_decref(j);
}

static void
queries(void **state)
{
	struct query	 q;
	int64_t		 n;
	int		 b;

	(void)state;
	assert_int_equal(query_parse(&q, NULL), 0);
	assert_null(query_get(&q, "a"));
	query_clear(&q);
	assert_int_equal(query_parse(&q,
	    "a=1&b=x%20y+z&&c&d=&t=true&big=9223372036854775808&e=%C3%A9"), 0);
	assert_string_equal(query_get(&q, "b"), "x y z");
	assert_string_equal(query_get(&q, "c"), "");
	assert_string_equal(query_get(&q, "d"), "");
	assert_string_equal(query_get(&q, "e"), "\xc3\xa9");
	assert_int_equal(query_int(&q, "a", 1, 5, 3, &n, &f), 0);
	assert_int_equal(n, 1);
	assert_int_equal(query_int(&q, "none", 1, 5, 3, &n, &f), 0);
	assert_int_equal(n, 3);
	assert_int_equal(query_int(&q, "a", 2, 5, 3, &n, &f), -1);
	assert_int_equal(query_int(&q, "b", 0, 5, 3, &n, &f), -1);
	assert_int_equal(query_int(&q, "c", 0, 5, 3, &n, &f), -1);
	assert_int_equal(query_int(&q, "big", 0, INT64_MAX, 3, &n, &f), -1);
	assert_int_equal(query_bool(&q, "t", 0, &b, &f), 0);
	assert_int_equal(b, 1);
	assert_int_equal(query_bool(&q, "a", 0, &b, &f), 0);
	assert_int_equal(b, 1);
	assert_int_equal(query_bool(&q, "none", 1, &b, &f), 0);
	assert_int_equal(b, 1);
	assert_int_equal(query_bool(&q, "b", 1, &b, &f), -1);
	query_clear(&q);
}

static void
malformed_queries(void **state)
{
	static const char *const bad[] = { "a=%", "a=%1", "a=%zz", "%=1",
	    "a=%00", "a=%0a", "a=%ff", "a=1&a=2", "a=1&%61=2",
	    "1&2&3&4&5&6&7&8&9&a&b&c&d&e&f&g&h" };
	struct query	 q;
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (query_parse(&q, bad[i]) != -1)
			fail_msg("%s was taken", bad[i]);
		query_clear(&q);
	}
}

static void
group_names(void **state)
{
	(void)state;
	assert_true(input_group_ok("a-B_9/x", 7));
	assert_false(input_group_ok("", 0));
	assert_false(input_group_ok("a b", 3));
	assert_false(input_group_ok("a\0", 2));
	assert_false(input_group_ok("\xc3\xa9", 2));
	assert_false(input_group_ok("@a", 2));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_sound_objects),
		cmocka_unit_test(errors_quote_nothing),
		cmocka_unit_test(depth_has_a_limit),
		cmocka_unit_test(text_members),
		cmocka_unit_test(queries),
		cmocka_unit_test(malformed_queries),
		cmocka_unit_test(group_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
