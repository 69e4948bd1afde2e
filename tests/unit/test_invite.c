/*
 * invite.c: links as people paste them; a token that another implementation
 * signed is read and made byte for byte; nothing but it verifies.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "common/encode.h"
#include "common/invite.h"
#include "common/xalloc.h"

/* Made with PyNaCl, by the key whose seed is 0, 1, 2 ... 31. */
static const char	token[] =
    "eyJ2IjoxLCJtZXNoX2lkIjoibWVzaF83WGsyIiwibWVzaF9zbHVnIjoiYWNtZSIsIm"
    "Jyb2tlcl91cmwiOiJ3c3M6Ly9icm9rZXIuZXhhbXBsZS93cyIsImV4cGlyZXNfYXQi"
    "OjQxMDI0NDQ4MDAsIm1lc2hfcm9vdF9rZXkiOiJjbTl2ZEMxclpYa3RiMll0WVdOdF"
    "pRIiwicm9sZSI6Im1lbWJlciIsIm93bmVyX3B1YmtleSI6IjAzYTEwN2JmZjNjZTEw"
    "YmUxZDcwZGQxOGU3NGJjMDk5NjdlNGQ2MzA5YmE1MGQ1ZjFkZGM4NjY0MTI1NTMxYj"
    "giLCJzaWduYXR1cmUiOiJmYjJiNTE3ZWJiM2I2NzBhYzA2MmE5NDVhODFjNWM1MTA2"
    "ZjkyM2JhZDIxM2IwMzE5OTZlYzcyMzNhZjhhMTM1NzgzODFmZTlkMGQzMDlmMGViOD"
    "k1ODg5OTlmMjUzZTA1OGZkMjY1ODA0ZWU0ZGU1N2RhZWM5OTViNmNhZTUwYiJ9";
static const char	owner_hex[] =
    "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8";

static void
owner_key(uint8_t pub[KEY_PUBLIC_LEN], uint8_t sec[KEY_SECRET_LEN])
{
	uint8_t	seed[32];
	size_t	i;

	for (i = 0; i < sizeof seed; i++)
		seed[i] = (uint8_t)i;
	crypto_sign_seed_keypair(pub, sec, seed);
}

/* 0: it is one, and verifies. */
static int
take(struct invite *i, const char *t, size_t len)
{
	json_t	*o = invite_token_json(t, len);
	int	 ret = -1;

	if (o != NULL && invite_from_json(i, o) == 0)
		ret = invite_verify(i);
	json_decref(o);
	return ret;
}

static void
test_vector(void **state)
{
	struct invite	 i;
	uint8_t		 pub[KEY_PUBLIC_LEN], sec[KEY_SECRET_LEN];
	char		 hex[2 * KEY_PUBLIC_LEN + 1], *made;

	(void)state;
	assert_int_equal(take(&i, token, strlen(token)), 0);
	assert_string_equal(i.mesh_id, "mesh_7Xk2");
	assert_string_equal(i.slug, "acme");
	assert_string_equal(i.url, "wss://broker.example/ws");
	assert_int_equal(i.expires_at, 4102444800);
	assert_string_equal(i.root_key, "cm9vdC1rZXktb2YtYWNtZQ");
	assert_int_equal(i.role, INVITE_MEMBER);
	assert_string_equal(hex_encode(hex, i.owner, sizeof i.owner),
	    owner_hex);

	owner_key(pub, sec);
	memset(i.sig, 0, sizeof i.sig);
	memset(i.owner, 0, sizeof i.owner);
	made = invite_make(&i, sec);
	assert_string_equal(made, token);
	freezero_str(made);
}

static void
test_expiry(void **state)
{
	struct invite	i = { .expires_at = 1000 };

	(void)state;
	assert_false(invite_is_expired(&i, 999999));
	assert_true(invite_is_expired(&i, 1000000));
}

/* Any change of a token: it is none any more, or its signature is bad. */
static void
test_mutations(void **state)
{
	static const char	alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789-_=";
	struct invite		i;
	char			t[sizeof token];
	size_t			at, len = strlen(token);
	const char		*c;

	(void)state;
	for (at = 0; at < len; at++) {
		memcpy(t, token, sizeof t);
		for (c = alphabet; *c != '\0'; c++) {
			if (*c == token[at])
				continue;
			t[at] = *c;
			if (take(&i, t, len) == 0)
				fail_msg("'%c' at %zu is no matter", *c, at);
		}
	}
	for (at = 0; at < len; at++)
		assert_int_equal(take(&i, token, at), -1);
}

/* Each part is signed: none can be exchanged under the signature. */
static void
test_parts(void **state)
{
	struct invite	i, was;

	(void)state;
	assert_int_equal(take(&was, token, strlen(token)), 0);
#define CHANGED(what) do {						\
	i = was;							\
	what;								\
	assert_int_equal(invite_verify(&i), -1);			\
} while (0)
	CHANGED(i.mesh_id[0]++);
	CHANGED(i.slug[0]++);
	CHANGED(i.url[3]++);
	CHANGED(i.expires_at++);
	CHANGED(i.root_key[0]++);
	CHANGED(i.role = INVITE_ADMIN);
	CHANGED(i.owner[0]++);
	CHANGED(i.sig[0]++);
	CHANGED(i.sig[63]++);
#undef CHANGED
}

/* As long as may be, and one more; and what would shift a part. */
static void
test_limits(void **state)
{
	struct invite	 i, back;
	uint8_t		 pub[KEY_PUBLIC_LEN], sec[KEY_SECRET_LEN];
	char		*made;

	(void)state;
	owner_key(pub, sec);
	memset(&i, 0, sizeof i);
	memset(i.mesh_id, 'm', INVITE_TEXT_MAX);
	memset(i.slug, 's', INVITE_TEXT_MAX);
	memset(i.url, 'u', INVITE_URL_MAX);
	memset(i.root_key, 'r', INVITE_TEXT_MAX);
	i.expires_at = INT64_MAX / 1000;
	i.role = INVITE_ADMIN;
	made = invite_make(&i, sec);
	assert_non_null(made);
	assert_int_equal(take(&back, made, strlen(made)), 0);
	assert_memory_equal(&back, &i, sizeof i);
	freezero_str(made);

	strcpy(i.slug, "a|b");
	assert_null(invite_make(&i, sec));
	strcpy(i.slug, "a\nb");
	assert_null(invite_make(&i, sec));
	i.slug[0] = '\0';
	assert_null(invite_make(&i, sec));
	strcpy(i.slug, "\xff");
	assert_null(invite_make(&i, sec));
}

static void
test_objects(void **state)
{
	static const struct {
		const char	*key, *json;
	} bad[] = {
		{ "v", "2" }, { "v", "1.0" }, { "v", "\"1\"" }, { "v", "null" },
		{ "mesh_id", "\"\"" }, { "mesh_id", "7" },
		{ "mesh_slug", "\"a|b\"" }, { "mesh_slug", "\"a\\nb\"" },
		{ "broker_url", "[]" }, { "broker_url", "\"\\u007f\"" },
		{ "expires_at", "-1" }, { "expires_at", "1e9" },
		{ "expires_at", "9223372036854775807" },
		{ "mesh_root_key", "{}" }, { "mesh_root_key", "true" },
		{ "role", "\"owner\"" }, { "role", "\"\"" }, { "role", "1" },
		{ "owner_pubkey", "\"03\"" }, { "owner_pubkey", "0" },
		{ "signature", "\"\"" }, { "signature", "null" },
	};
	struct invite	 i;
	json_t		*o, *v;
	size_t		 n;
	char		 big[INVITE_URL_MAX + 2];

	(void)state;
	memset(big, 'x', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	for (n = 0; n < sizeof bad / sizeof *bad; n++) {
		o = invite_token_json(token, strlen(token));
		v = json_loads(bad[n].json, JSON_DECODE_ANY, NULL);
		assert_non_null(v);
		json_object_set_new(o, bad[n].key, v);
		if (invite_from_json(&i, o) == 0)
			fail_msg("%s: %s is taken", bad[n].key, bad[n].json);
		json_object_del(o, bad[n].key);
		assert_int_equal(invite_from_json(&i, o), -1);
		json_decref(o);
	}
	o = invite_token_json(token, strlen(token));
	json_object_set_new(o, "later", json_integer(1));
	assert_int_equal(invite_from_json(&i, o), 0);
	json_object_set_new(o, "broker_url", json_string(big));
	assert_int_equal(invite_from_json(&i, o), -1);
	json_decref(o);
	assert_null(invite_token_json("W10", 3));		/* [] */
	assert_null(invite_token_json("e30=", 4));		/* padded {} */
	o = invite_token_json("e30", 3);			/* {} */
	assert_int_equal(invite_from_json(&i, o), -1);
	json_decref(o);
	/* {"v":1,"v":1} */
	assert_null(invite_token_json("eyJ2IjoxLCJ2IjoxfQ", 18));
}

static void
link_is_token(const char *before, const char *t)
{
	struct invite_link	 l;
	char			*s = NULL;

	xasprintf(&s, "%s%s", before, t);
	assert_int_equal(invite_link_parse(&l, s), 0);
	assert_int_equal(l.tokenlen, strlen(t));
	assert_memory_equal(l.token, t, l.tokenlen);
	free(s);
}

static void
test_links(void **state)
{
	static const char *const bad[] = { "", "abcdefghijklmnopqrst",
	    "ic://join/", "ic://join/a b", "ic://joim/abc", "ic:/join/abc",
	    "ic://join/abc/", "ic://join/abc=", "http://h/join/abc",
	    "https:///join/abc", "https://h/join/", "https://h/eng/join/abc",
	    "https://h/e/join/abc", "https://h/12/join/abc",
	    "https://h/en/join", "https://h/i/", "https://h/i/a/b",
	    "https://h/i/a?b", "https://h/en/i/abc", "https://h:0/i/abc",
	    "https://h:65536/i/abc", "https://h:1x/i/abc", "https://h",
	    "https://u@h/i/abc", "https://[::1/i/abc", "https://[]/i/abc",
	    "https://[1]/i/abc", "HTTPS://h/i/abc",
	    "abcdefghijklmnopqrstuv\n", "https://h/join/abc?x=1" };
	struct invite_link	 l;
	char			*s;
	size_t			 n;

	(void)state;
	link_is_token("", token);
	link_is_token("ic://join/", token);
	link_is_token("ic://join/", "x");
	link_is_token("https://example.org/join/", token);
	link_is_token("https://example.org/en/join/", token);
	link_is_token("https://[::1]:8443/de/join/", token);
	link_is_token("", "abcdefghijklmnopqrstu");
	for (n = 0; n < sizeof bad / sizeof *bad; n++)
		if (invite_link_parse(&l, bad[n]) == 0)
			fail_msg("taken: %s", bad[n]);

	assert_int_equal(invite_link_parse(&l, "https://a.b/i/Q-_9"), 0);
	assert_null(l.token);
	assert_string_equal(l.host, "a.b");
	assert_int_equal(l.port, 443);
	assert_string_equal(l.code, "Q-_9");
	assert_int_equal(invite_link_parse(&l, "https://[fe::1]:99/i/Q"), 0);
	assert_string_equal(l.host, "fe::1");
	assert_int_equal(l.port, 99);

	s = xmalloc(INVITE_LINK_MAX + 2);
	memset(s, 'a', INVITE_LINK_MAX + 1);
	s[INVITE_LINK_MAX + 1] = '\0';
	assert_int_equal(invite_link_parse(&l, s), -1);
	s[INVITE_LINK_MAX] = '\0';
	assert_int_equal(invite_link_parse(&l, s), 0);
	memcpy(s, "https://h/i/", 12);
	s[12 + INVITE_CODE_MAX + 1] = '\0';
	assert_int_equal(invite_link_parse(&l, s), -1);
	s[12 + INVITE_CODE_MAX] = '\0';
	assert_int_equal(invite_link_parse(&l, s), 0);
	free(s);
}

static void
test_urls(void **state)
{
	static const char *const bad[] = { "", "ws://", "ws:///ws",
	    "http://h/ws", "ws://h", "ws://h/", "ws://h/ws/", "ws://h/ws?a",
	    "ws://h:/ws", "ws://h:0/ws", "ws://h:70000/ws", "ws://u@h/ws",
	    "ws://h h/ws", "ws://::1/ws", "ws://[::1]x/ws", "wss://\x80/ws" };
	char		host[INVITE_HOST_SIZE];
	uint16_t	port;
	int		tls;
	size_t		n;

	(void)state;
	assert_int_equal(invite_url_parse("ws://h/ws", host, &port, &tls), 0);
	assert_string_equal(host, "h");
	assert_int_equal(port, 80);
	assert_int_equal(tls, 0);
	assert_int_equal(invite_url_parse("wss://[::1]/ws", host, &port,
	    &tls), 0);
	assert_string_equal(host, "::1");
	assert_int_equal(port, 443);
	assert_int_equal(tls, 1);
	assert_int_equal(invite_url_parse("wss://h:5/ws", host, &port, &tls),
	    0);
	assert_int_equal(port, 5);
	for (n = 0; n < sizeof bad / sizeof *bad; n++)
		if (invite_url_parse(bad[n], host, &port, &tls) == 0)
			fail_msg("taken: %s", bad[n]);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_vector),
		cmocka_unit_test(test_expiry),
		cmocka_unit_test(test_mutations),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_objects),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_urls),
	};

	if (sodium_init() == -1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
