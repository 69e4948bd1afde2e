#ifndef COMMON_ENVELOPE_H
#define COMMON_ENVELOPE_H

/*
 * Direct messages: crypto_box with the X25519 forms of two ed25519 keys.  One
 * X25519 multiplication per peer, not per message: an envelope_box keeps the
 * shared keys (crypto_box_beforenm) of the peers used last.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/identity.h"

#define ENVELOPE_NONCE_LEN	24	/* crypto_box_NONCEBYTES */
#define ENVELOPE_MAC_LEN	16	/* crypto_box_MACBYTES */
#define ENVELOPE_CACHE_MAX	256	/* peers; the one used longest ago goes */

struct envelope_box;

/*
 * Keeps the X25519 form of the ed25519 secret key, in guarded memory.  NULL:
 * not a usable key (its halves do not belong together).
 */
struct envelope_box *envelope_box_new(const uint8_t sec[KEY_SECRET_LEN]);

/* Wipes.  A box that is NULL is accepted. */
void	envelope_box_free(struct envelope_box **);

/*
 * out has room for len + ENVELOPE_MAC_LEN bytes.  -1: peer is not a valid
 * ed25519 public key.
 */
int	envelope_seal(struct envelope_box *, uint8_t *out,
	    const uint8_t peer[KEY_PUBLIC_LEN],
	    const uint8_t nonce[ENVELOPE_NONCE_LEN], const void *text,
	    size_t len);

/*
 * out has room for len - ENVELOPE_MAC_LEN bytes.  -1: does not open with this
 * key, or peer is not a valid key, or len is too small.
 */
int	envelope_open(struct envelope_box *, uint8_t *out,
	    const uint8_t peer[KEY_PUBLIC_LEN],
	    const uint8_t nonce[ENVELOPE_NONCE_LEN], const uint8_t *box,
	    size_t len);

#endif
