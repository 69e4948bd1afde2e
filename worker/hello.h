#ifndef WORKER_HELLO_H
#define WORKER_HELLO_H

/* The first frame of a connection: who we are, and proof of it. */

#include "worker/outbuf.h"
#include "worker/self.h"

/* The member's word for a session key. */
struct attestation {
	int64_t		 expires_at;	/* 0: none */
	uint8_t		 sig[KEY_SIG_LEN];
};

/*
 * Write hello or session_hello, signed for this moment.  0 or -1: an id that
 * cannot be signed (logged).
 */
int	hello_write(struct outbuf *, const struct self *,
	    const struct attestation *, int64_t now_ms);

#endif
