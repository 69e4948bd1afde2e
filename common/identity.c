/*
 * The strings that the wire protocol signs.  Their parts are joined by "|"
 * without lengths, so an id that holds one could pass for two parts of
 * another: such ids are refused, not escaped.
 */

#include "common/identity.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "common/encode.h"

#define KEY_HEX_SIZE	(2 * KEY_PUBLIC_LEN + 1)

/* A label, two ids or keys in hex, and a number, with what joins them. */
#define CANONICAL_SIZE	(32 + 2 * (IDENTITY_ID_MAX + 1) + KEY_HEX_SIZE + 24)

_Static_assert(KEY_PUBLIC_LEN == crypto_sign_PUBLICKEYBYTES, "public key");
_Static_assert(KEY_SECRET_LEN == crypto_sign_SECRETKEYBYTES, "secret key");
_Static_assert(KEY_SIG_LEN == crypto_sign_BYTES, "signature");
_Static_assert(KEY_HEX_SIZE <= IDENTITY_ID_MAX + 1, "a key is no longer");

/* May the id be part of a canonical string? */
static int
id_check(const char *id)
{
	size_t	 len;

	if (id == NULL)
		return -1;
	len = strnlen(id, IDENTITY_ID_MAX + 1);
	if (len == 0 || len > IDENTITY_ID_MAX || !utf8_valid(id, len, 1) ||
	    strpbrk(id, "|\t\n\r") != NULL)
		return -1;
	return 0;
}

static int
hello_string(char out[CANONICAL_SIZE], const char *mesh_id,
    const char *member_id, const uint8_t member_pub[KEY_PUBLIC_LEN],
    int64_t timestamp)
{
	char	 pub[KEY_HEX_SIZE];

	if (id_check(mesh_id) == -1 || id_check(member_id) == -1)
		return -1;
	snprintf(out, CANONICAL_SIZE, "%s|%s|%s|%" PRId64, mesh_id, member_id,
	    hex_encode(pub, member_pub, KEY_PUBLIC_LEN), timestamp);
	return 0;
}

static void
attest_string(char out[CANONICAL_SIZE],
    const uint8_t parent_pub[KEY_PUBLIC_LEN],
    const uint8_t session_pub[KEY_PUBLIC_LEN], int64_t expires_at)
{
	char	 parent[KEY_HEX_SIZE], session[KEY_HEX_SIZE];

	snprintf(out, CANONICAL_SIZE,
	    "claudemesh-session-attest|%s|%s|%" PRId64,
	    hex_encode(parent, parent_pub, KEY_PUBLIC_LEN),
	    hex_encode(session, session_pub, KEY_PUBLIC_LEN), expires_at);
}

static int
session_hello_string(char out[CANONICAL_SIZE], const char *mesh_id,
    const uint8_t parent_pub[KEY_PUBLIC_LEN],
    const uint8_t session_pub[KEY_PUBLIC_LEN], int64_t timestamp)
{
	char	 parent[KEY_HEX_SIZE], session[KEY_HEX_SIZE];

	if (id_check(mesh_id) == -1)
		return -1;
	snprintf(out, CANONICAL_SIZE,
	    "claudemesh-session-hello|%s|%s|%s|%" PRId64, mesh_id,
	    hex_encode(parent, parent_pub, KEY_PUBLIC_LEN),
	    hex_encode(session, session_pub, KEY_PUBLIC_LEN), timestamp);
	return 0;
}

static int
string_sign(uint8_t sig[KEY_SIG_LEN], const char *s,
    const uint8_t sec[KEY_SECRET_LEN])
{
	return crypto_sign_detached(sig, NULL, (const uint8_t *)s, strlen(s),
	    sec);
}

static int
string_verify(const uint8_t sig[KEY_SIG_LEN], const char *s,
    const uint8_t pub[KEY_PUBLIC_LEN])
{
	return crypto_sign_verify_detached(sig, (const uint8_t *)s, strlen(s),
	    pub);
}

int
identity_hello_sign(uint8_t sig[KEY_SIG_LEN], const char *mesh_id,
    const char *member_id, const uint8_t member_pub[KEY_PUBLIC_LEN],
    int64_t timestamp, const uint8_t member_sec[KEY_SECRET_LEN])
{
	char	 s[CANONICAL_SIZE];

	if (hello_string(s, mesh_id, member_id, member_pub, timestamp) == -1)
		return -1;
	return string_sign(sig, s, member_sec);
}

int
identity_hello_verify(const uint8_t sig[KEY_SIG_LEN], const char *mesh_id,
    const char *member_id, const uint8_t member_pub[KEY_PUBLIC_LEN],
    int64_t timestamp)
{
	char	 s[CANONICAL_SIZE];

	if (hello_string(s, mesh_id, member_id, member_pub, timestamp) == -1)
		return -1;
	return string_verify(sig, s, member_pub);
}

int
identity_attest_sign(uint8_t sig[KEY_SIG_LEN],
    const uint8_t parent_pub[KEY_PUBLIC_LEN],
    const uint8_t session_pub[KEY_PUBLIC_LEN], int64_t expires_at,
    const uint8_t parent_sec[KEY_SECRET_LEN])
{
	char	 s[CANONICAL_SIZE];

	attest_string(s, parent_pub, session_pub, expires_at);
	return string_sign(sig, s, parent_sec);
}

int
identity_attest_verify(const uint8_t sig[KEY_SIG_LEN],
    const uint8_t parent_pub[KEY_PUBLIC_LEN],
    const uint8_t session_pub[KEY_PUBLIC_LEN], int64_t expires_at)
{
	char	 s[CANONICAL_SIZE];

	attest_string(s, parent_pub, session_pub, expires_at);
	return string_verify(sig, s, parent_pub);
}

int
identity_session_hello_sign(uint8_t sig[KEY_SIG_LEN], const char *mesh_id,
    const uint8_t parent_pub[KEY_PUBLIC_LEN],
    const uint8_t session_pub[KEY_PUBLIC_LEN], int64_t timestamp,
    const uint8_t session_sec[KEY_SECRET_LEN])
{
	char	 s[CANONICAL_SIZE];

	if (session_hello_string(s, mesh_id, parent_pub, session_pub,
	    timestamp) == -1)
		return -1;
	return string_sign(sig, s, session_sec);
}

int
identity_session_hello_verify(const uint8_t sig[KEY_SIG_LEN],
    const char *mesh_id, const uint8_t parent_pub[KEY_PUBLIC_LEN],
    const uint8_t session_pub[KEY_PUBLIC_LEN], int64_t timestamp)
{
	char	 s[CANONICAL_SIZE];

	if (session_hello_string(s, mesh_id, parent_pub, session_pub,
	    timestamp) == -1)
		return -1;
	return string_verify(sig, s, session_pub);
}

int
identity_keypair_check(const uint8_t pub[KEY_PUBLIC_LEN],
    const uint8_t sec[KEY_SECRET_LEN])
{
	uint8_t	 made_pub[KEY_PUBLIC_LEN], made_sec[KEY_SECRET_LEN];
	int	 ok;

	/* A secret key begins with its seed. */
	crypto_sign_seed_keypair(made_pub, made_sec, sec);
	ok = sodium_memcmp(made_pub, pub, sizeof made_pub) == 0 &&
	    sodium_memcmp(made_sec, sec, sizeof made_sec) == 0;
	sodium_memzero(made_sec, sizeof made_sec);
	return ok ? 0 : -1;
}
