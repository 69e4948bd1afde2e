/*
 * backlog: one session has a great many rows to send; how long does a message
 * of another session take, from its POST until it is recorded as sent?  First
 * with nobody else there, then while the backlog drains.
 */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/uuid.h"
#include "tests/bench/api.h"
#include "tests/bench/mail.h"
#include "tests/bench/meshdb.h"
#include "tests/bench/result.h"

#define IDLE_MESSAGES	200
#define PAUSE_US	20000
#define LOOK_US		200
#define STUCK_MS	60000

enum { IDLE_P50, IDLE_P99, BUSY_P50, BUSY_P99, BUSY_MAX, RATE, ROWS };

static struct result rows[ROWS] = {
	[IDLE_P50] = { .name = "backlog.idle.p50", .unit = "ms" },
	[IDLE_P99] = { .name = "backlog.idle.p99", .unit = "ms" },
	[BUSY_P50] = { .name = "backlog.busy.p50", .unit = "ms",
	    .base = { &rows[IDLE_P50] } },
	[BUSY_P99] = { .name = "backlog.busy.p99", .unit = "ms",
	    .base = { &rows[IDLE_P99] }, .goal = GOAL_BELOW, .limit = 50 },
	[BUSY_MAX] = { .name = "backlog.busy.max", .unit = "ms",
	    .goal = GOAL_BELOW, .limit = 50 },
	[RATE] = { .name = "backlog.drain", .unit = "msg/s" },
};

struct other {
	struct api	 api;
	struct mail	 mail;
	struct meshdb	*db;
	struct samples	 ms;
};

/* One message of the other session, until it is recorded. */
static void
other_send(struct other *o)
{
	char	id[UUID_SIZE], json[1024];
	int64_t	t0;

	uuid_v7(id);
	mail_json(&o->mail, 0, id, json, sizeof json);
	t0 = clock_mono_us();
	if (api_call(&o->api, "POST", "/v1/send",
	    o->mail.sessions[0].token, json, NULL) != 202)
		fatalx("the other session's message was not accepted");
	while (!meshdb_is_ended(o->db, id)) {
		if (clock_mono_us() - t0 > STUCK_MS * 1000LL)
			fatalx("the other session's message is not sent "
			    "within %d s", STUCK_MS / 1000);
		usleep(LOOK_US);
	}
	samples_add(&o->ms, (double)(clock_mono_us() - t0) / 1000);
}

static void
idle_measure(struct other *o)
{
	unsigned	i;

	for (i = 0; i < IDLE_MESSAGES; i++) {
		other_send(o);
		usleep(PAUSE_US / 10);
	}
	result_add(&rows[IDLE_P50], samples_at(&o->ms, 0.5));
	result_add(&rows[IDLE_P99], samples_at(&o->ms, 0.99));
	samples_clear(&o->ms);
}

static void
busy_measure(struct world *w, struct other *o, const struct session *s)
{
	unsigned	n = w->bench->backlog;
	struct mail	mail;
	int64_t		begin;

	mail_init(&mail, s, 1);
	world_broker_stop(w);
	mail_send(w, &mail, 16, n);
	begin = clock_mono_us();
	world_broker_continue(w);
	do {
		other_send(o);
		usleep(PAUSE_US);
	} while (meshdb_has_open(o->db));
	result_add(&rows[RATE], n / ((double)(clock_mono_us() - begin) /
	    1e6));
	result_add(&rows[BUSY_P50], samples_at(&o->ms, 0.5));
	result_add(&rows[BUSY_P99], samples_at(&o->ms, 0.99));
	result_add(&rows[BUSY_MAX], samples_at(&o->ms, 1));
	samples_clear(&o->ms);
}

void
backlog_bench(const struct bench *b)
{
	struct session	 s[2] = { 0 };
	struct other	 o = { 0 };
	struct world	 w;
	unsigned	 i;

	world_new(&w, b, 1);
	world_start(&w);
	for (i = 0; i < 2; i++) {
		session_register(&w, &s[i], i);
		session_wait_open(&w, &s[i]);
	}
	api_open(&o.api, w.socket);
	mail_init(&o.mail, &s[1], 1);
	o.db = meshdb_open(w.db);
	bench_note("backlog: idle");
	idle_measure(&o);
	bench_note("backlog: %u rows", b->backlog);
	busy_measure(&w, &o, &s[0]);
	meshdb_close(&o.db);
	api_close(&o.api);
	world_free(&w);
	results_write(rows, ROWS);
}
