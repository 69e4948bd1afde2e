/*
 * A store without a supervisor, on a loop that the test turns.  Syncs of its
 * log are counted by a VFS of the test's own, which can also make them fail.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <event2/event.h>
#include <sqlite3.h>
#include <string.h>

#include "loop_help.h"
#include "store_help.h"

struct event_base	*base;
struct peers		*peers;
struct claims		*claims;
struct batch		*batch;
struct chores		*chores;
int			 runs, syncs, fail_sync, ended;

static struct event	*ev_batch;

/* ---- syncs of the log, counted ---- */

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

int
loop_group(void **state)
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

static void
ended_cb(void *arg, uint32_t seq, const uint8_t id[OWNER_ID_LEN])
{
	(void)arg;
	(void)id;
	ended = (int)seq;
}

int
loop_new(void **state)
{
	if (tables_new(state) == -1)
		return -1;
	base = event_base_new();
	ev_batch = evtimer_new(base, batch_cb, NULL);
	peers = peers_new(base, ready_cb, NULL);
	claims = claims_new(base, peers);
	batch = batch_new(&tables, peers, claims, 1000000000, ready_cb, NULL);
	batch_set_limit(batch, 2000000);
	chores = chores_new(base, &tables, peers, claims, 1000000000, 1000000,
	    ended_cb, NULL);
	runs = syncs = fail_sync = ended = 0;
	return 0;
}

int
loop_remove(void **state)
{
	chores_free(&chores);
	batch_free(&batch);
	claims_free(&claims);
	peers_free(&peers);
	event_free(ev_batch);
	event_base_free(base);
	return tables_remove(state);
}

/* Turn the loop until nothing happens. */
void
turn(void)
{
	int	i;

	for (i = 0; i < 8; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

void
turn_once(void)
{
	event_base_loop(base, EVLOOP_ONCE);
}

/* ---- the other ends ---- */

struct channel *
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

struct channel *
join_gate(void)
{
	return join(PEER_GATE, OWNER_SESSION, 0, 0);
}

struct channel *
join_worker(int n)
{
	return join(PEER_WORKER, OWNER_SESSION, n, 50);
}

void
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

void
get_nothing(struct channel *ch)
{
	struct msg	m;

	assert_int_equal(msg_recv(ch, &m), 0);
}

void
get_end(struct channel *ch)
{
	struct msg	m;

	assert_int_equal(msg_recv(ch, &m), -1);
}

void
send_accept(struct channel *ch, uint32_t seq, int n, const char *id)
{
	struct msg_accept	a;

	make_accept(&a, n, id, key(9));
	assert_int_equal(msg_send(ch, MSG_GATE_ACCEPT, seq, &a, -1), 0);
}

void
send_progress(struct channel *ch, uint32_t seq, int64_t row, enum row_state s)
{
	struct msg_progress	p;

	memset(&p, 0, sizeof p);
	p.row = row;
	p.state = s;
	strcpy(p.broker_id, "b");
	assert_int_equal(msg_send(ch, MSG_WRK_PROGRESS, seq, &p, -1), 0);
}

void
send_put(struct channel *ch, uint32_t seq, int n, enum inbox_state s)
{
	struct msg_put	p;

	make_put(&p, 9, n);
	p.state = s;
	assert_int_equal(msg_send(ch, MSG_WRK_PUT, seq, &p, -1), 0);
}

void
send_claimed(struct channel *ch, uint32_t seq, int64_t row, int is_free)
{
	struct msg_claimed	c;

	memset(&c, 0, sizeof c);
	c.row = row;
	c.free = is_free;
	assert_int_equal(msg_send(ch, MSG_WRK_CLAIMED, seq, &c, -1), 0);
}

void
send_operate(struct channel *ch, uint32_t seq, enum operation what, int n,
    const int64_t *rows)
{
	struct msg_operate	q;
	int			i;

	memset(&q, 0, sizeof q);
	q.operation = what;
	strcpy(q.by, "operator");
	q.rows.n = (uint32_t)n;
	for (i = 0; i < n; i++)
		q.rows.v[i] = (uint64_t)rows[i];
	assert_int_equal(msg_send(ch, MSG_GATE_OPERATE, seq, &q, -1), 0);
}
