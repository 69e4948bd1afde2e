/*
 * msg_check.c: what passes is one array that msgpack-c unpacks to its end,
 * without maps, depth or claims; what does not pass never gets there.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <msgpack.h>
#include <stdlib.h>
#include <string.h>

#include "common/msg_check.h"
#include "common/xalloc.h"

/* In memory of its own, so that a look behind its end is noticed. */
static int
check(const void *data, size_t len)
{
	uint8_t	*copy = xmalloc(len);
	int	 ret;

	if (len > 0)
		memcpy(copy, data, len);
	ret = msg_check(copy, len);
	free(copy);
	return ret;
}

#define OK(s)	assert_int_equal(check(s, sizeof s - 1), 0)
#define BAD(s)	assert_int_equal(check(s, sizeof s - 1), -1)

static void
test_top(void **state)
{
	uint8_t	b;
	int	i;

	(void)state;
	assert_int_equal(msg_check(NULL, 0), -1);
	for (i = 0; i < 256; i++) {
		b = (uint8_t)i;
		assert_int_equal(check(&b, 1), b == 0x90 ? 0 : -1);
	}
	OK("\xdc\0\0");
	OK("\xdd\0\0\0\0");
	BAD("\x01");
	BAD("\xa1x");
	BAD("\xc4\1x");
	BAD("\xc0\x90");
}

/*
 * One element of every first byte: as long as it must be, cut anywhere, and
 * with one byte too many.
 */
static void
expect_element(int first, size_t len, int good)
{
	uint8_t	p[40] = { 0x91, (uint8_t)first };
	size_t	i;

	assert_int_equal(check(p, 1 + len), good ? 0 : -1);
	for (i = 0; i < len; i++)
		assert_int_equal(check(p, 1 + i), -1);
	assert_int_equal(check(p, 2 + len), -1);
}

static void
test_elements(void **state)
{
	/* 0xc0 to 0xdf with zeros behind: the whole length; 0: refused. */
	static const uint8_t	len[32] = {
		1, 0, 1, 1, 2, 3, 5, 0, 0, 0, 5, 9, 2, 3, 5, 9,
		2, 3, 5, 9, 0, 0, 0, 0, 0, 2, 3, 5, 3, 5, 0, 0,
	};
	int			i;

	(void)state;
	for (i = 0x00; i <= 0x7f; i++)
		expect_element(i, 1, 1);
	for (i = 0x80; i <= 0x8f; i++)
		expect_element(i, 1, 0);
	expect_element(0x90, 1, 1);
	for (i = 0xa0; i <= 0xbf; i++)
		expect_element(i, 1 + (size_t)(i & 0x1f), 1);
	for (i = 0xc0; i <= 0xdf; i++)
		expect_element(i, len[i - 0xc0] > 0 ? len[i - 0xc0] : 1,
		    len[i - 0xc0] > 0);
	for (i = 0xe0; i <= 0xff; i++)
		expect_element(i, 1, 1);
}

static void
test_never(void **state)
{
	(void)state;
	BAD("\x91\xc1");
	BAD("\x91\x80");
	BAD("\x91\x81\x01\x02");
	BAD("\x91\xde\0\1\1\1");
	BAD("\x91\xdf\0\0\0\1\1\1");
	BAD("\x91\xc7\1\1x");
	BAD("\x91\xc8\0\1\1x");
	BAD("\x91\xc9\0\0\0\1\1x");
	BAD("\x91\xd4\1x");
	BAD("\x91\xd8\1xxxxxxxxxxxxxxxx");
}

static void
test_claims(void **state)
{
	(void)state;
	/* msgpack-c would reserve 4 GB for the first. */
	BAD("\xdd\xff\xff\xff\xff");
	BAD("\xdd\xff\xff\xff\xff\1\1\1\1");
	BAD("\xdc\xff\xff");
	BAD("\x9f");
	BAD("\x91\xdd\xff\xff\xff\xff");
	BAD("\x93\x91\xdd\x7f\xff\xff\xff\1\1");
	BAD("\x91\xdb\xff\xff\xff\xff");
	BAD("\x91\xc6\xff\xff\xff\xff");
	BAD("\x91\xda\xff\xff");
	BAD("\x91\xc5\xff\xff");
	BAD("\x91\xd9\xff");
	BAD("\x91\xd9\2x");
	BAD("\x91\xc4\2x");
	OK("\x91\xc4\2xx");
	OK("\x91\xdb\0\0\0\2xx");
}

/* count elements of one byte, in an array of its own or in two. */
static int
check_many(uint32_t first, uint32_t second)
{
	size_t	 len = 5 + first + (second > 0 ? 5 + second : 0);
	uint8_t	*p = xcalloc(1, len), *q = p + 5 + first;
	uint32_t total = first + (second > 0 ? 1 : 0);
	int	 ret;

	p[0] = 0xdd;
	p[3] = (uint8_t)(total >> 8);
	p[4] = (uint8_t)total;
	if (second > 0) {
		q[0] = 0xdd;
		q[3] = (uint8_t)(second >> 8);
		q[4] = (uint8_t)second;
	}
	ret = check(p, len);
	free(p);
	return ret;
}

static void
test_count(void **state)
{
	(void)state;
	assert_int_equal(check_many(MSG_ELEMENTS_MAX, 0), 0);
	assert_int_equal(check_many(MSG_ELEMENTS_MAX + 1, 0), -1);
	assert_int_equal(check_many(MSG_ELEMENTS_MAX - 11, 10), 0);
	assert_int_equal(check_many(MSG_ELEMENTS_MAX - 10, 10), -1);
	assert_int_equal(check_many(1, MSG_ELEMENTS_MAX - 1), -1);
}

static void
test_depth(void **state)
{
	uint8_t	deep[60000];

	(void)state;
	OK("\x91\x91\x91\x01");
	OK("\x91\x91\x90");
	BAD("\x91\x91\x91\x91\x01");
	BAD("\x91\x91\x91\x90");
	BAD("\x91\x91\x91\xdc\0\0");
	OK("\x93\x91\x91\1\x91\x91\2\x92\x91\3\x91\4");
	memset(deep, 0x91, sizeof deep);
	assert_int_equal(check(deep, sizeof deep), -1);
}

static void
test_trailing(void **state)
{
	(void)state;
	BAD("\x90\x90");
	BAD("\x91\1\1");
	BAD("\x91\x91\1\xc0");
	BAD("\x92\1");
	BAD("\x92\x91\1");
}

static uint32_t	 seed = 1;

static uint32_t
next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	return seed ^= seed << 5;
}

/* How deep, and how many elements; a map or an ext is as bad as too deep. */
static int
within(const msgpack_object *o, int depth, uint32_t *count)
{
	uint32_t	i;

	if (o->type == MSGPACK_OBJECT_MAP || o->type == MSGPACK_OBJECT_EXT)
		return 0;
	if (o->type != MSGPACK_OBJECT_ARRAY)
		return 1;
	if (depth == MSG_DEPTH_MAX)
		return 0;
	*count += o->via.array.size;
	for (i = 0; i < o->via.array.size; i++)
		if (!within(&o->via.array.ptr[i], depth + 1, count))
			return 0;
	return 1;
}

/* What msgpack-c makes of it. */
static int
unpacks(const uint8_t *p, size_t len)
{
	msgpack_zone	zone;
	msgpack_object	o;
	size_t		off = 0;
	uint32_t	count = 0;
	int		good;

	assert_true(msgpack_zone_init(&zone, 1024));
	good = msgpack_unpack((const char *)p, len, &off, &zone, &o) ==
	    MSGPACK_UNPACK_SUCCESS && o.type == MSGPACK_OBJECT_ARRAY &&
	    within(&o, 0, &count) && count <= MSG_ELEMENTS_MAX;
	msgpack_zone_destroy(&zone);
	return good;
}

/* Both judge alike, whatever the bytes. */
static void
test_random(void **state)
{
	/* More of what nests and of what has a length than chance gives. */
	static const uint8_t	often[] = { 0x90, 0x91, 0x92, 0x93, 0xa1, 0xc4,
				    0xd9, 0xcd, 0xc0, 0x01, 0x02, 0x00 };
	uint8_t			p[16];
	size_t			i, len;
	int			n, good = 0;

	(void)state;
	for (n = 0; n < 200000; n++) {
		len = 1 + next() % sizeof p;
		for (i = 0; i < len; i++) {
			p[i] = next() % 4 != 0 ?
			    often[next() % sizeof often] : (uint8_t)next();
			if (p[i] >= 0xdc && p[i] <= 0xdf)
				p[i] = 0;	/* would claim too much */
		}
		if (n % 2 == 0)
			p[0] = (uint8_t)(0x90 | next() % 5);
		if ((check(p, len) == 0) != unpacks(p, len))
			fail_msg("seed %u: they differ", seed);
		good += check(p, len) == 0;
	}
	assert_true(good > 1000);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_top),
		cmocka_unit_test(test_elements),
		cmocka_unit_test(test_never),
		cmocka_unit_test(test_claims),
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_trailing),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
