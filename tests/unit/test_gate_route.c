/*
 * route.c: every path of the API goes to its handler, other methods are told
 * which ones there are, other paths are none.
 */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <event2/http.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/gate/handlers.h"
#include "supervisor/gate/route.h"

static char	 allow[ROUTE_ALLOW_SIZE];
static char	*arg;

static const struct route *
find(int method, const char *path)
{
	free(arg);
	return route_find(method, path, &arg, allow);
}

static int
teardown(void **state)
{
	(void)state;
	free(arg);
	arg = NULL;
	return 0;
}

static void
goes_to(int method, const char *path, void (*handle)(struct request *))
{
	const struct route	*r = find(method, path);

	assert_non_null(r);
	assert_ptr_equal(r->handle, handle);
	assert_string_equal(allow, "");
}

static void
paths_have_handlers(void **state)
{
	(void)state;
	goes_to(EVHTTP_REQ_GET, "/v1/version", on_version);
	goes_to(EVHTTP_REQ_GET, "/v1/health", on_health);
	goes_to(EVHTTP_REQ_GET, "/v1/status", on_status);
	goes_to(EVHTTP_REQ_POST, "/v1/sessions/register", on_register);
	goes_to(EVHTTP_REQ_GET, "/v1/sessions", on_sessions);
	goes_to(EVHTTP_REQ_GET, "/v1/sessions/me", on_session_me);
	goes_to(EVHTTP_REQ_POST, "/v1/send", on_send);
	goes_to(EVHTTP_REQ_GET, "/v1/inbox", on_inbox);
	goes_to(EVHTTP_REQ_POST, "/v1/inbox/seen", on_inbox_seen);
	goes_to(EVHTTP_REQ_GET, "/v1/outbox", on_outbox);
	goes_to(EVHTTP_REQ_DELETE, "/v1/inbox", on_inbox_flush);
	goes_to(EVHTTP_REQ_POST, "/v1/outbox/requeue", on_outbox_requeue);
	goes_to(EVHTTP_REQ_POST, "/v1/outbox/hold", on_outbox_hold);
	goes_to(EVHTTP_REQ_POST, "/v1/outbox/release", on_outbox_release);
	goes_to(EVHTTP_REQ_POST, "/v1/outbox/abort", on_outbox_abort);
	goes_to(EVHTTP_REQ_GET, "/v1/events", on_events);
	goes_to(EVHTTP_REQ_GET, "/v1/peers", on_peers);
	goes_to(EVHTTP_REQ_POST, "/v1/peers/kick", on_peers_kick);
	goes_to(EVHTTP_REQ_GET, "/v1/peers/bans", on_peers_bans);
	goes_to(EVHTTP_REQ_GET, "/v1/state", on_state);
	goes_to(EVHTTP_REQ_POST, "/v1/memory", on_memory_add);
	goes_to(EVHTTP_REQ_GET, "/v1/skills", on_skills);
	goes_to(EVHTTP_REQ_POST, "/v1/topics", on_topic_create);
	goes_to(EVHTTP_REQ_POST, "/v1/profile", on_profile);
	goes_to(EVHTTP_REQ_GET, "/v1/schedule", on_scheduled);
	assert_null(arg);
}

static void
segment_is_decoded(void **state)
{
	(void)state;
	goes_to(EVHTTP_REQ_DELETE, "/v1/sessions/abc", on_session_delete);
	assert_string_equal(arg, "abc");
	goes_to(EVHTTP_REQ_GET, "/v1/outbox/a%2Fb+c", on_outbox_row);
	assert_string_equal(arg, "a/b+c");
	goes_to(EVHTTP_REQ_GET, "/v1/send/a%2Fb", on_sent);
	assert_string_equal(arg, "a/b");
	goes_to(EVHTTP_REQ_DELETE, "/v1/inbox/x", on_inbox_delete);
	assert_string_equal(arg, "x");
	goes_to(EVHTTP_REQ_POST, "/v1/topics/%23a%2fb/join", on_topic_join);
	assert_string_equal(arg, "#a/b");
	goes_to(EVHTTP_REQ_GET, "/v1/topics/join/history", on_topic_history);
	assert_string_equal(arg, "join");
	goes_to(EVHTTP_REQ_PUT, "/v1/skills/a%20b", on_skill_share);
	assert_string_equal(arg, "a b");
}

static void
no_such_path(void **state)
{
	static const char *const paths[] = { "", "/", "/v1", "/v1/",
	    "/v1/version/", "/V1/version", "/v1/outbox/", "/v1/outbox/a/b",
	    "/v1/outbox/%00", "/v1/outbox/%zz", "/v1/outbox/%0a", "nope",
	    "/v1/send/../version", "/v1/topics//history",
	    "/v1/topics/a/b/history", "/v1/topics/a/other" };
	size_t	 i;

	(void)state;
	for (i = 0; i < sizeof paths / sizeof *paths; i++) {
		assert_null(find(EVHTTP_REQ_GET, paths[i]));
		assert_string_equal(allow, "");
		assert_null(arg);
	}
}

static void
other_methods_are_told(void **state)
{
	(void)state;
	assert_null(find(EVHTTP_REQ_PUT, "/v1/send"));
	assert_string_equal(allow, "POST");
	assert_null(find(EVHTTP_REQ_HEAD, "/v1/version"));
	assert_string_equal(allow, "GET");
	assert_null(find(EVHTTP_REQ_GET, "/v1/sessions/abc"));
	assert_string_equal(allow, "DELETE");
	assert_null(find(1 << 15, "/v1/inbox"));
	assert_string_equal(allow, "GET, DELETE");
}

/*
 * "An unknown, ended or foreign token is 401 everywhere but on version and
 * health": whatever is added, request.c looks at tokens for all other routes.
 */
static void
tokens_count_everywhere_else(void **state)
{
	const struct route	*r = NULL;
	int			 n = 0;

	(void)state;
	while ((r = route_next(r)) != NULL) {
		n++;
		if (strcmp(r->path, "/v1/version") == 0 ||
		    strcmp(r->path, "/v1/health") == 0)
			assert_int_equal(r->flags, ROUTE_OPEN);
		else
			assert_int_equal(r->flags & ROUTE_OPEN, 0);
	}
	assert_true(n > 20);
}

/* "me" and "register" are no tokens, though they stand where one would. */
static void
literal_before_segment(void **state)
{
	(void)state;
	assert_null(find(EVHTTP_REQ_DELETE, "/v1/sessions/me"));
	assert_string_equal(allow, "GET");
	assert_null(find(EVHTTP_REQ_DELETE, "/v1/sessions/register"));
	assert_string_equal(allow, "POST");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(paths_have_handlers, teardown),
		cmocka_unit_test_teardown(segment_is_decoded, teardown),
		cmocka_unit_test_teardown(no_such_path, teardown),
		cmocka_unit_test_teardown(other_methods_are_told, teardown),
		cmocka_unit_test_teardown(literal_before_segment, teardown),
		cmocka_unit_test(tokens_count_everywhere_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
