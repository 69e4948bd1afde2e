/*
 * POST /v1/send to a name or the beginning of a key, and several sends with one
 * id at a time, through the real process of the gate: delivery.md, section 3.
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
#include "common/fingerprint.h"
#include "gate_world.h"

#define CAROL	"c5b652e77c93bcf2c3b49828ccf478f08ac276c5b70d7be257250b36364" \
		"020c3"
#define CARLA	"c5b652e7ffffffffffffffffffffffffffffffffffffffffffffffffff" \
		"ffffff"
#define DAVE	"d000000000000000000000000000000000000000000000000000000000" \
		"000000"
#define PEER(name, key, role)						\
	"{\"displayName\":\"" name "\",\"pubkey\":\"" key "\","		\
	"\"peerRole\":\"" role "\",\"status\":\"idle\"}"
#define LIST(peers)	"{\"type\":\"peers_list\",\"peers\":[" peers "]}"
#define TO(name)	"{\"to\":\"" name "\",\"message\":\"x\"}"
#define TO_ID(name)	"{\"to\":\"" name "\",\"message\":\"x\"," \
			"\"client_message_id\":\"c1\"}"

static struct world	*w;

static int
setup(void **state)
{
	world_setup(state);
	w = *state;
	world_worker(w, &w->alice);
	w->peers = LIST(PEER("carol", CAROL, "session") ","
	    PEER("carol", CAROL, "session") ","
	    PEER("carol", CARLA, "control-plane") ","
	    PEER("carla", CARLA, "session") ","
	    PEER("twin", DAVE, "session") ","
	    PEER("twin", CARLA, "session") ",{\"pubkey\":7},null,"
	    PEER("bad", "c5b6", "session"));
	return 0;
}

static struct answer *
send_to(const char *body)
{
	return ask(w, "POST", "/v1/send", w->alice.auth, body);
}

static void
names_and_prefixes(void **state)
{
	(void)state;
	/* Two connections with one key are one peer. */
	expect(send_to(TO("carol")), 202, "");
	assert_string_equal(said("to"), CAROL);
	assert_string_equal(w->last_accept.target, CAROL);
	expect(send_to(TO("c5b652e77")), 202, "");
	assert_string_equal(said("to"), CAROL);
	expect(send_to(TO("C5B652E7F")), 202, "");
	assert_string_equal(said("to"), CARLA);
	expect(send_to(TO("carla")), 202, "");
	assert_string_equal(said("to"), CARLA);
	/* The roster may be old; it was enough. */
	assert_int_equal(w->asks, 4);
	assert_int_equal(w->rosters, 4);
	/* A whole key asks nobody. */
	expect(send_to(TO(DAVE)), 202, "");
	assert_string_equal(said("to"), DAVE);
	assert_int_equal(w->asks, 4);
}

static void
nobody(void **state)
{
	(void)state;
	expect(send_to(TO("nobody")), 404, "peer_not_found");
	assert_non_null(strstr(said("detail"), "meshsup peers"));
	/* Asked once more, of the broker itself. */
	assert_int_equal(w->asks, 2);
	assert_int_equal(w->rosters, 1);
	expect(send_to(TO("c5b652e")), 404, "peer_not_found");
	expect(send_to(TO("CAROL")), 404, "peer_not_found");
	expect(send_to(TO("bad")), 404, "peer_not_found");
	assert_int_equal(w->accepts, 0);
	/* Who came meanwhile is found. */
	w->roster = LIST("");
	expect(send_to(TO("carol")), 202, "");
	assert_int_equal(w->asks, 10);
}

static void
several(void **state)
{
	struct answer	*a;
	json_t		*list;

	(void)state;
	a = send_to(TO("twin"));
	expect(a, 409, "ambiguous_target");
	list = json_object_get(a->json, "candidates");
	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(json_string_value(json_object_get(
	    json_array_get(list, 0), "pubkey")), DAVE);
	assert_string_equal(json_string_value(json_object_get(
	    json_array_get(list, 0), "name")), "twin");
	expect(send_to(TO("c5b652e7")), 409, "ambiguous_target");
	assert_int_equal(w->accepts, 0);
	/* One of them has gone since. */
	w->roster = w->peers;
	w->peers = LIST(PEER("twin", DAVE, "session"));
	expect(send_to(TO("twin")), 202, "");
	assert_string_equal(said("to"), DAVE);
}

static void
no_roster(void **state)
{
	(void)state;
	w->ask_status = 503;
	expect(send_to(TO("carol")), 503, "roster_unavailable");
	w->ask_status = 504;
	expect(send_to(TO("carol")), 504, "timeout");
	assert_non_null(strstr(said("detail"), "broker"));
	w->ask_status = 0;
	w->peers = "{\"peers\":7}";
	expect(send_to(TO("carol")), 502, "roster_unavailable");
	/* Of those that are not listed one may have that name, too. */
	w->peers = "{\"type\":\"peers_list\",\"peers\":["
	    PEER("carol", CAROL, "session") "],\"truncated\":true}";
	expect(send_to(TO("carol")), 502, "roster_unavailable");
	expect(ask(w, "POST", "/v1/send", w->bob.auth, TO("carol")), 503,
	    "roster_unavailable");		/* he has no worker */
	assert_int_equal(w->accepts, 0);
}

static void
oneself(void **state)
{
	static char	peers[512];

	(void)state;
	snprintf(peers, sizeof peers, LIST("{\"displayName\":\"alice\","
	    "\"pubkey\":\"%s\",\"peerRole\":\"session\"}"), w->alice.hex);
	w->peers = peers;
	expect(send_to(TO("alice")), 400, "own_key");
	assert_int_equal(w->accepts, 0);
}

/* An id that is known is answered before anybody is looked for. */
static void
known_before_resolved(void **state)
{
	(void)state;
	expect(send_to(TO_ID("carol")), 202, "");
	w->peers = LIST("");
	expect(send_to(TO_ID("carol")), 202, "");
	assert_string_equal(said("to"), CAROL);
	assert_int_equal(w->asks, 1);
	/* What counts is the target as it was given. */
	expect(send_to(TO_ID(CAROL)), 409, "idempotency_key_reused");
	assert_string_equal(said("conflict"),
	    "outbox_pending_fingerprint_mismatch");
	expect(send_to(TO_ID("carla")), 409, "idempotency_key_reused");
	assert_int_equal(w->asks, 1);
	assert_int_equal(w->accepts, 1);
}

/* ---- topics ---- */

#define IS(id)	"{\"topic\":{\"id\":\"" id "\",\"name\":\"news\"}}"

/* The row goes to the id; the fingerprint is of "to" as it was given. */
static void
topics_by_name(void **state)
{
	uint8_t	want[FINGERPRINT_LEN];

	(void)state;
	w->topic = IS("T1-abc");
	expect(send_to(TO("#ne\\\"ws")), 202, "");
	assert_string_equal(said("to"), "#T1-abc");
	assert_string_equal(w->last_accept.target, "#T1-abc");
	assert_string_equal(w->last_topic, "{\"topic\":\"ne\\\"ws\"}");
	fingerprint_compute(want, "dm", "#ne\"ws", NULL, "next", NULL, "x", 1);
	assert_memory_equal(w->last_accept.fingerprint, want, sizeof want);
	assert_int_equal(w->asks, 1);
	assert_int_equal(w->topics, 1);
	/* An id that is known is answered before anything is looked for. */
	expect(send_to(TO_ID("#news")), 202, "");
	w->topic = IS("T2");
	expect(send_to(TO_ID("#news")), 202, "");
	assert_string_equal(said("to"), "#T1-abc");
	assert_int_equal(w->topics, 2);
}

static void
topics_refused(void **state)
{
	static const struct {
		int64_t		 status;
		int		 want;
		const char	*code;
	} cases[] = {
		{ 400, 404, "topic_not_found" },
		{ 404, 404, "topic_not_found" },
		{ 409, 409, "ambiguous_target" },
		{ 502, 502, "roster_unavailable" },
		{ 503, 503, "roster_unavailable" },
		{ 504, 504, "timeout" },
	};
	static const char *const bad[] = { "{}", "7", "{", IS(""), IS("a b"),
	    IS("a\\\"b"), IS("\\u00e9"), "{\"topic\":{\"id\":7}}" };
	size_t	i;

	(void)state;
	w->topic = IS("T1");
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		w->ask_status = cases[i].status;
		expect(send_to(TO("#news")), cases[i].want, cases[i].code);
	}
	w->ask_status = 0;
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		w->topic = bad[i];
		expect(send_to(TO("#news")), 502, "roster_unavailable");
	}
	expect(ask(w, "POST", "/v1/send", w->bob.auth, TO("#news")), 503,
	    "roster_unavailable");		/* he has no worker */
	assert_int_equal(w->accepts, 0);
}

/* A worker that says nothing is not waited for twice. */
static void
in_time(void **state)
{
	int64_t	began = clock_mono_ms();

	(void)state;
	w->hold_workers = 1;
	expect(send_to(TO("carol")), 504, "timeout");
	assert_non_null(strstr(said("detail"), "worker"));
	assert_true(clock_mono_ms() - began < 3000);
}

/* ---- several at a time ---- */

#define CLIENTS	8

static int	fds[CLIENTS];

static void
all_send(const char *const *bodies)
{
	int	i;

	for (i = 0; i < CLIENTS; i++) {
		fds[i] = client_open(w, "daemon.sock");
		ask_on(w, fds[i], "POST", "/v1/send", w->alice.auth,
		    bodies[i], strlen(bodies[i]));
	}
}

/* Let the worker speak, as if it had been asked just now. */
static void
worker_speaks(const char *peers, int64_t status)
{
	struct msg_answer	out;

	memset(&out, 0, sizeof out);
	out.status = status;
	out.json.p = (const uint8_t *)peers;
	out.json.len = strlen(peers);
	assert_int_equal(msg_send(w->alice.worker, MSG_WRK_ANSWER,
	    w->last_ask, &out, -1), 0);
}

static int
status_of(int i, char *text, size_t size)
{
	struct answer	a;
	int		status;

	client_read(w, fds[i], &a);
	status = a.status;
	snprintf(text, size, "%s", a.body);
	answer_clear(&a);
	close(fds[i]);
	return status;
}

/* While the first is being resolved the others wait; all are told the same. */
static void
one_row_for_all(void **state)
{
	static const char *const same[CLIENTS] = { TO_ID("carol"),
	    TO_ID("carol"), TO_ID("carol"), TO_ID("carol"), TO_ID("carol"),
	    TO_ID("carol"), TO_ID("carla"), TO_ID("carol") };
	char	 first[512], text[512];
	int	 i;

	(void)state;
	w->hold_workers = 1;
	all_send(same);
	world_until(w, &w->asks, 1);
	world_pump(w, 200);
	assert_int_equal(w->asks, 1);
	worker_speaks(w->peers, 0);
	assert_int_equal(status_of(0, first, sizeof first), 202);
	for (i = 1; i < CLIENTS; i++) {
		if (i == 6) {
			assert_int_equal(status_of(i, text, sizeof text),
			    409);
			assert_non_null(strstr(text,
			    "outbox_pending_fingerprint_mismatch"));
			continue;
		}
		assert_int_equal(status_of(i, text, sizeof text), 202);
		assert_string_equal(text, first);
	}
	assert_int_equal(w->accepts, 1);
	assert_int_equal(world_number(w, "SELECT count(*) FROM outbox"), 1);
}

/* Refused together; one that says something else may take the id. */
static void
one_refusal_for_all(void **state)
{
	static const char *const some[CLIENTS] = { TO_ID("nobody"),
	    TO_ID("nobody"), TO_ID("nobody"), TO_ID("*"), TO_ID("nobody"),
	    TO_ID("nobody"), TO_ID("nobody"), TO_ID("nobody") };
	char	 first[512], text[512];
	int	 i;

	(void)state;
	w->hold_workers = 1;
	all_send(some);
	world_until(w, &w->asks, 1);
	world_pump(w, 200);
	worker_speaks(LIST(""), 0);
	world_until(w, &w->asks, 2);
	worker_speaks(LIST(""), 0);
	assert_int_equal(status_of(0, first, sizeof first), 404);
	for (i = 1; i < CLIENTS; i++) {
		assert_int_equal(status_of(i, text, sizeof text),
		    i == 3 ? 202 : 404);
		if (i != 3)
			assert_string_equal(text, first);
	}
	assert_int_equal(w->asks, 2);
	assert_int_equal(w->accepts, 1);
}

/* The client of the first gives up: that is nothing to the others. */
static void
leader_leaves(void **state)
{
	static const char *const same[CLIENTS] = { TO_ID("carol"),
	    TO_ID("carol"), TO_ID("carol"), TO_ID("carol"), TO_ID("carol"),
	    TO_ID("carol"), TO_ID("carol"), TO_ID("carol") };
	char	 text[512];
	int	 i;

	(void)state;
	w->hold_workers = 1;
	all_send(same);
	world_until(w, &w->asks, 1);
	world_pump(w, 200);
	close(fds[0]);
	world_pump(w, 50);
	worker_speaks(w->peers, 0);
	for (i = 1; i < CLIENTS; i++)
		assert_int_equal(status_of(i, text, sizeof text), 202);
	assert_int_equal(w->accepts, 1);
}

/* The session ends while its name is looked for: it sends no more. */
static void
session_ends(void **state)
{
	static const char *const same[CLIENTS] = { TO("carol"), TO("carol"),
	    TO("carol"), TO("carol"), TO("carol"), TO("carol"), TO("carol"),
	    TO("carol") };
	char	 text[512];
	int	 i;

	(void)state;
	w->hold_workers = 1;
	all_send(same);
	world_until(w, &w->asks, CLIENTS);
	world_forget(w, &w->alice);
	world_pump(w, 50);
	channel_free(&w->alice.worker);
	for (i = 0; i < CLIENTS; i++)
		assert_int_equal(status_of(i, text, sizeof text), 503);
	assert_int_equal(w->accepts, 0);
}

/* The gate ends in good order in the middle of it all. */
static void
gate_stops(void **state)
{
	static const char *const same[CLIENTS] = { TO_ID("carol"),
	    TO_ID("carol"), TO_ID("carol"), TO("carol"), TO("carol"),
	    TO_ID("carol"), TO_ID("carol"), TO_ID("carol") };
	int	i;

	(void)state;
	w->hold_workers = 1;
	all_send(same);
	world_until(w, &w->asks, 3);
	for (i = 1; i < CLIENTS; i += 2)
		close(fds[i]);
}

int
main(void)
{
#define T(f)	cmocka_unit_test_setup_teardown(f, setup, world_teardown)
	const struct CMUnitTest tests[] = {
		T(names_and_prefixes),
		T(nobody),
		T(several),
		T(no_roster),
		T(oneself),
		T(known_before_resolved),
		T(topics_by_name),
		T(topics_refused),
		T(in_time),
		T(one_row_for_all),
		T(one_refusal_for_all),
		T(leader_leaves),
		T(session_ends),
		T(gate_stops),
	};

	if (sodium_init() == -1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
