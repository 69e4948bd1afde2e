/*
 * msg.c, channel.c: nothing of a message is in memory that was given back, on
 * the way out and on the way in, also when it grew, waited or was refused.  Every allocation is wrapped, to look into each block
 * just before it goes.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <malloc.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/channel.h"
#include "common/msg.h"
#include "sample.h"

void	*__wrap_malloc(size_t);
void	*__wrap_calloc(size_t, size_t);
void	*__wrap_realloc(void *, size_t);
void	 __wrap_free(void *);
void	*__real_calloc(size_t, size_t);
void	 __real_free(void *);

#define SECRET	0x5e		/* a secret is a run of these */
#define RUN	16

/* volatile: the compiler knows free(), and that it reads neither. */
static volatile int	 looking;
static volatile unsigned found;		/* blocks with a secret that were freed */

/* Zeroed, so that what is looked at later was always written. */
void *
__wrap_malloc(size_t size)
{
	return __real_calloc(1, size);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return __real_calloc(n, size);
}

void
__wrap_free(void *p)
{
	uint8_t	run[RUN];

	memset(run, SECRET, sizeof run);
	if (p != NULL && looking &&
	    memmem(p, malloc_usable_size(p), run, sizeof run) != NULL)
		found++;
	__real_free(p);
}

/* Always moves, as the real one may. */
void *
__wrap_realloc(void *old, size_t size)
{
	size_t	 was = old != NULL ? malloc_usable_size(old) : 0;
	void	*p = __real_calloc(1, size);

	if (p != NULL && old != NULL) {
		memcpy(p, old, was < size ? was : size);
		__wrap_free(old);
	}
	return p;
}

static struct channel	*a, *b;

static int
ends(void **state)
{
	int	fds[2];

	(void)state;
	assert_int_equal(channel_pair(fds), 0);
	a = channel_new(fds[0]);
	b = channel_new(fds[1]);
	found = 0;
	looking = 1;
	return 0;
}

static int
no_ends(void **state)
{
	(void)state;
	channel_free(&a);
	channel_free(&b);
	looking = 0;
	assert_int_equal(found, 0);
	return 0;
}

/* A message whose bytes are all secret. */
static void *
secret_new(const struct msg_layout *l)
{
	uint8_t	*body = sample_new(l, SAMPLE_MOST);
	size_t	 i;

	for (i = 0; i < l->n; i++)
		if (l->fields[i].type == FIELD_BYTES)
			memset(body + l->fields[i].offset, SECRET,
			    l->fields[i].size);
	return body;
}

static void
secret_free(const struct msg_layout *l, void *body)
{
	sodium_memzero(body, l->size);
	free(body);
}

/* Every message that has a body, a secret in it or not. */
#define EACH_BODY(type, l) \
	for (type = 0; type <= MSG_TYPE_MAX; type++) \
		if (((l) = msg_layout(type)) != NULL && (l)->n > 0)

/* That the looking finds what was not wiped. */
static void
test_look(void **state)
{
	volatile uint8_t	*p = malloc(64);
	size_t			 i;

	(void)state;
	for (i = 0; i < 64; i++)
		p[i] = SECRET;
	looking = 1;
	free((void *)p);
	looking = 0;
	assert_int_equal(found, 1);
	found = 0;
}

static void
test_sent(void **state)
{
	const struct msg_layout	*l;
	struct msg		 m;
	const uint8_t		*packet;
	void			*body, *back;
	size_t			 len, i;
	int			 type;

	(void)state;
	EACH_BODY(type, l) {
		body = secret_new(l);
		back = secret_new(l);
		memset(back, 0, l->size);
		assert_int_equal(msg_send(a, (enum msg_type)type, 1, body,
		    -1), 0);
		assert_int_equal(msg_recv(b, &m), 1);
		assert_int_equal(msg_decode(&m, back), 0);
		packet = m.data;
		len = m.big ? 0 : m.len;	/* else it is freed */
		assert_int_equal(msg_recv(b, &m), 0);
		for (i = 0; i < len; i++)
			assert_int_equal(packet[i], 0);
		secret_free(l, body);
		secret_free(l, back);
	}
	assert_int_equal(found, 0);
}

/* Queued until it could be written, and never written. */
static void
test_queued(void **state)
{
	const struct msg_layout	*l = msg_layout(MSG_SUP_SETUP_WORKER);
	struct msg		 m;
	void			*body = secret_new(l);

	(void)state;
	while (channel_queued(a) < 100000)
		assert_int_equal(msg_send(a, MSG_SUP_SETUP_WORKER, 1, body,
		    -1), 0);
	while (channel_queued(a) > 50000) {
		assert_int_equal(msg_recv(b, &m), 1);
		assert_int_not_equal(channel_flush(a), -1);
	}
	channel_free(&a);
	secret_free(l, body);
	assert_int_equal(found, 0);
}

/* Half encoded when a field was refused; no room; nobody there. */
static void
test_refused(void **state)
{
	const struct msg_layout	*l = msg_layout(MSG_SUP_SETUP_WORKER);
	struct msg_setup_worker	*body = secret_new(l);

	(void)state;
	body->attest_expires_at = -1;		/* all but the last field */
	assert_int_equal(msg_send(a, MSG_SUP_SETUP_WORKER, 1, body, -1), -1);
	assert_int_equal(errno, EINVAL);
	body->attest_expires_at = 0;
	while (msg_send(a, MSG_SUP_SETUP_WORKER, 1, body, -1) == 0)
		;
	assert_int_equal(errno, ENOBUFS);
	channel_free(&b);
	channel_free(&a);
	secret_free(l, body);
	assert_int_equal(found, 0);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_look),
		cmocka_unit_test_setup_teardown(test_sent, ends, no_ends),
		cmocka_unit_test_setup_teardown(test_queued, ends, no_ends),
		cmocka_unit_test_setup_teardown(test_refused, ends, no_ends),
	};

	sample_seed(20261124);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
