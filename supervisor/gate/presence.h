#ifndef GATE_PRESENCE_H
#define GATE_PRESENCE_H
#ifndef PROCESS_GATE
#error "supervisor/gate is private to the gate"
#endif

/* The key of a session at its registration: minted by us, or the client's. */

#include <jansson.h>
#include <stdint.h>

#include "common/msg.h"
#include "supervisor/gate/fault.h"

/*
 * Fill the key and attestation of a registration from its "presence", which
 * may be NULL.  member_pub is the mesh's member key.  Keys are checked to
 * belong together, an attestation to be the member's, for this key, and of
 * use now (ms).  0, -1.  *out holds a secret key after it.
 */
int	presence_parse(const json_t *, const uint8_t member_pub[KEY_PUBLIC_LEN],
	    int64_t now, struct msg_register *out, struct fault *);

#endif
