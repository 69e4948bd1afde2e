#ifndef COMMON_IDENTITY_H
#define COMMON_IDENTITY_H

/*
 * The canonical strings that the wire protocol signs (ed25519), and their
 * signatures.  Keys and signatures are raw bytes here, hex on the wire.
 */

#include <stddef.h>
#include <stdint.h>

#define KEY_PUBLIC_LEN	32	/* crypto_sign_PUBLICKEYBYTES */
#define KEY_SECRET_LEN	64	/* crypto_sign_SECRETKEYBYTES */
#define KEY_SIG_LEN	64	/* crypto_sign_BYTES */

#define IDENTITY_ID_MAX		128	/* bytes of a mesh or member id */
#define IDENTITY_SKEW_MS	60000	/* a broker refuses more */
#define IDENTITY_TTL_MAX_MS	(24 * 3600 * 1000LL)
#define IDENTITY_TTL_MS		(12 * 3600 * 1000LL)	/* what we mint */

/* "meshId|memberId|pubkey|timestamp" */
int	identity_hello_sign(uint8_t sig[KEY_SIG_LEN], const char *mesh_id,
	    const char *member_id, const uint8_t member_pub[KEY_PUBLIC_LEN],
	    int64_t timestamp, const uint8_t member_sec[KEY_SECRET_LEN]);
int	identity_hello_verify(const uint8_t sig[KEY_SIG_LEN],
	    const char *mesh_id, const char *member_id,
	    const uint8_t member_pub[KEY_PUBLIC_LEN], int64_t timestamp);

/* "claudemesh-session-attest|parent|session|expiresAt", by the member. */
int	identity_attest_sign(uint8_t sig[KEY_SIG_LEN],
	    const uint8_t parent_pub[KEY_PUBLIC_LEN],
	    const uint8_t session_pub[KEY_PUBLIC_LEN], int64_t expires_at,
	    const uint8_t parent_sec[KEY_SECRET_LEN]);
int	identity_attest_verify(const uint8_t sig[KEY_SIG_LEN],
	    const uint8_t parent_pub[KEY_PUBLIC_LEN],
	    const uint8_t session_pub[KEY_PUBLIC_LEN], int64_t expires_at);

/* "claudemesh-session-hello|meshId|parent|session|timestamp", by the session. */
int	identity_session_hello_sign(uint8_t sig[KEY_SIG_LEN],
	    const char *mesh_id, const uint8_t parent_pub[KEY_PUBLIC_LEN],
	    const uint8_t session_pub[KEY_PUBLIC_LEN], int64_t timestamp,
	    const uint8_t session_sec[KEY_SECRET_LEN]);
int	identity_session_hello_verify(const uint8_t sig[KEY_SIG_LEN],
	    const char *mesh_id, const uint8_t parent_pub[KEY_PUBLIC_LEN],
	    const uint8_t session_pub[KEY_PUBLIC_LEN], int64_t timestamp);

/*
 * All return 0, or -1: an id that is empty, longer than IDENTITY_ID_MAX or
 * holds a "|" or a control character; or a signature that does not verify.
 */

/*
 * Does the secret key belong to the public one?  (Its second half is the
 * public key, and its seed makes it.)  0 or -1.
 */
int	identity_keypair_check(const uint8_t pub[KEY_PUBLIC_LEN],
	    const uint8_t sec[KEY_SECRET_LEN]);

#endif
