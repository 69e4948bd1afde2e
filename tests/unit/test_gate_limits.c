/*
 * Clients that want too much, vanish or never end, through the real process of
 * the gate: they cost nobody else anything; and how it ends itself.
 */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sys/socket.h>

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/channel.h"
#include "common/clock.h"
#include "gate_world.h"

#define GET	"GET /v1/version HTTP/1.1\r\nHost: localhost\r\n\r\n"

static struct world	*w;

static int
setup(void **state)
{
	world_setup(state);
	w = *state;
	return 0;
}

static const char *
error_of(const struct answer *a)
{
	const char	*s;

	s = json_string_value(json_object_get(a->json, "error"));
	return s != NULL ? s : "";
}

static void
answers(int fd, int n, int status)
{
	struct answer	a;

	while (n-- > 0) {
		client_read(w, fd, &a);
		assert_int_equal(a.status, status);
		answer_clear(&a);
	}
}

/* The gate is still there, and serves. */
static void
alive(void)
{
	assert_int_equal(ask(w, "GET", "/v1/version", NULL, NULL)->status,
	    200);
}

/* Clients that go away at every moment. */
static void
vanishing(void **state)
{
	static char	text[40000];
	int		fd, i;

	(void)state;
	memset(text, 't', sizeof text - 1);
	for (i = 0; i < 40; i++)
		world_deliver(w, &w->bob, text, NULL);
	for (i = 0; i < 10; i++) {
		fd = client_open(w, "daemon.sock");	/* says nothing */
		close(fd);
		fd = client_open(w, "daemon.sock");	/* half a head */
		client_write(w, fd, TEXT("GET /v1/vers"));
		close(fd);
		fd = client_open(w, "daemon.sock");	/* half a body */
		client_write(w, fd, TEXT("POST /v1/send HTTP/1.1\r\n"
		    "Content-Length: 1000\r\n\r\n{"));
		close(fd);
		fd = client_open(w, "daemon.sock");	/* a large answer */
		ask_on(w, fd, "GET", "/v1/inbox?mark_seen=false",
		    w->bob.auth, NULL, 0);
		world_pump(w, 20);
		close(fd);
		fd = client_open(w, "daemon.sock");	/* a stream */
		ask_on(w, fd, "GET", "/v1/events?replay=40", w->bob.auth,
		    NULL, 0);
		world_pump(w, 5);
		close(fd);
	}
	w->hold = 1;
	fd = client_open(w, "daemon.sock");		/* a call is out */
	ask_on(w, fd, "POST", "/v1/send", NULL,
	    TEXT("{\"to\":\"*\",\"message\":\"x\"}"));
	world_until(w, &w->accepts, 1);
	close(fd);
	w->hold = 0;
	world_store_new(w);
	alive();
}

/* More than a session may have going: 429 for it, and nobody else. */
static void
too_many_requests(void **state)
{
	int		fds[17], i, fd;
	struct answer	a;

	(void)state;
	w->hold = 1;
	for (i = 0; i < 17; i++) {
		fds[i] = client_open(w, "daemon.sock");
		ask_on(w, fds[i], "POST", "/v1/send", w->alice.auth,
		    TEXT("{\"to\":\"*\",\"message\":\"x\"}"));
		if (i < 16)
			world_until(w, &w->accepts, i + 1);
	}
	client_read(w, fds[16], &a);
	assert_int_equal(a.status, 429);
	assert_string_equal(error_of(&a), "too_many_requests");
	assert_non_null(strstr(a.head, "Retry-After: 1"));
	answer_clear(&a);
	assert_int_equal(ask(w, "GET", "/v1/inbox", w->bob.auth, NULL)->status,
	    200);
	assert_int_equal(ask(w, "GET", "/v1/inbox", NULL, NULL)->status, 200);
	/* Whoever probes is answered whatever goes on. */
	assert_int_equal(ask(w, "GET", "/v1/health", w->alice.auth,
	    NULL)->status, 200);
	/* When they are answered there is room again. */
	w->hold = 0;
	world_store_new(w);
	for (i = 0; i < 16; i++) {
		client_read(w, fds[i], &a);
		assert_int_equal(a.status, 202);
		answer_clear(&a);
	}
	for (i = 0; i < 17; i++)
		close(fds[i]);
	fd = client_open(w, "daemon.sock");
	ask_on(w, fd, "GET", "/v1/inbox", w->alice.auth, NULL, 0);
	client_read(w, fd, &a);
	assert_int_equal(a.status, 200);
	answer_clear(&a);
	close(fd);
}

/* Unfinished requests may not fill the memory. */
static void
too_much_input(void **state)
{
	static char	 body[250000];
	int		 fds[160], i, n = 0;
	char		 byte;

	(void)state;
	memset(body, ' ', sizeof body);
	for (i = 0; i < 160; i++) {
		fds[i] = client_open(w, "daemon.sock");
		client_write(w, fds[i], TEXT("POST /v1/send HTTP/1.1\r\n"
		    "Content-Length: 260000\r\n\r\n"));
		client_write(w, fds[i], body, sizeof body);
	}
	world_pump(w, 100);
	for (i = 0; i < 160; i++) {
		n += recv(fds[i], &byte, 1, MSG_PEEK) > 0;
		close(fds[i]);
	}
	/* 32 MiB are 134 of them; what is over is refused. */
	assert_in_range(n, 20, 40);
	alive();
}

static int64_t
cpu_ms(pid_t pid)
{
	unsigned long	 user, sys;
	char		 path[64], line[1024];
	FILE		*fp;

	snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
	assert_non_null(fp = fopen(path, "r"));
	assert_non_null(fgets(line, sizeof line, fp));
	fclose(fp);
	assert_int_equal(sscanf(strrchr(line, ')') + 2, "%*c %*d %*d %*d %*d "
	    "%*d %*u %*u %*u %*u %*u %lu %lu", &user, &sys), 2);
	return (int64_t)(user + sys) * 1000 / sysconf(_SC_CLK_TCK);
}

/*
 * Without descriptors accept() fails: the gate neither dies nor spins, serves
 * those who are there, and the others when there is room again.
 */
static void
no_descriptors(void **state)
{
	struct world	*own = calloc(1, sizeof *own);
	struct answer	 a;
	int64_t		 cpu, until;
	int		 fds[64], i;

	(void)state;
	w = own;
	world_start(w, 40);
	for (i = 0; i < 64; i++)
		fds[i] = client_open(w, "daemon.sock");
	client_write(w, fds[0], TEXT(GET));
	answers(fds[0], 1, 200);
	cpu = cpu_ms(w->pid);
	for (until = clock_mono_ms() + 1000; clock_mono_ms() < until;)
		world_pump(w, 50);
	assert_true(cpu_ms(w->pid) - cpu < 300);
	client_write(w, fds[0], TEXT(GET));
	answers(fds[0], 1, 200);
	client_write(w, fds[63], TEXT(GET));
	for (i = 0; i < 63; i++)
		close(fds[i]);
	client_read(w, fds[63], &a);
	assert_int_equal(a.status, 200);
	answer_clear(&a);
	close(fds[63]);
	world_logged(w, "accept: clients wait");
	world_stop(w);
	free(own);
}

/* One stranger cannot have more than a few connections. */
static void
connections_of_a_stranger(void **state)
{
	struct answer	a;
	int		fds[9], i;

	(void)state;
	if (geteuid() != 0)
		skip();		/* only root can be somebody else */
	assert_int_equal(seteuid(54321), 0);
	for (i = 0; i < 9; i++) {
		fds[i] = client_open(w, "daemon.sock");
		/* Not at rest: nobody is shut out for the next one. */
		client_write(w, fds[i], "G", 1);
		world_pump(w, 20);
	}
	assert_int_equal(seteuid(0), 0);
	client_read(w, fds[8], &a);
	assert_int_equal(a.status, 429);
	assert_string_equal(error_of(&a), "too_many_connections");
	answer_clear(&a);
	for (i = 0; i < 9; i++)
		close(fds[i]);
	alive();
}

/* What is begun is answered, then it ends; nobody is left waiting. */
static void
stopping(void **state)
{
	int		fd = client_open(w, "daemon.sock"), status;
	struct answer	a;
	int64_t		began;

	(void)state;
	w->hold = 1;
	ask_on(w, fd, "POST", "/v1/send", w->alice.auth,
	    TEXT("{\"to\":\"*\",\"message\":\"x\"}"));
	ask_on(w, fd, "GET", "/v1/version", NULL, NULL, 0);
	world_until(w, &w->accepts, 1);
	world_send(w, MSG_SUP_STOP, NULL);
	world_pump(w, 50);
	w->hold = 0;
	world_store_new(w);
	began = clock_mono_ms();
	client_read(w, fd, &a);
	assert_int_equal(a.status, 202);
	assert_non_null(strstr(a.head, "Connection: close"));
	answer_clear(&a);
	assert_true(client_is_closed(w, fd));
	close(fd);
	w->exited = world_wait(w, &status);
	assert_int_equal(status, 0);
	assert_true(clock_mono_ms() - began < 1000);
}

/* A supervisor that is gone takes the gate along. */
static void
orphaned(void **state)
{
	int	status;

	(void)state;
	channel_free(&w->sup);
	w->exited = world_wait(w, &status);
	assert_int_equal(status, 0);
}

int
main(void)
{
#define T(f)	cmocka_unit_test_setup_teardown(f, setup, world_teardown)
	const struct CMUnitTest tests[] = {
		T(vanishing),
		T(too_many_requests),
		T(too_much_input),
		cmocka_unit_test(no_descriptors),
		T(connections_of_a_stranger),
		T(stopping),
		T(orphaned),
	};

	if (sodium_init() == -1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
