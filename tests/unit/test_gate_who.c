/* who.c: hosts, session tokens and the token of TCP, as headers have them. */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sodium.h>

#include "supervisor/gate/session.h"
#include "supervisor/gate/who.h"

#define TOKEN	"865d1d4c05bc53d2b1f8e2bf33b073368cb092b01507119eade60509b86" \
		"deb0e"
#define OTHER	"965d1d4c05bc53d2b1f8e2bf33b073368cb092b01507119eade60509b86" \
		"deb0e"

static void
loopback_hosts(void **state)
{
	static const char *const good[] = { "", "localhost", "LocalHost",
	    "localhost:80", "127.0.0.1", "127.0.0.1:47823", "[::1]",
	    "[::1]:1" };
	static const char *const bad[] = { "evil.example", "evil.host",
	    "evil.host:80", "[::2]", "localhost.evil",
	    "localhost:80.evil", "127.0.0.1.evil", "127.0.0.10", "::1",
	    "[::1", "localhost@evil", "localhost:evil", " localhost",
	    "0.0.0.0", "[::1].evil" };
	size_t	 i;

	(void)state;
	for (i = 0; i < sizeof good / sizeof *good; i++)
		if (!who_host_ok(good[i]))
			fail_msg("%s was refused", good[i]);
	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		if (who_host_ok(bad[i]))
			fail_msg("%s was let in", bad[i]);
}

static void
tokens_in_headers(void **state)
{
	const char	*t;

	(void)state;
	assert_int_equal(who_token_find(NULL, NULL, &t), WHO_NONE);
	assert_null(t);
	assert_int_equal(who_token_find("ClaudeMesh-Session " TOKEN, NULL, &t),
	    WHO_TOKEN);
	assert_string_equal(t, TOKEN);
	assert_int_equal(who_token_find("claudemesh-session  " TOKEN, NULL,
	    &t), WHO_TOKEN);
	assert_string_equal(t, TOKEN);
	assert_int_equal(who_token_find(NULL, TOKEN, &t), WHO_TOKEN);
	assert_string_equal(t, TOKEN);
	/* A Bearer is for somebody else; it neither helps nor hurts. */
	assert_int_equal(who_token_find("Bearer x", NULL, &t), WHO_NONE);
	assert_int_equal(who_token_find("Bearer x", TOKEN, &t), WHO_TOKEN);
	assert_int_equal(who_token_find("ClaudeMesh-Session " TOKEN, TOKEN,
	    &t), WHO_TOKEN);
}

/* None of these may count as "no token", which would widen the scope. */
static void
malformed_tokens(void **state)
{
	static const char *const bad[] = { "ClaudeMesh-Session",
	    "ClaudeMesh-Session ", "ClaudeMesh-Session abc",
	    "ClaudeMesh-Session " TOKEN "0", "ClaudeMesh-Session " TOKEN " x",
	    TOKEN, "Basic " TOKEN, "ClaudeMesh-SessionX " TOKEN, "" };
	const char	*t;
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		if (who_token_find(bad[i], NULL, &t) != WHO_MALFORMED)
			fail_msg("'%s' was not malformed", bad[i]);
	assert_int_equal(who_token_find(NULL, "", &t), WHO_MALFORMED);
	assert_int_equal(who_token_find(NULL, "zz", &t), WHO_MALFORMED);
	assert_int_equal(who_token_find("ClaudeMesh-Session " TOKEN, OTHER,
	    &t), WHO_MALFORMED);
}

static void
bearers(void **state)
{
	(void)state;
	assert_true(who_bearer_ok("Bearer secret", "secret"));
	assert_true(who_bearer_ok("bearer secret", "secret"));
	assert_false(who_bearer_ok("Bearer secret2", "secret"));
	assert_false(who_bearer_ok("Bearer secre", "secret"));
	assert_false(who_bearer_ok("Bearer ", "secret"));
	assert_false(who_bearer_ok("secret", "secret"));
	assert_false(who_bearer_ok(NULL, "secret"));
	/* Without a token of ours nobody comes in, not even with none. */
	assert_false(who_bearer_ok("Bearer ", ""));
	assert_false(who_bearer_ok(NULL, ""));
}

static void
token_hashes(void **state)
{
	uint8_t	a[TOKEN_HASH_LEN], b[TOKEN_HASH_LEN], prefix[4];
	char	upper[TOKEN_HEX + 1];
	size_t	i;

	(void)state;
	assert_int_equal(token_hash(a, prefix, TOKEN), 0);
	assert_memory_equal(prefix, "\x86\x5d\x1d\x4c", 4);
	assert_int_equal(token_hash(b, NULL, OTHER), 0);
	assert_memory_not_equal(a, b, sizeof a);
	for (i = 0; i <= TOKEN_HEX; i++)
		upper[i] = TOKEN[i] >= 'a' ? (char)(TOKEN[i] - 32) : TOKEN[i];
	assert_int_equal(token_hash(b, NULL, upper), 0);
	assert_memory_equal(a, b, sizeof a);
	upper[63] = 'g';
	assert_int_equal(token_hash(b, NULL, upper), -1);
	upper[63] = '\0';
	assert_int_equal(token_hash(b, NULL, upper), -1);
	assert_int_equal(token_hash(b, NULL, TOKEN "0"), -1);
	assert_int_equal(token_hash(b, NULL, ""), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loopback_hosts),
		cmocka_unit_test(tokens_in_headers),
		cmocka_unit_test(malformed_tokens),
		cmocka_unit_test(bearers),
		cmocka_unit_test(token_hashes),
	};

	if (sodium_init() == -1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
