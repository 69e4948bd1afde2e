/* sending.c: what may be sent, what it is, and that its frame fits. */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/encode.h"
#include "common/envelope.h"
#include "common/xalloc.h"
#include "supervisor/gate/sending.h"

#define KEY	"c5b652e77c93bcf2c3b49828ccf478f08ac276c5b70d7be257250b36364" \
		"020c3"

static struct fault	 f;
static struct sending	 s;
static json_t		*body;

static int
parse(const char *text, const char *header)
{
	sending_clear(&s);
	json_decref(body);
	body = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(body);
	memset(&f, 0, sizeof f);
	return sending_parse(&s, body, header, &f);
}

static void
refused(const char *text, const char *code)
{
	if (parse(text, NULL) != -1)
		fail_msg("%s was taken", text);
	assert_int_equal(f.status, 400);
	assert_string_equal(f.code, code);
}

static int
teardown(void **state)
{
	(void)state;
	sending_clear(&s);
	json_decref(body);
	body = NULL;
	return 0;
}

static void
kinds_of_target(void **state)
{
	static const struct {
		const char	*body;
		int		 kind;
	} cases[] = {
		{ "{\"to\":\"" KEY "\",\"message\":\"x\"}", TARGET_KEY },
		{ "{\"to\":\"*\",\"message\":\"x\"}", TARGET_ALL },
		{ "{\"to\":\"@dev/x\",\"message\":\"x\"}", TARGET_GROUP },
		{ "{\"to\":\"#t1\",\"message\":\"x\"}", TARGET_TOPIC },
		{ "{\"to\":\"alice\",\"message\":\"x\"}", TARGET_NAME },
		{ "{\"to\":\"c5b652e7\",\"message\":\"x\"}", TARGET_NAME },
		{ "{\"to\":\"**\",\"message\":\"x\"}", TARGET_NAME },
	};
	size_t	 i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(parse(cases[i].body, NULL), 0);
		assert_int_equal(s.kind, cases[i].kind);
	}
	/* The wire takes lower case only; the fingerprint takes it as given. */
	assert_int_equal(parse("{\"to\":\"C5B652E77C93BCF2C3B49828CCF478F08AC2"
	    "76C5B70D7BE257250B36364020C3\",\"message\":\"x\"}", NULL), 0);
	assert_int_equal(s.kind, TARGET_KEY);
	assert_string_equal(s.target, KEY);
	assert_int_equal(*s.to, 'C');
}

static void
refusals(void **state)
{
	(void)state;
	refused("{\"message\":\"x\"}", "invalid_request");
	refused("{\"to\":\"\",\"message\":\"x\"}", "invalid_request");
	refused("{\"to\":1,\"message\":\"x\"}", "invalid_request");
	refused("{\"to\":\"a\\u0007\",\"message\":\"x\"}", "invalid_request");
	refused("{\"to\":\"*\"}", "invalid_request");
	refused("{\"to\":\"*\",\"message\":\"\"}", "invalid_request");
	refused("{\"to\":\"*\",\"message\":7}", "invalid_request");
	refused("{\"to\":\"@a b\",\"message\":\"x\"}", "invalid_target");
	refused("{\"to\":\"@\",\"message\":\"x\"}", "invalid_target");
	refused("{\"to\":\"#\",\"message\":\"x\"}", "invalid_target");
	refused("{\"to\":\"*\",\"message\":\"x\",\"priority\":\"zzz\"}",
	    "invalid_request");
	refused("{\"to\":\"*\",\"message\":\"x\",\"priority\":1}",
	    "invalid_request");
	refused("{\"to\":\"*\",\"message\":\"x\",\"meta\":[1]}",
	    "invalid_request");
	refused("{\"to\":\"*\",\"message\":\"x\",\"meta\":\"m\"}",
	    "invalid_request");
	refused("{\"to\":\"*\",\"message\":\"x\",\"client_message_id\":\"\"}",
	    "invalid_request");
	refused("{\"to\":\"*\",\"message\":\"x\",\"client_message_id\":7}",
	    "invalid_request");
	refused("{\"to\":\"*\",\"message\":\"x\",\"reply_to_id\":{}}",
	    "invalid_request");
	/* Receivers would not take it for text; to one, all may be sent. */
	refused("{\"to\":\"*\",\"message\":\"a\\u001bb\"}", "invalid_message");
	assert_int_equal(parse("{\"to\":\"" KEY "\",\"message\":\"\\u001b\"}",
	    NULL), 0);
	assert_int_equal(parse("{\"to\":\"*\",\"message\":\"\\t\\r\\n\"}",
	    NULL), 0);
}

static void
client_ids(void **state)
{
	char	long_id[CLIENT_ID_SIZE + 1];

	(void)state;
	assert_int_equal(parse("{\"to\":\"*\",\"message\":\"x\"}", NULL), 0);
	assert_null(s.client_id);
	assert_int_equal(parse("{\"to\":\"*\",\"message\":\"x\"}", "h1"), 0);
	assert_string_equal(s.client_id, "h1");
	assert_int_equal(parse("{\"to\":\"*\",\"message\":\"x\","
	    "\"client_message_id\":\"b1\"}", "h1"), 0);
	assert_string_equal(s.client_id, "b1");
	assert_int_equal(parse("{\"to\":\"*\",\"message\":\"x\"}", ""), -1);
	memset(long_id, 'i', sizeof long_id);
	long_id[CLIENT_ID_SIZE] = '\0';
	assert_int_equal(parse("{\"to\":\"*\",\"message\":\"x\"}", long_id),
	    -1);
	long_id[CLIENT_ID_SIZE - 1] = '\0';
	assert_int_equal(parse("{\"to\":\"*\",\"message\":\"x\"}", long_id),
	    0);
}

static void
meta_is_canonical(void **state)
{
	(void)state;
	assert_int_equal(parse("{\"to\":\"*\",\"message\":\"x\","
	    "\"meta\":{\"b\":1,\"a\":2}}", NULL), 0);
	assert_string_equal(s.meta, "{\"a\":2,\"b\":1}");
	assert_int_equal(parse("{\"to\":\"*\",\"message\":\"x\","
	    "\"meta\":null}", NULL), 0);
	assert_null(s.meta);
	assert_int_equal(s.priority, PRIO_NEXT);
}

static void
fingerprint_of_a_known_send(void **state)
{
	uint8_t	a[FINGERPRINT_LEN], b[FINGERPRINT_LEN];

	(void)state;
	assert_int_equal(parse("{\"to\":\"@dev\",\"message\":\"h\\u00e9\","
	    "\"priority\":\"now\",\"meta\":{\"b\":1,\"a\":2},"
	    "\"reply_to_id\":\"r0\"}", NULL), 0);
	sending_fingerprint(&s, a);
	fingerprint_compute(b, "topic", "dev", "r0", "now",
	    "{\"a\":2,\"b\":1}", "h\xc3\xa9", 3);
	assert_memory_equal(a, b, sizeof a);
}

/*
 * A message of just that size makes a frame that a broker takes, and one of
 * some bytes more would not: base64 goes by three.  The worker escapes with
 * more bytes than jansson does.
 */
static void
frame_of_the_room(const char *text, size_t escapes)
{
	char	 nonce[33], hex[65], *cipher;
	size_t	 room, len, size;
	json_t	*j;

	assert_int_equal(parse(text, NULL), 0);
	room = sending_room(&s);
	assert_true(room > 45000 && room < 49152);
	len = room + (s.kind == TARGET_KEY ? ENVELOPE_MAC_LEN : 0);
	size = base64_size(len);
	cipher = xmalloc(size);
	memset(cipher, 'A', size - 1);
	cipher[size - 1] = '\0';
	memset(nonce, 'A', 32);
	nonce[32] = '\0';
	memset(hex, 'a', 64);
	hex[64] = '\0';
	j = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:s*}",
	    "type", "send", "id", s.client_id, "client_message_id",
	    s.client_id, "request_fingerprint", hex, "targetSpec", s.target,
	    "priority", row_priority_name(s.priority), "nonce", nonce,
	    "ciphertext", cipher, "first", 1, "replyToId", s.reply_to);
	size = json_dumpb(j, NULL, 0, JSON_COMPACT) + 4 * escapes;
	assert_in_range(size, SENDING_FRAME_MAX - 3 - 3, SENDING_FRAME_MAX);
	json_decref(j);
	free(cipher);
}

static void
room(void **state)
{
	char	 id[CLIENT_ID_SIZE];
	json_t	*body_of_longest;

	(void)state;
	frame_of_the_room("{\"to\":\"*\",\"message\":\"x\","
	    "\"client_message_id\":\"c\"}", 0);
	frame_of_the_room("{\"to\":\"" KEY "\",\"message\":\"x\","
	    "\"client_message_id\":\"\\\"\\\"\\\"\\\\\","
	    "\"reply_to_id\":\"\xc3\xa9\xc3\xa9\xc3\xa9\"}", 8);
	/* The longest ids, each byte of which is escaped. */
	memset(id, '"', sizeof id);
	id[CLIENT_ID_SIZE - 1] = '\0';
	body_of_longest = json_pack("{s:s, s:s, s:s, s:s}", "to", KEY,
	    "message", "x", "client_message_id", id, "reply_to_id", id);
	assert_int_equal(sending_parse(&s, body_of_longest, NULL, &f), 0);
	assert_true(sending_room(&s) > 40000);
	sending_clear(&s);
	json_decref(body_of_longest);
	/* A minted id has 36 digits. */
	assert_int_equal(parse("{\"to\":\"*\",\"message\":\"x\"}", NULL), 0);
	assert_true(sending_room(&s) > 48000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(kinds_of_target, teardown),
		cmocka_unit_test_teardown(refusals, teardown),
		cmocka_unit_test_teardown(client_ids, teardown),
		cmocka_unit_test_teardown(meta_is_canonical, teardown),
		cmocka_unit_test_teardown(fingerprint_of_a_known_send,
		    teardown),
		cmocka_unit_test_teardown(room, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
