/*
 * body.c: what is stored opens in its own context only.  The golden values
 * were made by an independent implementation of what body.c's head comment
 * says, so that files written by one version open in the next.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/body.h"
#include "common/encode.h"
#include "common/xalloc.h"

#define KEY_HEX(s)	s s s s s s s s

#define TEXT	"gr\xc3\xbc\xc3\x9f" "e"
#define META	"{\"a\":1}"

static uint8_t	 host_key[HOST_KEY_LEN], owner[OWNER_ID_LEN];
static uint8_t	 body_key[BODY_KEY_LEN], wrap_key[BODY_KEY_LEN];

static struct body_context	 context = {
	.direction = BODY_IN,
	.mesh = "local",
	.sender = KEY_HEX("abababab"),
	.recipient = KEY_HEX("cdcdcdcd"),
	.recipient_kind = "session",
	.priority = 1,
	.reply_to = "",
	.topic = "deploys",
	.created_at = 1790000000000,
	.encrypted = 1,
};

static int
setup(void **state)
{
	size_t	 i;

	(void)state;
	for (i = 0; i < sizeof host_key; i++)
		host_key[i] = i;
	for (i = 0; i < OWNER_ID_LEN; i++) {
		owner[i] = 0x40 + i;
		context.owner[i] = 0x40 + i;
		context.body_id[i] = 0x10 + i;
	}
	body_derive_key(body_key, host_key, "body", owner);
	body_derive_key(wrap_key, host_key, "wrap", owner);
	return 0;
}

static void
expect_hex(const void *bytes, size_t len, const char *hex)
{
	char	 out[256];

	assert_true(2 * len < sizeof out);
	assert_string_equal(hex_encode(out, bytes, len), hex);
}

static void
test_derive(void **state)
{
	uint8_t	 other[OWNER_ID_LEN] = { 1 }, other_host[HOST_KEY_LEN] = { 1 };
	uint8_t	 key[BODY_KEY_LEN];

	(void)state;
	expect_hex(body_key, sizeof body_key,
	    "cb6f21d10233efe24249489b6f6bf8c9"
	    "85282b5712f41a5f06667b8d5e55cf0a");
	expect_hex(wrap_key, sizeof wrap_key,
	    "6d43bfe0ffc048d37ec7afe7e8757d2c"
	    "84fe716b8eb47fe9acd278fcbfd0fe61");
	body_derive_key(key, host_key, "body", other);
	assert_memory_not_equal(key, body_key, sizeof key);
	body_derive_key(key, other_host, "body", owner);
	assert_memory_not_equal(key, body_key, sizeof key);
}

/* Opens to meta (or NULL) and text, or fails the test. */
static void
expect_open(const struct body_context *c, const uint8_t *sealed, size_t len,
    const char *meta, const char *text, size_t textlen)
{
	const char	*got_meta, *got;
	uint8_t		*buf;
	size_t		 buflen, gotlen;

	assert_int_equal(body_open(body_key, c, sealed, len, &buf, &buflen,
	    &got, &gotlen, &got_meta), 0);
	assert_int_equal(gotlen, textlen);
	assert_memory_equal(got, text, textlen);
	assert_int_equal(got[gotlen], '\0');
	if (meta == NULL)
		assert_null(got_meta);
	else
		assert_string_equal(got_meta, meta);
	freezero(buf, buflen);

	/* The same for one who does not ask for meta. */
	assert_int_equal(body_open(body_key, c, sealed, len, &buf, &buflen,
	    &got, &gotlen, NULL), 0);
	assert_int_equal(gotlen, textlen);
	freezero(buf, buflen);
}

static int
opens(const uint8_t key[BODY_KEY_LEN], const struct body_context *c,
    const uint8_t *sealed, size_t len)
{
	const char	*meta, *text;
	uint8_t		*buf = (uint8_t *)1;
	size_t		 buflen, textlen;

	if (body_open(key, c, sealed, len, &buf, &buflen, &text, &textlen,
	    &meta) == -1) {
		assert_null(buf);
		return 0;
	}
	freezero(buf, buflen);
	return 1;
}

static void
test_golden(void **state)
{
	static const char	 hex[] =
	    "606162636465666768696a6b6c6d6e6f7071727374757677"
	    "caef95e069c22a75187daa6b66450581be659c1cc43e81e7"
	    "e0fcda049b2652c0c3f7";
	uint8_t			 sealed[sizeof hex / 2];

	(void)state;
	assert_int_equal(hex_decode(sealed, sizeof sealed, hex), 0);
	expect_open(&context, sealed, sizeof sealed, META, TEXT,
	    strlen(TEXT));
}

/* Sealed with our key, yet with a meta that is longer than all of it. */
static void
test_golden_lie(void **state)
{
	static const char	 hex[] =
	    "606162636465666768696a6b6c6d6e6f7071727374757677"
	    "caef95e27f853f36ccc12c2875951f490fc290685044d694";
	uint8_t			 sealed[sizeof hex / 2];

	(void)state;
	assert_int_equal(hex_decode(sealed, sizeof sealed, hex), 0);
	assert_false(opens(body_key, &context, sealed, sizeof sealed));
}

static void
expect_back(const char *meta, const char *text, size_t textlen)
{
	uint8_t	*sealed;
	size_t	 len, metalen = meta != NULL ? strlen(meta) : 0;

	assert_non_null(sealed = body_seal(body_key, &context, meta, text,
	    textlen, &len));
	assert_int_equal(len, BODY_OVERHEAD + metalen + textlen);
	expect_open(&context, sealed, len, metalen > 0 ? meta : NULL,
	    text != NULL ? text : "", textlen);
	free(sealed);
}

static void
test_back(void **state)
{
	static char	 big[100000];

	(void)state;
	memset(big, 'b', sizeof big);
	expect_back(META, TEXT, strlen(TEXT));
	expect_back(NULL, TEXT, strlen(TEXT));
	expect_back("", TEXT, strlen(TEXT));
	expect_back("{}", "", 0);
	expect_back(NULL, NULL, 0);
	expect_back(META, "a\0b", 3);
	expect_back(META, big, sizeof big);
	big[sizeof big - 1] = '\0';
	expect_back(big, "x", 1);
}

static void
test_nonce(void **state)
{
	uint8_t	*a, *b;
	size_t	 len;

	(void)state;
	a = body_seal(body_key, &context, NULL, "x", 1, &len);
	b = body_seal(body_key, &context, NULL, "x", 1, &len);
	assert_memory_not_equal(a, b, 24);
	assert_memory_not_equal(a + 24, b + 24, len - 24);
	free(a);
	free(b);
}

/* Any bit, any end, any key but the right one. */
static void
test_forged(void **state)
{
	uint8_t	*sealed;
	size_t	 i, len;

	(void)state;
	sealed = body_seal(body_key, &context, META, TEXT, strlen(TEXT),
	    &len);
	for (i = 0; i < len; i++) {
		sealed[i] ^= 1 << i % 8;
		assert_false(opens(body_key, &context, sealed, len));
		sealed[i] ^= 1 << i % 8;
	}
	for (i = 0; i < len; i++)
		assert_false(opens(body_key, &context, sealed, i));
	assert_false(opens(wrap_key, &context, sealed, len));
	assert_true(opens(body_key, &context, sealed, len));
	free(sealed);
}

static const uint8_t	*moved_sealed;
static size_t		 moved_len;

static void
expect_moved(const struct body_context *c)
{
	assert_false(opens(body_key, c, moved_sealed, moved_len));
}

/* Every part of the context is bound; absent is not empty. */
static void
test_moved(void **state)
{
	struct body_context	 c;
	uint8_t			*sealed;
	size_t			 i;

	(void)state;
	sealed = body_seal(body_key, &context, META, TEXT, strlen(TEXT),
	    &moved_len);
	moved_sealed = sealed;
#define MOVED(change) do {						\
	c = context;							\
	change;								\
	expect_moved(&c);						\
} while (0)
	for (i = 0; i < BODY_ID_LEN; i++)
		MOVED(c.body_id[i] ^= 1);
	for (i = 0; i < OWNER_ID_LEN; i++)
		MOVED(c.owner[i] ^= 1);
	MOVED(c.direction = BODY_OUT);
	MOVED(c.mesh = "Local");
	MOVED(c.mesh = NULL);
	MOVED(c.sender = c.recipient);
	MOVED(c.recipient = c.sender);
	MOVED(c.recipient_kind = "member");
	MOVED(c.target = "");
	MOVED(c.priority = 2);
	MOVED(c.priority = -1);
	MOVED(c.reply_to = NULL);
	MOVED(c.reply_to = "x");
	MOVED(c.topic = "deploy");
	MOVED(c.topic = NULL);
	MOVED(c.subtype = "");
	MOVED(c.subtype = "system");
	MOVED(c.created_at++);
	MOVED(c.created_at = -c.created_at);
	MOVED(c.encrypted = 0);
	MOVED(c.authenticated = 1);
	/* The same bytes in a row, cut elsewhere. */
	MOVED((c.reply_to = "deploys", c.topic = ""));
	MOVED((c.topic = NULL, c.subtype = "deploys"));
#undef MOVED
	assert_true(opens(body_key, &context, sealed, moved_len));
	free(sealed);
}

static void
test_wrap(void **state)
{
	static const char	 hex[] =
	    "606162636465666768696a6b6c6d6e6f7071727374757677"
	    "4a355a848b058611241cbac0990d38c2fdb7e8346d31576a"
	    "936a36dbbff877985458d7a1aa855738814e4d6a40488019"
	    "baa338b188cb6e177c686aafb37847d8cca653f4eea9baa4"
	    "2f678660bb523243";
	uint8_t			 wrapped[WRAPPED_LEN], again[WRAPPED_LEN];
	uint8_t			 secret[KEY_SECRET_LEN], want[KEY_SECRET_LEN];
	uint8_t			 other[OWNER_ID_LEN] = { 0 };
	size_t			 i;

	(void)state;
	for (i = 0; i < sizeof want; i++)
		want[i] = 0x80 + i;
	assert_int_equal(hex_decode(wrapped, sizeof wrapped, hex), 0);
	assert_int_equal(body_unwrap_key(secret, wrap_key, owner, wrapped),
	    0);
	assert_memory_equal(secret, want, sizeof want);

	body_wrap_key(again, wrap_key, owner, want);
	assert_memory_not_equal(again, wrapped, sizeof again);
	memset(secret, 0, sizeof secret);
	assert_int_equal(body_unwrap_key(secret, wrap_key, owner, again), 0);
	assert_memory_equal(secret, want, sizeof want);

	assert_int_equal(body_unwrap_key(secret, wrap_key, other, again), -1);
	assert_int_equal(body_unwrap_key(secret, body_key, owner, again), -1);
	for (i = 0; i < sizeof again; i++) {
		again[i] ^= 1;
		assert_int_equal(body_unwrap_key(secret, wrap_key, owner,
		    again), -1);
		again[i] ^= 1;
	}
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_derive),
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_golden_lie),
		cmocka_unit_test(test_back),
		cmocka_unit_test(test_nonce),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_moved),
		cmocka_unit_test(test_wrap),
	};

	if (sodium_init() == -1)
		return 1;
	return cmocka_run_group_tests(tests, setup, NULL);
}
