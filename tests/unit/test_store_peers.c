/*
 * supervisor/store/peers.c over real channels: peers that are replaced, that
 * talk nonsense, that do not read (design.md "Channels").
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "common/clock.h"
#include "loop_help.h"
#include "store_help.h"

/* The old channel is read to its end before the new one counts. */
static void
old_channel_first(void **state)
{
	struct channel		*gate, *old, *new;
	struct msg_recorded	 r;
	struct msg_accepted	 a;

	(void)state;
	gate = join_gate();
	old = join_worker(1);
	turn();
	get(old, MSG_STORE_WAKE, 0, NULL);
	send_accept(gate, 1, 1, "c1");
	turn();
	get(gate, MSG_STORE_ACCEPTED, 1, &a);
	/* The last word of the old one, with a wake that it never read. */
	send_progress(old, 9, 1, ROW_DONE);
	new = join_worker(1);
	send_progress(new, 5, 1, ROW_PENDING);
	channel_free(&old);
	turn();
	get(new, MSG_STORE_WAKE, 0, NULL);
	get(new, MSG_STORE_RECORDED, 5, &r);
	assert_int_equal(r.state, ROW_DONE);
	assert_int_equal(sql_int("SELECT state FROM outbox"), ROW_DONE);
	channel_free(&gate);
	channel_free(&new);
}

/* ... but not for ever. */
static void
old_channel_that_does_not_end(void **state)
{
	struct channel	*old, *new;
	int64_t		 start;
	struct msg	 m;

	(void)state;
	old = join_worker(1);
	turn();
	get(old, MSG_STORE_WAKE, 0, NULL);
	new = join_worker(1);
	start = clock_mono_ms();
	turn();
	get_nothing(new);
	while (msg_recv(new, &m) == 0 && clock_mono_ms() - start < 5000)
		turn_once();
	assert_int_equal(m.type, MSG_STORE_WAKE);
	assert_true(clock_mono_ms() - start >= 1900);
	get_end(old);
	channel_free(&old);
	channel_free(&new);
}

/* Nonsense drops the one who talks it, and nothing else. */
static void
nonsense_drops_the_peer(void **state)
{
	struct channel		*gate, *liar, *thief, *good;
	struct msg_accepted	 a;
	struct msg_recorded	 r;

	(void)state;
	gate = join_gate();
	liar = join_worker(1);
	thief = join_worker(2);
	good = join_worker(3);
	turn();
	get(liar, MSG_STORE_WAKE, 0, NULL);
	get(thief, MSG_STORE_WAKE, 0, NULL);
	get(good, MSG_STORE_WAKE, 0, NULL);
	send_accept(gate, 1, 3, "c1");
	turn();
	get(gate, MSG_STORE_ACCEPTED, 1, &a);
	get(good, MSG_STORE_WAKE, 0, NULL);
	send_accept(liar, 2, 1, "c2");		/* not for a worker */
	send_progress(thief, 3, 1, ROW_DONE);	/* not its row */
	send_progress(good, 4, 1, ROW_INFLIGHT);
	turn();
	get_end(liar);
	get_end(thief);
	get(good, MSG_STORE_RECORDED, 4, &r);
	assert_int_equal(sql_int("SELECT state FROM outbox"), ROW_INFLIGHT);
	assert_int_equal(sql_int("SELECT count(*) FROM outbox"), 1);
	channel_free(&gate);
	channel_free(&liar);
	channel_free(&thief);
	channel_free(&good);
}

/* Who does not read is not listened to, and misses nothing that matters. */
static void
slow_reader_catches_up(void **state)
{
	struct channel		*gate, *worker;
	struct msg_stored	 s;
	struct msg_rows		 rows;
	struct msg		 m;
	char			 id[300];
	int64_t			 last = 0, most = 0;
	int			 i;

	(void)state;
	gate = join_gate();
	worker = join_worker(1);
	turn();
	get(worker, MSG_STORE_WAKE, 0, NULL);
	/* The same row ends again and again, as far as the gate is told. */
	memset(id, 'x', sizeof id);
	id[250] = '\0';
	for (i = 1; i <= 20000; i++) {
		notes_ended(&notes, owner(1), id, ROW_DONE, id);
		notes_add(&notes, NOTE_ROWS, owner(1), i);
		peers_tell(peers, &notes);
	}
	send_put(worker, 1, 1, INBOX_MESSAGE);
	turn();
	get(worker, MSG_STORE_STORED, 1, &s);	/* others go on */
	while (last != 20000) {
		turn();
		turn_once();
		while (msg_recv(gate, &m) == 1) {
			if (m.type != MSG_STORE_ROWS)
				continue;
			assert_int_equal(msg_decode(&m, &rows), 0);
			last = rows.seq;
			if (last > most)
				most = last;
		}
	}
	assert_int_equal(most, 20000);
	channel_free(&gate);
	channel_free(&worker);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, loop_new, loop_remove)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(old_channel_first),
		T(old_channel_that_does_not_end),
		T(nonsense_drops_the_peer),
		T(slow_reader_catches_up),
	};

	return cmocka_run_group_tests(tests, loop_group, NULL);
}
