/*
 * worker/frame, push, reader, outbuf: a broker that lies costs neither memory
 * nor a crash, and no field is used that was not checked.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/frame.h"
#include "worker/outbuf.h"
#include "worker/push.h"
#include "worker/reader.h"

#define KEY	"54e099fc6671955e8c1b2f2973ed7176" \
		"3350a090c91c4ad5bc82b7bffec5a6f1"
#define NONCE	"3SglXsCT9d7RD3jJiMe0py5w/U/MqwE7"

static struct frame	f;

static int
parse(const char *text)
{
	frame_clear(&f);
	return frame_parse(&f, text, strlen(text));
}

static int
teardown(void **state)
{
	(void)state;
	frame_clear(&f);
	return 0;
}

/* A string of n characters; free it. */
static char *
repeat(char c, size_t n)
{
	char	*s = malloc(n + 1);

	assert_non_null(s);
	memset(s, c, n);
	s[n] = '\0';
	return s;
}

static void
only_objects_with_a_type_are_frames(void **state)
{
	static const char *const	bad[] = {
		"", " ", "null", "[]", "1", "\"a\"", "{}", "{\"type\":1}",
		"{\"type\":\"\"}", "{\"type\":null}", "{\"type\":\"ack\"",
		"{\"type\":\"ack\"}x", "{\"type\":\"ack\",\"type\":\"push\"}",
		"{\"type\":\"ack\",\"id\":\"\\u0000\"}", "\xff",
		"{\"type\":\"\xff\"}",
		"{\"type\":\"a\",\"n\":92233720368547758080}",
	};
	size_t	i;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(parse(bad[i]), -1);
	assert_int_equal(parse("{\"type\":\"nobody knows\"}"), 0);
	assert_int_equal(f.type, FRAME_OTHER);
	assert_int_equal(parse("{\"type\":\"inbound\"}"), 0);
	assert_int_equal(f.type, FRAME_PUSH);
}

static void
deep_and_crowded_frames_are_refused_before_parsing(void **state)
{
	char	*s, *many;

	(void)state;
	s = repeat('[', FRAME_DEPTH_MAX + 1);
	assert_int_equal(frame_scan(s, strlen(s)), -1);
	assert_int_equal(frame_scan(s, FRAME_DEPTH_MAX), 0);
	free(s);
	many = repeat(',', FRAME_VALUES_MAX + 1);
	assert_int_equal(frame_scan(many, FRAME_VALUES_MAX), 0);
	assert_int_equal(frame_scan(many, FRAME_VALUES_MAX + 1), -1);
	/* Inside a string they cost nothing. */
	many[0] = '"';
	assert_int_equal(frame_scan(many, FRAME_VALUES_MAX + 1), 0);
	free(many);
	assert_int_equal(frame_scan("\"\\", 2), 0);	/* ends in an escape */
	assert_int_equal(frame_scan("]]]]", 4), 0);
}

static void
strings_have_limits(void **state)
{
	char	out[5];

	(void)state;
	assert_int_equal(parse("{\"type\":\"x\",\"a\":\"abcd\",\"b\":\"abcde\","
	    "\"c\":1,\"d\":null,\"e\":\"a\\nb\",\"f\":\"\\u0085\"}"), 0);
	assert_int_equal(frame_string(f.json, "a", out, sizeof out), 1);
	assert_string_equal(out, "abcd");
	assert_int_equal(frame_string(f.json, "b", out, sizeof out), -1);
	assert_string_equal(out, "");
	assert_int_equal(frame_string(f.json, "c", out, sizeof out), -1);
	assert_int_equal(frame_string(f.json, "d", out, sizeof out), 0);
	assert_int_equal(frame_string(f.json, "e", out, sizeof out), -1);
	assert_int_equal(frame_string(f.json, "f", out, sizeof out), -1);
	assert_int_equal(frame_string(f.json, "g", out, sizeof out), 0);
}

static void
acks(void **state)
{
	struct frame_ack	 a;
	char			*s, *text;

	(void)state;
	assert_int_equal(parse("{\"type\":\"ack\",\"id\":\"c1\","
	    "\"messageId\":\"m1\",\"queued\":true}"), 0);
	assert_int_equal(f.type, FRAME_ACK);
	assert_int_equal(frame_get_ack(&f, &a), 0);
	assert_true(a.queued);
	assert_string_equal(a.id, "c1");
	assert_string_equal(a.message_id, "m1");

	assert_int_equal(parse("{\"type\":\"ack\",\"id\":\"c1\","
	    "\"messageId\":\"\",\"queued\":false,\"error\":\"no\"}"), 0);
	assert_int_equal(frame_get_ack(&f, &a), 0);
	assert_false(a.queued);
	assert_string_equal(a.error, "no");

	/* Neither queued nor an error: refused all the same. */
	assert_int_equal(parse("{\"type\":\"ack\",\"id\":\"c1\"}"), 0);
	assert_int_equal(frame_get_ack(&f, &a), 0);
	assert_false(a.queued);
	assert_true(a.error[0] != '\0');

	/* "queued" as a number or with an error is no acceptance. */
	assert_int_equal(parse("{\"type\":\"ack\",\"id\":\"c1\",\"queued\":1,"
	    "\"messageId\":\"m\"}"), 0);
	assert_int_equal(frame_get_ack(&f, &a), 0);
	assert_false(a.queued);
	assert_int_equal(parse("{\"type\":\"ack\",\"id\":\"c1\",\"queued\":true"
	    ",\"messageId\":\"m\",\"error\":\"e\"}"), 0);
	assert_int_equal(frame_get_ack(&f, &a), 0);
	assert_false(a.queued);

	assert_int_equal(parse("{\"type\":\"ack\",\"id\":7}"), 0);
	assert_int_equal(frame_get_ack(&f, &a), -1);

	/* A long error is cut, at a character. */
	s = repeat('x', 100000);
	assert_true(asprintf(&text, "{\"type\":\"ack\",\"id\":\"c\","
	    "\"error\":\"a\xc3\xa4%s\"}", s) > 0);
	assert_int_equal(parse(text), 0);
	assert_int_equal(frame_get_ack(&f, &a), 0);
	assert_int_equal(strlen(a.error), REASON_SIZE - 1);
	free(text);
	free(s);
}

static void
features(void **state)
{
	struct frame_hello_ack	h;

	(void)state;
	assert_int_equal(parse("{\"type\":\"hello_ack\",\"presenceId\":\"p\","
	    "\"features\":[\"dedupe\",1,null,\"ordered\",[]]}"), 0);
	assert_int_equal(frame_get_hello_ack(&f, &h), 0);
	assert_true(h.ordered && h.dedupe);
	assert_int_equal(parse("{\"type\":\"hello_ack\","
	    "\"features\":\"ordered\"}"), 0);
	assert_int_equal(frame_get_hello_ack(&f, &h), 0);
	assert_false(h.ordered);
}

static void
errors_may_name_the_request_in_two_ways(void **state)
{
	struct frame_error	e;

	(void)state;
	assert_int_equal(parse("{\"type\":\"error\",\"code\":\"forbidden\","
	    "\"message\":\"no\",\"_reqId\":\"r1\"}"), 0);
	assert_int_equal(frame_get_error(&f, &e), 0);
	assert_string_equal(e.code, "forbidden");
	assert_string_equal(e.req_id, "r1");
	assert_int_equal(parse("{\"type\":\"error\",\"code\":\"x\","
	    "\"id\":\"r2\"}"), 0);
	assert_int_equal(frame_get_error(&f, &e), 0);
	assert_string_equal(e.req_id, "r2");
	assert_int_equal(parse("{\"type\":\"error\"}"), 0);
	assert_int_equal(frame_get_error(&f, &e), -1);
}

static int
push(struct push *p, const char *members)
{
	char	*text;
	int	 ret;

	assert_true(asprintf(&text, "{\"type\":\"push\",%s}", members) > 0);
	assert_int_equal(parse(text), 0);
	ret = push_parse(p, &f, 4711);
	free(text);
	return ret;
}

static void
a_direct_push(void **state)
{
	struct push	p;

	(void)state;
	assert_int_equal(push(&p, "\"messageId\":\"m1\",\"meshId\":\"x\","
	    "\"senderPubkey\":\"" KEY "\",\"priority\":\"now\",\"nonce\":\""
	    NONCE "\",\"ciphertext\":\"aGVsbG8=\",\"createdAt\":"
	    "\"2026-11-23T22:05:10.538Z\",\"client_message_id\":\"c1\","
	    "\"request_fingerprint\":\"00\""), 0);
	assert_true(p.has_key && p.has_nonce && p.base64 && !p.system);
	assert_string_equal(p.message_id, "m1");
	assert_string_equal(p.client_id, "c1");
	assert_int_equal(p.priority, PRIO_NOW);
	assert_int_equal(p.created_at, 1795471510538LL);
	assert_int_equal(p.len, 5);
	assert_memory_equal(p.data, "hello", 5);
	assert_false(p.has_topic || p.has_subtype || p.has_reply_to);
	push_clear(&p);
}

static void
what_is_malformed_is_left_out(void **state)
{
	struct push	 p;
	char		*s, *text;

	(void)state;
	s = repeat('n', NAME_SIZE);
	assert_true(asprintf(&text, "\"senderPubkey\":\"" KEY "\","
	    "\"ciphertext\":\"@@\",\"nonce\":\"AAAA\",\"priority\":\"soon\","
	    "\"createdAt\":\"yesterday\",\"senderName\":\"%s\","
	    "\"senderMemberPubkey\":\"XYZ\",\"topic\":7,\"subtype\":{},"
	    "\"replyToId\":[],\"messageId\":12,\"eventData\":\"x\"", s) > 0);
	assert_int_equal(push(&p, text), 0);
	assert_false(p.has_nonce || p.base64 || p.has_topic ||
	    p.has_subtype || p.has_reply_to);
	assert_int_equal(p.priority, PRIO_NEXT);
	assert_int_equal(p.created_at, 4711);
	assert_string_equal(p.sender_name, "");
	assert_string_equal(p.sender_member, "");
	assert_string_equal(p.message_id, "");
	assert_null(p.event_data);
	assert_memory_equal(p.data, "@@", 2);	/* as it came */
	push_clear(&p);
	free(text);
	free(s);
}

static void
without_sender_or_text_it_is_none(void **state)
{
	static const char *const	bad[] = {
		"\"x\":1",
		"\"senderPubkey\":\"" KEY "\"",
		"\"senderPubkey\":\"" KEY "\",\"ciphertext\":null",
		"\"ciphertext\":\"aGVsbG8=\"",
		"\"senderPubkey\":\"ABC\",\"ciphertext\":\"\"",
		/* Only the broker itself speaks as "system". */
		"\"senderPubkey\":\"system\",\"ciphertext\":\"aGVsbG8=\"",
	};
	struct push	p;
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(push(&p, bad[i]), -1);
	assert_int_equal(push(&p, "\"senderPubkey\":\"webhook:ci\","
	    "\"subtype\":\"webhook\",\"event\":\"build\",\"eventData\":{},"
	    "\"nonce\":\"\",\"ciphertext\":\"\""), 0);
	assert_false(p.has_key || p.has_nonce || p.system);
	assert_non_null(p.event_data);
	push_clear(&p);
}

static void
system_is_never_a_message(void **state)
{
	struct push	p;

	(void)state;
	assert_int_equal(push(&p, "\"subtype\":\"system\",\"event\":"
	    "\"peer_joined\",\"eventData\":{\"pubkey\":\"" KEY "\"},"
	    "\"senderPubkey\":\"system\",\"nonce\":\"\",\"ciphertext\":\"\""),
	    0);
	assert_true(p.system);
	assert_string_equal(p.event, "peer_joined");
	push_clear(&p);
	/* Even with somebody's key and a text. */
	assert_int_equal(push(&p, "\"subtype\":\"system\",\"senderPubkey\":\""
	    KEY "\",\"ciphertext\":\"aGVsbG8=\""), 0);
	assert_true(p.system);
	assert_null(p.data);
	push_clear(&p);
}

static void
frames_come_in_pieces_up_to_a_limit(void **state)
{
	struct reader	 r = { 0 };
	char		*s = repeat('x', FRAME_MAX);
	size_t		 i;

	(void)state;
	for (i = 0; i < 10000; i++)
		assert_int_equal(reader_add(&r, "abc", 3), 0);
	assert_int_equal(r.len, 30000);
	assert_memory_equal(r.buf + 29997, "abc", 3);
	reader_reset(&r);
	assert_int_equal(r.len, 0);
	assert_int_equal(r.size, 0);		/* large ones are given back */
	assert_int_equal(reader_add(&r, s, FRAME_MAX), 0);
	assert_int_equal(reader_add(&r, s, 1), -1);
	assert_int_equal(r.size, 0);
	assert_int_equal(reader_add(&r, "", 0), 0);
	reader_clear(&r);
	free(s);
}

static void
frames_out(void **state)
{
	static const char	 escaped[] =
	    "\"a\\u0022\\u005c\\u000a\\u0001\xc3\xa4\"";
	struct outbuf		 o;
	char			*s = repeat('y', 50000);

	(void)state;
	outbuf_init(&o);
	outbuf_reset(&o);
	outbuf_add_string(&o, "a\"\\\n\x01\xc3\xa4");
	assert_int_equal(o.len, strlen(escaped));
	assert_memory_equal(outbuf_data(&o), escaped, o.len);
	assert_false(o.bad);
	outbuf_add_string(&o, "\xff");
	assert_true(o.bad);
	outbuf_reset(&o);
	assert_false(o.bad);
	outbuf_add_base64(&o, "hello", 5);
	assert_memory_equal(outbuf_data(&o), "\"aGVsbG8=\"", o.len);
	outbuf_add(&o, s);
	assert_int_equal(o.len, 50010);
	assert_memory_equal(outbuf_data(&o), "\"aGVsbG8=\"yyy", 13);
	outbuf_clear(&o);
	free(s);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(only_objects_with_a_type_are_frames),
		cmocka_unit_test(
		    deep_and_crowded_frames_are_refused_before_parsing),
		cmocka_unit_test(strings_have_limits),
		cmocka_unit_test(acks),
		cmocka_unit_test(features),
		cmocka_unit_test(errors_may_name_the_request_in_two_ways),
		cmocka_unit_test(a_direct_push),
		cmocka_unit_test(what_is_malformed_is_left_out),
		cmocka_unit_test(without_sender_or_text_it_is_none),
		cmocka_unit_test(system_is_never_a_message),
		cmocka_unit_test(frames_come_in_pieces_up_to_a_limit),
		cmocka_unit_test(frames_out),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
