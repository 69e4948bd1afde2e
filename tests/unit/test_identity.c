/*
 * identity.c against the reference implementation: the same bytes are signed,
 * and nothing but them verifies.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sodium.h>
#include <string.h>

#include "common/encode.h"
#include "common/identity.h"
#include "vectors.h"

static json_t	*file;

static uint8_t	 member_pub[KEY_PUBLIC_LEN], member_sec[KEY_SECRET_LEN];
static uint8_t	 session_pub[KEY_PUBLIC_LEN], session_sec[KEY_SECRET_LEN];
static uint8_t	 other_pub[KEY_PUBLIC_LEN];

static int
setup(void **state)
{
	(void)state;
	if ((file = vectors_load()) == NULL)
		return -1;
	vectors_key(file, "member", member_pub, member_sec);
	vectors_key(file, "sessA", session_pub, session_sec);
	vectors_key(file, "sessB", other_pub, NULL);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	json_decref(file);
	return 0;
}

/* The signature of a case, and that it is over the canonical string there. */
static const json_t *
load(const char *name, uint8_t sig[KEY_SIG_LEN], const uint8_t *pub)
{
	const json_t	*v = json_object_get(file, name);
	const char	*s = vectors_string(v, "canonical");

	vectors_hex(v, "signature", sig, KEY_SIG_LEN);
	assert_int_equal(crypto_sign_verify_detached(sig, (const uint8_t *)s,
	    strlen(s), pub), 0);
	return v;
}

static void
test_hello(void **state)
{
	uint8_t		 want[KEY_SIG_LEN], sig[KEY_SIG_LEN];
	const json_t	*v = load("hello", want, member_pub);
	const char	*mesh = vectors_string(v, "meshId");
	const char	*member = vectors_string(v, "memberId");
	int64_t		 at = vectors_integer(v, "timestamp");

	(void)state;
	assert_int_equal(identity_hello_sign(sig, mesh, member, member_pub,
	    at, member_sec), 0);
	assert_memory_equal(sig, want, sizeof sig);
	assert_int_equal(identity_hello_verify(want, mesh, member, member_pub,
	    at), 0);

	assert_int_equal(identity_hello_verify(want, "mesh_01TESU", member,
	    member_pub, at), -1);
	assert_int_equal(identity_hello_verify(want, mesh, "mem_01TESU",
	    member_pub, at), -1);
	assert_int_equal(identity_hello_verify(want, mesh, member, other_pub,
	    at), -1);
	assert_int_equal(identity_hello_verify(want, mesh, member, member_pub,
	    at + 1), -1);
	want[63] ^= 1;
	assert_int_equal(identity_hello_verify(want, mesh, member, member_pub,
	    at), -1);
}

static void
test_attest(void **state)
{
	uint8_t		 want[KEY_SIG_LEN], sig[KEY_SIG_LEN];
	const json_t	*v = load("parent_attestation", want, member_pub);
	int64_t		 at = vectors_integer(v, "expiresAt");

	(void)state;
	assert_int_equal(at - vectors_integer(v, "now"), IDENTITY_TTL_MS);
	assert_int_equal(identity_attest_sign(sig, member_pub, session_pub,
	    at, member_sec), 0);
	assert_memory_equal(sig, want, sizeof sig);
	assert_int_equal(identity_attest_verify(want, member_pub, session_pub,
	    at), 0);

	assert_int_equal(identity_attest_verify(want, other_pub, session_pub,
	    at), -1);
	assert_int_equal(identity_attest_verify(want, member_pub, other_pub,
	    at), -1);
	assert_int_equal(identity_attest_verify(want, member_pub, session_pub,
	    at - 1), -1);
	/* Whoever owns the session may not attest for it. */
	assert_int_equal(identity_attest_sign(sig, member_pub, session_pub,
	    at, session_sec), 0);
	assert_int_equal(identity_attest_verify(sig, member_pub, session_pub,
	    at), -1);
}

static void
test_session_hello(void **state)
{
	uint8_t		 want[KEY_SIG_LEN], sig[KEY_SIG_LEN];
	const json_t	*v = load("session_hello", want, session_pub);
	const char	*mesh = vectors_string(v, "meshId");
	int64_t		 at = vectors_integer(v, "timestamp");

	(void)state;
	assert_int_equal(identity_session_hello_sign(sig, mesh, member_pub,
	    session_pub, at, session_sec), 0);
	assert_memory_equal(sig, want, sizeof sig);
	assert_int_equal(identity_session_hello_verify(want, mesh, member_pub,
	    session_pub, at), 0);

	assert_int_equal(identity_session_hello_verify(want, "mesh", member_pub,
	    session_pub, at), -1);
	assert_int_equal(identity_session_hello_verify(want, mesh, other_pub,
	    session_pub, at), -1);
	assert_int_equal(identity_session_hello_verify(want, mesh, member_pub,
	    other_pub, at), -1);
	assert_int_equal(identity_session_hello_verify(want, mesh, member_pub,
	    session_pub, -at), -1);
}

/* An id that could pass for something else is neither signed nor verified. */
static void
test_ids(void **state)
{
	static char		 longest[IDENTITY_ID_MAX + 2];
	static const char	*const bad[] = {
		NULL, "", "a|b", "|", "a\nb", "a\tb", "a\rb", "a\x1b", "\x7f",
		"a\xc2\x80", "a\xff", longest,
	};
	uint8_t			 sig[KEY_SIG_LEN];
	size_t			 i;

	(void)state;
	memset(longest, 'm', IDENTITY_ID_MAX);
	assert_int_equal(identity_hello_sign(sig, longest, longest,
	    member_pub, INT64_MIN, member_sec), 0);
	assert_int_equal(identity_hello_verify(sig, longest, longest,
	    member_pub, INT64_MIN), 0);
	assert_int_equal(identity_session_hello_sign(sig, longest, member_pub,
	    session_pub, INT64_MAX, session_sec), 0);
	assert_int_equal(identity_hello_sign(sig, "caf\xc3\xa9", "a b",
	    member_pub, 0, member_sec), 0);

	longest[IDENTITY_ID_MAX] = 'm';		/* one too many */
	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(identity_hello_sign(sig, bad[i], "m",
		    member_pub, 1, member_sec), -1);
		assert_int_equal(identity_hello_sign(sig, "m", bad[i],
		    member_pub, 1, member_sec), -1);
		assert_int_equal(identity_session_hello_sign(sig, bad[i],
		    member_pub, session_pub, 1, session_sec), -1);
	}
}

/* The parts of "a|b" + "c" joined are those of "a" + "b|c". */
static void
test_ids_verify(void **state)
{
	char		 s[256], pub[65];
	uint8_t		 sig[KEY_SIG_LEN];
	int		 n;

	(void)state;
	hex_encode(pub, member_pub, sizeof member_pub);
	n = snprintf(s, sizeof s, "a|b|c|%s|1", pub);
	crypto_sign_detached(sig, NULL, (const uint8_t *)s, n, member_sec);
	assert_int_equal(identity_hello_verify(sig, "a|b", "c", member_pub,
	    1), -1);
	assert_int_equal(identity_hello_verify(sig, "a", "b|c", member_pub,
	    1), -1);
}

static void
test_keypair(void **state)
{
	uint8_t	 pub[KEY_PUBLIC_LEN], sec[KEY_SECRET_LEN];
	char	 name[][8] = { "member", "sessA", "sessB", "member2" };
	size_t	 i;

	(void)state;
	for (i = 0; i < sizeof name / sizeof *name; i++) {
		vectors_key(file, name[i], pub, sec);
		assert_int_equal(identity_keypair_check(pub, sec), 0);
	}
	sec[0] ^= 1;		/* another seed */
	assert_int_equal(identity_keypair_check(pub, sec), -1);
	sec[0] ^= 1;
	sec[63] ^= 1;		/* another second half */
	assert_int_equal(identity_keypair_check(pub, sec), -1);
	pub[31] ^= 1;		/* also when both say the same */
	assert_int_equal(identity_keypair_check(pub, sec), -1);
	assert_int_equal(identity_keypair_check(other_pub, member_sec), -1);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_hello),
		cmocka_unit_test(test_attest),
		cmocka_unit_test(test_session_hello),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_ids_verify),
		cmocka_unit_test(test_keypair),
	};

	if (sodium_init() == -1)
		return 1;
	return cmocka_run_group_tests(tests, setup, teardown);
}
