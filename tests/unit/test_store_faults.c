/*
 * libexec/meshsup/store when it cannot write: a full disk, a database that
 * somebody else has locked.  Everybody is answered in time and told why,
 * nothing that was answered is lost, and it recovers by itself (delivery.md 8).
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sys/wait.h>

#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/uuid.h"
#include "store_help.h"
#include "store_run.h"

#define LOCK_MS		10000
#define LIMIT		(1024 * 1024)
#define PATIENCE_MS	2500		/* of the gate, delivery.md 3 */

static struct run	 store;
static struct channel	*gate, *worker;		/* of owner 1 */
static uint32_t		 seq, again;		/* a refused put of the worker */

static int
setup(void **state)
{
	return dir_new(state);
}

/* The store with a gate and a worker. */
static void
begin(void)
{
	struct msg	m;

	again = 0;
	run_start(&store);
	run_file_limit = RLIM_INFINITY;
	gate = run_introduce(&store, PEER_GATE, 0);
	worker = run_introduce(&store, PEER_WORKER, 1);
	assert_int_equal(run_wait_msg(worker, &m), 1);
	assert_int_equal(m.type, MSG_STORE_WAKE);
}

static int
teardown(void **state)
{
	int	status;

	run_read_log(&store);		/* its end of the pipe is not full */
	status = run_stop(&store);
	channel_free(&gate);
	channel_free(&worker);
	return status != 0 ? -1 : dir_remove(state);
}

/* Ask, and wait for the answer; what is only told is passed over. */
static void
ask_as(uint32_t n, struct channel *ch, enum msg_type type, const void *body,
    enum msg_type want, void *answer)
{
	struct msg	m;

	assert_int_equal(msg_send(ch, type, n, body, -1), 0);
	do
		assert_int_equal(run_wait_msg(ch, &m), 1);
	while (m.seq != n);
	assert_int_equal(m.type, want);
	assert_int_equal(msg_decode(&m, answer), 0);
	run_read_log(&store);
}

static void
ask(struct channel *ch, enum msg_type type, const void *body,
    enum msg_type want, void *answer)
{
	ask_as(++seq, ch, type, body, want, answer);
}

static int
ask_accept(const char *client_id, const uint8_t *body, size_t len)
{
	struct msg_accept	a;
	struct msg_accepted	r;

	make_accept(&a, 1, client_id, key(9));
	if (len > 0) {
		a.body.p = body;
		a.body.len = len;
	}
	ask(gate, MSG_GATE_ACCEPT, &a, MSG_STORE_ACCEPTED, &r);
	return (int)r.result;
}

/* As a worker does: the put that was refused is the one that comes again. */
static int
ask_put(int n, const uint8_t *body, size_t len)
{
	uint32_t		put = again != 0 ? again : ++seq;
	struct msg_put		p;
	struct msg_stored	r;

	make_put(&p, 9, n);
	if (len > 0) {
		p.body.p = body;
		p.body.len = len;
	}
	ask_as(put, worker, MSG_WRK_PUT, &p, MSG_STORE_STORED, &r);
	again = r.result == PUT_FULL || r.result == PUT_BUSY ? put : 0;
	return (int)r.result;
}

static int
ask_progress(int64_t row)
{
	struct msg_progress	p;
	struct msg_recorded	r;

	memset(&p, 0, sizeof p);
	p.row = row;
	p.state = ROW_DONE;
	ask(worker, MSG_WRK_PROGRESS, &p, MSG_STORE_RECORDED, &r);
	return (int)r.result;
}

/* Row 1 is owner 2's, who has no worker. */
static int
ask_abort(void)
{
	struct msg_operate	q;
	struct msg_operated	r;

	memset(&q, 0, sizeof q);
	q.operation = OPERATE_ABORT;
	q.rows.n = 1;
	q.rows.v[0] = 1;
	ask(gate, MSG_GATE_OPERATE, &q, MSG_STORE_OPERATED, &r);
	return (int)r.results.v[0];
}

static int
ask_requeue(void)
{
	struct msg_requeue	q;
	struct msg_requeued	r;

	memset(&q, 0, sizeof q);
	q.row = 1;
	uuid_v7(q.id);
	strcpy(q.client_id, "requeued");
	ask(gate, MSG_GATE_REQUEUE, &q, MSG_STORE_REQUEUED, &r);
	return (int)r.result;
}

static int
ask_inbox(enum msg_type type, int64_t row)
{
	struct msg_seen		q;
	struct msg_count	r;

	memset(&q, 0, sizeof q);
	memcpy(q.reader, owner(1), sizeof q.reader);
	q.rows.n = 1;
	q.rows.v[0] = (uint64_t)row;
	ask(gate, type, &q, type == MSG_GATE_SEEN ? MSG_STORE_SEEN :
	    MSG_STORE_DELETED, &r);
	return (int)r.result;
}

static int
count_log(const char *what)
{
	const char	*s = store.log;
	int		 n = 0;

	while ((s = strstr(s, what)) != NULL) {
		n++;
		s++;
	}
	return n;
}

/* A row of owner 2, and an inbox row: what requests can be about. */
static void
prepare(void)
{
	struct msg_accept	a;
	struct msg_accepted	r;

	make_accept(&a, 2, "theirs", key(9));
	ask(gate, MSG_GATE_ACCEPT, &a, MSG_STORE_ACCEPTED, &r);
	assert_int_equal(r.row, 1);
	assert_int_equal(ask_put(100000, NULL, 0), PUT_NEW);
}

/* ---- no space ---- */

/* Until n requests in a row find no space. */
static int
fill(int (*one)(int n, const uint8_t *, size_t), int full)
{
	static uint8_t	body[30000];
	int		i, stored = 0, refused = 0, r;

	for (i = 0; refused < 5; i++) {
		assert_true(i < 1000);
		r = one(i, body, refused > 0 ? 3000 : sizeof body);
		if (r != 0 && r != full)
			fail_msg("%d: %d: %s", i, r, store.log);
		stored += r == 0;
		refused = r == 0 ? 0 : refused + 1;
	}
	return stored;
}

static int
accept_one(int n, const uint8_t *body, size_t len)
{
	char	id[32];

	snprintf(id, sizeof id, "c%d", n);
	return ask_accept(id, body, len);
}

/* A file that may not grow is what a full disk looks like to SQLite. */
static void
no_space_left(void **state)
{
	struct rlimit	more = { RLIM_INFINITY, RLIM_INFINITY };
	int		accepts, puts;

	(void)state;
	run_file_limit = LIMIT;
	begin();
	prepare();
	accepts = fill(accept_one, ACCEPT_FULL);
	assert_true(accepts > 10);
	puts = fill(ask_put, PUT_FULL);
	assert_int_equal(ask_requeue(), OPERATE_FULL);
	assert_int_equal(count_log("no space left"), 1);
	/* What was answered is there, and can be read. */
	assert_int_equal(sql_int("SELECT count(*) FROM outbox"), accepts + 1);
	assert_int_equal(sql_int("SELECT count(*) FROM inbox"), puts + 1);
	/* It is not killed for it, and goes on once there is some. */
	assert_int_equal(prlimit(store.pid, RLIMIT_FSIZE, &more, NULL), 0);
	assert_int_equal(ask_accept("new", NULL, 0), ACCEPT_NEW);
	assert_int_equal(ask_put(100001, NULL, 0), PUT_NEW);
	assert_int_equal(ask_progress(2), ACCEPT_NEW);
	assert_int_equal(ask_requeue(), OPERATE_OK);
	print_message("%d accepts, %d puts in %d bytes\n", accepts, puts,
	    LIMIT);
}

/* ---- locked ---- */

/* Another process that has begun to write.  Its pid. */
static pid_t
lock_for(int ms)
{
	sqlite3	*s;
	pid_t	 pid;
	int	 fds[2];
	char	 c;

	assert_int_equal(pipe(fds), 0);
	if ((pid = fork()) == 0) {
		if (sqlite3_open(path, &s) != SQLITE_OK ||
		    sqlite3_exec(s, "BEGIN IMMEDIATE", NULL, NULL, NULL) !=
		    SQLITE_OK || write(fds[1], "", 1) != 1)
			_exit(1);
		poll(NULL, 0, ms);
		_exit(sqlite3_close(s) == SQLITE_BUSY);
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], &c, 1), 1);
	close(fds[0]);
	return pid;
}

/* Each kind of request is answered, in time; how many were not busy. */
static void
ask_everything_busy(int n)
{
	char	id[32];

	snprintf(id, sizeof id, "busy-%d", n);
	assert_int_equal(ask_accept(id, NULL, 0), ACCEPT_BUSY);
	assert_int_equal(ask_put(1000 + n, NULL, 0), PUT_BUSY);
	assert_int_equal(ask_progress(2), ACCEPT_BUSY);
	assert_int_equal(ask_abort(), OPERATE_BUSY);
	assert_int_equal(ask_requeue(), OPERATE_BUSY);
	assert_int_equal(ask_inbox(MSG_GATE_SEEN, 1), ACCEPT_BUSY);
	assert_int_equal(ask_inbox(MSG_GATE_DELETE, 1), ACCEPT_BUSY);
}

static void
locked_by_a_stranger(void **state)
{
	int64_t	start, asked, worst = 0, first;
	pid_t	pid;
	char	want[64];
	int	n = 0, status;

	(void)state;
	begin();
	prepare();
	assert_int_equal(ask_accept("before", NULL, 0), ACCEPT_NEW);
	pid = lock_for(LOCK_MS);
	start = clock_mono_ms();
	assert_int_equal(ask_accept("first", NULL, 0), ACCEPT_BUSY);
	first = clock_mono_ms() - start;
	while (clock_mono_ms() - start < LOCK_MS - 3000) {
		asked = clock_mono_ms();
		ask_everything_busy(n++);
		if (clock_mono_ms() - asked > worst)
			worst = clock_mono_ms() - asked;
	}
	assert_true(first < PATIENCE_MS);
	assert_true(worst < 7 * PATIENCE_MS / 2);	/* seven requests */
	snprintf(want, sizeof want, "locked by process %d:", (int)pid);
	assert_int_equal(count_log(want), 1);
	assert_int_equal(count_log("locked by process"), 1);
	/* Nothing of it happened; it recovers by itself, and at once. */
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	start = clock_mono_ms();
	assert_int_equal(ask_accept("after", NULL, 0), ACCEPT_NEW);
	assert_true(clock_mono_ms() - start < 1000);
	assert_int_equal(sql_int("SELECT count(*) FROM outbox"), 3);
	assert_int_equal(sql_int("SELECT count(*) FROM inbox"), 1);
	assert_int_equal(ask_progress(2), ACCEPT_NEW);
	assert_int_equal(ask_requeue(), OPERATE_OK);
	assert_int_equal(ask_inbox(MSG_GATE_DELETE, 1), ACCEPT_NEW);
	print_message("first %lld ms, then at most %lld ms for seven\n",
	    (long long)first, (long long)worst);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(no_space_left),
		T(locked_by_a_stranger),
	};

	signal(SIGPIPE, SIG_IGN);
	if (sodium_init() == -1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
