/*
 * POST /v1/send and GET /v1/outbox through the real process of the gate:
 * delivery.md, section 3.
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
			assert_non_null(strstr(said("reason"),
			    "expired"));
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

/*
 * Not answered at all: 504 within 3 s, when the reference's clients give up.
 * The best counts, since this machine may be busy.
 */
static void
times_out(const char *method, const char *path, const char *body,
    const char *whom)
{
	int64_t	began, best = INT64_MAX;
	int	i;

	for (i = 0; i < 5 && best >= 3000; i++) {
		began = clock_mono_ms();
		expect(ask(w, method, path, w->alice.auth, body), 504,
		    "timeout");
		assert_non_null(strstr(said("detail"), whom));
		if (clock_mono_ms() - began < best)
			best = clock_mono_ms() - began;
	}
	assert_true(best < 3000);
}

static void
nobody_answers(void **state)
{
	(void)state;
	w->hold = 1;
	world_worker(w, &w->alice);
	times_out("POST", "/v1/send", "{\"to\":\"*\",\"message\":\"x\"}",
	    "store");
	times_out("GET", "/v1/peers", NULL, "worker");
	world_store_gone(w);
	w->hold = 0;
	expect(ask(w, "POST", "/v1/send", w->alice.auth,
	    "{\"to\":\"*\",\"message\":\"x\"}"), 504, "timeout");
}

int
main(void)
{
#define T(f)	cmocka_unit_test_setup_teardown(f, setup, world_teardown)
	const struct CMUnitTest tests[] = {
		T(send_accepted),
		T(send_again),
		T(send_refused),
		T(send_too_large),
		T(send_as_member),
		T(send_through_a_new_store),
		T(nobody_answers),
	};

	if (sodium_init() == -1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
