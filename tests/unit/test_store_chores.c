/*
 * supervisor/store/chores.c: ends of rows that no worker reports, retention,
 * and a log that stays short (delivery.md 4 and 5, design.md "Store").
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sys/wait.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "loop_help.h"
#include "store_help.h"

/* delivery.md 5: what is left of an ended session, in slices, all of it. */
static void
ended_owner_in_slices(void **state)
{
	struct channel		*gate = join_gate();
	struct msg_end_rows	 end;
	struct msg		 m;
	char			 id[16];
	uint64_t		 commits;
	int			 i, told = 0;

	(void)state;
	turn();
	for (i = 0; i < 3000; i++) {
		struct msg_accept	a;
		struct msg_accepted	r;

		if (i % 500 == 0)
			assert_int_equal(db_begin(tables.db), 0);
		snprintf(id, sizeof id, "c%d", i);
		make_accept(&a, 1, id, key(9));
		assert_int_equal(outbox_accept(tables.outbox, &a, now, &notes,
		    &r), OP_DONE);
		if (i % 500 == 499)
			assert_int_equal(db_commit(tables.db), 0);
	}
	memset(&end, 0, sizeof end);
	memcpy(end.owner, owner(1), OWNER_ID_LEN);
	strcpy(end.reason, "sender_ended");
	commits = db_commits(tables.db);
	chores_end_rows(chores, 77, &end);
	while (told < 3000) {
		turn_once();
		while (msg_recv(gate, &m) == 1)
			told += m.type == MSG_STORE_STATUS;
	}
	while (ended == 0)
		turn_once();
	assert_int_equal(ended, 77);
	/* Others have their turn in between. */
	assert_true(db_commits(tables.db) - commits > 3);
	assert_int_equal(sql_int("SELECT count(*) FROM outbox WHERE state = 3"
	    " AND last_error = 'sender_ended'"), 3000);
	assert_int_equal(sql_int("SELECT count(*) FROM inbox WHERE state = 3"),
	    3000);
	channel_free(&gate);
}

/* Said when it is so, and not when the commit of it has failed. */
static void
ended_is_said_after_the_commit(void **state)
{
	struct msg_end_rows	end;

	(void)state;
	turn();
	accept_new(1, "c1", key(9));
	chores_finish(chores, INT64_MAX);
	memset(&end, 0, sizeof end);
	memcpy(end.owner, owner(1), OWNER_ID_LEN);
	fail_sync = 1;
	chores_end_rows(chores, 5, &end);
	chores_finish(chores, INT64_MAX);
	assert_int_equal(ended, 0);
	fail_sync = 0;
	chores_finish(chores, INT64_MAX);
	assert_int_equal(ended, 5);
	assert_int_equal(sql_int("SELECT last_error = 'unknown' FROM outbox"),
	    1);
}

static int64_t
count_expired(void)
{
	return sql_int("SELECT count(*) FROM outbox WHERE state = 3"
	    " AND last_error = 'expired'");
}

/* One more look at what is too old, and what workers said of it. */
static void
expire(void)
{
	chores_minute(chores);
	chores_finish(chores, INT64_MAX);
}

static void
expire_answers(void)
{
	turn();
	chores_finish(chores, INT64_MAX);
}

/*
 * delivery.md 5: a row whose worker is connected expires only once that has
 * let go of it; others, and those of parked sessions, at once.
 */
static void
expiry_asks_connected_workers(void **state)
{
	struct channel		*gate = join_gate(), *worker = join_worker(1);
	struct msg_claim	 c;
	struct msg_rows		 rows;
	struct msg_outcome	 o;

	(void)state;
	turn();
	get(worker, MSG_STORE_WAKE, 0, NULL);
	now = clock_wall_ms() - 2000000;	/* twice max_age */
	accept_new(1, "c1", key(9));
	accept_new(1, "c2", key(9));
	accept_new(2, "c1", key(9));
	now = clock_wall_ms();
	accept_new(2, "c2", key(9));
	accept_new(1, "c3", key(9));
	expire();
	assert_int_equal(count_expired(), 1);
	assert_int_equal(sql_int("SELECT seq FROM outbox WHERE state = 3"), 3);
	get(gate, MSG_STORE_ROWS, 0, &rows);
	get(gate, MSG_STORE_STATUS, 0, &o);

	get(worker, MSG_STORE_CLAIM, 1, &c);
	assert_int_equal(c.row, 1);
	get(worker, MSG_STORE_CLAIM, 2, &c);
	assert_int_equal(c.row, 2);
	expire();				/* asked once only */
	get_nothing(worker);
	send_claimed(worker, 1, 1, 0);
	send_claimed(worker, 2, 2, 1);
	expire_answers();
	assert_int_equal(count_expired(), 2);
	assert_int_equal(sql_int("SELECT state FROM outbox WHERE seq = 1"), 0);
	get(worker, MSG_STORE_UNCLAIM, 0, &c);
	get(worker, MSG_STORE_UNCLAIM, 0, &c);
	get(gate, MSG_STORE_ROWS, 0, &rows);
	get(gate, MSG_STORE_STATUS, 0, &o);
	assert_string_equal(o.client_id, "c2");
	assert_string_equal(o.reason, "expired");
	get_nothing(worker);

	expire();				/* what was not comes again */
	get(worker, MSG_STORE_CLAIM, 3, &c);
	assert_int_equal(c.row, 1);
	channel_free(&worker);			/* and is free without it */
	expire_answers();
	assert_int_equal(count_expired(), 3);
	assert_int_equal(sql_int("SELECT count(*) FROM inbox WHERE state = 3"),
	    3);
	channel_free(&gate);
}

/* More old rows than a worker is asked about at once: all, in the end. */
static void
expiry_of_many_rows(void **state)
{
	struct channel		*worker = join_worker(1);
	struct msg_claim	 c;
	struct msg		 m;
	char			 id[16];
	int			 i, asked = 0;
	int64_t			 end = clock_mono_ms() + 100000;

	(void)state;
	turn();
	get(worker, MSG_STORE_WAKE, 0, NULL);
	now = clock_wall_ms() - 2000000;
	for (i = 0; i < 1000; i++) {
		snprintf(id, sizeof id, "c%d", i);
		accept_new(1, id, key(9));
	}
	chores_minute(chores);
	while (count_expired() < 1000) {
		assert_true(clock_mono_ms() < end);
		chores_finish(chores, INT64_MAX);
		while (msg_recv(worker, &m) == 1) {
			if (m.type != MSG_STORE_CLAIM)
				continue;
			assert_int_equal(msg_decode(&m, &c), 0);
			send_claimed(worker, m.seq, c.row, 1);
			asked++;
		}
		turn();
	}
	assert_int_equal(asked, 1000);
	channel_free(&worker);
}

/* What the retention is over for, in all tables, and what it is not. */
static void
make_old(const char *old, const char *new, int nonce)
{
	struct msg_channel	ch;
	struct msg_recorded	r;
	struct msg_put		p;

	make_channel(&ch, OWNER_SESSION, 1, 50);
	now = clock_wall_ms() - 1000000001;
	progress(1, accept_new(1, old, key(9)), ROW_DONE, "", &r);
	make_put(&p, 9, nonce);
	put_new(&ch, &p);
	make_put(&p, 9, nonce + 1);
	delete(1, put_new(&ch, &p));
	now = clock_wall_ms();
	progress(1, accept_new(1, new, key(9)), ROW_DONE, "", &r);
	make_put(&p, 9, nonce + 2);
	put_new(&ch, &p);
}

/* delivery.md 5 and 6: retention, at start and again every hour. */
static void
retention(void **state)
{
	(void)state;
	make_old("old", "new", 1);
	chores_finish(chores, INT64_MAX);	/* nobody has asked for it */
	assert_int_equal(sql_int("SELECT count(*) FROM outbox"), 1);
	assert_int_equal(sql_int("SELECT count(*) FROM inbox"), 1);
	assert_int_equal(sql_int("SELECT count(*) FROM tombstone"), 0);
	make_old("old2", "new2", 11);
	chores_finish(chores, INT64_MAX);
	assert_int_equal(sql_int("SELECT count(*) FROM outbox"), 3);
	chores_hour(chores);
	chores_finish(chores, INT64_MAX);
	assert_int_equal(sql_int("SELECT count(*) FROM outbox"), 2);
	assert_int_equal(sql_int("SELECT count(*) FROM inbox"), 2);
	assert_int_equal(sql_int("SELECT count(*) FROM tombstone"), 0);
}

/* The log is moved into the file when it is long, without being asked. */
static void
log_stays_short(void **state)
{
	static uint8_t		 body[30000];
	struct channel		*gate = join_gate();
	struct msg_accept	 a;
	struct msg_accepted	 r;
	int64_t			 most = 0;
	int			 i;

	(void)state;
	turn();
	for (i = 0; i < 1000; i++) {
		make_accept(&a, 1, "", key(9));
		snprintf(a.client_id, sizeof a.client_id, "c%d", i);
		a.body.p = body;
		a.body.len = sizeof body;
		assert_int_equal(msg_send(gate, MSG_GATE_ACCEPT, 1, &a, -1),
		    0);
		turn();
		get(gate, MSG_STORE_ACCEPTED, 1, &r);
		if (db_wal_bytes(tables.db) > most)
			most = db_wal_bytes(tables.db);
	}
	assert_true(most > 3 * 1024 * 1024);
	assert_true(most < 8 * 1024 * 1024);
	channel_free(&gate);
}

/* Reads without a pause until it is killed. */
static void
read_for_ever(void)
{
	struct rows		*rows = rows_open(path);
	struct out_row		 o;
	int64_t			 after = 0;

	while (rows != NULL) {
		if (rows_target_row(rows, owner(1), key(9), after, &o) == 1) {
			after = o.seq;
			out_row_clear(&o);
		} else
			after = 0;
	}
	_exit(1);
}

/* ... and readers that never let go between them do not change that. */
static void
log_stays_short_beside_readers(void **state)
{
	static uint8_t		 body[60000];
	struct msg_accept	 a;
	struct msg_accepted	 r;
	int64_t			 most = 0;
	pid_t			 pids[4];
	int			 i;

	(void)state;
	for (i = 0; i < 4; i++)
		if ((pids[i] = fork()) == 0)
			read_for_ever();
	for (i = 0; i < 2500; i++) {	/* 150 MB */
		make_accept(&a, 1, "", key(9));
		snprintf(a.client_id, sizeof a.client_id, "c%d", i);
		a.body.p = body;
		a.body.len = sizeof body;
		accept_row(&a, &r);
		chores_after_batch(chores);
		if (db_wal_bytes(tables.db) > most)
			most = db_wal_bytes(tables.db);
	}
	for (i = 0; i < 4; i++) {
		kill(pids[i], SIGKILL);
		assert_int_equal(waitpid(pids[i], NULL, 0), pids[i]);
	}
	print_message("longest log: %lld KB\n", (long long)most / 1024);
	assert_true(most < 100 * 1024 * 1024);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, loop_new, loop_remove)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(ended_owner_in_slices),
		T(ended_is_said_after_the_commit),
		T(expiry_asks_connected_workers),
		T(expiry_of_many_rows),
		T(retention),
		T(log_stays_short),
		T(log_stays_short_beside_readers),
	};

	return cmocka_run_group_tests(tests, loop_group, NULL);
}
