/*
 * worker/puts: nothing is acknowledged before the store has it, nothing is
 * forgotten, and it stays in order.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/puts.h"
#include "fake_time.h"

#define MAX	2000

static struct peer	*store_a = (struct peer *)0x10;
static struct peer	*store_b = (struct peer *)0x20;
static struct puts	*p;

/* ---- the store ---- */

static struct {
	uint32_t	 seq;
	char		 id[UUID_SIZE];
	struct peer	*to;
} put[MAX];
static int	nput, full;

int
peer_send(struct peer *to, enum msg_type type, uint32_t seq, const void *body)
{
	const struct msg_put	*m = body;

	assert_int_equal(type, MSG_WRK_PUT);
	assert_in_range(nput, 0, MAX - 1);
	if (full) {
		errno = ENOBUFS;
		return -1;
	}
	if (m->body.len > 1000000) {
		errno = EMSGSIZE;
		return -1;
	}
	put[nput].seq = seq;
	put[nput].to = to;
	strcpy(put[nput++].id, m->id);
	return 0;
}

/* ---- the broker ---- */

static char		 acked[MAX][128];
static int		 nacked, wants, room, rooms;
static struct outbuf	 out;

struct outbuf *
broker_out(struct broker *b)
{
	(void)b;
	return &out;
}

void
broker_want_write(struct broker *b)
{
	(void)b;
	wants++;
}

int
broker_write(struct broker *b)
{
	(void)b;
	if (room == 0)
		return -1;
	snprintf(acked[nacked++], sizeof acked[0], "%.*s", (int)out.len,
	    (char *)outbuf_data(&out));
	return --room > 0 ? 0 : 1;
}

static void
room_cb(void *arg)
{
	(void)arg;
	rooms++;
}

/* ---- what tests do ---- */

static int
add(int n, size_t size)
{
	struct msg_put	m;
	char		broker_id[32], client_id[32];

	memset(&m, 0, sizeof m);
	snprintf(m.id, sizeof m.id, "%d", n);
	m.body.p = calloc(1, size);
	m.body.len = size;
	snprintf(broker_id, sizeof broker_id, "m%d", n);
	snprintf(client_id, sizeof client_id, "c%d", n);
	return puts_add(p, &m, n % 10 == 9 ? "" : broker_id, client_id);
}

static void
stored(uint32_t seq, int64_t result)
{
	struct msg_stored	s = { .result = result };

	puts_stored(p, seq, &s);
}

static int
setup(void **state)
{
	(void)state;
	fake_time_reset();
	nput = nacked = full = wants = rooms = 0;
	room = MAX;
	outbuf_init(&out);
	p = puts_new(NULL, NULL, room_cb, NULL);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	puts_free(&p);
	outbuf_clear(&out);
	return 0;
}

static void
acknowledged_when_stored(void **state)
{
	(void)state;
	puts_store(p, store_a);
	add(1, 10);
	add(9, 10);
	assert_int_equal(nput, 2);
	assert_int_equal(puts_write_acks(p), 0);
	assert_int_equal(nacked, 0);
	stored(put[1].seq, PUT_NEW);
	stored(put[0].seq, PUT_COPY);
	assert_true(wants > 0);
	assert_int_equal(puts_write_acks(p), 0);
	assert_int_equal(nacked, 2);
	assert_string_equal(acked[0],
	    "{\"type\":\"client_ack\",\"clientMessageId\":\"c9\"}");
	assert_string_equal(acked[1],
	    "{\"type\":\"client_ack\",\"brokerMessageId\":\"m1\"}");
	stored(put[0].seq, PUT_NEW);		/* once is enough */
	stored(4711, PUT_NEW);
	assert_int_equal(puts_write_acks(p), 0);
	assert_int_equal(nacked, 2);
}

static void
a_full_store_is_tried_again_in_order(void **state)
{
	int	i;

	(void)state;
	puts_store(p, store_a);
	for (i = 0; i < 3; i++)
		add(i, 10);
	for (i = 0; i < 3; i++)
		stored(put[i].seq, i == 1 ? PUT_BUSY : PUT_FULL);
	add(3, 10);				/* waits behind them */
	assert_int_equal(nput, 3);
	puts_write_acks(p);
	assert_int_equal(nacked, 0);
	fake_time_advance(3000, NULL);
	assert_int_equal(nput, 7);
	for (i = 0; i < 4; i++) {
		assert_int_equal(atoi(put[3 + i].id), i);
		stored(put[3 + i].seq, PUT_NEW);
	}
	puts_write_acks(p);
	assert_int_equal(nacked, 4);
	assert_int_equal(fake_timers(), 0);
}

static void
a_new_channel_gets_everything_again(void **state)
{
	(void)state;
	add(1, 10);
	add(2, 10);
	assert_int_equal(nput, 0);
	puts_store(p, store_a);
	assert_int_equal(nput, 2);
	stored(put[0].seq, PUT_NEW);
	puts_store(p, NULL);
	add(3, 10);
	puts_store(p, store_b);
	assert_int_equal(nput, 4);
	assert_int_equal(atoi(put[2].id), 2);
	assert_int_equal(atoi(put[3].id), 3);
	assert_ptr_equal(put[3].to, store_b);
}

static void
a_full_channel_goes_on_when_it_has_room(void **state)
{
	(void)state;
	puts_store(p, store_a);
	full = 1;
	add(1, 10);
	add(2, 10);
	assert_int_equal(nput, 0);
	full = 0;
	puts_store_room(p);
	assert_int_equal(nput, 2);
}

static void
there_is_a_limit(void **state)
{
	int	i;

	(void)state;
	for (i = 0; i < PUTS_MAX; i++) {
		assert_false(puts_is_full(p));
		assert_int_equal(add(i, 10), 0);
	}
	assert_true(puts_is_full(p));
	while (add(i, 10) == 0)			/* what was read already */
		assert_in_range(++i, PUTS_MAX, 4 * PUTS_MAX);
	puts_store(p, store_a);
	for (i = 0; i < nput; i++)
		stored(put[i].seq, PUT_NEW);
	assert_true(puts_is_full(p));		/* the acks have not gone */
	rooms = 0;
	puts_write_acks(p);
	assert_false(puts_is_full(p));
	assert_true(rooms > 0);
	for (i = 0; !puts_is_full(p); i++)	/* bytes count, too */
		assert_int_equal(add(i, 900000), 0);
	assert_in_range(i, 8, 12);
}

static void
a_choked_pipe_keeps_the_rest(void **state)
{
	int	i;

	(void)state;
	puts_store(p, store_a);
	for (i = 0; i < 5; i++) {
		add(i, 10);
		stored(put[i].seq, PUT_NEW);
	}
	room = 2;
	assert_int_equal(puts_write_acks(p), 1);
	assert_int_equal(puts_write_acks(p), -1);	/* broken */
	room = 10;
	assert_int_equal(puts_write_acks(p), 0);
	assert_int_equal(nacked, 5);
	assert_non_null(strstr(acked[4], "\"m4\""));
}

static void
what_no_row_can_hold_stays_with_the_broker(void **state)
{
	(void)state;
	puts_store(p, store_a);
	add(1, 2000000);
	add(2, 10);
	assert_int_equal(nput, 1);
	stored(put[0].seq, PUT_NEW);
	puts_write_acks(p);
	assert_int_equal(nacked, 1);
	assert_non_null(strstr(acked[0], "\"m2\""));
}

#define T(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		T(acknowledged_when_stored),
		T(a_full_store_is_tried_again_in_order),
		T(a_new_channel_gets_everything_again),
		T(a_full_channel_goes_on_when_it_has_room),
		T(there_is_a_limit),
		T(a_choked_pipe_keeps_the_rest),
		T(what_no_row_can_hold_stays_with_the_broker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
