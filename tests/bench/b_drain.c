/*
 * drain: a backlog, accepted while the broker stands still, is sent,
 * acknowledged and recorded.  Compared with bare clients of the same broker
 * that have as many sends under way.
 *
 * ended: what a message of such a drain costs with a past and without.
 */

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "tests/bench/mail.h"
#include "tests/bench/meshdb.h"
#include "tests/bench/peer.h"
#include "tests/bench/result.h"
#include "tests/bench/usage.h"

#define SESSIONS_MAX	10

enum { BARE_1, DRAIN_1, STORE_1, WORKER_1, BARE_10, DRAIN_10, STORE_10,
    WORKER_10, DRAIN_ROWS };

static struct result rows[DRAIN_ROWS] = {
	[BARE_1] = { .name = "drain.bare.1", .unit = "acks/s" },
	[DRAIN_1] = { .name = "drain.1", .unit = "msg/s",
	    .base = { &rows[BARE_1] }, .goal = GOAL_ABOVE, .limit = 10000 },
	[STORE_1] = { .name = "drain.1.cpu.store", .unit = "us/msg" },
	[WORKER_1] = { .name = "drain.1.cpu.worker", .unit = "us/msg" },
	[BARE_10] = { .name = "drain.bare.10", .unit = "acks/s" },
	[DRAIN_10] = { .name = "drain.10", .unit = "msg/s",
	    .base = { &rows[BARE_10] }, .goal = GOAL_ABOVE, .limit = 15000 },
	[STORE_10] = { .name = "drain.10.cpu.store", .unit = "us/msg" },
	[WORKER_10] = { .name = "drain.10.cpu.worker", .unit = "us/msg" },
};

enum { FRESH, FRESH_CPU, PAST, PAST_CPU, ENDED_ROWS };

static struct result ended_rows[ENDED_ROWS] = {
	[FRESH] = { .name = "ended.0.cost", .unit = "us/msg" },
	[FRESH_CPU] = { .name = "ended.0.cpu", .unit = "us/msg" },
	[PAST] = { .unit = "us/msg", .base = { &ended_rows[FRESH] },
	    .goal = GOAL_RATIO_BELOW, .limit = 1.10 },
	[PAST_CPU] = { .unit = "us/msg", .base = { &ended_rows[FRESH_CPU] },
	    .goal = GOAL_RATIO_BELOW, .limit = 1.10 },
};

/* What one drain took, in us for each message. */
struct cost {
	double	wall, store, worker;	/* the last two on a processor */
};

/* Start it and connect its sessions. */
static void
sessions_up(struct world *w, struct session *s, unsigned n)
{
	unsigned	i;

	world_start(w);
	for (i = 0; i < n; i++)
		session_register(w, &s[i], i);
	for (i = 0; i < n; i++)
		session_wait_open(w, &s[i]);
}

/* Fill, let go, and wait for the end. */
static void
drain_measure(struct world *w, struct session *s, unsigned sessions,
    unsigned n, struct cost *c)
{
	struct mail	 mail;
	struct meshdb	*db = meshdb_open(w->db);
	int64_t		 begin, done;

	mail_init(&mail, s, sessions);
	done = meshdb_done(db);
	world_broker_stop(w);
	mail_send(w, &mail, sessions == 1 ? 16 : 2 * sessions, n);
	c->store = -usage_cpu_now(w, "store");
	c->worker = -usage_cpu_now(w, "worker");
	begin = clock_mono_us();
	world_broker_continue(w);
	meshdb_wait_ended(db);
	c->wall = (double)(clock_mono_us() - begin) / n;
	c->store = (c->store + usage_cpu_now(w, "store")) / n;
	c->worker = (c->worker + usage_cpu_now(w, "worker")) / n;
	done = meshdb_done(db) - done;
	if (done != (int64_t)n)
		fatalx("%lld of %u messages were sent", (long long)done, n);
	meshdb_close(&db);
}

/*
 * One world, one drain, and what the broker does without us; into four rows of
 * the table.
 */
static void
drain_run(const struct bench *b, unsigned sessions, struct result *r)
{
	struct session	s[SESSIONS_MAX] = { 0 };
	struct cost	cost;
	struct world	w;

	world_new(&w, b, 1);
	sessions_up(&w, s, sessions);
	result_add(&r[BARE_1], peer_ack_rate(&w.member, w.port, sessions,
	    b->rows / sessions));
	drain_measure(&w, s, sessions, b->rows, &cost);
	result_add(&r[DRAIN_1], 1e6 / cost.wall);
	result_add(&r[STORE_1], cost.store);
	result_add(&r[WORKER_1], cost.worker);
	world_free(&w);
}

void
drain_bench(const struct bench *b)
{
	unsigned	i;

	for (i = 0; i < b->runs; i++) {
		bench_note("drain: run %u of %u, 1 session", i + 1, b->runs);
		drain_run(b, 1, &rows[BARE_1]);
		bench_note("drain: run %u of %u, 10 sessions", i + 1,
		    b->runs);
		drain_run(b, SESSIONS_MAX, &rows[BARE_10]);
	}
	results_write(rows, DRAIN_ROWS);
}

/* A world whose session has b->ended rows behind it. */
static void
past_new(struct world *w, struct session *s, const struct bench *b)
{
	struct mail	 mail;
	struct meshdb	*db;

	bench_note("ended: writing %u rows that are done", b->ended);
	world_new(w, b, 1);
	sessions_up(w, s, 1);
	mail_init(&mail, s, 1);
	db = meshdb_open(w->db);
	mail_send(w, &mail, 1, MAIL_TARGETS);
	meshdb_wait_ended(db);
	meshdb_close(&db);
	world_stop(w);
	meshdb_add_past(w->db, b->ended);
}

/* Both begin with a start, so that both begin cold. */
static void
ended_run(struct world *w, struct session *s, unsigned n, struct result *r)
{
	struct cost	cost;

	sessions_up(w, s, 1);
	drain_measure(w, s, 1, n, &cost);
	result_add(&r[FRESH], cost.wall);
	result_add(&r[FRESH_CPU], cost.store + cost.worker);
	world_stop(w);
}

void
ended_bench(const struct bench *b)
{
	static char	name[64], name_cpu[64];
	struct session	s = { 0 }, past_s = { 0 };
	struct world	w, past;
	unsigned	i;

	snprintf(name, sizeof name, "ended.%u.cost", b->ended);
	snprintf(name_cpu, sizeof name_cpu, "ended.%u.cpu", b->ended);
	ended_rows[PAST].name = name;
	ended_rows[PAST_CPU].name = name_cpu;
	past_new(&past, &past_s, b);
	for (i = 0; i < b->runs; i++) {
		bench_note("ended: run %u of %u", i + 1, b->runs);
		world_new(&w, b, 1);
		ended_run(&w, &s, b->rows, &ended_rows[FRESH]);
		world_free(&w);
		ended_run(&past, &past_s, b->rows, &ended_rows[PAST]);
	}
	world_free(&past);
	results_write(ended_rows, ENDED_ROWS);
}
