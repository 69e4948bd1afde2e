/*
 * What the API asks brokers, through the real process of the gate: which
 * question each endpoint makes of its path, query and body, to whose worker,
 * and what a client gets for the answer, or the refusal, in either broker's
 * words.
 */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/channel.h"
#include "gate_world.h"

static struct world	*w;

static int
setup(void **state)
{
	world_setup(state);
	w = *state;
	world_worker(w, &w->alice);
	world_worker(w, &w->member);
	return 0;
}

/* Is the answer this JSON? */
static void
is_json(const struct answer *a, const char *text)
{
	json_t	*want = json_loads(text, 0, NULL);

	assert_non_null(want);
	if (a->status != 200 || !json_equal(a->json, want))
		fail_msg("%d %s, not %s", a->status, a->body, text);
	json_decref(want);
}

struct exchange {
	const char	*method, *path, *body;
	const char	*what, *args;		/* the worker is asked */
	const char	*says;			/* answers */
	const char	*answer;		/* the client gets */
};

static void
exchanges(const struct exchange *e, size_t n)
{
	json_t	*got, *want;

	for (; n > 0; n--, e++) {
		w->says = e->says;
		is_json(ask(w, e->method, e->path, w->alice.auth, e->body),
		    e->answer);
		assert_string_equal(w->last_what, e->what);
		assert_ptr_equal(w->last_asked, &w->alice);
		got = json_loads(*w->last_args != '\0' ? w->last_args :
		    "{}", 0, NULL);
		want = json_loads(*e->args != '\0' ? e->args : "{}", 0,
		    NULL);
		if (!json_equal(got, want))
			fail_msg("%s: %s", e->what, w->last_args);
		json_decref(got);
		json_decref(want);
	}
}
#define EXCHANGES(t)	exchanges(t, sizeof t / sizeof *t)

static void
state_and_memory(void **state)
{
	static const struct exchange	t[] = {
		{ "GET", "/v1/state?key=a%20b", NULL, "get_state",
		    "{\"key\":\"a b\"}", "{\"type\":\"state_result\",\"key\":"
		    "\"a b\",\"value\":{\"n\":[1]},\"updatedBy\":\"bob\","
		    "\"updatedAt\":\"2026\",\"_reqId\":\"r1\"}",
		    "{\"state\":{\"key\":\"a b\",\"value\":{\"n\":[1]},"
		    "\"updatedBy\":\"bob\",\"updatedAt\":\"2026\",\"mesh\":"
		    "\"acme\"}}" },
		{ "GET", "/v1/state?key=f", NULL, "get_state",
		    "{\"key\":\"f\"}", "{\"type\":\"state_value\",\"value\":"
		    "false}", "{\"state\":{\"key\":\"f\",\"value\":false,"
		    "\"updatedBy\":null,\"updatedAt\":null,\"mesh\":"
		    "\"acme\"}}" },
		{ "GET", "/v1/state", NULL, "list_state", "",
		    "{\"type\":\"state_list\",\"entries\":[{\"key\":\"k\"},1]}",
		    "{\"entries\":[{\"key\":\"k\",\"mesh\":\"acme\"}]}" },
		{ "POST", "/v1/state", "{\"key\":\"k\",\"value\":[null],"
		    "\"mesh\":\"acme\",\"x\":1}", "set_state",
		    "{\"key\":\"k\",\"value\":[null]}", "{}",
		    "{\"ok\":true,\"key\":\"k\",\"mesh\":\"acme\"}" },
		{ "GET", "/v1/memory?q=what%3F", NULL, "recall",
		    "{\"query\":\"what?\"}", "{\"type\":\"memory_results\","
		    "\"memories\":[{\"id\":\"m\"}]}",
		    "{\"matches\":[{\"id\":\"m\",\"mesh\":\"acme\"}]}" },
		{ "GET", "/v1/memory", NULL, "recall", "{\"query\":\"\"}",
		    "{\"type\":\"memory_recall_result\",\"matches\":[]}",
		    "{\"matches\":[]}" },
		{ "POST", "/v1/memory", "{\"content\":\"c\",\"tags\":[\"t\"]}",
		    "remember", "{\"content\":\"c\",\"tags\":[\"t\"]}",
		    "{\"type\":\"memory_stored\",\"id\":\"m1\"}",
		    "{\"id\":\"m1\",\"mesh\":\"acme\"}" },
		{ "POST", "/v1/memory", "{\"content\":\"c\"}",
		    "remember", "{\"content\":\"c\"}",
		    "{\"type\":\"memory_stored\",\"memoryId\":\"m2\"}",
		    "{\"id\":\"m2\",\"mesh\":\"acme\"}" },
		{ "DELETE", "/v1/memory/m%2F1?mesh=acme", NULL, "forget",
		    "{\"memoryId\":\"m/1\"}", "{\"type\":\"ack\",\"id\":"
		    "\"m/1\",\"queued\":false}",
		    "{\"ok\":true,\"id\":\"m/1\",\"mesh\":\"acme\"}" },
	};

	(void)state;
	EXCHANGES(t);
	w->says = "{\"type\":\"state_result\",\"value\":null,"
	    "\"updatedAt\":\"\"}";
	expect(ask(w, "GET", "/v1/state?key=k", w->alice.auth, NULL), 404,
	    "state_not_found");
	w->says = "{\"type\":\"memory_stored\"}";
	expect(ask(w, "POST", "/v1/memory", w->alice.auth,
	    "{\"content\":\"c\"}"), 502, "broker_error");
}

static void
skills(void **state)
{
	static const struct exchange	t[] = {
		{ "GET", "/v1/skills?query=a", NULL, "list_skills",
		    "{\"query\":\"a\"}", "{\"type\":\"skill_list\",\"skills\":"
		    "[{\"name\":\"s\"}]}",
		    "{\"skills\":[{\"name\":\"s\",\"mesh\":\"acme\"}]}" },
		{ "GET", "/v1/skills", NULL, "list_skills", "",
		    "{\"type\":\"skill_list\",\"skills\":[],\"truncated\":"
		    "true}", "{\"skills\":[],\"truncated\":true}" },
		{ "GET", "/v1/skills/a%20%C3%A9", NULL, "get_skill",
		    "{\"name\":\"a \xc3\xa9\"}", "{\"type\":\"skill_data\","
		    "\"skill\":{\"name\":\"n\",\"instructions\":\"i\"}}",
		    "{\"skill\":{\"name\":\"n\",\"instructions\":\"i\","
		    "\"mesh\":\"acme\"}}" },
		{ "PUT", "/v1/skills/s", "{\"description\":\"d\","
		    "\"instructions\":\"i\",\"tags\":[],\"manifest\":{},"
		    "\"name\":\"other\"}", "share_skill", "{\"name\":\"s\","
		    "\"description\":\"d\",\"instructions\":\"i\",\"tags\":[],"
		    "\"manifest\":{}}", "{\"type\":\"skill_ack\",\"name\":"
		    "\"s\",\"action\":\"shared\"}",
		    "{\"ok\":true,\"name\":\"s\",\"mesh\":\"acme\"}" },
		{ "DELETE", "/v1/skills/s", NULL, "remove_skill",
		    "{\"name\":\"s\"}", "{\"type\":\"skill_ack\",\"name\":"
		    "\"s\",\"action\":\"removed\"}",
		    "{\"ok\":true,\"name\":\"s\",\"mesh\":\"acme\"}" },
	};

	(void)state;
	EXCHANGES(t);
	w->says = "{\"type\":\"skill_data\",\"skill\":null}";
	expect(ask(w, "GET", "/v1/skills/s", w->alice.auth, NULL), 404,
	    "skill_not_found");
	w->says = "{\"type\":\"skill_ack\",\"action\":\"not_found\"}";
	expect(ask(w, "DELETE", "/v1/skills/s", w->alice.auth, NULL), 404,
	    "skill_not_found");
	w->says = "{\"type\":\"skill_data\",\"skill\":\"text\"}";
	expect(ask(w, "GET", "/v1/skills/s", w->alice.auth, NULL), 502,
	    "broker_error");
}

static void
topics(void **state)
{
	static const struct exchange	t[] = {
		{ "GET", "/v1/topics", NULL, "topic_list", "",
		    "{\"type\":\"topic_list_response\",\"topics\":[{\"id\":"
		    "\"1\"}]}", "{\"topics\":[{\"id\":\"1\",\"mesh\":"
		    "\"acme\"}]}" },
		{ "POST", "/v1/topics", "{\"name\":\"#new\",\"description\":"
		    "\"d\"}", "topic_create", "{\"name\":\"new\","
		    "\"description\":\"d\"}", "{\"type\":\"topic_created\","
		    "\"topic\":{\"id\":\"1\"},\"created\":true,\"_reqId\":"
		    "\"r\"}", "{\"topic\":{\"id\":\"1\"},\"created\":true,"
		    "\"mesh\":\"acme\"}" },
		{ "POST", "/v1/topics/%23a%2Fb/join", NULL, "topic_join",
		    "{\"topic\":\"a/b\"}", "{}",
		    "{\"ok\":true,\"mesh\":\"acme\"}" },
		{ "POST", "/v1/topics/a/join", "{\"mesh\":\"acme\"}",
		    "topic_join", "{\"topic\":\"a\"}",
		    "{\"topic\":{\"id\":\"1\",\"name\":\"a\"}}",
		    "{\"ok\":true,\"topic\":{\"id\":\"1\",\"name\":\"a\"},"
		    "\"mesh\":\"acme\"}" },
		{ "POST", "/v1/topics/a/leave", "{}", "topic_leave",
		    "{\"topic\":\"a\"}", "{}",
		    "{\"ok\":true,\"mesh\":\"acme\"}" },
		{ "POST", "/v1/topics/a/read", NULL, "topic_mark_read",
		    "{\"topic\":\"a\"}", "{}",
		    "{\"ok\":true,\"mesh\":\"acme\"}" },
		{ "GET", "/v1/topics/a/members", NULL, "topic_members",
		    "{\"topic\":\"a\"}", "{\"type\":"
		    "\"topic_members_response\",\"topic\":\"a\",\"members\":"
		    "[{}]}", "{\"topic\":\"a\",\"members\":[{}],\"mesh\":"
		    "\"acme\"}" },
		{ "GET", "/v1/topics/a/history?limit=7&beforeId=x", NULL,
		    "topic_history", "{\"topic\":\"a\",\"limit\":7,"
		    "\"beforeId\":\"x\"}", "{\"type\":"
		    "\"topic_history_response\",\"topic\":\"a\",\"messages\":"
		    "[{\"ciphertext\":\"aMOp\"},{\"ciphertext\":\"AA==\"},"
		    "{\"ciphertext\":\"?\"},{\"ciphertext\":5}]}",
		    "{\"topic\":\"a\",\"messages\":[{\"ciphertext\":\"aMOp\","
		    "\"body\":\"h\xc3\xa9\"},{\"ciphertext\":\"AA==\",\"body\":"
		    "null},{\"ciphertext\":\"?\",\"body\":null},"
		    "{\"ciphertext\":5,\"body\":null}],\"mesh\":\"acme\"}" },
	};

	(void)state;
	EXCHANGES(t);
	expect(ask(w, "GET", "/v1/topics/a/history?limit=201", w->alice.auth,
	    NULL), 400, "invalid_query");
	w->says = "{\"messages\":1}";
	expect(ask(w, "GET", "/v1/topics/a/history", w->alice.auth, NULL),
	    502, "broker_error");
}

static void
others(void **state)
{
	static const struct exchange	t[] = {
		{ "GET", "/v1/mesh_info", NULL, "mesh_info", "",
		    "{\"type\":\"mesh_info_result\",\"mesh\":\"x\",\"peers\":"
		    "2}", "{\"info\":{\"mesh\":\"x\",\"peers\":2},\"mesh\":"
		    "\"acme\"}" },
		{ "POST", "/v1/groups/dev%2Fa/join", "{\"role\":\"lead\"}",
		    "join_group", "{\"name\":\"dev/a\",\"role\":\"lead\"}",
		    "{}", "{\"ok\":true,\"group\":\"dev/a\",\"mesh\":"
		    "\"acme\"}" },
		{ "POST", "/v1/groups/@dev/leave", NULL, "leave_group",
		    "{\"name\":\"dev\"}", "{}",
		    "{\"ok\":true,\"group\":\"dev\",\"mesh\":\"acme\"}" },
		{ "POST", "/v1/peers/kick", "{\"target\":\"bob\",\"all\":"
		    "false}", "kick", "{\"target\":\"bob\"}", "{\"type\":"
		    "\"kick_ack\",\"affected\":[\"bob\"],\"kicked\":[],"
		    "\"skipped_control_plane\":[\"m\"]}", "{\"ok\":true,"
		    "\"affected\":[\"bob\"],\"kicked\":[],"
		    "\"skipped_control_plane\":[\"m\"],\"mesh\":\"acme\"}" },
		{ "POST", "/v1/peers/disconnect", "{\"stale\":60000}",
		    "disconnect", "{\"stale\":60000}", "{\"type\":"
		    "\"disconnect_ack\",\"affected\":[]}", "{\"ok\":true,"
		    "\"affected\":[],\"mesh\":\"acme\"}" },
		{ "POST", "/v1/peers/ban", "{\"target\":\"b\"}", "ban",
		    "{\"target\":\"b\"}", "{\"type\":\"ban_ack\",\"banned\":"
		    "\"b\"}", "{\"ok\":true,\"banned\":\"b\",\"mesh\":"
		    "\"acme\"}" },
		{ "POST", "/v1/peers/unban", "{\"target\":\"b\"}", "unban",
		    "{\"target\":\"b\"}", "{\"type\":\"unban_ack\","
		    "\"unbanned\":\"b\"}", "{\"ok\":true,\"unbanned\":\"b\","
		    "\"mesh\":\"acme\"}" },
		{ "GET", "/v1/peers/bans", NULL, "list_bans", "", "{\"type\":"
		    "\"list_bans_result\",\"bans\":[{\"name\":\"b\"}]}",
		    "{\"bans\":[{\"name\":\"b\",\"mesh\":\"acme\"}]}" },
	};
	static const char *const	bad[] = { "{}", "{\"all\":false}",
		    "{\"target\":null}", "{\"target\":\"a\",\"all\":true}" };
	size_t				i;
	int				n;

	(void)state;
	EXCHANGES(t);
	n = w->asks;
	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		expect(ask(w, "POST", "/v1/peers/kick", w->alice.auth,
		    bad[i]), 400, "invalid_request");
	expect(ask(w, "POST", "/v1/groups/a%20b/join", w->alice.auth, NULL),
	    400, "invalid_groups");
	expect(ask(w, "POST", "/v1/groups/a/join", w->alice.auth, "[]"), 400,
	    "malformed_json");
	assert_int_equal(w->asks, n);
}

static void
schedule(void **state)
{
#define KEY	"c5b652e77c93bcf2c3b49828ccf478f08ac276c5b70d7be257250b36364" \
		"020c3"
	static const struct exchange	t[] = {
		{ "POST", "/v1/schedule", "{\"to\":\"@dev\",\"message\":\"m\","
		    "\"deliver_at\":\"2033-05-18T03:33:20Z\",\"subtype\":"
		    "\"reminder\"}", "schedule", "{\"to\":\"@dev\",\"message\":"
		    "\"m\",\"deliverAt\":2000000000000,\"subtype\":"
		    "\"reminder\"}", "{\"type\":\"scheduled_ack\","
		    "\"scheduledId\":\"s1\",\"deliverAt\":2000000000000}",
		    "{\"scheduledId\":\"s1\",\"deliverAt\":"
		    "\"2033-05-18T03:33:20.000Z\",\"to\":\"@dev\",\"mesh\":"
		    "\"acme\"}" },
		{ "POST", "/v1/schedule", "{\"to\":\"bob\",\"message\":\"m\","
		    "\"deliverAt\":2000000000000,\"cron\":\"0 9 * * *\"}",
		    "schedule", "{\"to\":\"" KEY "\",\"message\":\"m\","
		    "\"deliverAt\":2000000000000,\"cron\":\"0 9 * * *\"}",
		    "{\"scheduledId\":\"s\",\"deliverAt\":\"later\"}",
		    "{\"scheduledId\":\"s\",\"deliverAt\":\"later\",\"to\":\""
		    KEY "\",\"mesh\":\"acme\"}" },
		{ "GET", "/v1/schedule", NULL, "list_scheduled", "",
		    "{\"type\":\"scheduled_list\",\"messages\":[{\"id\":\"s\","
		    "\"deliverAt\":0}]}", "{\"scheduled\":[{\"id\":\"s\","
		    "\"deliverAt\":\"1970-01-01T00:00:00.000Z\",\"mesh\":"
		    "\"acme\"}]}" },
		{ "DELETE", "/v1/schedule/s", NULL, "cancel_scheduled",
		    "{\"scheduledId\":\"s\"}", "{\"type\":"
		    "\"cancel_scheduled_ack\",\"scheduledId\":\"s\",\"ok\":"
		    "true}", "{\"ok\":true,\"id\":\"s\",\"mesh\":\"acme\"}" },
	};

	(void)state;
	w->peers = "{\"peers\":[{\"displayName\":\"bob\",\"pubkey\":\"" KEY
	    "\",\"peerRole\":\"session\"}]}";
	EXCHANGES(t);
	w->says = "{\"ok\":false}";
	expect(ask(w, "DELETE", "/v1/schedule/s", w->alice.auth, NULL), 404,
	    "not_found");
	expect(ask(w, "POST", "/v1/schedule", w->alice.auth, "{\"to\":\"*\","
	    "\"message\":\"m\",\"deliver_at\":\"soon\"}"), 400,
	    "invalid_request");
	expect(ask(w, "POST", "/v1/schedule", w->alice.auth, "{\"to\":\"*\","
	    "\"message\":\"m\"}"), 400, "invalid_request");
	expect(ask(w, "POST", "/v1/schedule", w->alice.auth, "{\"to\":"
	    "\"nobody\",\"message\":\"m\",\"deliver_at\":1}"), 404,
	    "peer_not_found");
}

static void
profile(void **state)
{
	(void)state;
	w->says = "{}";
	is_json(ask(w, "POST", "/v1/profile", w->alice.auth, "{\"summary\":"
	    "\"s\",\"status\":\"dnd\",\"visible\":false,\"stats\":{\"n\":1},"
	    "\"title\":\"t\",\"capabilities\":[\"c\"],\"bio\":null,"
	    "\"mesh\":\"acme\",\"other\":1}"), "{\"ok\":true,\"applied\":"
	    "[\"summary\",\"status\",\"visible\",\"stats\",\"title\","
	    "\"capabilities\"],\"meshes\":[\"acme\"]}");
	assert_int_equal(w->asks, 5);
	assert_string_equal(w->last_what, "set_profile");
	assert_string_equal(w->last_args,
	    "{\"title\":\"t\",\"capabilities\":[\"c\"]}");
	/* What is wrong is found before anything is set. */
	expect(ask(w, "POST", "/v1/profile", w->alice.auth, "{\"summary\":"
	    "\"s\",\"visible\":\"yes\"}"), 400, "invalid_request");
	assert_non_null(strstr(said("detail"), "'visible'"));
	expect(ask(w, "POST", "/v1/profile", w->alice.auth, "{}"), 400,
	    "invalid_request");
	assert_int_equal(w->asks, 5);
	w->ask_status = 504;
	w->ask_error = "broker_timeout";
	expect(ask(w, "POST", "/v1/profile", w->alice.auth,
	    "{\"visible\":true}"), 504, "timeout");
	assert_int_equal(w->asks, 6);
}

/* Whose fault it is, and what a person can do. */
static void
refusals(void **state)
{
	static const struct {
		int64_t		 status;
		const char	*error, *code, *detail;
		int		 gives;		/* 0: the same status */
	} t[] = {
		{ 400, "invalid_argument: 'key' must be text", "invalid_request",
		    "'key' must be text.", 0 },
		{ 400, "invalid_args: no such thing", "invalid_request",
		    "no such thing.", 0 },
		{ 403, "forbidden: admins only", "forbidden", "admins only",
		    0 },
		{ 404, "topic_not_found", "topic_not_found", "topic list", 0 },
		{ 404, "not_found", "not_found", "acme", 0 },
		{ 409, "ambiguous_target", "ambiguous_target", "id", 0 },
		{ 413, "frame_too_large", "message_too_large", "65536", 0 },
		{ 502, "odd: \"thing\"", "broker_error", "odd: \"thing\"", 0 },
		{ 502, "", "broker_error", "acme", 0 },
		{ 402, "odd", "broker_error", "odd", 502 },
		{ 503, "broker_unavailable", "unavailable", "broker", 0 },
		{ 503, "store_busy", "store_busy", "store", 0 },
		{ 503, "", "unavailable", "acme", 0 },
		{ 504, "broker_timeout", "timeout", "The broker", 0 },
		{ 507, "disk_full", "disk_full", "disk", 0 },
	};
	size_t	i;

	(void)state;
	w->says = "";
	for (i = 0; i < sizeof t / sizeof *t; i++) {
		w->ask_status = t[i].status;
		w->ask_error = t[i].error;
		expect(ask(w, "GET", "/v1/state?key=k", w->alice.auth, NULL),
		    t[i].gives != 0 ? t[i].gives : (int)t[i].status,
		    t[i].code);
		if (strstr(said("detail"), t[i].detail) == NULL)
			fail_msg("%s: %s", t[i].error, said("detail"));
	}
	w->ask_status = 0;
	w->ask_error = NULL;
	w->says = "[]";
	expect(ask(w, "GET", "/v1/state?key=k", w->alice.auth, NULL), 502,
	    "broker_error");
	w->says = "{";
	expect(ask(w, "GET", "/v1/state", w->alice.auth, NULL), 502,
	    "broker_error");
	w->hold = 1;
	expect(ask(w, "GET", "/v1/state?key=k", w->alice.auth, NULL), 504,
	    "timeout");
	assert_non_null(strstr(said("detail"), "worker"));
	expect(ask(w, "GET", "/v1/state?key=k", w->bob.auth, NULL), 503,
	    "unavailable");
}

/* Trying again does not end a pause. */
static void
parked(void **state)
{
	(void)state;
	w->says = "";
	w->ask_status = 503;
	w->ask_error = "broker_unavailable";
	w->alice.state = CONN_PARKED;
	world_tell(w, &w->alice);
	expect(ask(w, "GET", "/v1/state?key=k", w->alice.auth, NULL), 503,
	    "unavailable");
	assert_non_null(strstr(said("detail"), "presence resume"));
	assert_null(strstr(said("detail"), "again"));
	expect(ask(w, "GET", "/v1/peers", w->alice.auth, NULL), 503,
	    "roster_unavailable");
	assert_non_null(strstr(said("detail"), "presence resume"));
	w->ask_error = "store_busy";
	expect(ask(w, "GET", "/v1/state?key=k", w->alice.auth, NULL), 503,
	    "store_busy");
	assert_null(strstr(said("detail"), "presence resume"));
	w->ask_status = 0;
	w->ask_error = NULL;
	w->alice.state = CONN_OPEN;
	world_tell(w, &w->alice);
}

/* A broker's words are cut where they are too long, never within a character. */
static void
long_refusals(void **state)
{
	char	error[REASON_SIZE];
	int	shift, i;

	(void)state;
	w->says = "";
	w->ask_error = error;
	for (shift = 0; shift < 4; shift++) {
		for (i = 0; i < 2; i++) {
			snprintf(error, sizeof error, "%s: %.*s", i == 0 ?
			    "forbidden" : "odd", shift, "xxx");
			while (strlen(error) + 3 < sizeof error)
				strcat(error, "\xe2\x82\xac");
			w->ask_status = i == 0 ? 403 : 500;
			expect(ask(w, "GET", "/v1/state?key=k",
			    w->alice.auth, NULL), i == 0 ? 403 : 502,
			    i == 0 ? "forbidden" : "broker_error");
			assert_non_null(strstr(said("detail"),
			    "\xe2\x82\xac"));
		}
	}
}

/* A session may do what it was registered for, and is told what it lacks. */
static void
capabilities(void **state)
{
	static const struct {
		const char	*method, *path, *needs;
	} t[] = {
		{ "GET", "/v1/state", "state-read" },
		{ "POST", "/v1/state", "state-write" },
		{ "GET", "/v1/memory", "state-read" },
		{ "POST", "/v1/memory", "state-write" },
		{ "DELETE", "/v1/memory/m", "state-write" },
		{ "PUT", "/v1/skills/s", "service-deploy" },
		{ "DELETE", "/v1/skills/s", "service-deploy" },
		{ "POST", "/v1/groups/g/join", "profile-write" },
		{ "POST", "/v1/groups/g/leave", "profile-write" },
		{ "POST", "/v1/profile", "profile-write" },
		{ "POST", "/v1/peers/kick", "kick" },
		{ "POST", "/v1/peers/disconnect", "kick" },
		{ "POST", "/v1/peers/ban", "ban" },
		{ "POST", "/v1/peers/unban", "ban" },
		{ "GET", "/v1/peers/bans", "ban" },
	};
	size_t	i;

	(void)state;
	w->alice.caps = 0;
	world_tell(w, &w->alice);
	for (i = 0; i < sizeof t / sizeof *t; i++) {
		expect(ask(w, t[i].method, t[i].path, w->alice.auth, "{}"),
		    403, "missing_capability");
		assert_non_null(strstr(said("detail"), t[i].needs));
	}
	expect(ask(w, "POST", "/v1/schedule", w->alice.auth, "{\"to\":\"*\","
	    "\"message\":\"m\",\"deliver_at\":1}"), 403,
	    "missing_capability");
	assert_non_null(strstr(said("detail"), "broadcast"));
	expect(ask(w, "POST", "/v1/schedule", w->alice.auth, "{\"to\":\"bob\","
	    "\"message\":\"m\",\"deliver_at\":1}"), 403,
	    "missing_capability");
	assert_int_equal(w->asks, 0);
	w->says = "{\"skills\":[]}";
	expect(ask(w, "GET", "/v1/skills", w->alice.auth, NULL), 200, "");
	w->alice.caps = CAP_STATE_READ;
	world_tell(w, &w->alice);
	w->says = "{\"entries\":[]}";
	expect(ask(w, "GET", "/v1/state", w->alice.auth, NULL), 200, "");
}

/* The session's own mesh, or those of the uid. */
static void
meshes(void **state)
{
	struct person	*beta = &w->bob;	/* a worker's place is free */
	struct answer	*a;

	(void)state;
	w->says = "{\"entries\":[{\"key\":\"k\"}]}";
	expect(ask(w, "GET", "/v1/state?mesh=other", w->alice.auth, NULL),
	    403, "not_your_mesh");
	expect(ask(w, "POST", "/v1/state", w->alice.auth, "{\"key\":\"k\","
	    "\"value\":1,\"mesh\":\"other\"}"), 403, "not_your_mesh");
	expect(ask(w, "POST", "/v1/state", NULL, "{\"mesh\":7}"), 400,
	    "invalid_request");
	expect(ask(w, "GET", "/v1/state?mesh=other", NULL, NULL), 404,
	    "mesh_not_attached");
	assert_int_equal(w->asks, 0);
	expect(ask(w, "POST", "/v1/state", NULL, "{\"key\":\"k\",\"value\":1}"),
	    200, "");
	assert_ptr_equal(w->last_asked, &w->member);

	person_make(beta, "beta", "beta", w->uid, NULL);
	world_tell(w, beta);
	world_worker(w, beta);
	expect(ask(w, "POST", "/v1/state", NULL, "{\"key\":\"k\",\"value\":1}"),
	    400, "mesh_required");
	a = ask(w, "GET", "/v1/state?key=k", NULL, NULL);
	expect(a, 400, "mesh_required");
	assert_int_equal(json_array_size(json_object_get(a->json,
	    "attached")), 2);
	expect(ask(w, "POST", "/v1/state", NULL, "{\"key\":\"k\",\"value\":1,"
	    "\"mesh\":\"beta\"}"), 200, "");
	assert_ptr_equal(w->last_asked, beta);
	a = ask(w, "GET", "/v1/state", NULL, NULL);
	assert_int_equal(items(a, "entries"), 2);
	assert_null(json_object_get(a->json, "unavailable"));
	channel_free(&beta->worker);
	world_pump(w, 50);
	a = ask(w, "GET", "/v1/state", NULL, NULL);
	assert_int_equal(items(a, "entries"), 1);
	assert_int_equal(items(a, "unavailable"), 1);
}

/* More than a broker takes is not even asked. */
static void
too_large(void **state)
{
	static char	body[70000];
	size_t		len;

	(void)state;
	len = (size_t)snprintf(body, sizeof body, "{\"content\":\"");
	memset(body + len, 'x', 66000);
	strcpy(body + len + 66000, "\"}");
	expect(ask(w, "POST", "/v1/memory", w->alice.auth, body), 413,
	    "message_too_large");
	assert_int_equal(w->asks, 0);
	strcpy(body + len + 65000, "\"}");
	w->says = "{\"id\":\"m\"}";
	expect(ask(w, "POST", "/v1/memory", w->alice.auth, body), 200, "");
	assert_int_equal(w->asks, 1);
}

int
main(void)
{
#define T(f)	cmocka_unit_test_setup_teardown(f, setup, world_teardown)
	const struct CMUnitTest tests[] = {
		T(state_and_memory),
		T(skills),
		T(topics),
		T(others),
		T(schedule),
		T(profile),
		T(refusals),
		T(long_refusals),
		T(parked),
		T(capabilities),
		T(meshes),
		T(too_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
