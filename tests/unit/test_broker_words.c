/*
 * contrib/broker/words.c: whatever is looked for is an expression of words.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "contrib/broker/words.h"

static void
query_is(const char *text, const char *want)
{
	char	 out[WORDS_SIZE];

	words_query(text, 1, out);
	assert_string_equal(out, want);
}

static void
test_words(void **state)
{
	char	 out[WORDS_SIZE];

	(void)state;
	query_is("tea", "\"tea\"");
	query_is("  green   tea\n", "\"green\" AND \"tea\"");
	query_is("\"green\" OR (tea*)", "\"green\" AND \"OR\" AND \"tea\"");
	query_is("a:b-c'd;e", "\"a\" AND \"b\" AND \"c\" AND \"d\" AND \"e\"");
	query_is("Grün \xe2\x80\x94 \xe2\x80\x9cté\xe2\x80\x9d \xe2\x9c\x93",
	    "\"Grün\" AND \"té\"");
	assert_int_equal(words_query("a b", 0, out), 2);
	assert_string_equal(out, "\"a\" OR \"b\"");
}

static void
test_none(void **state)
{
	char	 out[WORDS_SIZE];

	(void)state;
	assert_int_equal(words_query("", 1, out), 0);
	assert_string_equal(out, "");
	assert_int_equal(words_query("\"\"*()-+:^{}\\\x7f\x01", 1, out), 0);
	/* What is not UTF-8 ends it. */
	assert_int_equal(words_query("a \xff b", 1, out), 1);
	assert_int_equal(words_query("\xc3", 1, out), 0);
}

static void
test_limits(void **state)
{
	char	 text[4096], out[WORDS_SIZE];
	size_t	 i;

	(void)state;
	for (i = 0; i < sizeof text - 1; i++)
		text[i] = i % 2 ? ' ' : 'x';
	text[i] = '\0';
	assert_int_equal(words_query(text, 0, out), WORDS_MAX);
	/* The longest that there can be, cut between characters. */
	for (i = 0; i + 3 < sizeof text; i += 2)
		memcpy(text + i, i % 202 == 200 ? "  " : "\xc3\xa9", 2);
	text[i] = '\0';
	assert_int_equal(words_query(text, 1, out), WORDS_MAX);
	assert_int_equal(strlen(out), WORDS_MAX * (WORD_MAX + 2) +
	    (WORDS_MAX - 1) * strlen(" AND "));
	memset(text, 'y', sizeof text - 1);
	memcpy(text + WORD_MAX - 1, "\xc3\xa9", 2);
	assert_int_equal(words_query(text, 1, out), 1);
	assert_int_equal(strlen(out), WORD_MAX - 1 + 2);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
