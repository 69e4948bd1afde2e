#ifndef BROKER_HELLO_FIELDS_H
#define BROKER_HELLO_FIELDS_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/* The part of a hello that nobody signs: what a roster shows. */

#include <jansson.h>

struct peer;

/*
 * 0 when the session id is too long, or groups are not a list of at most
 * PEER_GROUPS_MAX {"name", "role"?} with names that can be sent to.
 */
int	hello_fields_ok(const json_t *);

/*
 * Fill in a peer, from a hello that is ok.  Texts that are longer than the
 * limit are cut; the name falls back to the member's.
 */
void	hello_fields_read(const json_t *, struct peer *, const char *name);

#endif
