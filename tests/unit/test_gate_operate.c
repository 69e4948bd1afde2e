/*
 * POST /v1/outbox/hold, /release, /abort and /requeue through the real process
 * of the gate: delivery.md, section 5.
 */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/channel.h"
#include "common/xalloc.h"
#include "gate_world.h"

#define KEY	"c5b652e77c93bcf2c3b49828ccf478f08ac276c5b70d7be257250b36364" \
		"020c3"
#define OTHER	"d000000000000000000000000000000000000000000000000000000000" \
		"000000"

static struct world	*w;
static char		 row[UUID_SIZE];	/* alice's, to KEY */

/* Send; the id of the row. */
static void
send_row(const char *auth, const char *body, char id[UUID_SIZE])
{
	expect(ask(w, "POST", "/v1/send", auth, body), 202, "");
	snprintf(id, UUID_SIZE, "%s", said("id"));
}

static int
setup(void **state)
{
	world_setup(state);
	w = *state;
	send_row(w->alice.auth, "{\"to\":\"" KEY "\",\"message\":\"h\\u00e9y\","
	    "\"meta\":{\"a\":1},\"reply_to_id\":\"r\","
	    "\"client_message_id\":\"c1\"}", row);
	return 0;
}

static struct answer *
post(const char *auth, const char *what, const char *fmt, ...)
{
	char	 path[64], body[1024];
	va_list	 ap;

	snprintf(path, sizeof path, "/v1/outbox/%s", what);
	va_start(ap, fmt);
	vsnprintf(body, sizeof body, fmt, ap);
	va_end(ap);
	return ask(w, "POST", path, auth, body);
}

static void
hold_release_abort(void **state)
{
	char		 bobs[UUID_SIZE], members[UUID_SIZE];
	struct answer	*a;

	(void)state;
	send_row(w->bob.auth, "{\"to\":\"*\",\"message\":\"x\"}", bobs);
	send_row(NULL, "{\"to\":\"*\",\"message\":\"x\"}", members);
	a = post(w->alice.auth, "hold", "{\"ids\":[\"%s\",\"%s\",\"no\"]}",
	    row, bobs);
	expect(a, 200, "");
	assert_int_equal(json_integer_value(json_object_get(a->json,
	    "changed")), 1);
	assert_non_null(strstr(a->body, "{\"id\":\"no\",\"reason\":"
	    "\"not_found\"}"));
	assert_int_equal(json_array_size(json_object_get(a->json,
	    "refused")), 2);
	assert_int_equal(w->last_operate.rows.n, 1);
	assert_int_equal(w->last_operate.operation, OPERATE_HOLD);
	assert_int_equal(world_number(w, "SELECT sum(held) FROM outbox"), 1);
	a = post(w->alice.auth, "release", "{\"ids\":[\"%s\",\"%s\"]}", row,
	    row);
	assert_string_equal(a->body, "{\"changed\":1,\"refused\":[]}");
	assert_int_equal(w->last_operate.rows.n, 1);
	assert_int_equal(world_number(w, "SELECT sum(held) FROM outbox"), 0);
	a = post(w->alice.auth, "abort", "{\"ids\":[\"%s\"]}", row);
	assert_string_equal(a->body, "{\"changed\":1,\"refused\":[]}");
	assert_string_equal(w->last_operate.by, "alice");
	/* It cannot be held any more, and why is told. */
	a = post(w->alice.auth, "hold", "{\"ids\":[\"%s\"]}", row);
	assert_non_null(strstr(a->body, "\"reason\":\"ended\","
	    "\"status\":\"aborted\""));
	/* Nobody but its sender sees it; its member's rows all may. */
	a = post(NULL, "abort", "{\"ids\":[\"%s\",\"%s\"]}", bobs, members);
	assert_non_null(strstr(a->body, "\"changed\":1,"));
	assert_int_equal(strncmp(w->last_operate.by, "uid ", 4), 0);
	/* Nothing to ask for is not asked. */
	assert_int_equal(w->operates, 5);
	a = post(w->alice.auth, "abort", "{\"ids\":[\"%s\"]}", bobs);
	assert_non_null(strstr(a->body, "\"changed\":0,"));
	assert_int_equal(w->operates, 5);
}

static void
operator_sees_all(void **state)
{
	char		 body[128];
	struct answer	 a;
	int		 fd = client_open(w, "admin.sock");

	(void)state;
	snprintf(body, sizeof body, "{\"ids\":[\"%s\"]}", row);
	ask_on(w, fd, "POST", "/v1/outbox/abort", NULL, body, strlen(body));
	client_read(w, fd, &a);
	assert_string_equal(a.body, "{\"changed\":1,\"refused\":[]}");
	answer_clear(&a);
	close(fd);
}

static void
operate_refused(void **state)
{
	static const struct {
		int		 result, status;
		const char	*code, *reason;
	} cases[] = {
		{ OPERATE_NOT_FOUND, 200, "", "not_found" },
		{ OPERATE_INFLIGHT, 200, "", "inflight" },
		{ OPERATE_FULL, 507, "disk_full", "" },
		{ OPERATE_BUSY, 503, "store_busy", "" },
	};
	struct answer	*a;
	char		*many;
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		w->operate = cases[i].result;
		a = post(w->alice.auth, "abort", "{\"ids\":[\"%s\"]}", row);
		expect(a, cases[i].status, cases[i].code);
		assert_non_null(strstr(a->body, cases[i].reason));
		if (a->status != 200)
			assert_non_null(strstr(a->head, "Retry-After"));
	}
	expect(post(w->alice.auth, "abort", "{}"), 400, "invalid_request");
	expect(post(w->alice.auth, "abort", "{\"ids\":[]}"), 400,
	    "invalid_request");
	expect(post(w->alice.auth, "abort", "{\"ids\":[7]}"), 400,
	    "invalid_request");
	many = xcalloc(501, 4);
	strcpy(many, "{\"ids\":[");
	for (i = 0; i < 501; i++)
		strcat(many, i > 0 ? ",\"\"" : "\"\"");
	many = xreallocarray(many, 1, 4096);
	strcat(many, "]}");
	expect(ask(w, "POST", "/v1/outbox/hold", w->alice.auth, many), 400,
	    "invalid_request");
	free(many);
	expect(ask(w, "GET", "/v1/outbox/hold", w->alice.auth, NULL), 405,
	    "method_not_allowed");
}

static const char *
body_of(const char *auth, const char *id)
{
	char	path[128];

	snprintf(path, sizeof path, "/v1/outbox/%s", id);
	expect(ask(w, "GET", path, auth, NULL), 200, "");
	return said("body");
}

static void
requeue_same(void **state)
{
	char	new[UUID_SIZE];

	(void)state;
	expect(post(w->alice.auth, "requeue", "{\"id\":\"%s\"}", row), 200,
	    "");
	assert_string_equal(said("aborted_row_id"), row);
	assert_string_equal(said("to"), KEY);
	snprintf(new, sizeof new, "%s", said("new_row_id"));
	assert_string_equal(said("new_client_message_id"),
	    w->last_requeue.client_id);
	assert_string_equal(w->last_requeue.id, new);
	assert_string_equal(w->last_requeue.by, "alice");
	assert_int_equal(w->last_requeue.has_to, 0);
	assert_string_equal(body_of(w->alice.auth, new), "h\xc3\xa9y");
	assert_string_equal(body_of(w->alice.auth, row), "h\xc3\xa9y");
	assert_string_equal(said("superseded_by"), new);
	/* Once. */
	expect(post(w->alice.auth, "requeue", "{\"id\":\"%s\"}", row), 409,
	    "row_ended");
	assert_string_equal(said("superseded_by"), new);
	assert_int_equal(w->requeues, 1);
}

/* Sealed anew: it opens under what the new row says, meta and all. */
static void
requeue_to_another(void **state)
{
	char	new[UUID_SIZE], again[UUID_SIZE];

	(void)state;
	expect(post(w->alice.auth, "requeue", "{\"id\":\"%s\",\"to\":\""
	    OTHER "\",\"new_client_message_id\":\"n1\"}", row), 200, "");
	assert_string_equal(said("to"), OTHER);
	assert_string_equal(said("new_client_message_id"), "n1");
	snprintf(new, sizeof new, "%s", said("new_row_id"));
	assert_int_equal(w->last_requeue.has_to, 1);
	assert_string_equal(w->last_requeue.target, OTHER);
	assert_string_equal(body_of(w->alice.auth, new), "h\xc3\xa9y");
	assert_int_equal(world_number(w, "SELECT count(DISTINCT nonce) +"
	    " count(DISTINCT body_id) + count(DISTINCT fingerprint)"
	    " FROM outbox"), 6);
	/* It is that message: with its meta, its reply_to, its priority. */
	expect(ask(w, "POST", "/v1/send", w->alice.auth, "{\"to\":\"" OTHER
	    "\",\"message\":\"h\\u00e9y\",\"meta\":{\"a\":1},\"reply_to_id\":"
	    "\"r\",\"client_message_id\":\"n1\"}"), 202, "");
	expect(ask(w, "POST", "/v1/send", w->alice.auth, "{\"to\":\"" OTHER
	    "\",\"message\":\"h\\u00e9y\",\"meta\":{\"a\":2},\"reply_to_id\":"
	    "\"r\",\"client_message_id\":\"n1\"}"), 409,
	    "idempotency_key_reused");
	/* By name, too. */
	world_worker(w, &w->alice);
	w->peers = "{\"peers\":[{\"displayName\":\"key\",\"pubkey\":\"" KEY
	    "\",\"peerRole\":\"session\"}]}";
	expect(post(w->alice.auth, "requeue", "{\"id\":\"%s\",\"to\":\"key\"}",
	    new), 200, "");
	assert_string_equal(said("to"), KEY);
	snprintf(again, sizeof again, "%s", said("new_row_id"));
	assert_string_equal(body_of(w->alice.auth, again), "h\xc3\xa9y");
	expect(post(w->alice.auth, "requeue", "{\"id\":\"%s\",\"to\":\"who\"}",
	    again), 404, "peer_not_found");
}

static void
requeue_refused(void **state)
{
	static const struct {
		int		 result, status;
		const char	*code;
	} cases[] = {
		{ OPERATE_NOT_FOUND, 404, "row_not_found" },
		{ OPERATE_ENDED, 409, "row_ended" },
		{ OPERATE_INFLIGHT, 409, "inflight" },
		{ OPERATE_FULL, 507, "disk_full" },
		{ OPERATE_BUSY, 503, "store_busy" },
		{ OPERATE_ID_IN_USE, 409, "idempotency_key_reused" },
	};
	char	all[UUID_SIZE], members[UUID_SIZE];
	size_t	i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		w->operate = cases[i].result;
		expect(post(w->alice.auth, "requeue", "{\"id\":\"%s\"}", row),
		    cases[i].status, cases[i].code);
	}
	w->operate = OPERATE_OK;
	i = (size_t)w->requeues;
	expect(post(w->bob.auth, "requeue", "{\"id\":\"%s\"}", row), 404,
	    "row_not_found");
	expect(post(w->alice.auth, "requeue", "{\"id\":\"%s\",\"to\":\"*\"}",
	    row), 400, "invalid_target");
	expect(post(w->alice.auth, "requeue", "{\"id\":\"%s\",\"to\":\"@x\"}",
	    row), 400, "invalid_target");
	expect(post(w->alice.auth, "requeue", "{\"id\":\"%s\",\"to\":\"%s\"}",
	    row, w->alice.hex), 400, "own_key");
	expect(post(w->alice.auth, "requeue", "{\"id\":\"%s\",\"to\":\"\"}",
	    row), 400, "invalid_request");
	expect(post(w->alice.auth, "requeue", "{\"to\":\"*\"}"), 400,
	    "invalid_request");
	/* A message to many goes to the same, or nowhere. */
	send_row(w->alice.auth, "{\"to\":\"*\",\"message\":\"x\"}", all);
	expect(post(w->alice.auth, "requeue", "{\"id\":\"%s\",\"to\":\""
	    OTHER "\"}", all), 400, "invalid_target");
	/* What a session may not read it does not send to somebody else. */
	send_row(NULL, "{\"to\":\"" KEY "\",\"message\":\"x\"}", members);
	expect(post(w->alice.auth, "requeue", "{\"id\":\"%s\",\"to\":\""
	    OTHER "\"}", members), 403, "not_your_message");
	w->alice.caps = CAP_BROADCAST;
	world_tell(w, &w->alice);
	expect(post(w->alice.auth, "requeue", "{\"id\":\"%s\"}", row), 403,
	    "missing_capability");
	assert_int_equal(w->requeues, i);
}

/* A frame that was just not too large must not become so by its new id. */
static void
requeue_too_large(void **state)
{
	static char	 text[70000];
	struct answer	*a;
	json_int_t	 limit;
	char		 id[300], big[UUID_SIZE];
	int		 n;

	(void)state;
	n = sprintf(text, "{\"to\":\"" KEY "\",\"client_message_id\":\"c\","
	    "\"message\":\"");
	memset(text + n, 'x', 60000);
	strcpy(text + n + 60000, "\"}");
	a = ask(w, "POST", "/v1/send", w->alice.auth, text);
	expect(a, 413, "message_too_large");
	limit = json_integer_value(json_object_get(a->json, "limit"));
	strcpy(text + n + limit, "\"}");
	send_row(w->alice.auth, text, big);
	memset(id, 'i', 250);
	id[250] = '\0';
	a = post(w->alice.auth, "requeue", "{\"id\":\"%s\","
	    "\"new_client_message_id\":\"%s\"}", big, id);
	expect(a, 413, "message_too_large");
	assert_in_range(json_integer_value(json_object_get(a->json, "limit")),
	    limit - 400, limit - 300);
	assert_int_equal(w->requeues, 0);
	expect(post(w->alice.auth, "requeue", "{\"id\":\"%s\","
	    "\"new_client_message_id\":\"d\"}", big), 200, "");
}

static void
requeue_of_the_ended(void **state)
{
	char		 body[128];
	struct answer	 a;
	int		 fd = client_open(w, "admin.sock");

	(void)state;
	w->alice.state = CONN_DRAINING;
	world_tell(w, &w->alice);
	world_pump(w, 50);
	snprintf(body, sizeof body, "{\"id\":\"%s\"}", row);
	ask_on(w, fd, "POST", "/v1/outbox/requeue", NULL, body, strlen(body));
	client_read(w, fd, &a);
	assert_int_equal(a.status, 409);
	assert_non_null(strstr(a.body, "sender_ended"));
	answer_clear(&a);
	world_forget(w, &w->alice);		/* for good */
	ask_on(w, fd, "POST", "/v1/outbox/requeue", NULL, body, strlen(body));
	client_read(w, fd, &a);
	assert_int_equal(a.status, 409);
	assert_non_null(strstr(a.body, "sender_ended"));
	answer_clear(&a);
	close(fd);
	assert_int_equal(w->requeues, 0);
}

/* What was not answered is asked of the next store, the same once more. */
static void
through_a_new_store(void **state)
{
	char		 body[128], id[UUID_SIZE];
	struct answer	 a;
	int		 fd = client_open(w, "daemon.sock");

	(void)state;
	w->hold = 1;
	snprintf(body, sizeof body, "{\"id\":\"%s\"}", row);
	ask_on(w, fd, "POST", "/v1/outbox/requeue", w->alice.auth, body,
	    strlen(body));
	world_until(w, &w->requeues, 1);
	memcpy(id, w->last_requeue.id, sizeof id);
	world_store_gone(w);
	world_pump(w, 50);
	w->hold = 0;
	world_store_new(w);
	client_read(w, fd, &a);
	assert_int_equal(a.status, 200);
	answer_clear(&a);
	assert_int_equal(w->requeues, 2);
	assert_string_equal(w->last_requeue.id, id);
	w->hold = 1;
	snprintf(body, sizeof body, "{\"ids\":[\"%s\"]}", id);
	ask_on(w, fd, "POST", "/v1/outbox/hold", w->alice.auth, body,
	    strlen(body));
	world_until(w, &w->operates, 1);
	world_store_gone(w);
	w->hold = 0;
	world_store_new(w);
	client_read(w, fd, &a);
	assert_int_equal(a.status, 200);
	answer_clear(&a);
	assert_int_equal(w->operates, 2);
	close(fd);
}

int
main(void)
{
#define T(f)	cmocka_unit_test_setup_teardown(f, setup, world_teardown)
	const struct CMUnitTest tests[] = {
		T(hold_release_abort),
		T(operator_sees_all),
		T(operate_refused),
		T(requeue_same),
		T(requeue_to_another),
		T(requeue_refused),
		T(requeue_too_large),
		T(requeue_of_the_ended),
		T(through_a_new_store),
	};

	if (sodium_init() == -1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
