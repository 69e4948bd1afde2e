/*
 * The fingerprint of a send: what tells a repeated request from another one
 * under the same id.  Its bytes are those of the reference implementation.
 */

#include "common/fingerprint.h"

#include <sodium.h>
#include <string.h>

#define ENVELOPE_VERSION	"1"

_Static_assert(FINGERPRINT_LEN == crypto_hash_sha256_BYTES, "SHA-256");

void
fingerprint_destination(const char *to, const char **kind_r,
    const char **ref_r)
{
	*kind_r = "topic";
	*ref_r = to;
	if (to[0] == '@')
		*ref_r = to + 1;
	else if (strcmp(to, "*") != 0)
		*kind_r = "dm";
}

void
fingerprint_compute(uint8_t out[FINGERPRINT_LEN], const char *kind,
    const char *ref, const char *reply_to, const char *priority,
    const char *meta_canonical, const void *body, size_t bodylen)
{
	const char *const		 parts[] = {
		ENVELOPE_VERSION, kind, ref, reply_to, priority,
		meta_canonical,
	};
	crypto_hash_sha256_state	 st;
	uint8_t				 digest[crypto_hash_sha256_BYTES];
	const char			*part;
	size_t				 i;

	crypto_hash_sha256_init(&st);
	for (i = 0; i < sizeof parts / sizeof *parts; i++) {
		part = parts[i] != NULL ? parts[i] : "";
		/* The NUL is the separator. */
		crypto_hash_sha256_update(&st, (const uint8_t *)part,
		    strlen(part) + 1);
	}
	crypto_hash_sha256(digest, body, bodylen);
	crypto_hash_sha256_update(&st, digest, sizeof digest);
	crypto_hash_sha256_final(&st, out);
	sodium_memzero(&st, sizeof st);
}
