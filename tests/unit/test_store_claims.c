/*
 * supervisor/store/claims.c and jobs.c over real channels: an operator changes
 * a row only once its worker has let go of it, in bounded time, and nobody
 * else waits meanwhile (delivery.md 5).  Deleting inbox rows (6).
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/uuid.h"
#include "loop_help.h"
#include "store_help.h"

static struct channel	*gate, *worker;	/* of owner 1 */

/* Gate and worker are there, and three rows: two of owner 1, one of 2. */
static int
setup(void **state)
{
	if (loop_new(state) == -1)
		return -1;
	gate = join_gate();
	worker = join_worker(1);
	turn();
	get(worker, MSG_STORE_WAKE, 0, NULL);
	chores_finish(chores, INT64_MAX);
	now = clock_wall_ms();
	accept_new(1, "c1", key(9));
	accept_new(1, "c2", key(9));
	accept_new(2, "c3", key(9));
	return 0;
}

static int
teardown(void **state)
{
	channel_free(&gate);
	channel_free(&worker);
	turn();
	return loop_remove(state);
}

static int64_t
states(void)
{
	return sql_int("SELECT group_concat(state, '') FROM (SELECT state"
	    " FROM outbox ORDER BY seq)");
}

/* The results of an operation, as digits. */
static int
get_operated(uint32_t seq)
{
	struct msg_operated	o;
	uint32_t		i;
	int			v = 0;

	get(gate, MSG_STORE_OPERATED, seq, &o);
	assert_int_equal(o.results.n, o.rows.n);
	for (i = 0; i < o.rows.n; i++)
		v = 10 * v + (int)o.results.v[i];
	return v;
}

static void
get_claim(struct channel *ch, enum msg_type type, uint32_t seq, int64_t row)
{
	struct msg_claim	c;

	get(ch, type, seq, &c);
	assert_int_equal(c.row, row);
}

static void
get_ended(const char *client_id)
{
	struct msg_outcome	o;

	get(gate, MSG_STORE_STATUS, 0, &o);
	assert_string_equal(o.client_id, client_id);
	assert_int_equal(o.state, ROW_ABORTED);
}

static void
send_requeue(uint32_t seq, int64_t row, const char *id, const char *client_id)
{
	struct msg_requeue	q;

	memset(&q, 0, sizeof q);
	q.row = row;
	strcpy(q.by, "operator");
	strcpy(q.id, id);
	strcpy(q.client_id, client_id);
	assert_int_equal(msg_send(gate, MSG_GATE_REQUEUE, seq, &q, -1), 0);
}

/* Rows without a worker at once, with one when it has let go. */
static void
worker_is_asked(void **state)
{
	static const int64_t	rows[] = { 1, 2, 3, 99 };

	(void)state;
	send_operate(gate, 5, OPERATE_ABORT, 1, rows + 2);
	turn();
	assert_int_equal(get_operated(5), OPERATE_OK);
	get_ended("c3");
	send_operate(gate, 6, OPERATE_ABORT, 4, rows);
	turn();
	get_claim(worker, MSG_STORE_CLAIM, 1, 1);
	get_claim(worker, MSG_STORE_CLAIM, 2, 2);
	get_nothing(worker);
	get_nothing(gate);
	send_claimed(worker, 1, 1, 0);
	turn();
	get_nothing(gate);
	assert_int_equal(states(), 4);		/* 004 */
	send_claimed(worker, 2, 2, 1);
	turn();
	assert_int_equal(get_operated(6), 1000 * OPERATE_INFLIGHT +
	    100 * OPERATE_OK + 10 * OPERATE_OK + OPERATE_NOT_FOUND);
	get_ended("c2");
	get_claim(worker, MSG_STORE_UNCLAIM, 0, 1);
	get_claim(worker, MSG_STORE_UNCLAIM, 0, 2);
	get_nothing(worker);
	assert_int_equal(states(), 44);		/* 044 */
}

/* Meanwhile others are served. */
static void
nobody_waits_meanwhile(void **state)
{
	static const int64_t	rows[] = { 1, 3 };
	struct msg_accepted	a;

	(void)state;
	send_operate(gate, 5, OPERATE_HOLD, 2, rows);
	turn();
	send_accept(gate, 6, 1, "c4");
	turn();
	get(gate, MSG_STORE_ACCEPTED, 6, &a);
	assert_int_equal(a.result, ACCEPT_NEW);
	send_operate(gate, 7, OPERATE_HOLD, 1, rows + 1);
	turn();
	assert_int_equal(get_operated(7), OPERATE_OK);
	get_claim(worker, MSG_STORE_CLAIM, 1, 1);
	send_claimed(worker, 1, 1, 1);
	turn();
	assert_int_equal(get_operated(5), 0);
	assert_int_equal(sql_int("SELECT sum(held) FROM outbox"), 2);
}

/* A worker that does not answer, within bounds; its late answer is none. */
static void
silent_worker_is_not_waited_for(void **state)
{
	static const int64_t	row = 1;
	int64_t			start = clock_mono_ms();
	struct msg		m;

	(void)state;
	send_operate(gate, 5, OPERATE_ABORT, 1, &row);
	turn();
	get_nothing(gate);
	while (TAILQ_EMPTY(peers_ready(peers)) &&
	    clock_mono_ms() < start + 1000)
		turn_once();
	while (msg_recv(gate, &m) == 0) {
		assert_true(clock_mono_ms() < start + 3000);
		turn_once();
	}
	assert_int_equal(m.type, MSG_STORE_OPERATED);
	assert_true(clock_mono_ms() - start >= 990);
	assert_true(clock_mono_ms() - start < 2000);
	assert_int_equal(states(), 0);
	get_claim(worker, MSG_STORE_CLAIM, 1, 1);
	get_claim(worker, MSG_STORE_UNCLAIM, 0, 1);
	send_claimed(worker, 1, 1, 1);
	send_operate(gate, 6, OPERATE_ABORT, 1, &row);
	turn();
	get_nothing(gate);			/* the old answer is not it */
	get_claim(worker, MSG_STORE_CLAIM, 2, 1);
	send_claimed(worker, 2, 1, 1);
	turn();
	assert_int_equal(get_operated(6), OPERATE_OK);
}

/* With the worker, its window is gone. */
static void
gone_worker_lets_go(void **state)
{
	static const int64_t	row = 1;

	(void)state;
	send_operate(gate, 5, OPERATE_ABORT, 1, &row);
	turn();
	get_claim(worker, MSG_STORE_CLAIM, 1, 1);
	channel_free(&worker);
	turn();
	assert_int_equal(get_operated(5), OPERATE_OK);
	get_ended("c1");
}

/* ... but who takes its place is asked anew, also when it had agreed. */
static void
next_worker_is_asked(void **state)
{
	static const int64_t	rows[] = { 1, 2 };
	struct channel		*next;

	(void)state;
	send_operate(gate, 5, OPERATE_ABORT, 2, rows);
	turn();
	get_claim(worker, MSG_STORE_CLAIM, 1, 1);
	get_claim(worker, MSG_STORE_CLAIM, 2, 2);
	send_claimed(worker, 1, 1, 1);
	turn();
	next = join_worker(1);
	turn();
	get_nothing(next);
	channel_free(&worker);
	turn();
	get_nothing(gate);
	get_claim(next, MSG_STORE_CLAIM, 3, 1);
	get_claim(next, MSG_STORE_CLAIM, 4, 2);
	get(next, MSG_STORE_WAKE, 0, NULL);
	send_claimed(next, 3, 1, 0);
	send_claimed(next, 4, 2, 1);
	turn();
	assert_int_equal(get_operated(5), 10 * OPERATE_INFLIGHT + OPERATE_OK);
	get_claim(next, MSG_STORE_UNCLAIM, 0, 1);
	get_claim(next, MSG_STORE_UNCLAIM, 0, 2);
	channel_free(&next);
}

/* A row that was free because nobody was there, until somebody is. */
static void
late_worker_is_asked(void **state)
{
	static const int64_t	rows[] = { 1, 3 };
	struct channel		*two;

	(void)state;
	send_operate(gate, 5, OPERATE_ABORT, 2, rows);
	turn();
	get_claim(worker, MSG_STORE_CLAIM, 1, 1);
	two = join_worker(2);
	turn();
	get_claim(two, MSG_STORE_CLAIM, 2, 3);
	get(two, MSG_STORE_WAKE, 0, NULL);
	send_claimed(worker, 1, 1, 1);
	turn();
	get_nothing(gate);
	send_claimed(two, 2, 3, 0);
	turn();
	assert_int_equal(get_operated(5), OPERATE_INFLIGHT);	/* OK, it */
	get_ended("c1");
	channel_free(&two);
}

/* Two operations on one row: it is let go when the last is done. */
static void
row_is_let_go_once(void **state)
{
	static const int64_t	rows[] = { 1, 2 };

	(void)state;
	send_operate(gate, 5, OPERATE_HOLD, 1, rows);
	send_operate(gate, 6, OPERATE_HOLD, 2, rows);
	turn();
	get_claim(worker, MSG_STORE_CLAIM, 1, 1);
	get_claim(worker, MSG_STORE_CLAIM, 2, 1);
	get_claim(worker, MSG_STORE_CLAIM, 3, 2);
	send_claimed(worker, 1, 1, 1);
	send_claimed(worker, 2, 1, 1);
	turn();
	assert_int_equal(get_operated(5), OPERATE_OK);
	get_nothing(worker);
	send_claimed(worker, 3, 2, 1);
	turn();
	assert_int_equal(get_operated(6), 0);
	get_claim(worker, MSG_STORE_UNCLAIM, 0, 1);
	get_claim(worker, MSG_STORE_UNCLAIM, 0, 2);
	get_nothing(worker);
}

/* What it reported before it let go counts: the row is done. */
static void
progress_comes_first(void **state)
{
	static const int64_t	row = 1;
	struct msg_recorded	r;
	struct msg_outcome	o;

	(void)state;
	send_operate(gate, 5, OPERATE_ABORT, 1, &row);
	turn();
	send_progress(worker, 9, 1, ROW_DONE);
	send_claimed(worker, 1, 1, 1);
	turn();
	get(gate, MSG_STORE_OPERATED, 5, &(struct msg_operated){ 0 });
	get(gate, MSG_STORE_STATUS, 0, &o);
	assert_int_equal(o.state, ROW_DONE);
	get_claim(worker, MSG_STORE_CLAIM, 1, 1);
	get(worker, MSG_STORE_RECORDED, 9, &r);
	get_claim(worker, MSG_STORE_UNCLAIM, 0, 1);
	assert_int_equal(states(), 200);
}

/* To release needs no agreement, but the worker has to look. */
static void
release_tells_the_worker(void **state)
{
	static const int64_t	row = 1;

	(void)state;
	sql_run("UPDATE outbox SET held = 1");
	send_operate(gate, 5, OPERATE_RELEASE, 1, &row);
	turn();
	assert_int_equal(get_operated(5), OPERATE_OK);
	get_claim(worker, MSG_STORE_UNCLAIM, 0, 1);
	get_nothing(worker);
	assert_int_equal(sql_int("SELECT sum(held) FROM outbox"), 2);
}

static void
requeue_wakes(void **state)
{
	struct msg_requeued	r, again;
	char			id[UUID_SIZE], other[UUID_SIZE];

	(void)state;
	send_requeue(5, 1, uuid_v7(id), "new");
	turn();
	get_claim(worker, MSG_STORE_CLAIM, 1, 1);
	send_claimed(worker, 1, 1, 1);
	turn();
	get(gate, MSG_STORE_REQUEUED, 5, &r);
	assert_int_equal(r.result, OPERATE_OK);
	assert_int_equal(r.row, 4);
	get_ended("c1");
	get(worker, MSG_STORE_WAKE, 0, NULL);
	get_claim(worker, MSG_STORE_UNCLAIM, 0, 1);
	/* Repeated by a gate that did not hear: nobody is asked. */
	send_requeue(6, 1, id, "new");
	send_requeue(7, 1, uuid_v7(other), "newer");
	turn();
	get(gate, MSG_STORE_REQUEUED, 6, &again);
	assert_memory_equal(&again, &r, sizeof r);
	get(gate, MSG_STORE_REQUEUED, 7, &again);
	assert_int_equal(again.result, OPERATE_ENDED);
	assert_int_equal(again.state, ROW_ABORTED);
	get_nothing(worker);
	get_nothing(gate);
}

/* Nothing happened, is said, and the row is let go all the same. */
static void
failed_commit_lets_go(void **state)
{
	static const int64_t	row = 1;
	struct msg_requeued	r;
	char			id[UUID_SIZE];

	(void)state;
	fail_sync = 1;
	send_operate(gate, 5, OPERATE_ABORT, 1, &row);
	send_requeue(6, 2, uuid_v7(id), "new");
	turn();
	get_claim(worker, MSG_STORE_CLAIM, 1, 1);
	get_claim(worker, MSG_STORE_CLAIM, 2, 2);
	send_claimed(worker, 1, 1, 1);
	send_claimed(worker, 2, 2, 1);
	turn();
	assert_int_equal(get_operated(5), OPERATE_BUSY);
	get(gate, MSG_STORE_REQUEUED, 6, &r);
	assert_int_equal(r.result, OPERATE_BUSY);
	get_claim(worker, MSG_STORE_UNCLAIM, 0, 1);
	get_claim(worker, MSG_STORE_UNCLAIM, 0, 2);
	get_nothing(gate);
	fail_sync = 0;
	assert_int_equal(states(), 0);
	send_requeue(7, 2, id, "new");
	turn();
	get_claim(worker, MSG_STORE_CLAIM, 3, 2);
	send_claimed(worker, 3, 2, 1);
	turn();
	get(gate, MSG_STORE_REQUEUED, 7, &r);
	assert_int_equal(r.result, OPERATE_OK);
}

/* Nobody waits for it any more: not done, and let go; the next gate asks. */
static void
gone_gate_gets_nothing(void **state)
{
	static const int64_t	row = 1;

	(void)state;
	send_operate(gate, 5, OPERATE_ABORT, 1, &row);
	turn();
	get_claim(worker, MSG_STORE_CLAIM, 1, 1);
	channel_free(&gate);
	turn();
	gate = join_gate();
	turn();
	send_claimed(worker, 1, 1, 1);
	turn();
	get_claim(worker, MSG_STORE_UNCLAIM, 0, 1);
	get_nothing(gate);
	assert_int_equal(states(), 0);
	send_operate(gate, 5, OPERATE_ABORT, 1, &row);
	turn();
	get_claim(worker, MSG_STORE_CLAIM, 2, 1);
	send_claimed(worker, 2, 1, 1);
	turn();
	assert_int_equal(get_operated(5), OPERATE_OK);
}

/* As many rows as one request may have, of many workers. */
static void
many_rows(void **state)
{
	int64_t			 rows[OPERATE_ROWS_MAX];
	struct msg_operated	 o;
	struct msg_claim	 c;
	struct msg		 m;
	char			 id[32];
	int			 i, asked = 0;

	(void)state;
	for (i = 0; i < OPERATE_ROWS_MAX; i++) {
		snprintf(id, sizeof id, "m%d", i);
		rows[i] = accept_new(1 + i % 2, id, key(i));
	}
	send_operate(gate, 5, OPERATE_ABORT, OPERATE_ROWS_MAX, rows);
	turn();
	while (msg_recv(worker, &m) == 1) {
		assert_int_equal(m.type, MSG_STORE_CLAIM);
		assert_int_equal(msg_decode(&m, &c), 0);
		send_claimed(worker, m.seq, c.row, 1);
		asked++;
	}
	assert_int_equal(asked, OPERATE_ROWS_MAX / 2);
	for (i = 0; i < 20; i++)
		turn();
	get(gate, MSG_STORE_OPERATED, 5, &o);
	for (i = 0; i < OPERATE_ROWS_MAX; i++)
		assert_int_equal(o.results.v[i], OPERATE_OK);
	assert_int_equal(sql_int("SELECT count(*) FROM outbox"
	    " WHERE state = 4"), OPERATE_ROWS_MAX);
}

/* No honest gate asks for more, or less. */
static void
nonsense_drops_the_gate(void **state)
{
	struct msg_requeue	q;

	(void)state;
	memset(&q, 0, sizeof q);
	q.row = 1;
	strcpy(q.id, "no uuid");
	strcpy(q.client_id, "c");
	assert_int_equal(msg_send(gate, MSG_GATE_REQUEUE, 5, &q, -1), 0);
	turn();
	get_end(gate);
	assert_int_equal(states(), 0);
}

/* ---- deleting ---- */

/*
 * delivery.md 6: own rows go and leave their keys; a member's row goes for
 * this reader alone; a repeat finds nothing.
 */
static void
delete_per_reader(void **state)
{
	struct msg_channel	ch, member;
	struct msg_seen		q;
	struct msg_count	n;
	struct msg_put		p;
	struct msg_stored	s;
	int			i;

	(void)state;
	make_channel(&ch, OWNER_SESSION, 1, 50);
	make_channel(&member, OWNER_MEMBER, 50, 50);
	memset(&q, 0, sizeof q);
	memcpy(q.reader, owner(1), sizeof q.reader);
	q.rows.n = 4;
	make_put(&p, 9, 1);
	q.rows.v[0] = (uint64_t)put_new(&ch, &p);
	make_put(&p, 9, 2);
	q.rows.v[1] = (uint64_t)put_new(&member, &p);
	make_channel(&ch, OWNER_SESSION, 2, 50);
	make_put(&p, 9, 3);
	q.rows.v[2] = (uint64_t)put_new(&ch, &p);	/* another session's */
	q.rows.v[3] = 99999;
	for (i = 0; i < 2; i++) {
		assert_int_equal(msg_send(gate, MSG_GATE_DELETE, 5, &q, -1),
		    0);
		turn();
		get(gate, MSG_STORE_DELETED, 5, &n);
		assert_int_equal(n.result, ACCEPT_NEW);
		assert_int_equal(n.count, i == 0 ? 2 : 0);
	}
	assert_int_equal(sql_int("SELECT count(*) FROM inbox"), 2);
	assert_int_equal(sql_int("SELECT count(*) FROM tombstone"
	    " WHERE client_message_id = 'client-1'"
	    " AND broker_message_id = 'broker-1' AND nonce IS NOT NULL"), 1);
	assert_true(sql_int("SELECT expires_at FROM tombstone") -
	    clock_wall_ms() > 1000000000 - 60000);
	assert_int_equal(sql_int("SELECT count(*) FROM reader"
	    " WHERE deleted_at IS NOT NULL"), 1);
	assert_int_equal(sql_int("SELECT count(*) FROM inbox"
	    " WHERE deleted_at IS NOT NULL"), 0);
	/* A copy of a deleted row is still one. */
	make_channel(&ch, OWNER_SESSION, 1, 50);
	make_put(&p, 9, 1);
	assert_int_equal(put(&ch, &p, &s), OP_DONE);
	assert_int_equal(s.result, PUT_COPY);
}

static void
delete_that_fails(void **state)
{
	struct msg_channel	ch;
	struct msg_seen		q;
	struct msg_count	n;
	struct msg_put		p;

	(void)state;
	make_channel(&ch, OWNER_SESSION, 1, 50);
	memset(&q, 0, sizeof q);
	memcpy(q.reader, owner(1), sizeof q.reader);
	q.rows.n = 1;
	make_put(&p, 9, 1);
	q.rows.v[0] = (uint64_t)put_new(&ch, &p);
	fail_sync = 1;
	assert_int_equal(msg_send(gate, MSG_GATE_DELETE, 5, &q, -1), 0);
	turn();
	get(gate, MSG_STORE_DELETED, 5, &n);
	assert_int_equal(n.result, ACCEPT_BUSY);
	assert_int_equal(n.count, 0);
	fail_sync = 0;
	assert_int_equal(sql_int("SELECT count(*) FROM inbox"), 1);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(worker_is_asked),
		T(nobody_waits_meanwhile),
		T(silent_worker_is_not_waited_for),
		T(gone_worker_lets_go),
		T(next_worker_is_asked),
		T(late_worker_is_asked),
		T(row_is_let_go_once),
		T(progress_comes_first),
		T(release_tells_the_worker),
		T(requeue_wakes),
		T(failed_commit_lets_go),
		T(gone_gate_gets_nothing),
		T(many_rows),
		T(nonsense_drops_the_gate),
		T(delete_per_reader),
		T(delete_that_fails),
	};

	return cmocka_run_group_tests(tests, loop_group, NULL);
}
