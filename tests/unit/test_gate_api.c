/*
 * The API of the gate, through the real process: what each endpoint answers,
 * and to whom.
 */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/channel.h"
#include "common/clock.h"
#include "common/encode.h"
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
expect(const struct answer *a, int status, const char *code)
{
	if (a->status != status || strcmp(said("error"), code) != 0)
		fail_msg("%d %s %s, not %d %s", a->status, said("error"),
		    a->body, status, code);
}

static size_t
items(const struct answer *a, const char *name)
{
	if (a->status != 200)
		fail_msg("%d %s", a->status, a->body);
	return json_array_size(json_object_get(a->json, name));
}

static const char *
item(const struct answer *a, size_t i, const char *name)
{
	const char	*s;

	s = json_string_value(json_object_get(json_array_get(
	    json_object_get(a->json, "items"), i), name));
	return s != NULL ? s : "(null)";
}

/* ---- about ---- */

static void
version_and_health(void **state)
{
	struct answer	*a;

	(void)state;
	a = ask(w, "GET", "/v1/version", NULL, NULL);
	expect(a, 200, "");
	assert_string_equal(said("ipc_api"), "v1");
	assert_string_equal(said("daemon_version"), PACKAGE_VERSION);
	a = ask(w, "GET", "/v1/health", NULL, NULL);
	expect(a, 200, "");
	assert_true(json_is_true(json_object_get(a->json, "ok")));
	assert_int_equal(json_integer_value(json_object_get(a->json, "pid")),
	    getpid());
	assert_string_equal(json_string_value(json_object_get(json_object_get(
	    a->json, "brokers"), "acme")), "open");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(
	    a->json, "sessions"), "open")), 2);
	/* They answer whatever token comes along. */
	a = ask(w, "GET", "/v1/version", "Authorization: rubbish\r\n", NULL);
	expect(a, 200, "");
	a = ask(w, "GET", "/v1/status", NULL, NULL);
	assert_string_equal(a->body, "{\"all\":0}");
}

static void
reconnecting_shows(void **state)
{
	(void)state;
	w->member.state = CONN_RECONNECTING;
	world_tell(w, &w->member);
	w->alice.state = CONN_RECONNECTING;
	world_tell(w, &w->alice);
	assert_non_null(strstr(ask(w, "GET", "/v1/health", NULL, NULL)->body,
	    "\"acme\":\"reconnecting\""));
	assert_non_null(strstr(ask(w, "GET", "/v1/sessions/me", w->alice.auth,
	    NULL)->body, "\"state\":\"connecting\""));
}

/* ---- sessions ---- */

static void
me_and_list(void **state)
{
	struct answer	*a;
	json_t		*me;

	(void)state;
	expect(ask(w, "GET", "/v1/sessions/me", NULL, NULL), 401,
	    "session_required");
	a = ask(w, "GET", "/v1/sessions/me", w->alice.auth, NULL);
	expect(a, 200, "");
	me = json_object_get(a->json, "session");
	assert_string_equal(json_string_value(json_object_get(me,
	    "displayName")), "alice");
	assert_string_equal(json_string_value(json_object_get(json_object_get(
	    me, "presence"), "sessionPubkey")), w->alice.hex);
	assert_int_equal(json_array_size(json_object_get(me, "caps")), 9);
	assert_memory_equal(json_string_value(json_object_get(me,
	    "token_prefix")), w->alice.token, 8);
	assert_null(strstr(a->body, w->alice.token));
	a = ask(w, "GET", "/v1/sessions", NULL, NULL);
	assert_int_equal(items(a, "sessions"), 2);
}

static void
registering(void **state)
{
	struct person	 other;
	struct answer	*a;
	const char	*good = "{\"token\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
			    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"session_id\":"
			    "\"s\",\"mesh\":\"acme\",\"display_name\":\"n\","
			    "\"pid\":7}";

	(void)state;
	a = ask(w, "POST", "/v1/sessions/register", NULL, good);
	expect(a, 200, "");
	assert_true(json_is_true(json_object_get(a->json,
	    "presence_accepted")));
	assert_int_equal(strlen(said("session_pubkey")), 64);
	assert_int_equal(w->last_register.uid, w->uid);
	assert_int_equal(w->last_register.key_mode, KEY_MINT);
	w->register_result = REGISTER_PID_NOT_YOURS;
	expect(ask(w, "POST", "/v1/sessions/register", NULL, good), 400,
	    "pid_not_yours");
	w->register_result = REGISTER_TOKEN_IN_USE;
	expect(ask(w, "POST", "/v1/sessions/register", NULL, good), 409,
	    "token_in_use");
	w->register_result = REGISTER_FAILED;
	a = ask(w, "POST", "/v1/sessions/register", NULL, good);
	expect(a, 503, "registration_failed");
	assert_non_null(strstr(a->head, "Retry-After: 1"));
	expect(ask(w, "POST", "/v1/sessions/register", NULL, NULL), 400,
	    "missing_body");
	expect(ask(w, "POST", "/v1/sessions/register", NULL,
	    "{\"token\":\"zz\"}"), 400, "invalid_token");
	expect(ask(w, "POST", "/v1/sessions/register", NULL,
	    "{\"token\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaa\",\"session_id\":\"s\",\"mesh\":\"zzz\","
	    "\"display_name\":\"n\",\"pid\":7}"), 404, "mesh_not_attached");
	assert_int_equal(w->registers, 4);
	/* The only mesh need not be named; one of several must be. */
	w->register_result = REGISTER_OK;
	good = "{\"token\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaaaaaa\",\"session_id\":\"s\",\"display_name\":\"n\","
	    "\"pid\":7}";
	expect(ask(w, "POST", "/v1/sessions/register", NULL, good), 200, "");
	assert_string_equal(w->last_register.mesh, "acme");
	person_make(&other, "m2", "second", w->uid, NULL);
	world_tell(w, &other);
	expect(ask(w, "POST", "/v1/sessions/register", NULL, good), 400,
	    "mesh_required");
}

static void
deregistering(void **state)
{
	char	path[128];

	(void)state;
	snprintf(path, sizeof path, "/v1/sessions/%s", w->bob.token);
	expect(ask(w, "DELETE", path, NULL, NULL), 200, "");
	assert_memory_equal(said("token_prefix"), w->bob.token, 8);
	expect(ask(w, "DELETE", path, NULL, NULL), 404, "session_not_found");
	expect(ask(w, "DELETE", "/v1/sessions/zz", NULL, NULL), 400,
	    "invalid_token");
}

/* An ended or unknown token is 401; it never means a wider scope. */
static void
dead_tokens(void **state)
{
	char	old[128];

	(void)state;
	expect(ask(w, "GET", "/v1/inbox", "Authorization: ClaudeMesh-Session "
	    KEY "\r\n", NULL), 401, "invalid_session_token");
	strcpy(old, w->alice.auth);
	memset(w->alice.token, 'b', 64);
	world_tell(w, &w->alice);
	expect(ask(w, "GET", "/v1/inbox", old, NULL), 401,
	    "invalid_session_token");
	expect(ask(w, "GET", "/v1/inbox", "X-ClaudeMesh-Session: bbbbbbbbbbbbb"
	    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n", NULL),
	    200, "");
	w->bob.state = CONN_DRAINING;
	world_tell(w, &w->bob);
	expect(ask(w, "GET", "/v1/inbox", w->bob.auth, NULL), 401,
	    "invalid_session_token");
	w->alice.uid = 54321;
	world_tell(w, &w->alice);
	expect(ask(w, "GET", "/v1/inbox", "X-ClaudeMesh-Session: bbbbbbbbbbbbb"
	    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n", NULL),
	    401, "invalid_session_token");
}

/* ---- send ---- */

static void
send_accepted(void **state)
{
	struct answer	*a;

	(void)state;
	a = ask(w, "POST", "/v1/send", w->alice.auth, "{\"to\":\"" KEY "\","
	    "\"message\":\"h\\u00e9llo\",\"priority\":\"now\","
	    "\"client_message_id\":\"c1\",\"reply_to_id\":\"r0\","
	    "\"meta\":{\"b\":1,\"a\":2}}");
	expect(a, 202, "");
	assert_string_equal(said("client_message_id"), "c1");
	assert_string_equal(said("status"), "queued");
	assert_memory_equal(w->last_accept.owner, w->alice.owner,
	    OWNER_ID_LEN);
	assert_memory_equal(w->last_accept.sender, w->alice.pub,
	    KEY_PUBLIC_LEN);
	assert_string_equal(w->last_accept.target, KEY);
	assert_string_equal(w->last_accept.mesh, "acme");
	assert_int_equal(w->last_accept.priority, PRIO_NOW);
	assert_int_equal(w->last_accept.payload_bytes, 6);
	assert_int_equal(w->last_accept.has_reply_to, 1);
	/* In the file it is sealed, and opens for its session again. */
	assert_int_equal(world_number(w,
	    "SELECT instr(CAST(body AS TEXT), 'llo') FROM outbox"), 0);
	a = ask(w, "GET", "/v1/outbox", w->alice.auth, NULL);
	assert_int_equal(items(a, "items"), 1);
	assert_string_equal(item(a, 0, "status"), "pending");
	assert_null(strstr(a->body, "llo"));
	{
		char	path[128];

		snprintf(path, sizeof path, "/v1/outbox/%s",
		    item(a, 0, "id"));
		a = ask(w, "GET", path, w->alice.auth, NULL);
		expect(a, 200, "");
		assert_string_equal(said("body"), "h\xc3\xa9llo");
		expect(ask(w, "GET", path, w->bob.auth, NULL), 404,
		    "row_not_found");
	}
	a = ask(w, "GET", "/v1/outbox", w->bob.auth, NULL);
	assert_int_equal(items(a, "items"), 0);
	expect(ask(w, "GET", "/v1/outbox?status=zzz", NULL, NULL), 400,
	    "invalid_query");
}

/* The same id again: told what became of it, without the store. */
static void
send_again(void **state)
{
	static const struct {
		const char	*set;
		int		 same, other;
		const char	*match, *mismatch;
	} cases[] = {
		{ "state = 0", 202, 409, "",
		    "outbox_pending_fingerprint_mismatch" },
		{ "state = 1", 202, 409, "",
		    "outbox_inflight_fingerprint_mismatch" },
		{ "state = 2, ended_at = 1, broker_message_id = 'm1'", 200,
		    409, "", "outbox_done_fingerprint_mismatch" },
		{ "state = 3, ended_at = 1, last_error = 'expired'", 409, 409,
		    "outbox_dead_fingerprint_match",
		    "outbox_dead_fingerprint_mismatch" },
		{ "state = 4, ended_at = 1", 409, 409,
		    "outbox_aborted_fingerprint_match",
		    "outbox_aborted_fingerprint_mismatch" },
	};
	const char	*one = "{\"to\":\"*\",\"message\":\"x\"}";
	const char	*two = "{\"to\":\"*\",\"message\":\"y\"}";
	char		 head[256], sql[256];
	struct answer	*a;
	size_t		 i;

	(void)state;
	snprintf(head, sizeof head, "%sIdempotency-Key: k1\r\n",
	    w->alice.auth);
	expect(ask(w, "POST", "/v1/send", head, one), 202, "");
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		snprintf(sql, sizeof sql, "UPDATE outbox SET %s",
		    cases[i].set);
		assert_int_equal(sqlite3_exec(w->db, sql, NULL, NULL, NULL),
		    SQLITE_OK);
		a = ask(w, "POST", "/v1/send", head, one);
		assert_int_equal(a->status, cases[i].same);
		assert_string_equal(said("conflict"), cases[i].match);
		assert_string_equal(said("client_message_id"), "k1");
		if (i == 2) {
			assert_string_equal(said("broker_message_id"), "m1");
			assert_true(json_is_true(json_object_get(a->json,
			    "duplicate")));
		}
		if (i == 3)
			assert_string_equal(said("reason"), "expired");
		a = ask(w, "POST", "/v1/send", head, two);
		expect(a, cases[i].other, "idempotency_key_reused");
		assert_string_equal(said("conflict"), cases[i].mismatch);
		assert_int_equal(strlen(said("daemon_fingerprint_prefix")),
		    16);
	}
	/* Another sender's id is another id. */
	snprintf(head, sizeof head, "%sIdempotency-Key: k1\r\n", w->bob.auth);
	expect(ask(w, "POST", "/v1/send", head, two), 202, "");
	assert_int_equal(w->accepts, 2);
}

static void
send_refused(void **state)
{
	char	body[256];

	(void)state;
	expect(ask(w, "POST", "/v1/send", w->alice.auth, "{nope"), 400,
	    "malformed_json");
	expect(ask(w, "POST", "/v1/send", w->alice.auth, "[1]"), 400,
	    "malformed_json");
	expect(ask(w, "POST", "/v1/send", w->alice.auth, NULL), 400,
	    "missing_body");
	expect(ask(w, "POST", "/v1/send", w->alice.auth, "{\"to\":\"*\"}"),
	    400, "invalid_request");
	expect(ask(w, "POST", "/v1/send", w->alice.auth,
	    "{\"to\":\"nobody-here\",\"message\":\"x\"}"), 400,
	    "invalid_target");
	snprintf(body, sizeof body, "{\"to\":\"%s\",\"message\":\"x\"}",
	    w->alice.hex);
	expect(ask(w, "POST", "/v1/send", w->alice.auth, body), 400,
	    "own_key");
	expect(ask(w, "POST", "/v1/send", w->alice.auth,
	    "{\"to\":\"*\",\"message\":\"x\",\"mesh\":\"zzz\"}"), 403,
	    "not_your_mesh");
	expect(ask(w, "POST", "/v1/send", NULL,
	    "{\"to\":\"*\",\"message\":\"x\",\"mesh\":\"zzz\"}"), 404,
	    "mesh_not_attached");
	w->alice.caps = CAP_DM;
	world_tell(w, &w->alice);
	expect(ask(w, "POST", "/v1/send", w->alice.auth,
	    "{\"to\":\"*\",\"message\":\"x\"}"), 403, "missing_capability");
	w->alice.caps = CAP_BROADCAST;
	world_tell(w, &w->alice);
	expect(ask(w, "POST", "/v1/send", w->alice.auth,
	    "{\"to\":\"" KEY "\",\"message\":\"x\"}"), 403,
	    "missing_capability");
	assert_int_equal(w->accepts, 0);
	w->accept = ACCEPT_FULL;
	expect(ask(w, "POST", "/v1/send", w->alice.auth,
	    "{\"to\":\"*\",\"message\":\"x\"}"), 507, "disk_full");
	w->accept = ACCEPT_BUSY;
	expect(ask(w, "POST", "/v1/send", w->alice.auth,
	    "{\"to\":\"*\",\"message\":\"x\"}"), 503, "store_busy");
}

static struct answer *
send_bytes(size_t len)
{
	static char	body[70000];
	int		n;

	n = sprintf(body, "{\"to\":\"" KEY "\",\"client_message_id\":\"c\","
	    "\"message\":\"");
	memset(body + n, 'x', len);
	strcpy(body + n + len, "\"}");
	return ask(w, "POST", "/v1/send", w->alice.auth, body);
}

/* Just as many bytes as the answer says, and one more. */
static void
send_too_large(void **state)
{
	struct answer	*a;
	json_int_t	 limit;

	(void)state;
	a = send_bytes(60000);
	expect(a, 413, "message_too_large");
	limit = json_integer_value(json_object_get(a->json, "limit"));
	assert_in_range(limit, 45000, 49152);
	expect(send_bytes((size_t)limit + 1), 413, "message_too_large");
	assert_int_equal(w->accepts, 0);
	expect(send_bytes((size_t)limit), 202, "");
	assert_int_equal(w->last_accept.payload_bytes, limit);
}

static void
send_as_member(void **state)
{
	struct person	 other;
	struct answer	*a;

	(void)state;
	expect(ask(w, "POST", "/v1/send", NULL,
	    "{\"to\":\"*\",\"message\":\"x\"}"), 202, "");
	assert_memory_equal(w->last_accept.owner, w->member.owner,
	    OWNER_ID_LEN);
	person_make(&other, "m2", "second", w->uid, NULL);
	world_tell(w, &other);
	a = ask(w, "POST", "/v1/send", NULL, "{\"to\":\"*\",\"message\":\"x\"}");
	expect(a, 400, "mesh_required");
	assert_int_equal(json_array_size(json_object_get(a->json,
	    "attached")), 2);
	expect(ask(w, "POST", "/v1/send", NULL, "{\"to\":\"*\",\"message\":"
	    "\"x\",\"mesh\":\"second\"}"), 202, "");
	assert_memory_equal(w->last_accept.owner, other.owner, OWNER_ID_LEN);
	world_forget(w, &other);
	expect(ask(w, "POST", "/v1/send", NULL, "{\"to\":\"*\",\"message\":"
	    "\"x\",\"mesh\":\"second\"}"), 404, "mesh_not_attached");
}

/* delivery.md, section 3: what was not answered is asked of the next store. */
static void
send_through_a_new_store(void **state)
{
	int		fd = client_open(w, "daemon.sock");
	struct answer	a;

	(void)state;
	w->hold = 1;
	ask_on(w, fd, "POST", "/v1/send", w->alice.auth,
	    TEXT("{\"to\":\"*\",\"message\":\"x\",\"client_message_id\":"
	    "\"c\"}"));
	world_until(w, &w->accepts, 1);
	world_store_gone(w);
	world_pump(w, 50);
	w->hold = 0;
	world_store_new(w);
	client_read(w, fd, &a);
	assert_int_equal(a.status, 202);
	assert_int_equal(w->accepts, 2);
	answer_clear(&a);
	close(fd);
}

/* Not answered at all: 504 within 3 s, when the reference's clients give up. */
static void
nobody_answers(void **state)
{
	int64_t	began;

	(void)state;
	w->hold = 1;
	world_worker(w, &w->alice);
	began = clock_mono_ms();
	expect(ask(w, "POST", "/v1/send", w->alice.auth,
	    "{\"to\":\"*\",\"message\":\"x\"}"), 504, "timeout");
	assert_true(clock_mono_ms() - began < 3000);
	assert_non_null(strstr(said("detail"), "store"));
	began = clock_mono_ms();
	expect(ask(w, "GET", "/v1/peers", w->alice.auth, NULL), 504,
	    "timeout");
	assert_true(clock_mono_ms() - began < 3000);
	assert_non_null(strstr(said("detail"), "worker"));
	world_store_gone(w);
	w->hold = 0;
	expect(ask(w, "POST", "/v1/send", w->alice.auth,
	    "{\"to\":\"*\",\"message\":\"x\"}"), 504, "timeout");
}

/* ---- inbox ---- */

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

/* ---- peers ---- */

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

/* ---- who ---- */

static void
operator_sees_all(void **state)
{
	int		fd = client_open(w, "admin.sock");
	struct answer	a;

	(void)state;
	world_deliver(w, &w->bob, "for bob", NULL);
	world_deliver(w, &w->member, "for the member", NULL);
	ask_on(w, fd, "GET", "/v1/inbox", NULL, NULL, 0);
	client_read(w, fd, &a);
	assert_int_equal(items(&a, "items"), 2);
	answer_clear(&a);
	ask_on(w, fd, "GET", "/v1/status", NULL, NULL, 0);
	client_read(w, fd, &a);
	assert_string_equal(a.body, "{\"all\":1}");
	answer_clear(&a);
	/* It looks on; that somebody has seen it is not for it to say. */
	assert_int_equal(w->seens, 0);
	ask_on(w, fd, "POST", "/v1/inbox/seen", NULL,
	    TEXT("{\"ids\":[\"x\"]}"));
	client_read(w, fd, &a);
	assert_int_equal(a.status, 403);
	answer_clear(&a);
	close(fd);
}

static void
tcp_needs_the_local_token(void **state)
{
	int		fd = client_open(w, NULL);
	struct answer	a;
	char		head[256];

	(void)state;
	ask_on(w, fd, "GET", "/v1/inbox", NULL, NULL, 0);
	client_read(w, fd, &a);
	assert_int_equal(a.status, 401);
	answer_clear(&a);
	ask_on(w, fd, "GET", "/v1/health", "Authorization: Bearer x\r\n",
	    NULL, 0);
	client_read(w, fd, &a);
	assert_int_equal(a.status, 401);
	answer_clear(&a);
	ask_on(w, fd, "GET", "/v1/health",
	    "Authorization: Bearer " WORLD_BEARER "\r\n", NULL, 0);
	client_read(w, fd, &a);
	assert_int_equal(a.status, 200);
	answer_clear(&a);
	snprintf(head, sizeof head, "Authorization: Bearer " WORLD_BEARER
	    "\r\nX-ClaudeMesh-Session: %s\r\n", w->bob.token);
	ask_on(w, fd, "GET", "/v1/sessions/me", head, NULL, 0);
	client_read(w, fd, &a);
	assert_int_equal(a.status, 200);
	answer_clear(&a);
	close(fd);
}

static void
strangers_are_refused(void **state)
{
	struct answer	a;
	struct person	other;
	int		fd;

	(void)state;
	if (geteuid() != 0)
		skip();		/* only root can be somebody else */
	assert_int_equal(seteuid(54321), 0);
	fd = client_open(w, "daemon.sock");
	assert_int_equal(seteuid(0), 0);
	ask_on(w, fd, "GET", "/v1/version", NULL, NULL, 0);
	client_read(w, fd, &a);
	assert_int_equal(a.status, 403);
	answer_clear(&a);
	assert_true(client_is_closed(w, fd));
	close(fd);
	/* The user of a mesh is none; it sees that mesh and its sessions. */
	person_make(&other, "m2", "second", 54321, NULL);
	world_tell(w, &other);
	world_deliver(w, &w->member, "for the member", NULL);
	assert_int_equal(seteuid(54321), 0);
	fd = client_open(w, "daemon.sock");
	assert_int_equal(seteuid(0), 0);
	ask_on(w, fd, "GET", "/v1/health", NULL, NULL, 0);
	client_read(w, fd, &a);
	assert_non_null(strstr(a.body, "\"brokers\":{\"second\":\"open\"}"));
	answer_clear(&a);
	ask_on(w, fd, "GET", "/v1/sessions", NULL, NULL, 0);
	client_read(w, fd, &a);
	assert_string_equal(a.body, "{\"sessions\":[]}");
	answer_clear(&a);
	ask_on(w, fd, "GET", "/v1/inbox", NULL, NULL, 0);
	client_read(w, fd, &a);
	assert_string_equal(a.body, "{\"items\":[],\"marked_seen\":0}");
	answer_clear(&a);
	ask_on(w, fd, "GET", "/v1/inbox", w->bob.auth, NULL, 0);
	client_read(w, fd, &a);
	assert_int_equal(a.status, 401);
	answer_clear(&a);
	ask_on(w, fd, "POST", "/v1/send", NULL,
	    TEXT("{\"to\":\"*\",\"message\":\"x\",\"mesh\":\"acme\"}"));
	client_read(w, fd, &a);
	assert_int_equal(a.status, 404);
	answer_clear(&a);
	close(fd);
}

int
main(void)
{
#define T(f)	cmocka_unit_test_setup_teardown(f, setup, world_teardown)
	const struct CMUnitTest tests[] = {
		T(version_and_health),
		T(reconnecting_shows),
		T(me_and_list),
		T(registering),
		T(deregistering),
		T(dead_tokens),
		T(send_accepted),
		T(send_again),
		T(send_refused),
		T(send_too_large),
		T(send_as_member),
		T(send_through_a_new_store),
		T(nobody_answers),
		T(inbox_lists_and_marks),
		T(inbox_of_the_member),
		T(inbox_queries),
		T(forged_bodies_are_left_out),
		T(notices_are_rendered),
		T(peers),
		T(peers_of_a_dead_worker),
		T(operator_sees_all),
		T(tcp_needs_the_local_token),
		T(strangers_are_refused),
	};

	if (sodium_init() == -1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
