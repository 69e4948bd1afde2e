/*
 * xalloc.c: no NULL ever, death with a line when there is no memory, and
 * nothing left in what is given back.  free() is wrapped, to look at a block
 * just before it goes.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "child.h"
#include "common/log.h"
#include "common/xalloc.h"

/* The sanitizer would rather stop than return NULL for a size so large. */
const char	*__asan_default_options(void);
void		 __wrap_free(void *);
void		 __real_free(void *);

const char *
__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static struct {
	const void	*block;		/* expected; NULL: any */
	size_t		 off, len;	/* where zeros must be */
	int		 seen;
} watch;

void
__wrap_free(void *p)
{
	const uint8_t	*bytes = p;
	size_t		 i;

	if (p != NULL && p == watch.block) {
		watch.seen++;
		for (i = 0; i < watch.len; i++)
			if (bytes[watch.off + i] != 0)
				fail_msg("byte %zu is not wiped", i);
		watch.block = NULL;
	}
	__real_free(p);
}

/* The next free() must be of block, with zeros from off, len of them. */
static void
expect_wiped(const void *block, size_t off, size_t len)
{
	watch.block = block;
	watch.off = off;
	watch.len = len;
	watch.seen = 0;
}

static volatile size_t	 huge = SIZE_MAX / 4;	/* not for the compiler */

static void
die_malloc(void)
{
	xmalloc(huge);
}

static void
die_calloc(void)
{
	xcalloc(huge, 8);
}

static void
die_reallocarray(void)
{
	xreallocarray(NULL, huge, 8);
}

static void
test_death(void **state)
{
	char	 err[4096];

	(void)state;
	assert_int_equal(child_run(die_malloc, err, sizeof err), 1);
	assert_non_null(strstr(err, "\"msg\":\"xmalloc: no memory"));
	assert_int_equal(child_run(die_calloc, err, sizeof err), 1);
	assert_non_null(strstr(err, "\"msg\":\"xcalloc: no memory"));
	assert_int_equal(child_run(die_reallocarray, err, sizeof err), 1);
	assert_non_null(strstr(err, "\"msg\":\"xreallocarray: no memory"));
}

static void
test_nothing(void **state)
{
	void	*p;

	(void)state;
	assert_non_null(p = xmalloc(0));
	free(p);
	assert_non_null(p = xcalloc(0, 8));
	assert_non_null(p = xreallocarray(p, 8, 0));
	free(p);
	freezero(NULL, 8);
	freezero_str(NULL);
	wipe_free(NULL);
}

static void
test_strings(void **state)
{
	char	*s;

	(void)state;
	assert_string_equal(s = xstrdup("outbox"), "outbox");
	free(s);
	assert_string_equal(s = xstrndup("outbox", 3), "out");
	free(s);
	assert_int_equal(xasprintf(&s, "%s-%d", "row", 7), 5);
	assert_string_equal(s, "row-7");
	free(s);
}

static void
test_arrays(void **state)
{
	int	*a, i;

	(void)state;
	a = xcalloc(4, sizeof *a);
	for (i = 0; i < 4; i++)
		assert_int_equal(a[i]++, 0);
	a = xreallocarray(a, 100, sizeof *a);
	for (i = 0; i < 4; i++)
		assert_int_equal(a[i], 1);
	free(a);
}

static void
test_freezero(void **state)
{
	char	*s;

	(void)state;
	s = xmalloc(100);
	memset(s, 'x', 100);
	expect_wiped(s, 0, 100);
	freezero(s, 100);
	assert_int_equal(watch.seen, 1);
	s = xstrdup("a secret");
	expect_wiped(s, 0, 8);
	freezero_str(s);
	assert_int_equal(watch.seen, 1);
}

/* The blocks of wipe_* are the caller's pointer less a header. */
#define HEADER	sizeof(max_align_t)

static void
test_wipe(void **state)
{
	char	*old, *p;
	int	 i;

	(void)state;
	p = wipe_malloc(1000);
	assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
	memset(p, 'x', 1000);
	old = p;
	expect_wiped(old - HEADER, HEADER, 1000);
	p = wipe_realloc(old, 3000);		/* grows: moves, wipes */
	assert_int_equal(watch.seen, 1);
	for (i = 0; i < 1000; i++)
		assert_int_equal(p[i], 'x');
	memset(p, 'y', 3000);
	old = p;
	expect_wiped(old - HEADER, HEADER, 3000);
	p = wipe_realloc(old, 10);		/* shrinks */
	assert_int_equal(watch.seen, 1);
	for (i = 0; i < 10; i++)
		assert_int_equal(p[i], 'y');
	expect_wiped(p - HEADER, HEADER, 10);
	wipe_free(p);
	assert_int_equal(watch.seen, 1);
}

static void
test_wipe_limits(void **state)
{
	char	*p, *q;

	(void)state;
	assert_non_null(p = wipe_realloc(NULL, 5));
	memcpy(p, "five", 5);
	/* As with realloc(): no memory, and the old block is as it was. */
	assert_null(wipe_realloc(p, huge));
	assert_null(wipe_realloc(p, SIZE_MAX));
	assert_string_equal(p, "five");
	assert_non_null(q = wipe_realloc(p, 0));
	wipe_free(q);
	assert_null(wipe_malloc(SIZE_MAX));
	assert_non_null(p = wipe_malloc(0));
	wipe_free(p);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_death),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_arrays),
		cmocka_unit_test(test_freezero),
		cmocka_unit_test(test_wipe),
		cmocka_unit_test(test_wipe_limits),
	};

	log_init("test");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
