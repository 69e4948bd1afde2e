#ifndef WORKER_INBOUND_H
#define WORKER_INBOUND_H

/* A push becomes a row of the inbox, delivery.md section 6. */

#include "worker/push.h"
#include "worker/puts.h"
#include "worker/self.h"

/*
 * A message (not a system push).  -1: there is no room for it; nothing that
 * comes behind it may be taken on this connection.
 */
int	inbound_push(const struct self *, struct puts *, const struct push *);

/*
 * Handover rows of a member: open what opens and quarantine the rest.  after
 * moves on.  0 none left for now, 1 more (there is no room), -1 error of the
 * database.
 */
int	inbound_handover(const struct self *, struct puts *, struct rows *,
	    int64_t *after);

/*
 * What our member could not open, tried with our key, for it may be new: a
 * member's own row takes the place of the old one, a session gets one of its
 * own.  A few rows at a time.  As inbound_handover().
 */
int	inbound_retry(const struct self *, struct puts *, struct rows *,
	    int64_t *after);

#endif
