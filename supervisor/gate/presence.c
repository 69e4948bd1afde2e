/* The key that a client brings, and what proves that it may. */

#include "supervisor/gate/presence.h"

#include <sodium.h>
#include <string.h>

#include "common/encode.h"
#include "common/identity.h"

static int
refuse(struct fault *f, const char *detail)
{
	return fault_set(f, 400, "invalid_presence", "%s", detail);
}

/* A member of exactly len bytes in lower-case hex. */
static int
get_hex(const json_t *obj, const char *name, uint8_t *out, size_t len)
{
	const char	*s = json_string_value(json_object_get(obj, name));

	return s != NULL ? hex_decode(out, len, s) : -1;
}

static int
attestation_parse(const json_t *j, const uint8_t member_pub[KEY_PUBLIC_LEN],
    int64_t now, struct msg_register *out, struct fault *f)
{
	uint8_t		 session[KEY_PUBLIC_LEN], parent[KEY_PUBLIC_LEN];
	const json_t	*expires = json_object_get(j, "expires_at");

	if (get_hex(j, "session_pubkey", session, sizeof session) == -1 ||
	    get_hex(j, "parent_member_pubkey", parent, sizeof parent) == -1 ||
	    get_hex(j, "signature", out->attest_sig,
	    sizeof out->attest_sig) == -1 || !json_is_integer(expires))
		return refuse(f, "'parent_attestation' has session_pubkey and "
		    "parent_member_pubkey (64 hex digits each), expires_at "
		    "(ms) and signature (128 hex digits).");
	if (memcmp(session, out->pub, sizeof session) != 0)
		return refuse(f, "The attestation is for another session key.");
	if (memcmp(parent, member_pub, sizeof parent) != 0)
		return refuse(f, "The attestation is by another key than the "
		    "mesh's member's.");
	out->attest_expires_at = json_integer_value(expires);
	if (out->attest_expires_at <= now)
		return refuse(f, "The attestation has expired: make a new one, "
		    "or leave it out.");
	if (out->attest_expires_at - now > IDENTITY_TTL_MAX_MS)
		return refuse(f, "The attestation must not hold for more than "
		    "24 hours.");
	if (identity_attest_verify(out->attest_sig, parent, session,
	    out->attest_expires_at) == -1)
		return refuse(f, "The attestation's signature is wrong.");
	return 0;
}

static int
wants_mint(const json_t *j)
{
	return j == NULL || json_is_null(j) ||
	    (json_is_object(j) && json_object_size(j) == 1 &&
	    json_is_true(json_object_get(j, "mint")));
}

int
presence_parse(const json_t *j, const uint8_t member_pub[KEY_PUBLIC_LEN],
    int64_t now, struct msg_register *out, struct fault *f)
{
	const json_t	*attestation;

	out->key_mode = KEY_MINT;
	if (wants_mint(j))
		return 0;
	if (get_hex(j, "session_pubkey", out->pub, sizeof out->pub) == -1 ||
	    get_hex(j, "session_secret_key", out->secret,
	    sizeof out->secret) == -1)
		return refuse(f, "'presence' is {\"mint\": true}, or has "
		    "session_pubkey (64 hex digits) and session_secret_key "
		    "(128).");
	if (identity_keypair_check(out->pub, out->secret) == -1)
		return refuse(f, "session_secret_key does not belong to "
		    "session_pubkey.");
	out->key_mode = KEY_BROUGHT;
	attestation = json_object_get(j, "parent_attestation");
	if (attestation == NULL || json_is_null(attestation))
		return 0;
	return attestation_parse(attestation, member_pub, now, out, f);
}
