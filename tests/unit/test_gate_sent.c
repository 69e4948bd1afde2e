/*
 * GET /v1/send/{client_message_id}, at once and with wait, through the real
 * process of the gate.
 */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/channel.h"
#include "common/clock.h"
#include "gate_world.h"

#define KEY	"c5b652e77c93bcf2c3b49828ccf478f08ac276c5b70d7be257250b36364" \
		"020c3"
#define WAITS	64		/* of one session */
#define FATE(delivered)	"{\"type\":\"message_status_result\",\"messageId\":" \
			"\"m1\",\"delivered\":" delivered ",\"recipients\":[]}"

static struct world	*w;

static int
setup(void **state)
{
	world_setup(state);
	w = *state;
	w->fate = FATE("false");
	expect(ask(w, "POST", "/v1/send", w->alice.auth, "{\"to\":\"" KEY "\","
	    "\"message\":\"x\",\"client_message_id\":\"c/1\"}"), 202, "");
	return 0;
}

static struct answer *
sent(const char *query)
{
	char	path[128];

	snprintf(path, sizeof path, "/v1/send/c%%2F1%s", query);
	return ask(w, "GET", path, w->alice.auth, NULL);
}

static void
row_becomes(const char *set)
{
	char	sql[256];

	snprintf(sql, sizeof sql, "UPDATE outbox SET %s WHERE"
	    " client_message_id = 'c/1'", set);
	assert_int_equal(sqlite3_exec(w->db, sql, NULL, NULL, NULL),
	    SQLITE_OK);
}

/* The store says so. */
static void
outcome(const struct person *p, enum row_state state)
{
	static struct msg_outcome	o;

	memcpy(o.owner, p->owner, sizeof o.owner);
	strcpy(o.client_id, "c/1");
	o.state = state;
	assert_int_equal(msg_send(w->store, MSG_STORE_STATUS, 0, &o, -1), 0);
}

#define DONE	"state = 2, ended_at = 1, broker_message_id = 'm1'"

static int
is_null(const struct answer *a, const char *name)
{
	return json_is_null(json_object_get(a->json, name));
}

static void
as_it_is_now(void **state)
{
	struct answer	*a;

	(void)state;
	a = sent("");
	expect(a, 200, "");
	assert_string_equal(said("status"), "pending");
	assert_string_equal(said("client_message_id"), "c/1");
	assert_true(json_is_false(json_object_get(a->json, "delivered")));
	assert_true(is_null(a, "last_error"));
	row_becomes("state = 0, attempts = 3, last_error = 'no connected"
	    " peer', next_attempt_at = 1795473802000");
	a = sent("");
	assert_int_equal(json_integer_value(json_object_get(a->json,
	    "attempts")), 3);
	assert_string_equal(said("last_error"), "no connected peer");
	assert_string_equal(said("next_attempt_at"),
	    "2026-11-23T22:43:22.000Z");
	row_becomes("state = 3, ended_at = 1, last_error ="
	    " 'blocked_by_recipient: blocked by recipient grants'");
	a = sent("?wait=delivered");
	assert_string_equal(said("status"), "dead");
	assert_string_equal(said("reason"), "The recipient does not take "
	    "direct messages from you: ask them to allow it, then send it "
	    "again. (blocked_by_recipient: blocked by recipient grants)");
	row_becomes("state = 4");
	sent("?wait=sent");
	assert_string_equal(said("status"), "aborted");
	expect(sent("?wait=read"), 400, "invalid_query");
	expect(sent("?wait=sent&timeout=61"), 400, "invalid_query");
	expect(sent("?wait=sent&timeout=-1"), 400, "invalid_query");
	expect(ask(w, "GET", "/v1/send/c%2F1", w->bob.auth, NULL), 404,
	    "row_not_found");
	expect(ask(w, "GET", "/v1/send/c%2F1", NULL, NULL), 404,
	    "row_not_found");
	expect(ask(w, "GET", "/v1/send/c2", w->alice.auth, NULL), 404,
	    "row_not_found");
}

/* Whether it was delivered: true, false, or null when nobody knows. */
static void
delivered(void **state)
{
	struct answer	*a;
	int64_t		 began;

	(void)state;
	row_becomes(DONE);
	a = sent("");				/* no worker to ask */
	expect(a, 200, "");
	assert_string_equal(said("broker_message_id"), "m1");
	assert_true(is_null(a, "delivered"));
	world_worker(w, &w->alice);
	a = sent("");
	assert_true(json_is_false(json_object_get(a->json, "delivered")));
	w->fate = FATE("true");
	a = sent("");
	assert_true(json_is_true(json_object_get(a->json, "delivered")));
	a = sent("?wait=delivered");
	assert_true(json_is_true(json_object_get(a->json, "delivered")));
	assert_int_equal(w->fates, 3);
	/* It was sent: that is enough. */
	a = sent("?wait=sent");
	assert_true(is_null(a, "delivered"));
	assert_int_equal(w->fates, 3);
	/* A broker that does not know it never will: not waited for. */
	began = clock_mono_ms();
	w->ask_status = 404;
	assert_true(is_null(sent("?wait=delivered"), "delivered"));
	w->ask_status = 0;
	w->fate = "{\"delivered\":\"perhaps\"}";
	assert_true(is_null(sent("?wait=delivered"), "delivered"));
	assert_true(clock_mono_ms() - began < 2000);
	/* One that says nothing takes a second from who does not wait. */
	w->hold_workers = 1;
	began = clock_mono_ms();
	assert_true(is_null(sent(""), "delivered"));
	assert_in_range(clock_mono_ms() - began, 800, 2000);
	w->hold_workers = 0;
	/* Nobody acknowledges a message to many. */
	row_becomes("target = '*'");
	assert_true(is_null(sent("?wait=delivered"), "delivered"));
	assert_int_equal(w->fates, 6);
}

static void
wait_for_sent(void **state)
{
	int		fd = client_open(w, "daemon.sock");
	struct answer	a;
	int64_t		began = clock_mono_ms();

	(void)state;
	ask_on(w, fd, "GET", "/v1/send/c%2F1?wait=sent", w->alice.auth, NULL,
	    0);
	world_pump(w, 100);
	/* Of somebody else's row of that id, and of one that is not so far. */
	outcome(&w->bob, ROW_DONE);
	outcome(&w->alice, ROW_DONE);
	world_pump(w, 100);
	row_becomes(DONE);
	outcome(&w->alice, ROW_DONE);
	client_read(w, fd, &a);
	assert_int_equal(a.status, 200);
	assert_non_null(strstr(a.body, "\"status\":\"done\""));
	answer_clear(&a);
	assert_true(clock_mono_ms() - began < 5000);
	/* The connection is as good as before. */
	ask_on(w, fd, "GET", "/v1/send/c%2F1", w->alice.auth, NULL, 0);
	client_read(w, fd, &a);
	assert_int_equal(a.status, 200);
	answer_clear(&a);
	close(fd);
}

/* Time is up: told what is known then. */
static void
wait_in_vain(void **state)
{
	int64_t	began = clock_mono_ms();

	(void)state;
	expect(sent("?wait=sent&timeout=1"), 200, "");
	assert_string_equal(said("status"), "pending");
	assert_in_range(clock_mono_ms() - began, 900, 3000);
	row_becomes(DONE);
	world_worker(w, &w->alice);
	began = clock_mono_ms();
	expect(sent("?wait=delivered&timeout=1"), 200, "");
	assert_string_equal(said("status"), "done");
	assert_in_range(clock_mono_ms() - began, 900, 3000);
	assert_in_range(w->fates, 2, 10);
	/* Without time to wait, no waiting. */
	began = clock_mono_ms();
	expect(sent("?wait=delivered&timeout=0"), 200, "");
	assert_true(clock_mono_ms() - began < 900);
}

static void
wait_for_delivered(void **state)
{
	int		fd = client_open(w, "daemon.sock");
	struct answer	a;
	int		fates;

	(void)state;
	world_worker(w, &w->alice);
	ask_on(w, fd, "GET", "/v1/send/c%2F1?wait=delivered&timeout=20",
	    w->alice.auth, NULL, 0);
	world_pump(w, 100);
	row_becomes(DONE);
	outcome(&w->alice, ROW_DONE);
	world_until(w, &w->fates, 2);
	w->ask_status = 503;			/* the broker is away */
	world_until(w, &w->fates, 4);
	channel_free(&w->alice.worker);		/* and now the worker */
	world_pump(w, 50);
	fates = w->fates;
	w->ask_status = 0;
	w->fate = FATE("true");
	world_worker(w, &w->alice);
	client_read(w, fd, &a);
	assert_int_equal(a.status, 200);
	assert_non_null(strstr(a.body, "\"delivered\":true"));
	assert_int_equal(w->fates, fates + 1);
	answer_clear(&a);
	close(fd);
}

/* What ended while there was no store is seen when there is one again. */
static void
wait_through_a_new_store(void **state)
{
	int		fd = client_open(w, "daemon.sock");
	struct answer	a;

	(void)state;
	ask_on(w, fd, "GET", "/v1/send/c%2F1?wait=sent", w->alice.auth, NULL,
	    0);
	world_pump(w, 100);
	world_store_gone(w);
	world_pump(w, 50);
	row_becomes(DONE);
	world_store_new(w);
	client_read(w, fd, &a);
	assert_int_equal(a.status, 200);
	assert_non_null(strstr(a.body, "\"status\":\"done\""));
	answer_clear(&a);
	close(fd);
}

/* Waits are no requests in flight; but there is an end to them, too. */
static void
many_waits(void **state)
{
	int		fds[WAITS], i;
	struct answer	a;

	(void)state;
	for (i = 0; i < WAITS; i++) {
		fds[i] = client_open(w, "daemon.sock");
		ask_on(w, fds[i], "GET", "/v1/send/c%2F1?wait=sent",
		    w->alice.auth, NULL, 0);
	}
	world_pump(w, 200);
	expect(sent("?wait=sent"), 429, "too_many_waits");
	expect(sent(""), 200, "");
	/* Who leaves makes room. */
	close(fds[0]);
	world_pump(w, 200);
	expect(sent("?wait=sent&timeout=0"), 200, "");
	row_becomes(DONE);
	outcome(&w->alice, ROW_DONE);
	for (i = 1; i < WAITS; i++) {
		client_read(w, fds[i], &a);
		assert_int_equal(a.status, 200);
		answer_clear(&a);
		close(fds[i]);
	}
	expect(sent("?wait=sent"), 200, "");
}

/* A gate that stops says what it knows. */
static void
wait_while_stopping(void **state)
{
	int		fd = client_open(w, "daemon.sock"), other;
	struct answer	a;

	(void)state;
	world_worker(w, &w->alice);
	expect(ask(w, "POST", "/v1/send", w->alice.auth, "{\"to\":\"" KEY "\","
	    "\"message\":\"x\",\"client_message_id\":\"c2\"}"), 202, "");
	row_becomes(DONE);
	w->hold_workers = 1;
	other = client_open(w, "daemon.sock");
	ask_on(w, fd, "GET", "/v1/send/c2?wait=sent", w->alice.auth, NULL,
	    0);
	ask_on(w, other, "GET", "/v1/send/c%2F1?wait=delivered",
	    w->alice.auth, NULL, 0);
	world_until(w, &w->fates, 1);
	world_pump(w, 100);
	world_send(w, MSG_SUP_STOP, NULL);
	client_read(w, fd, &a);
	assert_int_equal(a.status, 200);
	assert_non_null(strstr(a.body, "\"status\":\"pending\""));
	answer_clear(&a);
	client_read(w, other, &a);
	assert_int_equal(a.status, 200);
	assert_non_null(strstr(a.body, "\"delivered\":null"));
	answer_clear(&a);
	close(fd);
	close(other);
}

int
main(void)
{
#define T(f)	cmocka_unit_test_setup_teardown(f, setup, world_teardown)
	const struct CMUnitTest tests[] = {
		T(as_it_is_now),
		T(delivered),
		T(wait_for_sent),
		T(wait_in_vain),
		T(wait_for_delivered),
		T(wait_through_a_new_store),
		T(many_waits),
		T(wait_while_stopping),
	};

	if (sodium_init() == -1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
