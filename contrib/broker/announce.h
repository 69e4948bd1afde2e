#ifndef BROKER_ANNOUNCE_H
#define BROKER_ANNOUNCE_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/* System pushes about who comes and goes. */

#include <stdint.h>

struct mesh;
struct peer;

/*
 * A peer joined.  last_seen_at: when its member was here before, or 0.  A
 * member's own connections are not told of the member, but of its sessions.
 */
void	announce_joined(const struct peer *, int64_t last_seen_at);

/* A peer left, and is no longer among the mesh's. */
void	announce_left(const struct mesh *, const struct peer *);

#endif
