/*
 * thousand: as many sessions on one supervisor, all of them of this process,
 * at the embedded broker: how long it takes to register them, what they cost
 * while nothing happens, how long a message to each takes, what they need of
 * memory, and when all are back after the end of a process.
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "tests/bench/api.h"
#include "tests/bench/meshdb.h"
#include "tests/bench/result.h"
#include "tests/bench/usage.h"

#define WAIT_MS		120000
#define LOOK_US		20000
#define SETTLE_MS	15000		/* from the last registration to rest */

enum { REGISTER, OPEN, CPU, IDLE, MESSAGE, WORKER, SUPERVISOR, GATE, BROKER,
    BACK_GATE, BACK_STORE, BACK_BROKER, BACK_API, BACK_ALL, ROWS };

static struct result rows[ROWS] = {
	[REGISTER] = { .name = "thousand.register", .unit = "s",
	    .goal = GOAL_BELOW, .limit = 30 },
	[OPEN] = { .name = "thousand.open", .unit = "s",
	    .goal = GOAL_BELOW, .limit = 30 },
	[CPU] = { .name = "thousand.open.cpu", .unit = "s" },
	[IDLE] = { .name = "thousand.idle", .unit = "% of a core",
	    .goal = GOAL_BELOW, .limit = 1.5 },
	[MESSAGE] = { .name = "thousand.message", .unit = "s",
	    .goal = GOAL_BELOW, .limit = 5 },
	[WORKER] = { .name = "thousand.pss.worker", .unit = "KiB" },
	[SUPERVISOR] = { .name = "thousand.pss.supervisor", .unit = "KiB" },
	[GATE] = { .name = "thousand.pss.gate", .unit = "KiB" },
	[BROKER] = { .name = "thousand.pss.broker", .unit = "KiB" },
	[BACK_GATE] = { .name = "thousand.back.gate", .unit = "s" },
	[BACK_STORE] = { .name = "thousand.back.store", .unit = "s" },
	[BACK_BROKER] = { .name = "thousand.back.broker", .unit = "s" },
	[BACK_API] = { .name = "thousand.back.api", .unit = "s" },
	[BACK_ALL] = { .name = "thousand.back.supervisor", .unit = "s" },
};

static double
seconds_since(int64_t begin_us)
{
	return (double)(clock_mono_us() - begin_us) / 1e6;
}

/* Processor time of all processes so far, in us. */
static double
cpu_of_all(const json_t *status)
{
	json_t	*processes = json_object_get(status, "processes"), *p;
	double	 us, sum = 0;
	size_t	 i;

	json_array_foreach(processes, i, p) {
		us = usage_cpu((long)json_integer_value(json_object_get(p,
		    "pid")));
		sum += us > 0 ? us : 0;
	}
	return sum;
}

/*
 * How many are open, as the gate knows, which costs the supervisor nothing.
 * Asked on a connection that may break, as a gate may just go: -1.
 */
static json_int_t
count_open(const struct world *w)
{
	static char	 buf[HTTP_ANSWER_MAX];
	struct http_answer h;
	char		 req[512];
	size_t		 len = 0, n;
	ssize_t		 got = 1;
	json_t		*o = NULL;
	json_int_t	 open = -1;
	int		 fd = api_try_connect(w->socket), whole = 0;

	if (fd == -1)
		return -1;
	n = http_request(req, sizeof req, "GET", "/v1/health", NULL, NULL);
	if (write(fd, req, n) == (ssize_t)n)
		while (whole == 0 && len < sizeof buf && (got = read(fd,
		    buf + len, sizeof buf - len)) > 0) {
			len += (size_t)got;
			whole = http_parse(&h, buf, len);
		}
	if (whole == 1 && h.status == 200)
		o = json_loadb(buf + h.body, h.bodylen, 0, NULL);
	if (o != NULL)
		open = json_integer_value(json_object_get(json_object_get(o,
		    "sessions"), "open"));
	json_decref(o);
	close(fd);
	return open;
}

/* Until so many are open, whoever answers. */
static void
wait_open(const struct world *w, unsigned n)
{
	int64_t	 deadline = clock_mono_ms() + WAIT_MS;

	while (count_open(w) != (json_int_t)n) {
		if (clock_mono_ms() > deadline)
			fatalx("%u sessions are not open within %d s, see the "
			    "log in %s", n, WAIT_MS / 1000, w->state);
		usleep(LOOK_US);
	}
}

static pid_t
pid_of(const json_t *status, const char *role)
{
	json_t		*processes = json_object_get(status, "processes"), *p;
	const char	*is;
	size_t		 i;

	json_array_foreach(processes, i, p) {
		is = json_string_value(json_object_get(p, "role"));
		if (is != NULL && strcmp(is, role) == 0)
			return (pid_t)json_integer_value(json_object_get(p,
			    "pid"));
	}
	return 0;
}

/* One message to each session, by the one before it. */
static void
message_measure(const struct world *w, const struct session *s, unsigned n)
{
	struct meshdb	*db = meshdb_open(w->db);
	struct api	*api = xcalloc(1, sizeof *api);
	int64_t		 begin = clock_mono_us(), before;
	int64_t		 deadline = clock_mono_ms() + WAIT_MS;
	char		 body[256];
	unsigned	 i;
	int		 status;

	before = meshdb_received(db);
	api_open(api, w->socket);
	for (i = 0; i < n; i++) {
		snprintf(body, sizeof body, "{\"to\":\"%s\",\"message\":"
		    "\"one for each\"}", s[(i + 1) % n].pub);
		status = api_call(api, "POST", "/v1/send", s[i].token, body,
		    NULL);
		if (status != 202)
			fatalx("send: %d", status);
	}
	api_close(api);
	free(api);
	while (meshdb_received(db) < before + n) {
		if (clock_mono_ms() > deadline)
			fatalx("not every message arrived");
		usleep(LOOK_US);
	}
	result_add(&rows[MESSAGE], seconds_since(begin));
	meshdb_close(&db);
}

/* Kill one and wait until another has taken its place, and all are open. */
static void
back_measure(const struct world *w, const char *role, unsigned n,
    struct result *row)
{
	json_t	*status = world_status(w);
	pid_t	 old = pid_of(status, role), now = old;
	int64_t	 begin = clock_mono_us();

	json_decref(status);
	if (old == 0 || kill(old, SIGKILL) == -1)
		fatal("%s", role);
	while (now == old || now == 0) {
		wait_open(w, n);
		status = world_status(w);
		now = pid_of(status, role);
		json_decref(status);
	}
	result_add(row, seconds_since(begin));
}

/* kill -9 of the supervisor, and meshsup start. */
static void
supervisor_measure(struct world *w, unsigned n)
{
	json_t	*status = world_status(w);
	pid_t	 old = pid_of(status, "supervisor");
	int64_t	 begin;

	json_decref(status);
	if (old == 0 || kill(old, SIGKILL) == -1)
		fatal("supervisor");
	while (kill(old, 0) == 0)
		usleep(1000);
	begin = clock_mono_us();
	world_start(w);
	result_add(&rows[BACK_API], seconds_since(begin));
	wait_open(w, n);
	result_add(&rows[BACK_ALL], seconds_since(begin));
}

static void
idle_measure(const struct world *w, unsigned seconds)
{
	json_t	*status;
	double	 cpu;
	int64_t	 begin;

	usleep(SETTLE_MS * 1000);
	status = world_status(w);
	cpu = cpu_of_all(status);
	begin = clock_mono_us();
	sleep(seconds);
	cpu = cpu_of_all(status) - cpu;
	result_add(&rows[IDLE], cpu / 1e4 / seconds_since(begin));
	usage_role(status, "worker", usage_pss, &rows[WORKER]);
	usage_role(status, "supervisor", usage_pss, &rows[SUPERVISOR]);
	usage_role(status, "gate", usage_pss, &rows[GATE]);
	usage_role(status, "broker", usage_pss, &rows[BROKER]);
	json_decref(status);
}

void
thousand_bench(const struct bench *b)
{
	struct session	*s = xcalloc(b->sessions, sizeof *s);
	struct world	 w;
	json_t		*status;
	int64_t		 begin;
	unsigned	 i;

	world_new(&w, b, 0);
	world_start(&w);
	bench_note("thousand: %u sessions", b->sessions);
	begin = clock_mono_us();
	for (i = 0; i < b->sessions; i++)
		session_register(&w, &s[i], i);
	result_add(&rows[REGISTER], seconds_since(begin));
	wait_open(&w, b->sessions);
	result_add(&rows[OPEN], seconds_since(begin));
	status = world_status(&w);
	result_add(&rows[CPU], cpu_of_all(status) / 1e6);
	json_decref(status);
	bench_note("thousand: %u s of rest", b->idle);
	idle_measure(&w, b->idle);
	message_measure(&w, s, b->sessions);
	back_measure(&w, "gate", b->sessions, &rows[BACK_GATE]);
	back_measure(&w, "store", b->sessions, &rows[BACK_STORE]);
	back_measure(&w, "broker", b->sessions, &rows[BACK_BROKER]);
	supervisor_measure(&w, b->sessions);
	world_free(&w);
	free(s);
	results_write(rows, ROWS);
}
