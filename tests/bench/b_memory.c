/*
 * memory: proportional set size of every process, of a worker after it has
 * connected and after it has worked.  Compared with as many bare clients of
 * the same broker, each a program of its own.
 */

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "tests/bench/mail.h"
#include "tests/bench/meshdb.h"
#include "tests/bench/proc.h"
#include "tests/bench/result.h"
#include "tests/bench/usage.h"

#define SETTLE_MS	5000
#define SETTLE_US	200000
#define EACH		200		/* messages of each session */
#define SETTLED	100		/* it changes by less than 1 in that many */

enum { BARE, WORKER, WORKER_USED, MEMBER, SUPERVISOR, STORE, GATE, RESOLVER,
    BROKER, ROWS };

static struct result rows[ROWS] = {
	[BARE] = { .name = "memory.bare", .unit = "KiB" },
	[WORKER] = { .name = "memory.worker", .unit = "KiB",
	    .base = { &rows[BARE] } },
	[WORKER_USED] = { .name = "memory.worker.used", .unit = "KiB",
	    .base = { &rows[WORKER] } },
	[MEMBER] = { .name = "memory.member", .unit = "KiB" },
	[SUPERVISOR] = { .name = "memory.supervisor", .unit = "KiB" },
	[STORE] = { .name = "memory.store", .unit = "KiB" },
	[GATE] = { .name = "memory.gate", .unit = "KiB" },
	[RESOLVER] = { .name = "memory.resolver", .unit = "KiB" },
	[BROKER] = { .name = "memory.broker", .unit = "KiB" },
};

static const struct {
	const char	*role;
	int		 row;
} roles[] = {
	{ "member", MEMBER },
	{ "supervisor", SUPERVISOR },
	{ "store", STORE },
	{ "gate", GATE },
	{ "resolver", RESOLVER },
	{ "broker", BROKER },
};

/* Until the workers' sizes stand still, within a hundredth. */
static void
settle(const json_t *status)
{
	int64_t	deadline = clock_mono_ms() + SETTLE_MS;
	double	last, now = usage_role(status, "worker", usage_pss, NULL);

	do {
		last = now;
		usleep(SETTLE_US);
		now = usage_role(status, "worker", usage_pss, NULL);
	} while ((now > last ? now - last : last - now) > now / SETTLED &&
	    clock_mono_ms() < deadline);
}

/* Bare clients, as many as workers. */
static void
bare_measure(const struct world *w, unsigned n)
{
	char		 port[16], self[PATH_MAX], word[16];
	const char	*argv[] = { self, "hold", port, NULL };
	pid_t		*pids = xcalloc(n, sizeof *pids);
	int		*fds = xcalloc(n, sizeof *fds);
	ssize_t		 len;
	unsigned	 i;

	if ((len = readlink("/proc/self/exe", self, sizeof self - 1)) == -1)
		fatal("/proc/self/exe");
	self[len] = '\0';
	snprintf(port, sizeof port, "%d", w->port);
	for (i = 0; i < n; i++) {
		pids[i] = proc_spawn(argv, NULL, &fds[i]);
		if (proc_line(fds[i], word, sizeof word, 10000) == -1)
			fatalx("a bare client does not connect");
	}
	for (i = 0; i < n; i++)
		result_add(&rows[BARE], usage_pss(pids[i]));
	for (i = 0; i < n; i++) {
		proc_end(&pids[i]);
		close(fds[i]);
	}
	free(pids);
	free(fds);
}

/* Every session writes to the next one. */
static void
work(const struct world *w, const struct session *s, unsigned n)
{
	struct meshdb	*db = meshdb_open(w->db);
	struct mail	 mail;
	unsigned	 i;

	for (i = 0; i < n; i++) {
		mail_init_to(&mail, &s[i], 1, s[(i + 1) % n].pub);
		mail_send(w, &mail, 4, EACH);
	}
	meshdb_wait_ended(db);
	meshdb_close(&db);
}

static void
memory_measure(const struct world *w, const struct session *s, unsigned n)
{
	json_t	*status = world_status(w);
	size_t	 i;

	settle(status);
	if (usage_role(status, "worker", usage_pss, &rows[WORKER]) < 0) {
		bench_note("memory: only root may look at the processes of "
		    "meshsup");
		json_decref(status);
		return;
	}
	for (i = 0; i < sizeof roles / sizeof roles[0]; i++)
		usage_role(status, roles[i].role, usage_pss,
		    &rows[roles[i].row]);
	work(w, s, n);
	settle(status);
	usage_role(status, "worker", usage_pss, &rows[WORKER_USED]);
	json_decref(status);
}

void
memory_bench(const struct bench *b)
{
	struct session	*s = xcalloc(b->workers, sizeof *s);
	struct world	 w;
	unsigned	 i;

	world_new(&w, b, 0);
	world_start(&w);
	bench_note("memory: %u workers", b->workers);
	for (i = 0; i < b->workers; i++)
		session_register(&w, &s[i], i);
	for (i = 0; i < b->workers; i++)
		session_wait_open(&w, &s[i]);
	memory_measure(&w, s, b->workers);
	bare_measure(&w, b->workers);
	world_free(&w);
	free(s);
	results_write(rows, ROWS);
}
