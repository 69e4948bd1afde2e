/*
 * GET /v1/inbox, POST /v1/inbox/seen and GET /v1/peers through the real process
 * of the gate.
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

static struct world	*w;

static int
setup(void **state)
{
	world_setup(state);
	w = *state;
	return 0;
}

static void
inbox_lists_and_marks(void **state)
{
	struct answer	*a;
	char		 id[UUID_SIZE], body[128];

	(void)state;
	world_deliver(w, &w->bob, "first", NULL);
	world_deliver(w, &w->bob, "second \"quoted\"", id);
	world_deliver(w, &w->alice, "for alice", NULL);
	a = ask(w, "GET", "/v1/inbox?mark_seen=false", w->bob.auth, NULL);
	assert_int_equal(items(a, "items"), 2);
	assert_string_equal(item(a, 0, "body"), "second \"quoted\"");
	assert_string_equal(item(a, 0, "id"), id);
	assert_string_equal(item(a, 0, "sender_name"), "eeeeeeee");
	assert_string_equal(item(a, 0, "recipient_kind"), "session");
	assert_string_equal(item(a, 0, "seen_at"), "(null)");
	assert_string_equal(item(a, 1, "body"), "first");
	assert_int_equal(w->seens, 0);
	snprintf(body, sizeof body, "{\"ids\":[\"%s\",\"nope\"]}", id);
	a = ask(w, "POST", "/v1/inbox/seen", w->bob.auth, body);
	assert_string_equal(a->body, "{\"marked_seen\":1}");
	/* What this call marks it shows as not seen before it. */
	a = ask(w, "GET", "/v1/inbox", w->bob.auth, NULL);
	assert_int_equal(json_integer_value(json_object_get(a->json,
	    "marked_seen")), 1);
	assert_string_equal(item(a, 1, "seen_at"), "(null)");
	assert_string_not_equal(item(a, 0, "seen_at"), "(null)");
	a = ask(w, "GET", "/v1/inbox?unread_only=true", w->bob.auth, NULL);
	assert_string_equal(a->body, "{\"items\":[],\"marked_seen\":0}");
	a = ask(w, "GET", "/v1/inbox?limit=1&mark_seen=false", w->bob.auth,
	    NULL);
	assert_int_equal(items(a, "items"), 1);
	/* Somebody else's message cannot be marked. */
	snprintf(body, sizeof body, "{\"ids\":[\"%s\"]}", id);
	a = ask(w, "POST", "/v1/inbox/seen", w->alice.auth, body);
	assert_string_equal(a->body, "{\"marked_seen\":0}");
	expect(ask(w, "POST", "/v1/inbox/seen", w->bob.auth, "{\"ids\":[]}"),
	    400, "invalid_request");
	expect(ask(w, "POST", "/v1/inbox/seen", w->bob.auth,
	    "{\"ids\":[1]}"), 400, "invalid_request");
}

/* Without a token: what came to the member, and nobody's session rows. */
static void
inbox_of_the_member(void **state)
{
	struct answer	*a;

	(void)state;
	world_deliver(w, &w->bob, "for bob", NULL);
	world_deliver(w, &w->member, "for the member", NULL);
	a = ask(w, "GET", "/v1/inbox?mark_seen=false", NULL, NULL);
	assert_int_equal(items(a, "items"), 1);
	assert_string_equal(item(a, 0, "body"), "for the member");
	a = ask(w, "GET", "/v1/inbox?mark_seen=false", w->bob.auth, NULL);
	assert_int_equal(items(a, "items"), 2);
}

static void
inbox_queries(void **state)
{
	static const char *const bad[] = { "limit=0", "limit=1001",
	    "limit=x", "since=yesterday", "unread_only=maybe", "mark_seen=2",
	    "limit=1&limit=2", "topic=%zz" };
	char		 path[128];
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		snprintf(path, sizeof path, "/v1/inbox?%s", bad[i]);
		expect(ask(w, "GET", path, w->bob.auth, NULL), 400,
		    "invalid_query");
	}
	expect(ask(w, "GET", "/v1/inbox?mesh=zzz", w->bob.auth, NULL), 403,
	    "not_your_mesh");
	expect(ask(w, "GET", "/v1/inbox?mesh=zzz", NULL, NULL), 404,
	    "mesh_not_attached");
	/* Cut where it is too long, not within a character. */
	snprintf(path, sizeof path, "/v1/inbox?mesh=%061d"
	    "%%F0%%9F%%99%%82%%F0%%9F%%99%%82%%E2%%82%%AC", 0);
	expect(ask(w, "GET", path, NULL, NULL), 404, "mesh_not_attached");
	world_deliver(w, &w->bob, "now", NULL);
	assert_int_equal(items(ask(w, "GET",
	    "/v1/inbox?mark_seen=false&since=2020-01-01T00:00:00Z",
	    w->bob.auth, NULL), "items"), 1);
	assert_int_equal(items(ask(w, "GET",
	    "/v1/inbox?mark_seen=false&since=2100-01-01T00:00:00Z",
	    w->bob.auth, NULL), "items"), 0);
}

/* A body that was moved to another row or changed is shown to nobody. */
static void
forged_bodies_are_left_out(void **state)
{
	struct answer	*a;

	(void)state;
	world_deliver(w, &w->bob, "true", NULL);
	world_deliver(w, &w->bob, "moved", NULL);
	world_deliver(w, &w->bob, "relabelled", NULL);
	assert_int_equal(sqlite3_exec(w->db, "UPDATE inbox SET body ="
	    " (SELECT body FROM inbox WHERE seq = 1) WHERE seq = 2;"
	    "UPDATE inbox SET priority = 0 WHERE seq = 3", NULL, NULL, NULL),
	    SQLITE_OK);
	a = ask(w, "GET", "/v1/inbox?mark_seen=false", w->bob.auth, NULL);
	assert_int_equal(items(a, "items"), 1);
	assert_string_equal(item(a, 0, "body"), "true");
	world_logged(w, "does not open");
}

static void
notices_are_rendered(void **state)
{
	struct answer	*a;

	(void)state;
	assert_int_equal(world_deliver(w, &w->bob, "x", NULL), 1);
	assert_int_equal(sqlite3_exec(w->db, "UPDATE inbox SET state = 3,"
	    " sender = 'system', body = NULL, body_id = NULL,"
	    " client_message_id = NULL, notice_client_id = 'c9',"
	    " notice_target = '" KEY "', notice_reason = 'expired',"
	    " encrypted = 0, authenticated = 0", NULL, NULL, NULL), SQLITE_OK);
	a = ask(w, "GET", "/v1/inbox?mark_seen=false", w->bob.auth, NULL);
	assert_int_equal(items(a, "items"), 1);
	assert_string_equal(item(a, 0, "sender_pubkey"), "system");
	assert_string_equal(item(a, 0, "subtype"), "system");
	assert_true(json_is_true(json_object_get(json_array_get(
	    json_object_get(a->json, "items"), 0), "authenticated")));
	assert_non_null(strstr(item(a, 0, "body"), "c9"));
	assert_non_null(strstr(item(a, 0, "body"), KEY));
	assert_non_null(strstr(item(a, 0, "body"), "expired"));
}

static void
peers(void **state)
{
	struct answer	*a;

	(void)state;
	expect(ask(w, "GET", "/v1/peers", w->alice.auth, NULL), 503,
	    "roster_unavailable");
	world_worker(w, &w->alice);
	world_worker(w, &w->member);
	w->peers = "{\"type\":\"peers_list\",\"peers\":[{\"pubkey\":\"a\","
	    "\"peerRole\":\"session\"},{\"pubkey\":\"b\",\"peerRole\":"
	    "\"control-plane\"}]}";
	a = ask(w, "GET", "/v1/peers", w->alice.auth, NULL);
	assert_int_equal(items(a, "peers"), 2);
	assert_string_equal(json_string_value(json_object_get(json_array_get(
	    json_object_get(a->json, "peers"), 0), "mesh")), "acme");
	a = ask(w, "GET", "/v1/peers?all=false", w->alice.auth, NULL);
	assert_int_equal(items(a, "peers"), 1);
	a = ask(w, "GET", "/v1/peers", NULL, NULL);
	assert_int_equal(items(a, "peers"), 2);
	w->ask_status = 503;
	expect(ask(w, "GET", "/v1/peers", w->alice.auth, NULL), 503,
	    "roster_unavailable");
	w->ask_status = 504;
	expect(ask(w, "GET", "/v1/peers", w->alice.auth, NULL), 504,
	    "timeout");
	assert_non_null(strstr(said("detail"), "broker"));
	w->ask_status = 0;
	w->peers = "{\"peers\":1}";
	expect(ask(w, "GET", "/v1/peers", w->alice.auth, NULL), 502,
	    "roster_unavailable");
}

/* A worker that dies while it is asked is not waited for. */
static void
peers_of_a_dead_worker(void **state)
{
	int		fd = client_open(w, "daemon.sock");
	struct answer	a;
	int64_t		began = clock_mono_ms();

	(void)state;
	w->hold = 1;
	world_worker(w, &w->alice);
	ask_on(w, fd, "GET", "/v1/peers", w->alice.auth, NULL, 0);
	world_until(w, &w->asks, 1);
	channel_free(&w->alice.worker);
	client_read(w, fd, &a);
	assert_int_equal(a.status, 503);
	assert_true(clock_mono_ms() - began < 2000);
	answer_clear(&a);
	close(fd);
}

/* A worker that was replaced may still answer; the new one is asked next. */
static void
peers_of_a_replaced_worker(void **state)
{
	int			 fd = client_open(w, "daemon.sock");
	struct channel		*old;
	struct msg_answer	 out;
	struct answer		 a;

	(void)state;
	w->hold = 1;
	world_worker(w, &w->alice);
	ask_on(w, fd, "GET", "/v1/peers", w->alice.auth, NULL, 0);
	world_until(w, &w->asks, 1);
	old = w->alice.worker;
	w->alice.worker = NULL;
	world_worker(w, &w->alice);
	memset(&out, 0, sizeof out);
	out.json.p = (const uint8_t *)"{\"peers\":[{\"pubkey\":\"last\"}]}";
	out.json.len = 29;
	assert_int_equal(msg_send(old, MSG_WRK_ANSWER, w->last_ask, &out, -1),
	    0);
	client_read(w, fd, &a);
	assert_non_null(strstr(a.body, "last"));
	answer_clear(&a);
	close(fd);
	w->hold = 0;
	expect(ask(w, "GET", "/v1/peers", w->alice.auth, NULL), 200, "");
	assert_int_equal(w->asks, 2);
	channel_free(&old);
}

/* Nobody answers for somebody else: another's number is no answer. */
static void
peers_of_a_lying_worker(void **state)
{
	int			 fd = client_open(w, "daemon.sock");
	struct msg_answer	 out;
	struct answer		 a;

	(void)state;
	w->hold = 1;
	world_worker(w, &w->alice);
	world_worker(w, &w->bob);
	ask_on(w, fd, "GET", "/v1/peers", w->alice.auth, NULL, 0);
	world_until(w, &w->asks, 1);
	memset(&out, 0, sizeof out);
	out.json.p = (const uint8_t *)"{\"peers\":[{\"pubkey\":\"lies\"}]}";
	out.json.len = 29;
	assert_int_equal(msg_send(w->bob.worker, MSG_WRK_ANSWER, w->last_ask,
	    &out, -1), 0);
	client_read(w, fd, &a);
	assert_int_equal(a.status, 504);
	answer_clear(&a);
	close(fd);
}

int
main(void)
{
#define T(f)	cmocka_unit_test_setup_teardown(f, setup, world_teardown)
	const struct CMUnitTest tests[] = {
		T(inbox_lists_and_marks),
		T(inbox_of_the_member),
		T(inbox_queries),
		T(forged_bodies_are_left_out),
		T(notices_are_rendered),
		T(peers),
		T(peers_of_a_dead_worker),
		T(peers_of_a_replaced_worker),
		T(peers_of_a_lying_worker),
	};

	if (sodium_init() == -1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
