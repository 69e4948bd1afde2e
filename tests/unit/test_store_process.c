/*
 * libexec/meshsup/store, the program itself, as its supervisor runs it: start,
 * stop, refusals, one store at a time, and promise 1 of delivery.md: what was
 * answered is there, whenever the store is killed.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/channel.h"
#include "common/clock.h"
#include "store_help.h"
#include "store_run.h"

#define CLIENTS		64
#define KILLS		25

/* ---- life ---- */

static void
starts_and_stops(void **state)
{
	struct run	r;

	(void)state;
	run_start(&r);
	assert_int_equal(access(path, R_OK), 0);
	assert_int_equal(run_stop(&r), 0);
	/* What is there is there when nothing holds the log any more. */
	assert_int_equal(sql_int("PRAGMA user_version"),
	    ROWS_SCHEMA_VERSION);
}

/* Told to stop, it answers what was asked before, and the log is empty. */
static void
stop_answers_first(void **state)
{
	struct run		 r;
	struct channel		*gate;
	struct msg_accept	 a;
	struct msg_accepted	 body;
	struct msg		 m;
	char			 wal[128], id[16];
	int			 i;
	FILE			*fp;

	(void)state;
	run_start(&r);
	gate = run_introduce(&r, PEER_GATE, 0);
	for (i = 0; i < 100; i++) {
		snprintf(id, sizeof id, "c%d", i);
		make_accept(&a, 1, id, key(9));
		msg_send(gate, MSG_GATE_ACCEPT, (uint32_t)i + 1, &a, -1);
	}
	assert_int_equal(run_stop(&r), 0);
	for (i = 0; i < 100; i++) {
		assert_int_equal(run_wait_msg(gate, &m), 1);
		assert_int_equal(m.seq, i + 1);
		assert_int_equal(msg_decode(&m, &body), 0);
		assert_int_equal(body.result, ACCEPT_NEW);
	}
	assert_int_equal(run_wait_msg(gate, &m), -1);
	channel_free(&gate);
	snprintf(wal, sizeof wal, "%s-wal", path);
	if ((fp = fopen(wal, "r")) != NULL) {
		assert_int_equal(fgetc(fp), EOF);
		fclose(fp);
	}
	assert_int_equal(sql_int("SELECT count(*) FROM outbox"), 100);
}

static void
dies_with_its_supervisor(void **state)
{
	struct run	r;

	(void)state;
	run_start(&r);
	channel_free(&r.ctl);
	assert_int_not_equal(run_reap(&r), 0);
}

static void
foreign_file_ends_it(void **state)
{
	struct run	r;

	(void)state;
	sql_run("PRAGMA application_id = 7; CREATE TABLE mine (x)");
	run_spawn(&r);
	run_setup(&r);
	assert_int_equal(run_wait_ready(&r), 0);
	assert_non_null(strstr(r.log, "not a database of meshsup"));
	assert_int_equal(run_reap(&r), 1);
}

/* The first message is the set-up, once. */
static void
nonsense_of_the_supervisor_ends_it(void **state)
{
	struct run		r;
	struct msg_log_level	level = { LOG_LV_INFO };

	(void)state;
	run_spawn(&r);
	msg_send(r.ctl, MSG_SUP_LOG_LEVEL, 0, &level, -1);
	assert_int_equal(run_wait_ready(&r), 0);
	assert_int_equal(run_reap(&r), 1);
	run_start(&r);
	run_setup(&r);
	assert_int_equal(run_wait_ready(&r), 0);
	assert_int_equal(run_reap(&r), 1);
}

/* A second store waits for the first to die, and not for ever. */
static void
one_at_a_time(void **state)
{
	struct run	first, second, third;

	(void)state;
	run_start(&first);
	run_spawn(&second);
	run_setup(&second);
	assert_int_equal(run_wait_ready(&second), 0);
	assert_non_null(strstr(second.log, "another store holds it"));
	assert_int_equal(run_reap(&second), 1);
	run_spawn(&third);
	run_setup(&third);
	usleep(100 * 1000);
	assert_int_equal(run_kill(&first), -SIGKILL);
	assert_int_equal(run_wait_ready(&third), 1);
	assert_int_equal(run_stop(&third), 0);
}

/* The row that dies and its notice come together, over the real channels. */
static void
end_rows_over_the_channel(void **state)
{
	struct run		 r;
	struct channel		*gate;
	struct msg_accept	 a;
	struct msg_end_rows	 end;
	struct msg		 m;
	int			 rows = 0, status = 0;

	(void)state;
	run_start(&r);
	gate = run_introduce(&r, PEER_GATE, 0);
	make_accept(&a, 1, "c1", key(9));
	msg_send(gate, MSG_GATE_ACCEPT, 1, &a, -1);
	assert_int_equal(run_wait_msg(gate, &m), 1);
	assert_int_equal(m.type, MSG_STORE_ACCEPTED);
	memset(&end, 0, sizeof end);
	memcpy(end.owner, owner(1), OWNER_ID_LEN);
	strcpy(end.reason, "sender_ended");
	msg_send(r.ctl, MSG_SUP_END_ROWS, 6, &end, -1);
	do
		assert_int_equal(run_wait_msg(r.ctl, &m), 1);
	while (m.type == MSG_LOG);
	assert_int_equal(m.type, MSG_STORE_ENDED);
	assert_int_equal(m.seq, 6);
	while (rows + status < 2) {
		assert_int_equal(run_wait_msg(gate, &m), 1);
		rows += m.type == MSG_STORE_ROWS;
		status += m.type == MSG_STORE_STATUS;
	}
	assert_int_equal(rows, 1);
	channel_free(&gate);
	assert_int_equal(run_stop(&r), 0);
}

/* ---- killed at any moment ---- */

struct client {
	int	 n;		/* of its message */
	int	 waits;
};

static struct client	clients[CLIENTS];
static char		answered[CLIENTS][4096];	/* by client and n */

static void
client_ask(struct channel *gate, int c)
{
	struct msg_accept	a;
	char			id[32];

	snprintf(id, sizeof id, "client-%d-%d", c, clients[c].n);
	make_accept(&a, c + 1, id, key(9));
	(void)msg_send(gate, MSG_GATE_ACCEPT, (uint32_t)c + 1, &a, -1);
}

/* Ask, repeat, and count answers, until the store has been killed. */
static void
clients_until_death(struct run *r, struct channel *gate, int64_t kill_at_us)
{
	struct pollfd		pfd = { .fd = channel_fd(gate),
	    .events = POLLIN };
	struct msg_accepted	body;
	struct msg		m;
	int			c, killed = 0, ret;

	for (c = 0; c < CLIENTS; c++)
		client_ask(gate, c);
	while ((ret = msg_recv(gate, &m)) != -1) {
		if (!killed && clock_mono_us() >= kill_at_us) {
			kill(r->pid, SIGKILL);
			killed = 1;
		}
		if (ret == 0) {
			(void)poll(&pfd, 1, 1);
			continue;
		}
		assert_int_equal(m.type, MSG_STORE_ACCEPTED);
		assert_int_equal(msg_decode(&m, &body), 0);
		assert_true(body.result == ACCEPT_NEW ||
		    body.result == ACCEPT_KNOWN);
		c = (int)m.seq - 1;
		answered[c][clients[c].n] = 1;
		if (clients[c].n + 1 < (int)sizeof answered[c])
			clients[c].n++;
		if (!killed)
			client_ask(gate, c);
	}
	assert_int_equal(run_reap(r), -SIGKILL);
}

static void
nothing_answered_is_missing(void **state)
{
	struct run	 r;
	struct channel	*gate;
	struct rows	*rows;
	struct out_row	 o;
	char		 id[32];
	int		 i, c, n = 0;

	(void)state;
	memset(clients, 0, sizeof clients);
	memset(answered, 0, sizeof answered);
	for (i = 0; i < KILLS; i++) {
		run_start(&r);
		gate = run_introduce(&r, PEER_GATE, 0);
		clients_until_death(&r, gate, clock_mono_us() +
		    randombytes_uniform(60000));
		channel_free(&gate);
	}
	run_start(&r);
	rows = rows_open(path);
	assert_non_null(rows);
	for (c = 0; c < CLIENTS; c++) {
		for (i = 0; i < clients[c].n; i++) {
			assert_true(answered[c][i]);
			snprintf(id, sizeof id, "client-%d-%d", c, i);
			if (rows_out_by_client_id(rows, owner(c + 1), id, &o)
			    != 1)
				fail_msg("%s is missing", id);
			out_row_clear(&o);
			n++;
		}
	}
	rows_close(&rows);
	assert_true(n > CLIENTS);
	print_message("%d answers, %d kills\n", n, KILLS);
	assert_int_equal(run_stop(&r), 0);
	assert_int_equal(sql_int("SELECT count(*) - count(DISTINCT"
	    " hex(owner) || client_message_id) FROM outbox"), 0);
	assert_int_equal(sql_int("SELECT count(*) FROM"
	    " pragma_integrity_check WHERE integrity_check <> 'ok'"), 0);
}

/* A reader is not in the way of stores that come and go, nor they in its. */
static void
reader_lives_through_kills(void **state)
{
	struct run	 r;
	struct channel	*gate;
	struct rows	*rows = NULL;
	struct out_row	 o;
	char		 target[TARGET_SIZE];
	int64_t		 last = 0;
	int		 i, ret;

	(void)state;
	memset(clients, 0, sizeof clients);
	for (i = 0; i < 8; i++) {
		run_start(&r);
		if (rows == NULL)
			assert_non_null(rows = rows_open(path));
		gate = run_introduce(&r, PEER_GATE, 0);
		clients_until_death(&r, gate, clock_mono_us() + 20000);
		channel_free(&gate);
		/* Nobody writes: all that was seen is still there. */
		assert_int_not_equal(rows_target_next(rows, owner(1), "",
		    target), -1);
		while ((ret = rows_target_row(rows, owner(1), key(9), last,
		    &o)) == 1) {
			last = o.seq;
			out_row_clear(&o);
		}
		assert_int_equal(ret, 0);
	}
	assert_true(last > 0);
	rows_close(&rows);
	run_start(&r);
	assert_int_equal(run_stop(&r), 0);
}

#define D(f)	cmocka_unit_test_setup_teardown(f, dir_new, dir_remove)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		D(starts_and_stops),
		D(stop_answers_first),
		D(dies_with_its_supervisor),
		D(foreign_file_ends_it),
		D(nonsense_of_the_supervisor_ends_it),
		D(one_at_a_time),
		D(end_rows_over_the_channel),
		D(nothing_answered_is_missing),
		D(reader_lives_through_kills),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
