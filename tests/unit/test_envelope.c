/*
 * envelope.c against the reference implementation, byte for byte both ways;
 * and its cache, with crypto_box_beforenm() wrapped to count what it costs.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sodium.h>
#include <string.h>

#include "common/encode.h"
#include "common/envelope.h"
#include "vectors.h"

int	__wrap_crypto_box_beforenm(unsigned char *, const unsigned char *,
	    const unsigned char *);
int	__real_crypto_box_beforenm(unsigned char *, const unsigned char *,
	    const unsigned char *);

static int	 agreements;

int
__wrap_crypto_box_beforenm(unsigned char *k, const unsigned char *pk,
    const unsigned char *sk)
{
	agreements++;
	return __real_crypto_box_beforenm(k, pk, sk);
}

static const uint8_t	 zero_nonce[ENVELOPE_NONCE_LEN];

static struct envelope_box *
box_of(const json_t *file, const char *name)
{
	uint8_t			 sec[KEY_SECRET_LEN];
	struct envelope_box	*b;

	vectors_key(file, name, NULL, sec);
	assert_non_null(b = envelope_box_new(sec));
	return b;
}

/* One case: sealed it is the ciphertext, opened the plaintext. */
static void
expect_case(const json_t *file, const json_t *v)
{
	const char		*text = vectors_string(v, "plaintext");
	const char		*from = vectors_string(v, "sender");
	const char		*to = vectors_string(v, "recipient");
	const char		*b64;
	struct envelope_box	*b;
	uint8_t			 nonce[ENVELOPE_NONCE_LEN], box[256];
	uint8_t			 want[256], pub[KEY_PUBLIC_LEN];
	size_t			 len = strlen(text), n;

	b64 = vectors_string(v, "nonce");
	assert_int_equal(base64_decode(nonce, sizeof nonce, &n, b64,
	    strlen(b64)), 0);
	assert_int_equal(n, sizeof nonce);
	b64 = vectors_string(v, "ciphertext");
	assert_int_equal(base64_decode(want, sizeof want, &n, b64,
	    strlen(b64)), 0);
	assert_int_equal(n, len + ENVELOPE_MAC_LEN);

	b = box_of(file, from);
	vectors_key(file, to, pub, NULL);
	assert_int_equal(envelope_seal(b, box, pub, nonce, text, len), 0);
	assert_memory_equal(box, want, n);
	envelope_box_free(&b);
	assert_null(b);

	b = box_of(file, to);
	vectors_key(file, from, pub, NULL);
	assert_int_equal(envelope_open(b, box, pub, nonce, want, n), 0);
	assert_memory_equal(box, text, len);
	want[n - 1] ^= 0x80;
	assert_int_equal(envelope_open(b, box, pub, nonce, want, n), -1);
	envelope_box_free(&b);
}

static void
test_vectors(void **state)
{
	const json_t	*cases = json_object_get(*state, "direct_messages");
	size_t		 i;

	assert_true(json_array_size(cases) >= 5);
	for (i = 0; i < json_array_size(cases); i++)
		expect_case(*state, json_array_get(cases, i));
}

static void
test_refused(void **state)
{
	struct envelope_box	*a = box_of(*state, "sessA");
	struct envelope_box	*b = box_of(*state, "sessB");
	uint8_t			 box[32], out[32], other[KEY_PUBLIC_LEN];
	uint8_t			 pub_a[KEY_PUBLIC_LEN], pub_b[KEY_PUBLIC_LEN];
	uint8_t			 nonce[ENVELOPE_NONCE_LEN] = { 1 };
	size_t			 i, len = 16 + ENVELOPE_MAC_LEN;

	vectors_key(*state, "sessA", pub_a, NULL);
	vectors_key(*state, "sessB", pub_b, NULL);
	vectors_key(*state, "member", other, NULL);
	assert_int_equal(envelope_seal(a, box, pub_b, nonce,
	    "sixteen letters.", 16), 0);
	assert_int_equal(envelope_open(b, out, pub_a, nonce, box, len), 0);
	assert_memory_equal(out, "sixteen letters.", 16);

	for (i = 0; i < len; i++) {
		box[i] ^= 1;
		assert_int_equal(envelope_open(b, out, pub_a, nonce, box,
		    len), -1);
		box[i] ^= 1;
	}
	for (i = 0; i < len; i++)
		assert_int_equal(envelope_open(b, out, pub_a, nonce, box, i),
		    -1);
	assert_int_equal(envelope_open(b, out, other, nonce, box, len), -1);
	nonce[0] = 2;
	assert_int_equal(envelope_open(b, out, pub_a, nonce, box, len), -1);
	envelope_box_free(&a);
	envelope_box_free(&b);
	envelope_box_free(&b);		/* NULL by now */
}

/* Points of small order, off the curve, out of the group: never a key. */
static void
test_bad_peers(void **state)
{
	static const char	*const bad[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"0200000000000000000000000000000000000000000000000000000000000000",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	};
	struct envelope_box	*b = box_of(*state, "sessA");
	uint8_t			 peer[KEY_PUBLIC_LEN], box[32];
	size_t			 i;
	int			 again;

	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		for (again = 0; again < 2; again++) {
			hex_decode(peer, sizeof peer, bad[i]);
			if (envelope_seal(b, box, peer, zero_nonce, "x",
			    1) != -1)
				fail_msg("%s was taken", bad[i]);
			memset(box, 0, sizeof box);
			assert_int_equal(envelope_open(b, box, peer,
			    zero_nonce, box, sizeof box), -1);
		}
	envelope_box_free(&b);
}

static void
test_bad_secret(void **state)
{
	uint8_t	 sec[KEY_SECRET_LEN];

	vectors_key(*state, "sessA", NULL, sec);
	sec[40] ^= 1;
	assert_null(envelope_box_new(sec));
	sec[40] ^= 1;
	sec[0] ^= 1;
	assert_null(envelope_box_new(sec));
}

/* The public key number i. */
static void
peer_key(uint8_t pub[KEY_PUBLIC_LEN], int i)
{
	uint8_t	 seed[crypto_sign_SEEDBYTES] = { 0 };
	uint8_t	 sec[KEY_SECRET_LEN];

	seed[0] = i;
	seed[1] = i >> 8;
	seed[2] = 0xaa;
	crypto_sign_seed_keypair(pub, sec, seed);
}

/* Seal to peer i; returns how many multiplications that took. */
static int
cost(struct envelope_box *b, int i)
{
	uint8_t	 peer[KEY_PUBLIC_LEN], box[1 + ENVELOPE_MAC_LEN];

	peer_key(peer, i);
	agreements = 0;
	assert_int_equal(envelope_seal(b, box, peer, zero_nonce, "x", 1), 0);
	return agreements;
}

static void
test_cache(void **state)
{
	struct envelope_box	*b = box_of(*state, "sessA");
	uint8_t			 small[KEY_PUBLIC_LEN] = { 0 }, box[32];
	int			 i;

	for (i = 0; i < ENVELOPE_CACHE_MAX; i++)
		assert_int_equal(cost(b, i), 1);
	for (i = 0; i < ENVELOPE_CACHE_MAX; i++)
		assert_int_equal(cost(b, i), 0);

	/* A bad key displaces nobody. */
	assert_int_equal(envelope_seal(b, box, small, zero_nonce, "x", 1), -1);
	assert_int_equal(cost(b, 0), 0);

	/* The one used longest ago goes: now that is 1, then 2. */
	assert_int_equal(cost(b, 1000), 1);
	assert_int_equal(cost(b, 1001), 1);
	assert_int_equal(cost(b, 0), 0);
	for (i = 3; i < ENVELOPE_CACHE_MAX; i++)
		assert_int_equal(cost(b, i), 0);
	assert_int_equal(cost(b, 1000), 0);
	assert_int_equal(cost(b, 1001), 0);
	assert_int_equal(cost(b, 1), 1);
	assert_int_equal(cost(b, 2), 1);
	envelope_box_free(&b);
}

/* What comes from the cache is right, also after places were used again. */
static void
test_cache_right(void **state)
{
	struct envelope_box	*b = box_of(*state, "sessA");
	uint8_t			 sec[KEY_SECRET_LEN], x_sec[32], x_pub[32];
	uint8_t			 peer[KEY_PUBLIC_LEN];
	uint8_t			 box[5 + ENVELOPE_MAC_LEN], want[sizeof box];
	int			 i;

	vectors_key(*state, "sessA", NULL, sec);
	assert_int_equal(crypto_sign_ed25519_sk_to_curve25519(x_sec, sec), 0);
	for (i = 0; i < 3 * ENVELOPE_CACHE_MAX; i++) {
		peer_key(peer, i * 7 % (2 * ENVELOPE_CACHE_MAX));
		assert_int_equal(envelope_seal(b, box, peer, zero_nonce,
		    "hello", 5), 0);
		assert_int_equal(crypto_sign_ed25519_pk_to_curve25519(x_pub,
		    peer), 0);
		assert_int_equal(crypto_box_easy(want,
		    (const uint8_t *)"hello", 5, zero_nonce, x_pub, x_sec), 0);
		assert_memory_equal(box, want, sizeof box);
	}
	envelope_box_free(&b);
}

static int
setup(void **state)
{
	return (*state = vectors_load()) != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	json_decref(*state);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_bad_peers),
		cmocka_unit_test(test_bad_secret),
		cmocka_unit_test(test_cache),
		cmocka_unit_test(test_cache_right),
	};

	if (sodium_init() == -1)
		return 1;
	return cmocka_run_group_tests(tests, setup, teardown);
}
