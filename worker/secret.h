#ifndef WORKER_SECRET_H
#define WORKER_SECRET_H

/*
 * The secret key and the body key, in guarded memory; nobody else sees them.
 * What a worker may do with them is the list of functions below.
 */

#include "common/msg.h"

struct secret;

/*
 * Mint, take or unwrap the key, as the set-up says, and wipe every key of it.
 * wrapped_r gets the secret key under the wrap key; zero for a member, whose
 * key is kept in a file of its own.  NULL with a log line: a key that is none,
 * or does not unwrap.
 */
struct secret *secret_new(struct msg_setup_worker *,
	    uint8_t wrapped_r[WRAPPED_LEN]);
void	secret_free(struct secret **);

/* Borrowed, KEY_PUBLIC_LEN bytes. */
const uint8_t *secret_pub(const struct secret *);

/* As the functions of identity.h, with the own key. */
int	secret_sign_hello(const struct secret *, uint8_t sig[KEY_SIG_LEN],
	    const char *mesh_id, const char *member_id, int64_t timestamp);
int	secret_sign_session_hello(const struct secret *,
	    uint8_t sig[KEY_SIG_LEN], const char *mesh_id,
	    const uint8_t parent_pub[KEY_PUBLIC_LEN], int64_t timestamp);
int	secret_sign_attest(const struct secret *, uint8_t sig[KEY_SIG_LEN],
	    const uint8_t session_pub[KEY_PUBLIC_LEN], int64_t expires_at);

/* As envelope_seal() and envelope_open(). */
int	secret_seal(struct secret *, uint8_t *out,
	    const uint8_t peer[KEY_PUBLIC_LEN],
	    const uint8_t nonce[ENVELOPE_NONCE_LEN], const void *text,
	    size_t len);
int	secret_open(struct secret *, uint8_t *out,
	    const uint8_t peer[KEY_PUBLIC_LEN],
	    const uint8_t nonce[ENVELOPE_NONCE_LEN], const uint8_t *box,
	    size_t len);

/* As body_seal() (no meta) and body_open(). */
uint8_t	*secret_body_seal(const struct secret *, const struct body_context *,
	    const void *text, size_t textlen, size_t *len_r);
int	secret_body_open(const struct secret *, const struct body_context *,
	    const uint8_t *sealed, size_t len, uint8_t **buf_r,
	    size_t *buflen_r, const char **text_r, size_t *textlen_r);

#endif
