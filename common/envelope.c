/*
 * Direct messages.  The secret key and the shared keys are in one block of
 * guarded memory: not swapped, not dumped, wiped when freed.
 */

#include "common/envelope.h"

#include <sodium.h>
#include <string.h>

#include "common/log.h"

_Static_assert(ENVELOPE_NONCE_LEN == crypto_box_NONCEBYTES, "nonce");
_Static_assert(ENVELOPE_MAC_LEN == crypto_box_MACBYTES, "mac");

/*
 * The keys of the peers stand together, apart from what belongs to them: a
 * look-up reads all of them, 8 KiB, which is little beside the cipher.
 */
struct envelope_box {
	uint8_t		 secret[crypto_box_SECRETKEYBYTES];
	uint8_t		 peers[ENVELOPE_CACHE_MAX][KEY_PUBLIC_LEN];
	uint8_t		 shared[ENVELOPE_CACHE_MAX][crypto_box_BEFORENMBYTES];
	uint64_t	 used[ENVELOPE_CACHE_MAX];	/* 0: free */
	uint64_t	 clock;				/* of the last use */
};

struct envelope_box *
envelope_box_new(const uint8_t sec[KEY_SECRET_LEN])
{
	struct envelope_box	*b;

	/* The second half is the public key. */
	if (identity_keypair_check(sec + KEY_SECRET_LEN - KEY_PUBLIC_LEN,
	    sec) == -1)
		return NULL;
	if ((b = sodium_malloc(sizeof *b)) == NULL)
		fatal("envelope: guarded memory");
	memset(b, 0, sizeof *b);
	if (crypto_sign_ed25519_sk_to_curve25519(b->secret, sec) != 0)
		envelope_box_free(&b);
	return b;
}

void
envelope_box_free(struct envelope_box **b)
{
	sodium_free(*b);
	*b = NULL;
}

/* Compute the key shared with a peer.  -1: not a valid key. */
static int
box_agree(struct envelope_box *b, uint8_t shared[crypto_box_BEFORENMBYTES],
    const uint8_t peer[KEY_PUBLIC_LEN])
{
	uint8_t	 x[crypto_box_PUBLICKEYBYTES];

	if (crypto_sign_ed25519_pk_to_curve25519(x, peer) != 0)
		return -1;
	return crypto_box_beforenm(shared, x, b->secret);
}

/*
 * The key shared with a peer, into b, until the next call; NULL: not a valid
 * key.  Such a one takes no place from another.
 */
static const uint8_t *
box_shared(struct envelope_box *b, const uint8_t peer[KEY_PUBLIC_LEN])
{
	uint8_t	 fresh[crypto_box_BEFORENMBYTES];
	size_t	 i, oldest = 0, at = ENVELOPE_CACHE_MAX;

	/* No early end: the time taken does not tell who wrote last. */
	for (i = 0; i < ENVELOPE_CACHE_MAX; i++) {
		if (memcmp(b->peers[i], peer, KEY_PUBLIC_LEN) == 0 &&
		    b->used[i] != 0)
			at = i;
		if (b->used[i] < b->used[oldest])
			oldest = i;
	}
	if (at == ENVELOPE_CACHE_MAX) {
		if (box_agree(b, fresh, peer) == -1)
			return NULL;
		at = oldest;
		memcpy(b->peers[at], peer, KEY_PUBLIC_LEN);
		memcpy(b->shared[at], fresh, sizeof fresh);
		sodium_memzero(fresh, sizeof fresh);
	}
	b->used[at] = ++b->clock;
	return b->shared[at];
}

int
envelope_seal(struct envelope_box *b, uint8_t *out,
    const uint8_t peer[KEY_PUBLIC_LEN],
    const uint8_t nonce[ENVELOPE_NONCE_LEN], const void *text, size_t len)
{
	const uint8_t	*shared;

	if ((shared = box_shared(b, peer)) == NULL)
		return -1;
	return crypto_box_easy_afternm(out, text, len, nonce, shared);
}

int
envelope_open(struct envelope_box *b, uint8_t *out,
    const uint8_t peer[KEY_PUBLIC_LEN],
    const uint8_t nonce[ENVELOPE_NONCE_LEN], const uint8_t *box, size_t len)
{
	const uint8_t	*shared;

	if (len < ENVELOPE_MAC_LEN)
		return -1;
	if ((shared = box_shared(b, peer)) == NULL)
		return -1;
	return crypto_box_open_easy_afternm(out, box, len, nonce, shared);
}
