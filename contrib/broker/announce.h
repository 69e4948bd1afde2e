#ifndef BROKER_ANNOUNCE_H
#define BROKER_ANNOUNCE_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/* System pushes about who comes and goes, and what it says of itself. */

#include <stdint.h>

struct frame;
struct mesh;
struct peer;

/*
 * A peer joined.  last_seen_at: when its member was here before, or 0; summary:
 * what it said of itself then, or NULL.  A member's own connections are not
 * told of the member, but of its sessions.
 */
void	announce_joined(const struct peer *, int64_t last_seen_at,
	    const char *summary);

/* A peer left, and is no longer among the mesh's. */
void	announce_left(const struct mesh *, const struct peer *);

/* Something else of it: "peer_hidden", "peer_visible", "profile_updated". */
void	announce_event(const struct peer *, const char *event);
/* A frame for everybody else of its mesh who keeps up with what is sent. */
void	announce_others(const struct peer *, struct frame *);

#endif
