#ifndef COMMON_RULES_H
#define COMMON_RULES_H

/*
 * Who may send what, and when: each process has one table, and what is not in
 * it is nonsense.  The supervisor, store and gate drop a peer that talks
 * nonsense; a worker, resolver or broker that hears nonsense dies.
 */

#include <stddef.h>

#include "common/msg.h"

struct rule {
	enum msg_type	 type;
	unsigned	 peers;		/* PEER_* that may send it */
	unsigned	 states;	/* states of the receiver, its own bits */
	int		(*handle)(void *peer, struct msg *);
};

/*
 * Find the rule and call it.  0, or -1: no such rule for this peer in this
 * state, or the handler said that it is nonsense; logged once by the caller.
 */
int	rules_dispatch(const struct rule *, size_t n, unsigned peer,
	    unsigned state, void *arg, struct msg *);

/* How every child takes MSG_SUP_LOG_LEVEL; for its table. */
int	rules_log_level(void *arg, struct msg *);

#endif
