#ifndef WORKER_MEMBER_H
#define WORKER_MEMBER_H

/* What only a member's worker does. */

#include "worker/peer.h"
#include "worker/push.h"
#include "worker/self.h"

/*
 * Sign for 12 h that a session's key is ours, as the supervisor asked, and
 * answer it.
 */
void	member_attest(const struct self *, struct peer *sup, uint32_t seq,
	    const struct msg_attest *);

/*
 * Publish a system push: what was checked of it goes to the gate.  -1: it does
 * not take it.
 */
int	member_event(struct peer *gate, const struct push *);

/* Say that so many did not reach the gate.  0, -1. */
int	member_lost(struct peer *gate, unsigned);

#endif
