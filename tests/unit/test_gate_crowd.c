/*
 * Issue and local-api.md: 1,000 idle event streams, of as many sessions as they
 * need at 4 each, fit into 50 MiB of the gate; each still hears what is its
 * own, and only that.
 */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sys/resource.h>
#include <sys/socket.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/xalloc.h"
#include "gate_world.h"

#define SESSIONS	250
#define EACH		4		/* LIMIT_SESSION_STREAMS */
#define STREAMS		(SESSIONS * EACH)
#define GATE_KIB	(50 * 1024)

static struct world	*w;
static struct person	 crowd[SESSIONS];
static int		 fds[STREAMS];

/* The clients are ours: a descriptor each. */
static int
setup(void **state)
{
	struct rlimit	rl;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &rl), 0);
	if (rl.rlim_cur < 2 * STREAMS) {
		rl.rlim_cur = 2 * STREAMS;
		if (rl.rlim_max < rl.rlim_cur)
			rl.rlim_max = rl.rlim_cur;
		if (setrlimit(RLIMIT_NOFILE, &rl) == -1)
			return 0;
	}
	w = xcalloc(1, sizeof *w);
	world_start(w, 0);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	if (*state == NULL)
		return 0;
	return world_teardown(state);
}

/* Proportional set size of the gate, in KiB; where it is hidden, resident. */
static long
gate_kib(void)
{
	char	 path[64], line[256];
	long	 kib = -1, pages;
	FILE	*f;

	snprintf(path, sizeof path, "/proc/%ld/smaps_rollup", (long)w->pid);
	if ((f = fopen(path, "re")) != NULL) {
		while (kib == -1 && fgets(line, sizeof line, f) != NULL)
			if (sscanf(line, "Pss: %ld kB", &kib) != 1)
				kib = -1;
		fclose(f);
	}
	if (kib != -1)
		return kib;
	snprintf(path, sizeof path, "/proc/%ld/statm", (long)w->pid);
	assert_non_null(f = fopen(path, "re"));
	assert_int_equal(fscanf(f, "%*d %ld", &pages), 1);
	fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* Pump until the stream has said it; what it says is short. */
static void
hear(int fd, const char *needle)
{
	char	*have = client_read_until(w, fd, NULL, needle);

	free(have);
}

static void
idle_streams(void **state)
{
	char	 text[32], what[64];
	long	 before, after;
	ssize_t	 n;
	int	 i;

	if (*state == NULL) {
		print_message("not enough descriptors\n");
		skip();
	}
	for (i = 0; i < SESSIONS; i++) {
		snprintf(text, sizeof text, "s%03d", i);
		person_make(&crowd[i], text, "acme", w->uid, &w->member);
		world_tell(w, &crowd[i]);
		world_pump(w, 0);
	}
	world_pump(w, 50);
	before = gate_kib();
	for (i = 0; i < STREAMS; i++) {
		fds[i] = client_open(w, "daemon.sock");
		ask_on(w, fds[i], "GET", "/v1/events", crowd[i / EACH].auth,
		    NULL, 0);
		hear(fds[i], ": connected");
	}
	after = gate_kib();
	print_message("gate: %ld KiB, with %d streams %ld KiB\n", before,
	    STREAMS, after);
#ifndef WITH_SANITIZERS
	assert_true(after < GATE_KIB);
#endif
	/* The first, one in the middle, one at the end; no other. */
	for (i = 0; i < SESSIONS; i += SESSIONS / 2 - 1) {
		snprintf(text, sizeof text, "for number %d", i);
		snprintf(what, sizeof what, "\"%s\"", text);
		world_deliver(w, &crowd[i], text, NULL);
		hear(fds[i * EACH], what);
		hear(fds[i * EACH + EACH - 1], what);
	}
	n = recv(fds[EACH], text, sizeof text - 1, MSG_DONTWAIT);
	text[n > 0 ? n : 0] = '\0';		/* but a keep-alive */
	assert_null(strstr(text, "event"));
	for (i = 0; i < STREAMS; i++)
		close(fds[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(idle_streams, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
