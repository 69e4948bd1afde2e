/*
 * contrib/broker/frame.c: what is written can be read again, whatever a peer
 * called itself, and what is nested too deeply is not read.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "contrib/broker/frame.h"

static json_t *
read_back(const struct frame *f)
{
	json_t	*json = frame_parse(frame_text(f), f->len);

	assert_non_null(json);
	return json;
}

static void
test_round_trip(void **state)
{
	static const char	 nasty[] = "\x01\b\t\n\r\x1f\x7f \"\\/\\\" é ✓";
	struct frame		*f = frame_new("x");
	json_t			*json, *value = json_pack("[i,s]", 1, "\"");

	(void)state;
	frame_str_add(f, "nasty", nasty);
	frame_str_add(f, "absent", NULL);
	frame_int_add(f, "min", INT64_MIN);
	frame_bool_add(f, "yes", 1);
	frame_bool_add(f, "no", 0);
	frame_null_add(f, "null");
	frame_json_add(f, "json", value);
	frame_json_add(f, "none", NULL);
	frame_end(f);
	json = read_back(f);
	assert_string_equal(frame_str(json, "type", 9), "x");
	assert_string_equal(frame_str(json, "nasty", 99), nasty);
	assert_true(json_integer_value(json_object_get(json, "min")) ==
	    INT64_MIN);
	assert_true(json_is_true(json_object_get(json, "yes")));
	assert_true(json_is_false(json_object_get(json, "no")));
	assert_true(json_is_null(json_object_get(json, "null")));
	assert_true(json_equal(json_object_get(json, "json"), value));
	assert_int_equal(json_object_size(json), 7);
	json_decref(value);
	json_decref(json);
	frame_unref(&f);
}

static void
test_grows(void **state)
{
	struct frame	*f = frame_new("x"), *copy;
	char		*text = xmalloc(60001);
	json_t		*json;
	size_t		 before = frame_total();

	(void)state;
	memset(text, 'a', 60000);
	text[60000] = '\0';
	frame_str_add(f, "text", text);
	copy = frame_copy(f);
	frame_end(f);
	frame_bool_add(copy, "copy", 1);
	frame_end(copy);
	json = read_back(f);
	assert_string_equal(frame_str(json, "text", 60000), text);
	assert_null(frame_str(json, "text", 59999));
	json_decref(json);
	json = read_back(copy);
	assert_string_equal(frame_str(json, "text", 60000), text);
	json_decref(json);
	assert_true(frame_total() >= before + 120000 - 256);
	frame_unref(&copy);
	frame_unref(&f);
	assert_int_equal(frame_total(), 0);
	free(text);
}

static void
test_references(void **state)
{
	struct frame	*f = frame_new("x"), *again = frame_ref(f);

	(void)state;
	frame_unref(&f);
	assert_null(f);
	assert_memory_equal(frame_text(again), "{\"type\":\"x\"", 11);
	frame_unref(&again);
	assert_int_equal(frame_total(), 0);
	frame_unref(&again);
}

/* {"a":[[...]]}, in all of this depth; then whatever follows. */
static json_t *
nested(int depth, const char *inside)
{
	char	 text[256] = "{\"a\":";
	int	 i;

	for (i = 1; i < depth; i++)
		strcat(text, "[");
	strcat(text, inside);
	for (i = 1; i < depth; i++)
		strcat(text, "]");
	strcat(text, "}");
	return frame_parse(text, strlen(text));
}

static void
test_depth(void **state)
{
	json_t	*json = nested(FRAME_DEPTH_MAX, "1");

	(void)state;
	assert_non_null(json);
	json_decref(json);
	assert_null(nested(FRAME_DEPTH_MAX + 1, "1"));
	/* Brackets in strings are text. */
	json = nested(FRAME_DEPTH_MAX, "\"[[[[\\\"{{{{\"");
	assert_non_null(json);
	json_decref(json);
	assert_null(nested(FRAME_DEPTH_MAX, "\"\\\\\",[]"));
}

static void
test_refused(void **state)
{
	static const char	*const bad[] = {
		"", " ", "[]", "1", "null", "{", "{}x", "{\"a\":1,\"a\":2}",
		"{\"a\":\"\\u0000\"}", "{\"a\":\"\xff\"}", "\"", "{\"a\":\"\\",
		"{\"a\":99999999999999999999}",
	};
	size_t			 i;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_null(frame_parse(bad[i], strlen(bad[i])));
}

static void
test_members(void **state)
{
	static const char	 text[] = "{\"e\":\"\",\"n\":1,\"s\":\"ab\"}";
	json_t			*json = frame_parse(text, strlen(text));
	size_t			 len = 9;

	(void)state;
	assert_null(frame_str(json, "e", 5));
	assert_string_equal(frame_str_or_empty(json, "e", 5, &len), "");
	assert_int_equal(len, 0);
	assert_null(frame_str(json, "n", 5));
	assert_null(frame_str(json, "x", 5));
	assert_null(frame_str(json, "s", 1));
	assert_string_equal(frame_str(json, "s", 2), "ab");
	json_decref(json);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_grows),
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_members),
	};

	json_set_alloc_funcs(wipe_malloc, wipe_free);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
