/*
 * msg.c: a packet with any byte changed, with an end cut off or with one
 * added is decoded within all limits or refused; nothing outside the packet is
 * read, nothing outside the body is written (both have exactly their size, for
 * the sanitizers and valgrind to see).
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/msg.h"
#include "common/xalloc.h"
#include "sample.h"

/* Every message that there is. */
#define EACH_TYPE(type, l) \
	for (type = 0; type <= MSG_TYPE_MAX; type++) \
		if (((l) = msg_layout(type)) != NULL)

static int	 quick;		/* a few values of each byte, not all */

struct bodies {
	void	*of[MSG_TYPE_MAX + 1];
};

/* A changed byte may make another message of it: a body for each. */
static struct bodies	 bodies;

static int
bodies_new(void **state)
{
	const struct msg_layout	*l;
	int			 type;

	(void)state;
	EACH_TYPE(type, l)
		bodies.of[type] = l->n > 0 ? xmalloc(l->size) : NULL;
	return 0;
}

static int
bodies_free(void **state)
{
	int	type;

	(void)state;
	for (type = 0; type <= MSG_TYPE_MAX; type++)
		free(bodies.of[type]);
	return 0;
}

/* 1: it decoded, and within all limits. */
static int
decodes(const uint8_t *p, size_t len)
{
	const struct msg_layout	*l;
	struct msg		 m;
	const char		*field;

	if (msg_parse(&m, p, len) == -1)
		return 0;
	l = msg_layout((int)m.type);
	assert_non_null(l);
	if (msg_decode(&m, bodies.of[m.type]) == -1)
		return 0;
	if ((field = sample_outside(l, bodies.of[m.type], p, len)) != NULL)
		fail_msg("%s.%s is outside", l->name, field);
	return 1;
}

/* An encoded message in memory of exactly its size. */
static uint8_t *
encoded(int type, const struct msg_layout *l, size_t *len)
{
	void	*body = sample_new(l, SAMPLE_SHORT);
	uint8_t	*p;

	assert_int_equal(msg_encode((enum msg_type)type, sample_random(), body,
	    &p, len), 0);
	free(body);
	assert_true(decodes(p, *len));
	return p;
}

static void
mutate(uint8_t *p, size_t len, size_t at)
{
	static const uint8_t	telling[] = { 0x00, 0x01, 0x7f, 0x80, 0x90,
				    0x93, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xc4,
				    0xc6, 0xca, 0xcf, 0xd3, 0xd9, 0xdb, 0xdc,
				    0xdd, 0xdf, 0xff };
	uint8_t			was = p[at];
	size_t			i;

	for (i = 0; i < (quick ? sizeof telling : 256); i++) {
		p[at] = quick ? telling[i] : (uint8_t)i;
		(void)decodes(p, len);
	}
	p[at] = was;
}

static void
test_bytes(void **state)
{
	const struct msg_layout	*l;
	uint8_t			*p;
	size_t			 at, len;
	int			 type;

	(void)state;
	EACH_TYPE(type, l) {
		p = encoded(type, l, &len);
		for (at = 0; at < len; at++)
			mutate(p, len, at);
		assert_true(decodes(p, len));
		free(p);
	}
}

static void
test_cut(void **state)
{
	const struct msg_layout	*l;
	uint8_t			*p, *cut;
	size_t			 len, n;
	int			 type;

	(void)state;
	EACH_TYPE(type, l) {
		p = encoded(type, l, &len);
		for (n = 0; n < len; n++) {
			cut = xmalloc(n);
			memcpy(cut, p, n);
			if (decodes(cut, n))
				fail_msg("%s: %zu of %zu bytes", l->name, n,
				    len);
			free(cut);
		}
		free(p);
	}
}

static void
test_added(void **state)
{
	const struct msg_layout	*l;
	uint8_t			*p, *more;
	size_t			 len;
	int			 type, b;

	(void)state;
	EACH_TYPE(type, l) {
		p = encoded(type, l, &len);
		more = xmalloc(len + 1);
		memcpy(more, p, len);
		for (b = 0; b < 256; b++) {
			more[len] = (uint8_t)b;
			assert_false(decodes(more, len + 1));
		}
		free(more);
		free(p);
	}
}

/* Several at once, and pieces moved. */
static void
test_many(void **state)
{
	const struct msg_layout	*l;
	uint8_t			*p, *q;
	size_t			 len, n, i;
	int			 type, round;

	(void)state;
	EACH_TYPE(type, l) {
		p = encoded(type, l, &len);
		q = xmalloc(len);
		for (round = 0; round < (quick ? 50 : 2000); round++) {
			memcpy(q, p, len);
			for (n = 1 + sample_random() % 4; n > 0; n--)
				q[sample_random() % len] =
				    (uint8_t)sample_random();
			i = sample_random() % len;
			n = sample_random() % (len - i);
			if (round % 2 == 0)
				memmove(q + i, q + sample_random() %
				    (len - n), n);
			(void)decodes(q, len);
		}
		free(q);
		free(p);
	}
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_added),
		cmocka_unit_test(test_many),
	};

	quick = getenv("UNIT_QUICK") != NULL;
	sample_seed(20261124);
	return cmocka_run_group_tests(tests, bodies_new, bodies_free);
}
