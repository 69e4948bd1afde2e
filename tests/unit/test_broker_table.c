/*
 * contrib/broker/table.c: what is put in is found, and nothing else, while the
 * table grows and shrinks.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "contrib/broker/table.h"

#define MANY	5000

struct thing {
	struct link	 link;
	uint64_t	 key;
};

static struct thing	things[MANY];

static struct thing *
find(const struct table *t, uint64_t key)
{
	struct link	*l = table_get(t, &key, sizeof key);

	return l != NULL ? table_entry(l, struct thing, link) : NULL;
}

static void
test_many(void **state)
{
	struct table	 t = { 0 };
	uint64_t	 i;

	(void)state;
	assert_null(find(&t, 0));
	for (i = 0; i < MANY; i++) {
		things[i].key = i;
		table_put(&t, &things[i].link, &things[i].key,
		    sizeof things[i].key);
	}
	assert_int_equal(t.count, MANY);
	for (i = 0; i < MANY; i += 2)
		table_del(&t, &things[i].link);
	for (i = 0; i < MANY; i++)
		assert_ptr_equal(find(&t, i), i % 2 ? &things[i] : NULL);
	assert_null(find(&t, MANY));
	/* Out already: nothing happens. */
	table_del(&t, &things[0].link);
	assert_int_equal(t.count, MANY / 2);
	table_clear(&t);
	assert_null(find(&t, 1));
}

static void
test_keys_of_different_length(void **state)
{
	struct table	 t = { 0 };
	struct link	 a = { 0 }, ab = { 0 }, empty = { 0 };

	(void)state;
	table_put(&t, &a, "a", 1);
	table_put(&t, &ab, "ab", 2);
	table_put(&t, &empty, "", 0);
	assert_ptr_equal(table_get(&t, "abc", 1), &a);
	assert_ptr_equal(table_get(&t, "abc", 2), &ab);
	assert_ptr_equal(table_get(&t, "abc", 0), &empty);
	assert_null(table_get(&t, "abc", 3));
	table_clear(&t);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_keys_of_different_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
