/*
 * supervisor/store/peers.c, batch.c and chores.c on a loop of their own, with
 * real channels: one sync for all who wait, order and fairness, what others
 * are told, peers that are replaced, that talk nonsense, that do not read
 * (design.md "Store", "Channels").  Syncs are counted by a VFS of the test's
 * own, which can also make them fail.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sys/wait.h>

#include <event2/event.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/channel.h"
#include "common/clock.h"
#include "common/xalloc.h"
#include "store_help.h"
#include "supervisor/store/batch.h"
#include "supervisor/store/chores.h"
#include "supervisor/store/peers.h"

/* ---- syncs of the log, counted ---- */

static int	syncs, fail_sync;
static int	(*real_sync)(sqlite3_file *, int);
static int	(*real_open)(sqlite3_vfs *, const char *, sqlite3_file *, int,
		    int *);
static struct sqlite3_io_methods	wal_methods;

static int
counted_sync(sqlite3_file *f, int flags)
{
	syncs++;
	if (fail_sync)
		return SQLITE_IOERR_FSYNC;
	return real_sync(f, flags);
}

static int
counted_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags,
    int *out)
{
	int	rc = real_open(vfs, name, f, flags, out);

	if (rc == SQLITE_OK && (flags & SQLITE_OPEN_WAL)) {
		wal_methods = *f->pMethods;
		real_sync = wal_methods.xSync;
		wal_methods.xSync = counted_sync;
		f->pMethods = &wal_methods;
	}
	return rc;
}

static int
count_syncs(void **state)
{
	static sqlite3_vfs	vfs;
	sqlite3_vfs		*unix_vfs = sqlite3_vfs_find(NULL);

	(void)state;
	vfs = *unix_vfs;
	vfs.zName = "counted";
	real_open = vfs.xOpen;
	vfs.xOpen = counted_open;
	return sqlite3_vfs_register(&vfs, 1) == SQLITE_OK ? 0 : -1;
}

/* ---- a store without a supervisor ---- */

static struct event_base	*base;
static struct event		*ev_batch;
static struct peers		*peers;
static struct batch		*batch;
static struct chores		*chores;
static int			 runs;

static void
ready_cb(void *arg)
{
	(void)arg;
	event_active(ev_batch, EV_TIMEOUT, 0);
}

static void
batch_cb(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval	at_once;

	(void)fd;
	(void)what;
	(void)arg;
	if (batch_run(batch) > 0) {
		runs++;
		chores_after_batch(chores);
	}
	if (!TAILQ_EMPTY(peers_ready(peers)))
		evtimer_add(ev_batch, &at_once);
}

static int
setup(void **state)
{
	if (tables_new(state) == -1)
		return -1;
	base = event_base_new();
	ev_batch = evtimer_new(base, batch_cb, NULL);
	peers = peers_new(base, ready_cb, NULL);
	batch = batch_new(&tables, peers);
	batch_set_limit(batch, 2000000);
	chores = chores_new(base, &tables, peers, 1000000000, 1000000);
	runs = syncs = fail_sync = 0;
	return 0;
}

static int
teardown(void **state)
{
	chores_free(&chores);
	batch_free(&batch);
	peers_free(&peers);
	event_free(ev_batch);
	event_base_free(base);
	return tables_remove(state);
}

/* Turn the loop until nothing happens. */
static void
turn(void)
{
	int	i;

	for (i = 0; i < 8; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

/* ---- the other ends ---- */

static struct channel *
join(unsigned peer, enum row_kind kind, int n, int m)
{
	struct msg_channel	body;
	int			fds[2];

	assert_int_equal(channel_pair(fds), 0);
	make_channel(&body, kind, n, m);
	body.peer = peer;
	if (peer == PEER_GATE)
		memset(body.owner, 0, sizeof body.owner);
	peers_add(peers, &body, fds[0]);
	return channel_new(fds[1]);
}

static struct channel *
join_gate(void)
{
	return join(PEER_GATE, OWNER_SESSION, 0, 0);
}

static struct channel *
join_worker(int n)
{
	return join(PEER_WORKER, OWNER_SESSION, n, 50);
}

/* The next message is of this type, or the test fails. */
static void
get(struct channel *ch, enum msg_type type, uint32_t seq, void *body)
{
	struct msg	m;
	int		ret = msg_recv(ch, &m);

	if (ret != 1)
		fail_msg("%s: nothing (%d)", msg_name(type), ret);
	assert_string_equal(msg_name(m.type), msg_name(type));
	assert_int_equal(m.seq, seq);
	assert_int_equal(msg_decode(&m, body), 0);
}

static void
get_nothing(struct channel *ch)
{
	struct msg	m;

	assert_int_equal(msg_recv(ch, &m), 0);
}

static void
get_end(struct channel *ch)
{
	struct msg	m;

	assert_int_equal(msg_recv(ch, &m), -1);
}

static void
send_accept(struct channel *ch, uint32_t seq, int n, const char *id)
{
	struct msg_accept	a;

	make_accept(&a, n, id, key(9));
	assert_int_equal(msg_send(ch, MSG_GATE_ACCEPT, seq, &a, -1), 0);
}

static void
send_progress(struct channel *ch, uint32_t seq, int64_t row, enum row_state s)
{
	struct msg_progress	p;

	memset(&p, 0, sizeof p);
	p.row = row;
	p.state = s;
	strcpy(p.broker_id, "b");
	assert_int_equal(msg_send(ch, MSG_WRK_PROGRESS, seq, &p, -1), 0);
}

static void
send_put(struct channel *ch, uint32_t seq, int n, enum inbox_state s)
{
	struct msg_put	p;

	make_put(&p, 9, n);
	p.state = s;
	assert_int_equal(msg_send(ch, MSG_WRK_PUT, seq, &p, -1), 0);
}

/* ---- tests ---- */

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
		event_base_loop(base, EVLOOP_ONCE);
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
		event_base_loop(base, EVLOOP_ONCE);
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

/* delivery.md 5: what is left of an ended session, in slices, all of it. */
static void
ended_owner_in_slices(void **state)
{
	struct channel		*gate = join_gate();
	struct msg_end_rows	 end;
	struct msg		 m;
	char			 id[16];
	int			 i, ended = 0;

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
	chores_end_rows(chores, &end);
	while (ended < 3000) {
		event_base_loop(base, EVLOOP_ONCE);
		while (msg_recv(gate, &m) == 1)
			ended += m.type == MSG_STORE_STATUS;
	}
	assert_int_equal(sql_int("SELECT count(*) FROM outbox WHERE state = 3"
	    " AND last_error = 'sender_ended'"), 3000);
	assert_int_equal(sql_int("SELECT count(*) FROM inbox WHERE state = 3"),
	    3000);
	channel_free(&gate);
}

/* Expiry leaves the rows of a connected worker to a later agreement. */
static void
expiry_spares_connected_workers(void **state)
{
	struct channel	*worker = join_worker(1);

	(void)state;
	turn();
	now = clock_wall_ms() - 2000000;	/* twice max_age */
	accept_new(1, "c1", key(9));
	accept_new(2, "c1", key(9));
	now = clock_wall_ms();
	accept_new(2, "c2", key(9));
	chores_minute(chores);
	chores_finish(chores, INT64_MAX);
	assert_int_equal(sql_int("SELECT count(*) FROM outbox WHERE state = 3"
	    " AND last_error = 'expired'"), 1);
	assert_int_equal(sql_int("SELECT seq FROM outbox WHERE state = 3"), 2);
	channel_free(&worker);
	turn();
	chores_minute(chores);
	chores_finish(chores, INT64_MAX);
	assert_int_equal(sql_int("SELECT count(*) FROM outbox WHERE state = 3"
	    " AND last_error = 'expired'"), 2);
}

/* Retention: at start, of all tables. */
static void
retention_in_slices(void **state)
{
	struct msg_channel	ch;
	struct msg_recorded	r;
	struct msg_put		p;

	(void)state;
	make_channel(&ch, OWNER_SESSION, 1, 50);
	now = clock_wall_ms() - 1000000001;
	progress(1, accept_new(1, "old", key(9)), ROW_DONE, "", &r);
	make_put(&p, 9, 1);
	put_new(&ch, &p);
	make_put(&p, 9, 2);
	delete(1, put_new(&ch, &p));
	now = clock_wall_ms();
	progress(1, accept_new(1, "new", key(9)), ROW_DONE, "", &r);
	make_put(&p, 9, 3);
	put_new(&ch, &p);
	chores_hour(chores);
	chores_finish(chores, INT64_MAX);
	assert_int_equal(sql_int("SELECT count(*) FROM outbox"), 1);
	assert_int_equal(sql_int("SELECT count(*) FROM inbox"), 1);
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

#define T(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(one_sync_for_all_who_wait),
		T(nobody_waits_behind_a_long_queue),
		T(who_is_told),
		T(handover_wakes_the_member),
		T(old_channel_first),
		T(old_channel_that_does_not_end),
		T(nonsense_drops_the_peer),
		T(failed_commit_answers_all),
		T(full_disk_is_told),
		T(slow_reader_catches_up),
		T(ended_owner_in_slices),
		T(expiry_spares_connected_workers),
		T(retention_in_slices),
		T(log_stays_short),
		T(log_stays_short_beside_readers),
	};

	return cmocka_run_group_tests(tests, count_syncs, NULL);
}
