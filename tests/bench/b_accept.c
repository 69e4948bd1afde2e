/*
 * accept: POST /v1/send, synced.  With the broker standing still, so that
 * nothing but accepting happens, and live, with the messages leaving at the
 * same time.  Compared with what the disk does for one row a transaction, and
 * with the gate's cheapest request.
 */

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "tests/bench/api.h"
#include "tests/bench/mail.h"
#include "tests/bench/meshdb.h"
#include "tests/bench/result.h"
#include "tests/bench/usage.h"

#define SESSIONS	2		/* a session takes 16 at a time */
#define MANY		16

enum { SQLITE, VERSION_1, VERSION_1_P50, VERSION_16, ONE, ONE_P50, ONE_P99,
    SIXTEEN, SIXTEEN_P50, SIXTEEN_P99, CPU_GATE, CPU_STORE, LIVE, LIVE_P50,
    LIVE_P99, ROWS };

static struct result rows[ROWS] = {
	[SQLITE] = { .name = "accept.sqlite", .unit = "rows/s" },
	[VERSION_1] = { .name = "accept.version.1.rate", .unit = "/s" },
	[VERSION_1_P50] = { .name = "accept.version.1.p50", .unit = "us" },
	[VERSION_16] = { .name = "accept.version.16.rate", .unit = "/s" },
	[ONE] = { .name = "accept.1.rate", .unit = "/s",
	    .base = { &rows[SQLITE], &rows[VERSION_1] } },
	[ONE_P50] = { .name = "accept.1.p50", .unit = "us",
	    .base = { &rows[VERSION_1_P50] } },
	[ONE_P99] = { .name = "accept.1.p99", .unit = "us" },
	[SIXTEEN] = { .name = "accept.16.rate", .unit = "/s",
	    .base = { &rows[SQLITE], &rows[VERSION_16] },
	    .goal = GOAL_ABOVE, .limit = 8000 },
	[SIXTEEN_P50] = { .name = "accept.16.p50", .unit = "us" },
	[SIXTEEN_P99] = { .name = "accept.16.p99", .unit = "us",
	    .goal = GOAL_BELOW, .limit = 10000 },
	[CPU_GATE] = { .name = "accept.16.cpu.gate", .unit = "us/msg" },
	[CPU_STORE] = { .name = "accept.16.cpu.store", .unit = "us/msg" },
	[LIVE] = { .name = "accept.16.live.rate", .unit = "/s",
	    .base = { &rows[SQLITE], &rows[VERSION_16] },
	    .goal = GOAL_ABOVE, .limit = 8000 },
	[LIVE_P50] = { .name = "accept.16.live.p50", .unit = "us" },
	[LIVE_P99] = { .name = "accept.16.live.p99", .unit = "us",
	    .goal = GOAL_BELOW, .limit = 10000 },
};

static void
sql_must(sqlite3 *db, const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fatalx("sqlite: %s: %s", sql, sqlite3_errmsg(db));
}

/* Bare inserts, each synced by itself, in a second. */
static double
sqlite_rate(const struct bench *b)
{
	char		 path[512];
	sqlite3		*db;
	sqlite3_stmt	*st;
	int64_t		 begin, now;
	unsigned	 n = 0;

	snprintf(path, sizeof path, "%s/bare.db", b->dir);
	if (sqlite3_open(path, &db) != SQLITE_OK)
		fatalx("%s: %s", path, sqlite3_errmsg(db));
	sql_must(db, "PRAGMA journal_mode = WAL");
	sql_must(db, "PRAGMA synchronous = FULL");
	sql_must(db, "CREATE TABLE IF NOT EXISTS t"
	    " (seq INTEGER PRIMARY KEY, body BLOB)");
	if (sqlite3_prepare_v2(db, "INSERT INTO t (body) VALUES"
	    " (randomblob(512))", -1, &st, NULL) != SQLITE_OK)
		fatalx("sqlite: %s", sqlite3_errmsg(db));
	begin = clock_mono_us();
	do {
		if (sqlite3_step(st) != SQLITE_DONE)
			fatalx("sqlite: %s", sqlite3_errmsg(db));
		sqlite3_reset(st);
		n++;
		now = clock_mono_us();
	} while (now - begin < b->ms * 1000LL);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return n / ((double)(now - begin) / 1e6);
}

static size_t
version_fill(void *arg, unsigned client, unsigned n, char *buf, size_t size)
{
	(void)arg;
	(void)client;
	(void)n;
	return http_request(buf, size, "GET", "/v1/version", NULL, NULL);
}

/* One load; its figures into those rows that are not -1.  Returns its size. */
static unsigned
measure(const struct bench *b, struct load *l, int rate, int p50, int p99)
{
	unsigned	n;

	l->max_ms = b->ms;
	load_run(l);
	result_add(&rows[rate], load_rate(l));
	if (p50 != -1)
		result_add(&rows[p50], samples_at(&l->us, 0.5));
	if (p99 != -1)
		result_add(&rows[p99], samples_at(&l->us, 0.99));
	n = l->n;
	load_clear(l);
	return n;
}

static void
accept_run(struct world *w, struct mail *mail, struct meshdb *db)
{
	const struct bench	*b = w->bench;
	struct load		 version = { .socket = w->socket,
				    .fill = version_fill, .expect = 200 };
	struct load		 send = { .socket = w->socket,
				    .fill = mail_fill, .arg = mail,
				    .expect = 202 };
	double			 gate, store;
	unsigned		 n;

	result_add(&rows[SQLITE], sqlite_rate(b));
	version.clients = 1;
	measure(b, &version, VERSION_1, VERSION_1_P50, -1);
	version.clients = MANY;
	measure(b, &version, VERSION_16, -1, -1);
	world_broker_stop(w);
	send.clients = 1;
	measure(b, &send, ONE, ONE_P50, ONE_P99);
	send.clients = MANY;
	gate = usage_cpu_now(w, "gate");
	store = usage_cpu_now(w, "store");
	n = measure(b, &send, SIXTEEN, SIXTEEN_P50, SIXTEEN_P99);
	result_add(&rows[CPU_GATE], (usage_cpu_now(w, "gate") - gate) / n);
	result_add(&rows[CPU_STORE], (usage_cpu_now(w, "store") - store) / n);
	world_broker_continue(w);
	meshdb_wait_ended(db);
	measure(b, &send, LIVE, LIVE_P50, LIVE_P99);
	meshdb_wait_ended(db);
}

void
accept_bench(const struct bench *b)
{
	struct session	 s[SESSIONS] = { 0 };
	struct world	 w;
	struct mail	 mail;
	struct meshdb	*db;
	unsigned	 i;

	world_new(&w, b, 1);
	world_start(&w);
	for (i = 0; i < SESSIONS; i++) {
		session_register(&w, &s[i], i);
		session_wait_open(&w, &s[i]);
	}
	mail_init(&mail, s, SESSIONS);
	db = meshdb_open(w.db);
	for (i = 0; i < b->runs; i++) {
		bench_note("accept: run %u of %u", i + 1, b->runs);
		accept_run(&w, &mail, db);
	}
	meshdb_close(&db);
	world_free(&w);
	results_write(rows, ROWS);
}
