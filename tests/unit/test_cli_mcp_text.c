/*
 * mcp_event.c, mcp_welcome_text.c, mcp_skills.c: what a host is told, in which
 * every value of meta is a string and no text of a peer's looks like ours.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "supervisor/cli/cli.h"
#include "supervisor/cli/mcp_event.h"
#include "supervisor/cli/mcp_skills.h"
#include "supervisor/cli/mcp_welcome.h"
#include "supervisor/cli/text.h"

#define KEY	"aaaaaaaabbbbbbbbccccccccdddddddd" \
		"aaaaaaaabbbbbbbbccccccccdddddddd"
#define MEMBER	"11111111222222223333333344444444" \
		"11111111222222223333333344444444"

static json_t *
parse(const char *text)
{
	json_t	*j = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(j);
	return j;
}

/* An event is told so, with this meta (NULL: not at all). */
static void
expect(const char *event, const char *data, const char *text,
    const char *meta)
{
	struct buf	 b = { 0 };
	json_t		*j = parse(data), *got, *want, *v;
	const char	*key;

	got = mcp_event_tell(event, j, &b);
	if (meta == NULL)
		assert_null(got);
	else {
		assert_non_null(got);
		assert_string_equal(b.p, text);
		want = parse(meta);
		json_object_foreach(got, key, v) {
			assert_true(json_is_string(v));
			assert_true(json_equal(v, json_object_get(want, key)));
		}
		assert_int_equal(json_object_size(got),
		    json_object_size(want));
		json_decref(want);
	}
	json_decref(got);
	json_decref(j);
	buf_free(&b);
}

static void
a_message(void **state)
{
	(void)state;
	expect("message", "{\"id\":\"row\",\"mesh\":\"m\",\"priority\":\"now\","
	    "\"client_message_id\":\"c\",\"broker_message_id\":\"b\","
	    "\"sender_pubkey\":\"" KEY "\",\"sender_member_pubkey\":\"" MEMBER
	    "\",\"sender_name\":\"bob\",\"topic\":\"t\",\"reply_to_id\":\"r\","
	    "\"subtype\":\"reminder\",\"body\":\"a\\nb\","
	    "\"authenticated\":true}",
	    "[URGENT] bob (#t): a\nb",
	    "{\"from_id\":\"" MEMBER "\",\"from_pubkey\":\"" MEMBER "\","
	    "\"from_session_pubkey\":\"" KEY "\",\"from_name\":\"bob\","
	    "\"mesh_slug\":\"m\",\"priority\":\"now\",\"message_id\":\"b\","
	    "\"client_message_id\":\"c\",\"topic\":\"t\","
	    "\"reply_to_id\":\"r\",\"subtype\":\"reminder\"}");
	/* Nulls are left out; without a member, or a broker's id, what is. */
	expect("message", "{\"id\":\"row\",\"mesh\":\"m\",\"priority\":\"low\","
	    "\"client_message_id\":\"c\",\"broker_message_id\":null,"
	    "\"sender_pubkey\":\"" KEY "\",\"sender_member_pubkey\":null,"
	    "\"sender_name\":\"b\\nob\",\"topic\":null,\"reply_to_id\":null,"
	    "\"body\":\"\",\"authenticated\":false}",
	    "[unverified] [low] b\u240aob: ",
	    "{\"from_id\":\"" KEY "\",\"from_pubkey\":\"" KEY "\","
	    "\"from_session_pubkey\":\"" KEY "\",\"from_name\":\"b\u240aob\","
	    "\"mesh_slug\":\"m\",\"priority\":\"low\",\"message_id\":\"row\","
	    "\"client_message_id\":\"c\"}");
	/* An event with nothing in it is still no harm. */
	expect("message", "{}", "[unverified] ?: ", "{\"from_id\":\"\","
	    "\"from_pubkey\":\"\",\"from_session_pubkey\":\"\","
	    "\"message_id\":\"\"}");
	expect("message", "{\"sender_name\":7,\"body\":{},\"priority\":[],"
	    "\"authenticated\":\"true\",\"id\":1}", "[unverified] ?: ",
	    "{\"from_id\":\"\",\"from_pubkey\":\"\","
	    "\"from_session_pubkey\":\"\",\"message_id\":\"\"}");
}

static void
peers(void **state)
{
	(void)state;
	expect("peer_join", "{\"event\":\"peer_joined\",\"mesh\":\"m\","
	    "\"name\":\"bob\",\"pubkey\":\"" KEY "\",\"groups\":[]}",
	    "[system] Peer \"bob\" (aaaaaaaa) joined the mesh",
	    "{\"kind\":\"system\",\"event\":\"peer_joined\","
	    "\"mesh_slug\":\"m\",\"peer_name\":\"bob\",\"peer_pubkey\":\"" KEY
	    "\"}");
	expect("peer_join", "{\"event\":\"peer_returned\",\"name\":\"bob\","
	    "\"pubkey\":\"" KEY "\",\"groups\":[{\"name\":\"a\"},"
	    "{\"name\":\"b\",\"role\":\"r\"}],\"lastSeenAt\":\"yesterday\","
	    "\"summary\":\"x\\ny\"}",
	    "[system] Peer \"bob\" (aaaaaaaa) [@a, @b:r] returned to the mesh; "
	    "last seen yesterday; summary: x\u240ay",
	    "{\"kind\":\"system\",\"event\":\"peer_returned\","
	    "\"peer_name\":\"bob\",\"peer_pubkey\":\"" KEY "\"}");
	expect("peer_leave", "{\"event\":\"peer_left\",\"name\":\"b\\u2028c\","
	    "\"pubkey\":\"\u00fcber\"}",
	    "[system] Peer \"b\ufffdc\" () left the mesh",
	    "{\"kind\":\"system\",\"event\":\"peer_left\","
	    "\"peer_name\":\"b\ufffdc\",\"peer_pubkey\":\"\u00fcber\"}");
	expect("peer_join", "{\"event\":\"peer_visible\",\"name\":\"bob\"}",
	    NULL, NULL);
	expect("system", "{\"event\":\"tick\"}", NULL, NULL);
	expect("send_status", "{\"status\":\"dead\"}", NULL, NULL);
}

static void
ourselves(void **state)
{
	(void)state;
	expect("broker_status", "{\"mesh\":\"m\",\"status\":\"reconnecting\"}",
	    NULL, NULL);
	expect("broker_status", "{\"mesh\":\"m\",\"session\":\"s\","
	    "\"status\":\"connecting\"}", NULL, NULL);
	expect("broker_status", "{\"mesh\":\"m\",\"session\":\"s\","
	    "\"status\":\"parked\",\"reason\":\"paused\"}",
	    "[system] This session is parked (paused): what it sends waits, "
	    "and nothing arrives, until its user runs meshsup presence resume",
	    "{\"kind\":\"system\",\"event\":\"parked\",\"mesh_slug\":\"m\"}");
	expect("gap", "{\"dropped\":7}", "[system] 7 events of peers (never "
	    "messages) were left out, as they came faster than they were "
	    "read; list_peers shows who is there",
	    "{\"kind\":\"system\",\"event\":\"gap\"}");
}

static void
expect_welcome(const char *me, const char *others, const char *unread,
    int more, const char *text, const char *meta)
{
	struct buf	 b = { 0 };
	json_t		*j[3] = { NULL, NULL, NULL }, *got, *want;

	j[0] = me != NULL ? parse(me) : NULL;
	j[1] = others != NULL ? parse(others) : NULL;
	j[2] = unread != NULL ? parse(unread) : NULL;
	got = mcp_welcome_text(j[0], NULL, j[1], j[2], more, &b);
	want = parse(meta);
	assert_memory_equal(b.p, text, strlen(text));
	assert_true(json_equal(got, want));
	json_decref(got);
	json_decref(want);
	json_decref(j[0]);
	json_decref(j[1]);
	json_decref(j[2]);
	buf_free(&b);
}

static void
the_welcome(void **state)
{
	(void)state;
	expect_welcome(NULL, NULL, NULL, 0,
	    "You speak on the mesh for your user, without a session of your "
	    "own.\nWho is on line cannot be said just now.\nWhat is unread "
	    "cannot be said just now.\n", "{\"kind\":\"welcome\"}");
	expect_welcome("{\"displayName\":\"al\\nice\",\"mesh\":\"m\","
	    "\"state\":\"parked\"}", "[]", "[]", 0,
	    "You are \"al\u240aice\" on the mesh \"m\". Your connection to "
	    "the broker is parked just now.\n0 peers are on line.\nNothing is "
	    "unread.\n",
	    "{\"kind\":\"welcome\",\"self_name\":\"al\u240aice\","
	    "\"mesh_slug\":\"m\",\"peer_count\":\"0\",\"peer_names\":\"[]\","
	    "\"unread_count\":\"0\",\"unread_ids\":\"[]\"}");
	expect_welcome("{\"displayName\":\"a\",\"mesh\":\"m\",\"state\":"
	    "\"open\",\"presence\":{\"sessionPubkey\":\"k\"}}",
	    "[{\"displayName\":\"p1\"},{},{\"displayName\":\"p3\"},"
	    "{\"displayName\":\"p4\"},{\"displayName\":\"p5\"},"
	    "{\"displayName\":\"p6\"}]",
	    "[{\"sender_name\":\"bob\",\"body\":\"one\\ntwo\",\"id\":\"1\","
	    "\"authenticated\":true,\"priority\":\"now\"}]", 1,
	    "You are \"a\" on the mesh \"m\".\n6 peers are on line: p1, ?, p3,"
	    " p4, p5, ...\n1 message or more are unread:\n- [URGENT] bob: "
	    "one\u240atwo\nRead them with check_messages. ",
	    "{\"kind\":\"welcome\",\"self_name\":\"a\",\"mesh_slug\":\"m\","
	    "\"self_pubkey\":\"k\",\"peer_count\":\"6\",\"peer_names\":"
	    "\"[\\\"p1\\\",\\\"?\\\",\\\"p3\\\",\\\"p4\\\",\\\"p5\\\"]\","
	    "\"unread_count\":\"1\",\"unread_ids\":\"[\\\"1\\\"]\"}");
}

static void
expect_name(const char *uri, const char *want)
{
	char	*name = mcp_skill_name(uri);

	if (want == NULL)
		assert_null(name);
	else {
		assert_non_null(name);
		assert_string_equal(name, want);
	}
	free(name);
}

static void
names_of_skills(void **state)
{
	(void)state;
	expect_name("skill://meshsup/review", "review");
	expect_name("skill://meshsup/a%2Fb%20%C3%BC", "a/b \u00fc");
	expect_name("skill://meshsup/%c3%bc", "\u00fc");
	expect_name("skill://meshsup/a/b", "a/b");
	expect_name("skill://meshsup/", NULL);
	expect_name("skill://meshsup/%", NULL);
	expect_name("skill://meshsup/%4", NULL);
	expect_name("skill://meshsup/%4x", NULL);
	expect_name("skill://meshsup/a%00b", NULL);
	expect_name("skill://meshsup/%FF", NULL);
	expect_name("skill://else/review", NULL);
	expect_name("", NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message),
		cmocka_unit_test(peers),
		cmocka_unit_test(ourselves),
		cmocka_unit_test(the_welcome),
		cmocka_unit_test(names_of_skills),
	};

	text_init(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
