/*
 * memory: proportional set size of every process, of a worker after it has
 * connected and after it has worked.  Compared with as many bare clients of
 * the same broker, each a program of its own.
 */

#include <sys/stat.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "tests/bench/mail.h"
#include "tests/bench/meshdb.h"
#include "tests/bench/proc.h"
#include "tests/bench/result.h"
#include "tests/bench/ws.h"

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

/* KiB, or -1: gone, or not ours to look at. */
static long
pss_of(long pid)
{
	char	 path[64], line[256];
	long	 kib = -1;
	FILE	*f;

	snprintf(path, sizeof path, "/proc/%ld/smaps_rollup", pid);
	if ((f = fopen(path, "re")) == NULL)
		return -1;
	while (kib == -1 && fgets(line, sizeof line, f) != NULL)
		if (sscanf(line, "Pss: %ld kB", &kib) != 1)
			kib = -1;
	fclose(f);
	return kib;
}

/* All processes of a role; the sum, or -1 when one cannot be read. */
static long
role_pss(const json_t *processes, const char *role, struct result *r)
{
	json_t		*p;
	const char	*is;
	size_t		 i;
	long		 kib, sum = 0;

	json_array_foreach(processes, i, p) {
		is = json_string_value(json_object_get(p, "role"));
		if (is == NULL || strcmp(is, role) != 0)
			continue;
		kib = pss_of((long)json_integer_value(json_object_get(p,
		    "pid")));
		if (kib == -1)
			return -1;
		if (r != NULL)
			result_add(r, (double)kib);
		sum += kib;
	}
	return sum;
}

/* Until the workers' sizes stand still, within a hundredth. */
static void
settle(const json_t *processes)
{
	int64_t	deadline = clock_mono_ms() + SETTLE_MS;
	long	last, now = role_pss(processes, "worker", NULL);

	do {
		last = now;
		usleep(SETTLE_US);
		now = role_pss(processes, "worker", NULL);
	} while (labs(now - last) > now / SETTLED &&
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
		result_add(&rows[BARE], (double)pss_of(pids[i]));
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
	json_t		*status = world_status(w), *processes;
	size_t		 i;

	processes = json_object_get(status, "processes");
	settle(processes);
	if (role_pss(processes, "worker", &rows[WORKER]) == -1) {
		log_warnx("memory: the processes of meshsup cannot be looked "
		    "at (%s); run it as root", strerror(errno));
		json_decref(status);
		return;
	}
	for (i = 0; i < sizeof roles / sizeof roles[0]; i++)
		role_pss(processes, roles[i].role, &rows[roles[i].row]);
	work(w, s, n);
	settle(processes);
	role_pss(processes, "worker", &rows[WORKER_USED]);
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
