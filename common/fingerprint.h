#ifndef COMMON_FINGERPRINT_H
#define COMMON_FINGERPRINT_H

/* request_fingerprint of a send, delivery.md section 2. */

#include <stddef.h>
#include <stdint.h>

#define FINGERPRINT_LEN	32

/*
 * Split "to" as its sender gave it: "@name" is topic "name", "*" is topic
 * "*", anything else is dm.  Both results point to static text or into to.
 */
void	fingerprint_destination(const char *to, const char **kind_r,
	    const char **ref_r);

/*
 * reply_to and meta_canonical may be NULL (absent); meta_canonical is the
 * output of canon_dump().  priority is "now", "next" or "low".
 */
void	fingerprint_compute(uint8_t out[FINGERPRINT_LEN], const char *kind,
	    const char *ref, const char *reply_to, const char *priority,
	    const char *meta_canonical, const void *body, size_t bodylen);

#endif
