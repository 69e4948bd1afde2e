/*
 * supervisor/store/batch.c over real channels: one sync for all who wait,
 * fairness, what others are told after a commit, and commits that fail
 * (design.md "Store").
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#include "loop_help.h"
#include "store_help.h"

/* 64 who wait share one transaction and one sync. */
static void
one_sync_for_all_who_wait(void **state)
{
	struct channel		*gate, *worker[8];
	struct msg_accepted	 a;
	struct msg_stored	 s;
	char			 id[16];
	int			 i, k;

	(void)state;
	gate = join_gate();
	for (i = 0; i < 8; i++)
		worker[i] = join_worker(i + 1);
	turn();
	chores_finish(chores, INT64_MAX);
	syncs = runs = 0;
	for (i = 0; i < 64; i++) {
		snprintf(id, sizeof id, "c%d", i);
		send_accept(gate, (uint32_t)i + 1, 1, id);
	}
	for (i = 0; i < 8; i++) {
		get(worker[i], MSG_STORE_WAKE, 0, NULL);
		for (k = 0; k < 8; k++)
			send_put(worker[i], (uint32_t)k + 1, k, INBOX_MESSAGE);
	}
	turn();
	assert_int_equal(runs, 1);
	assert_int_equal(syncs, 1);
	for (i = 0; i < 64; i++) {
		get(gate, MSG_STORE_ACCEPTED, (uint32_t)i + 1, &a);
		assert_int_equal(a.result, ACCEPT_NEW);
		assert_int_equal(a.row, i + 1);
	}
	for (i = 0; i < 8; i++) {
		for (k = 0; k < 8; k++) {
			get(worker[i], MSG_STORE_STORED, (uint32_t)k + 1, &s);
			assert_int_equal(s.result, PUT_NEW);
		}
	}
	assert_int_equal(sql_int("SELECT count(*) FROM outbox"), 64);
	assert_int_equal(sql_int("SELECT count(*) FROM inbox"), 64);
	channel_free(&gate);
	for (i = 0; i < 8; i++)
		channel_free(&worker[i]);
}

/* At most 64 of one peer in a batch; the others are not behind its queue. */
static void
nobody_waits_behind_a_long_queue(void **state)
{
	struct channel		*gate, *busy, *idle;
	struct msg_recorded	 r;
	struct msg_accepted	 a;
	int			 i;

	(void)state;
	gate = join_gate();
	busy = join_worker(1);
	idle = join_worker(2);
	turn();
	get(busy, MSG_STORE_WAKE, 0, NULL);
	get(idle, MSG_STORE_WAKE, 0, NULL);
	accept_new(1, "c", key(9));
	accept_new(2, "c", key(9));
	for (i = 0; i < 200; i++)
		send_progress(busy, (uint32_t)i + 1, 1, ROW_INFLIGHT);
	send_progress(idle, 1, 2, ROW_DONE);
	send_accept(gate, 1, 3, "c");
	event_base_loop(base, EVLOOP_NONBLOCK | EVLOOP_ONCE);
	assert_int_equal(runs, 2);	/* the greetings were the first */
	get(gate, MSG_STORE_ACCEPTED, 1, &a);
	get(idle, MSG_STORE_RECORDED, 1, &r);
	for (i = 0; i < 64; i++)
		get(busy, MSG_STORE_RECORDED, (uint32_t)i + 1, &r);
	get_nothing(busy);
	turn();
	for (; i < 200; i++)
		get(busy, MSG_STORE_RECORDED, (uint32_t)i + 1, &r);
	channel_free(&gate);
	channel_free(&busy);
	channel_free(&idle);
}

/* Who is told what, after the commit: once each, and nobody else. */
static void
who_is_told(void **state)
{
	struct channel		*gate, *one, *two;
	struct msg_accepted	 a;
	struct msg_recorded	 r;
	struct msg_stored	 s;
	struct msg_rows		 rows;
	struct msg_outcome	 o;

	(void)state;
	gate = join_gate();
	one = join_worker(1);
	two = join_worker(2);
	turn();
	get(one, MSG_STORE_WAKE, 0, NULL);
	get(two, MSG_STORE_WAKE, 0, NULL);

	send_accept(gate, 1, 1, "c1");
	send_accept(gate, 2, 1, "c2");
	turn();
	get(gate, MSG_STORE_ACCEPTED, 1, &a);
	get(gate, MSG_STORE_ACCEPTED, 2, &a);
	get_nothing(gate);
	get(one, MSG_STORE_WAKE, 0, NULL);
	get_nothing(one);
	get_nothing(two);
	send_accept(gate, 3, 1, "c1");		/* known: nobody wakes */
	turn();
	get(gate, MSG_STORE_ACCEPTED, 3, &a);
	assert_int_equal(a.result, ACCEPT_KNOWN);
	get_nothing(one);

	send_progress(one, 4, 1, ROW_DONE);
	send_progress(one, 5, 2, ROW_DEAD);
	send_put(two, 6, 1, INBOX_MESSAGE);
	send_put(two, 7, 2, INBOX_MESSAGE);
	turn();
	get(one, MSG_STORE_RECORDED, 4, &r);
	get(one, MSG_STORE_RECORDED, 5, &r);
	get(two, MSG_STORE_STORED, 6, &s);
	get(two, MSG_STORE_STORED, 7, &s);
	get(gate, MSG_STORE_ROWS, 0, &rows);
	assert_memory_equal(rows.owner, owner(1), OWNER_ID_LEN);
	get(gate, MSG_STORE_ROWS, 0, &rows);
	assert_memory_equal(rows.owner, owner(2), OWNER_ID_LEN);
	assert_int_equal(rows.seq, 3);
	get(gate, MSG_STORE_STATUS, 0, &o);
	assert_string_equal(o.client_id, "c1");
	assert_int_equal(o.state, ROW_DONE);
	get(gate, MSG_STORE_STATUS, 0, &o);
	assert_string_equal(o.client_id, "c2");
	assert_int_equal(o.state, ROW_DEAD);
	assert_string_equal(o.reason, "unknown");
	get_nothing(gate);
	get_nothing(one);
	get_nothing(two);
	channel_free(&gate);
	channel_free(&one);
	channel_free(&two);
}

/* Hand-over wakes the member's worker, now and when it comes later. */
static void
handover_wakes_the_member(void **state)
{
	struct channel		*one, *member;
	struct msg_stored	 s;

	(void)state;
	one = join_worker(1);
	member = join(PEER_WORKER, OWNER_MEMBER, 50, 50);
	turn();
	get(one, MSG_STORE_WAKE, 0, NULL);
	get(member, MSG_STORE_WAKE, 0, NULL);
	get_nothing(member);
	send_put(one, 1, 1, INBOX_HANDOVER);
	turn();
	get(one, MSG_STORE_STORED, 1, &s);
	get(member, MSG_STORE_HANDOVER, 0, NULL);
	get_nothing(member);
	channel_free(&member);
	turn();
	member = join(PEER_WORKER, OWNER_MEMBER, 50, 50);
	turn();
	get(member, MSG_STORE_WAKE, 0, NULL);
	get(member, MSG_STORE_HANDOVER, 0, NULL);
	channel_free(&one);
	channel_free(&member);
}

/* A commit that fails: everybody is told so, nothing is there, it recovers. */
static void
failed_commit_answers_all(void **state)
{
	struct channel		*gate, *worker;
	struct msg_accepted	 a;
	struct msg_stored	 s;
	struct msg_recorded	 r;
	struct msg_count	 c;
	struct msg_seen		 seen_body;

	(void)state;
	gate = join_gate();
	worker = join_worker(1);
	turn();
	get(worker, MSG_STORE_WAKE, 0, NULL);
	accept_new(1, "c0", key(9));
	chores_finish(chores, INT64_MAX);
	fail_sync = 1;
	send_accept(gate, 1, 1, "c1");
	memset(&seen_body, 0, sizeof seen_body);
	seen_body.rows.n = 1;
	seen_body.rows.v[0] = 1;
	msg_send(gate, MSG_GATE_SEEN, 2, &seen_body, -1);
	send_put(worker, 3, 1, INBOX_MESSAGE);
	send_progress(worker, 4, 1, ROW_DONE);
	turn();
	get(gate, MSG_STORE_ACCEPTED, 1, &a);
	assert_int_equal(a.result, ACCEPT_BUSY);
	get(gate, MSG_STORE_SEEN, 2, &c);
	assert_int_equal(c.result, ACCEPT_BUSY);
	get(worker, MSG_STORE_STORED, 3, &s);
	assert_int_equal(s.result, PUT_BUSY);
	get(worker, MSG_STORE_RECORDED, 4, &r);
	assert_int_equal(r.result, ACCEPT_BUSY);
	assert_int_equal(r.row, 1);
	get_nothing(gate);
	get_nothing(worker);
	fail_sync = 0;
	send_accept(gate, 5, 1, "c1");
	turn();
	get(gate, MSG_STORE_ACCEPTED, 5, &a);
	assert_int_equal(a.result, ACCEPT_NEW);
	assert_int_equal(sql_int("SELECT count(*) FROM outbox"), 2);
	assert_int_equal(sql_int("SELECT count(*) FROM inbox"), 0);
	channel_free(&gate);
	channel_free(&worker);
}

/* The answers to puts n to n + count - 1 of a worker, all alike. */
static void
get_stored(struct channel *worker, int n, int count, enum put_result result)
{
	struct msg_stored	s;
	int			i;

	for (i = n; i < n + count; i++) {
		get(worker, MSG_STORE_STORED, (uint32_t)i, &s);
		assert_int_equal(s.result, result);
	}
}

/*
 * A put that was refused is not overtaken by those that the worker sent behind
 * it, however often it is refused; another worker's are none of its business.
 */
static void
refused_puts_keep_their_order(void **state)
{
	struct channel	*one = join_worker(1), *two = join_worker(2);
	int		 i;

	(void)state;
	turn();
	get(one, MSG_STORE_WAKE, 0, NULL);
	get(two, MSG_STORE_WAKE, 0, NULL);
	chores_finish(chores, INT64_MAX);
	fail_sync = 1;
	for (i = 1; i <= 2; i++)
		send_put(one, (uint32_t)i, i, INBOX_MESSAGE);
	turn();
	get_stored(one, 1, 2, PUT_BUSY);
	fail_sync = 0;
	send_put(one, 3, 3, INBOX_MESSAGE);	/* was under way */
	send_put(two, 1, 1, INBOX_MESSAGE);
	turn();
	get_stored(one, 3, 1, PUT_BUSY);
	get_stored(two, 1, 1, PUT_NEW);
	fail_sync = 1;
	send_put(one, 1, 1, INBOX_MESSAGE);
	turn();
	get_stored(one, 1, 1, PUT_BUSY);
	fail_sync = 0;
	send_put(one, 4, 4, INBOX_MESSAGE);
	for (i = 1; i <= 5; i++)
		send_put(one, (uint32_t)i, i, INBOX_MESSAGE);
	turn();
	get_stored(one, 4, 1, PUT_BUSY);
	get_stored(one, 1, 5, PUT_NEW);
	send_put(one, 6, 6, INBOX_MESSAGE);
	turn();
	get_stored(one, 6, 1, PUT_NEW);
	assert_int_equal(sql_int("SELECT group_concat(client_message_id, '') ="
	    " 'client-1client-2client-3client-4client-5client-6' FROM"
	    " (SELECT * FROM inbox WHERE substr(hex(owner), 1, 2) = '01'"
	    " ORDER BY seq)"), 1);
	channel_free(&one);
	channel_free(&two);
}

/* A full disk is told as such, and does not hurt those after it. */
static void
full_disk_is_told(void **state)
{
	static uint8_t		 body[60000];
	struct channel		*gate = join_gate();
	struct msg_accept	 big;
	struct msg_accepted	 a;
	int64_t			 v;
	int			 i;

	(void)state;
	turn();
	db_number(tables.db, "PRAGMA max_page_count = 60", &v);
	for (i = 0; i < 10; i++) {
		make_accept(&big, 1, "", key(9));
		snprintf(big.client_id, sizeof big.client_id, "c%d", i);
		big.body.p = body;
		big.body.len = sizeof body;
		assert_int_equal(msg_send(gate, MSG_GATE_ACCEPT,
		    (uint32_t)i + 1, &big, -1), 0);
	}
	turn();
	for (i = 0; i < 10; i++)
		get(gate, MSG_STORE_ACCEPTED, (uint32_t)i + 1, &a);
	assert_int_equal(a.result, ACCEPT_FULL);
	db_number(tables.db, "PRAGMA max_page_count = 100000", &v);
	send_accept(gate, 20, 1, "new");
	turn();
	get(gate, MSG_STORE_ACCEPTED, 20, &a);
	assert_int_equal(a.result, ACCEPT_NEW);
	channel_free(&gate);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, loop_new, loop_remove)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(one_sync_for_all_who_wait),
		T(nobody_waits_behind_a_long_queue),
		T(who_is_told),
		T(handover_wakes_the_member),
		T(failed_commit_answers_all),
		T(refused_puts_keep_their_order),
		T(full_disk_is_told),
	};

	return cmocka_run_group_tests(tests, loop_group, NULL);
}
