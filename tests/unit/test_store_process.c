/*
 * libexec/meshsup/store, the program itself, as its supervisor runs it: start,
 * stop, refusals, one store at a time, and promise 1 of delivery.md: what was
 * answered is there, whenever the store is killed.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/channel.h"
#include "common/clock.h"
#include "common/fd.h"
#include "common/inherit.h"
#include "store_help.h"

#define CLIENTS		64
#define KILLS		25

struct run {
	pid_t		 pid;
	struct channel	*ctl;
	char		 log[8192];	/* what it said, lines joined */
};

/* ---- a supervisor ---- */

static void
exec_store(int fd)
{
	if (fd == INHERIT_CTL_FD)
		fcntl(fd, F_SETFD, 0);
	else if (dup2(fd, INHERIT_CTL_FD) == -1)
		_exit(126);
	execl(STORE_BIN, "store", (char *)NULL);
	_exit(127);
}

static void
spawn(struct run *r)
{
	int	fds[2];

	memset(r, 0, sizeof *r);
	assert_int_equal(channel_pair(fds), 0);
	if ((r->pid = fork()) == 0)
		exec_store(fds[1]);
	assert_true(r->pid > 0);
	close(fds[1]);
	r->ctl = channel_new(fds[0]);
}

static void
send_setup(struct run *r)
{
	struct msg_setup_store	body;

	memset(&body, 0, sizeof body);
	body.log_level = LOG_LV_INFO;
	strcpy(body.dir, dir);
	body.retention_ms = 30LL * 24 * 3600 * 1000;
	body.max_age_ms = 7LL * 24 * 3600 * 1000;
	assert_int_equal(msg_send(r->ctl, MSG_SUP_SETUP_STORE, 0, &body, -1),
	    0);
}

/* Wait for one message, at most 10 s.  1, or -1 at the end of the channel. */
static int
wait_msg(struct channel *ch, struct msg *m)
{
	struct pollfd	pfd = { .fd = channel_fd(ch), .events = POLLIN };
	int64_t		end = clock_mono_ms() + 10000;
	int		ret;

	while ((ret = msg_recv(ch, m)) == 0) {
		assert_true(clock_mono_ms() < end);
		(void)channel_flush(ch);
		(void)poll(&pfd, 1, 50);
	}
	return ret;
}

/* What comes over the control channel until READY: 1, or until its end: 0. */
static int
wait_ready(struct run *r)
{
	struct msg_log	line;
	struct msg	m;

	while (wait_msg(r->ctl, &m) == 1) {
		if (m.type == MSG_READY)
			return 1;
		assert_int_equal(m.type, MSG_LOG);
		assert_int_equal(msg_decode(&m, &line), 0);
		strncat(r->log, line.text, sizeof r->log - strlen(r->log) - 1);
		strncat(r->log, "\n", sizeof r->log - strlen(r->log) - 1);
	}
	return 0;
}

/* Its end.  The exit status, or minus the signal. */
static int
reap(struct run *r)
{
	int64_t	end = clock_mono_ms() + 10000;
	int	status;
	pid_t	pid;

	while ((pid = waitpid(r->pid, &status, WNOHANG)) == 0) {
		assert_true(clock_mono_ms() < end);
		usleep(1000);
	}
	assert_int_equal(pid, r->pid);
	channel_free(&r->ctl);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static struct channel *
introduce(struct run *r, unsigned peer, int n)
{
	struct msg_channel	body;
	int			fds[2];

	assert_int_equal(channel_pair(fds), 0);
	make_channel(&body, OWNER_SESSION, n, 50);
	body.peer = peer;
	assert_int_equal(msg_send(r->ctl, MSG_SUP_CHANNEL, 0, &body, fds[0]),
	    0);
	return channel_new(fds[1]);
}

static void
start(struct run *r)
{
	spawn(r);
	send_setup(r);
	assert_int_equal(wait_ready(r), 1);
}

static int
stop(struct run *r)
{
	assert_int_equal(msg_send(r->ctl, MSG_SUP_STOP, 0, NULL, -1), 0);
	while (wait_ready(r))
		;
	return reap(r);
}

static int
kill_store(struct run *r)
{
	kill(r->pid, SIGKILL);
	return reap(r);
}

/* ---- life ---- */

static void
starts_and_stops(void **state)
{
	struct run	r;

	(void)state;
	start(&r);
	assert_int_equal(access(path, R_OK), 0);
	assert_int_equal(stop(&r), 0);
	/* What is there is there when nothing holds the log any more. */
	assert_int_equal(sql_int("PRAGMA user_version"), 1);
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
	start(&r);
	gate = introduce(&r, PEER_GATE, 0);
	for (i = 0; i < 100; i++) {
		snprintf(id, sizeof id, "c%d", i);
		make_accept(&a, 1, id, key(9));
		msg_send(gate, MSG_GATE_ACCEPT, (uint32_t)i + 1, &a, -1);
	}
	assert_int_equal(stop(&r), 0);
	for (i = 0; i < 100; i++) {
		assert_int_equal(wait_msg(gate, &m), 1);
		assert_int_equal(m.seq, i + 1);
		assert_int_equal(msg_decode(&m, &body), 0);
		assert_int_equal(body.result, ACCEPT_NEW);
	}
	assert_int_equal(wait_msg(gate, &m), -1);
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
	start(&r);
	channel_free(&r.ctl);
	assert_int_not_equal(reap(&r), 0);
}

static void
foreign_file_ends_it(void **state)
{
	struct run	r;

	(void)state;
	sql_run("PRAGMA application_id = 7; CREATE TABLE mine (x)");
	spawn(&r);
	send_setup(&r);
	assert_int_equal(wait_ready(&r), 0);
	assert_non_null(strstr(r.log, "not a database of meshsup"));
	assert_int_equal(reap(&r), 1);
}

/* The first message is the set-up, once. */
static void
nonsense_of_the_supervisor_ends_it(void **state)
{
	struct run		r;
	struct msg_log_level	level = { LOG_LV_INFO };

	(void)state;
	spawn(&r);
	msg_send(r.ctl, MSG_SUP_LOG_LEVEL, 0, &level, -1);
	assert_int_equal(wait_ready(&r), 0);
	assert_int_equal(reap(&r), 1);
	start(&r);
	send_setup(&r);
	assert_int_equal(wait_ready(&r), 0);
	assert_int_equal(reap(&r), 1);
}

/* A second store waits for the first to die, and not for ever. */
static void
one_at_a_time(void **state)
{
	struct run	first, second, third;

	(void)state;
	start(&first);
	spawn(&second);
	send_setup(&second);
	assert_int_equal(wait_ready(&second), 0);
	assert_non_null(strstr(second.log, "another store holds it"));
	assert_int_equal(reap(&second), 1);
	spawn(&third);
	send_setup(&third);
	usleep(100 * 1000);
	assert_int_equal(kill_store(&first), -SIGKILL);
	assert_int_equal(wait_ready(&third), 1);
	assert_int_equal(stop(&third), 0);
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
	start(&r);
	gate = introduce(&r, PEER_GATE, 0);
	make_accept(&a, 1, "c1", key(9));
	msg_send(gate, MSG_GATE_ACCEPT, 1, &a, -1);
	assert_int_equal(wait_msg(gate, &m), 1);
	assert_int_equal(m.type, MSG_STORE_ACCEPTED);
	memset(&end, 0, sizeof end);
	memcpy(end.owner, owner(1), OWNER_ID_LEN);
	strcpy(end.reason, "sender_ended");
	msg_send(r.ctl, MSG_SUP_END_ROWS, 6, &end, -1);
	do
		assert_int_equal(wait_msg(r.ctl, &m), 1);
	while (m.type == MSG_LOG);
	assert_int_equal(m.type, MSG_STORE_ENDED);
	assert_int_equal(m.seq, 6);
	while (rows + status < 2) {
		assert_int_equal(wait_msg(gate, &m), 1);
		rows += m.type == MSG_STORE_ROWS;
		status += m.type == MSG_STORE_STATUS;
	}
	assert_int_equal(rows, 1);
	channel_free(&gate);
	assert_int_equal(stop(&r), 0);
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
	assert_int_equal(reap(r), -SIGKILL);
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
		start(&r);
		gate = introduce(&r, PEER_GATE, 0);
		clients_until_death(&r, gate, clock_mono_us() +
		    randombytes_uniform(60000));
		channel_free(&gate);
	}
	start(&r);
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
	assert_int_equal(stop(&r), 0);
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
		start(&r);
		if (rows == NULL)
			assert_non_null(rows = rows_open(path));
		gate = introduce(&r, PEER_GATE, 0);
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
	start(&r);
	assert_int_equal(stop(&r), 0);
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
