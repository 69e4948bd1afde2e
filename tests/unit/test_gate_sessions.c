/*
 * What runs here, and whose it is: version, health, sessions, and who may ask,
 * through the real process of the gate.
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

/* What the supervisor is asked: for whom, of what. */
static void
pausing(void **state)
{
	const struct msg_presence	*q = &w->last_presence;
	char				 path[128];

	(void)state;
	expect(ask(w, "POST", "/v1/presence/pause", w->alice.auth, NULL), 200,
	    "");
	assert_true(q->uid == w->uid && q->pause == 1 && q->all == 0 &&
	    q->kind == OWNER_SESSION);
	assert_memory_equal(q->owner, w->alice.owner, OWNER_ID_LEN);
	expect(ask(w, "POST", "/v1/presence/resume", NULL,
	    "{\"mesh\":\"acme\"}"), 200, "");
	assert_true(q->uid == w->uid && q->pause == 0 &&
	    q->kind == OWNER_MEMBER);
	assert_string_equal(q->mesh, "acme");
	expect(ask(w, "POST", "/v1/presence/pause", NULL, "{}"), 200, "");
	assert_string_equal(q->mesh, "");
	expect(ask(w, "POST", "/v1/presence/pause", NULL,
	    "{\"mesh\":\"other\"}"), 404, "mesh_not_attached");
	expect(ask(w, "POST", "/v1/presence/pause", w->alice.auth,
	    "{\"mesh\":\"other\"}"), 403, "not_your_mesh");
	w->presence_status = 403;
	expect(ask(w, "POST", "/v1/presence/pause", NULL, NULL), 403,
	    "not_mesh_owner");
	w->presence_status = 0;
	snprintf(path, sizeof path, "/v1/sessions/%s/resume", w->bob.hex);
	expect(ask(w, "POST", path, NULL, NULL), 200, "");
	assert_true(q->kind == OWNER_SESSION && q->pause == 0);
	assert_memory_equal(q->owner, w->bob.owner, OWNER_ID_LEN);
	/* A session knows of itself. */
	expect(ask(w, "POST", path, w->alice.auth, NULL), 404,
	    "session_not_found");
	snprintf(path, sizeof path, "/v1/sessions/%s/resume", w->alice.hex);
	expect(ask(w, "POST", path, w->alice.auth, NULL), 200, "");
	assert_memory_equal(q->owner, w->alice.owner, OWNER_ID_LEN);
	expect(ask(w, "POST", "/v1/sessions/nobody/resume", NULL, NULL), 404,
	    "session_not_found");
}

/* Another uid's session is as unknown as one that never was. */
static void
resuming_is_for_ones_own(void **state)
{
	struct person	other;
	char		path[128];

	(void)state;
	person_make(&other, "eve", "acme", w->uid + 7, &w->member);
	world_tell(w, &other);
	memset(&w->last_presence, 0x55, sizeof w->last_presence);
	snprintf(path, sizeof path, "/v1/sessions/%s/resume", other.hex);
	expect(ask(w, "POST", path, NULL, NULL), 404, "session_not_found");
	assert_int_equal(w->last_presence.kind, 0x5555555555555555);
}

/* Who is parked, in health, and in the answer to a send. */
static void
parked_shows(void **state)
{
	struct answer	*a;
	json_t		*parked;

	(void)state;
	a = ask(w, "GET", "/v1/health", NULL, NULL);
	assert_int_equal(items(a, "parked"), 0);
	w->alice.state = CONN_PARKED;
	world_tell(w, &w->alice);
	a = ask(w, "GET", "/v1/health", NULL, NULL);
	parked = json_object_get(a->json, "parked");
	assert_int_equal(json_array_size(parked), 1);
	assert_string_equal(json_string_value(json_object_get(json_array_get(
	    parked, 0), "name")), "alice");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(
	    a->json, "sessions"), "parked")), 1);
	w->member.state = CONN_PARKED;
	world_tell(w, &w->member);
	a = ask(w, "GET", "/v1/health", NULL, NULL);
	assert_int_equal(items(a, "parked"), 2);
	assert_non_null(strstr(a->body, "\"acme\":\"parked\""));
}

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
	w->register_result = REGISTER_TOO_MANY;
	a = ask(w, "POST", "/v1/sessions/register", NULL, good);
	expect(a, 429, "max_sessions");
	assert_int_equal(json_integer_value(json_object_get(a->json,
	    "limit")), 77);
	w->register_result = REGISTER_TOO_MANY_OF_UID;
	expect(ask(w, "POST", "/v1/sessions/register", NULL, good), 429,
	    "max_sessions_per_uid");
	w->register_result = REGISTER_TOO_MANY_FILES;
	expect(ask(w, "POST", "/v1/sessions/register", NULL, good), 429,
	    "max_open_files");
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
	assert_int_equal(w->registers, 7);
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
		T(pausing),
		T(resuming_is_for_ones_own),
		T(parked_shows),
		T(me_and_list),
		T(registering),
		T(deregistering),
		T(dead_tokens),
		T(operator_sees_all),
		T(tcp_needs_the_local_token),
		T(strangers_are_refused),
	};

	if (sodium_init() == -1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
