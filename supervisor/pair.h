#ifndef SUPERVISOR_PAIR_H
#define SUPERVISOR_PAIR_H

/*
 * Channels between children: gate-store, gate-worker, worker-store.  The
 * supervisor makes the socketpair, gives both ends away and keeps none.
 */

struct child;

/* A child came up: give it a channel to each sibling that is up. */
void	pair_up(struct child *);

#endif
