#ifndef STORE_CLAIMS_H
#define STORE_CLAIMS_H

#ifndef PROCESS_STORE
#error "this header belongs to the store"
#endif

/*
 * Rows that somebody else than their worker wants to change.  The worker, if
 * one is connected, is asked whether the row is free: not in its window, and
 * not to be sent before it hears that it may look at it again.  It is waited
 * for, but not for long, and nobody else waits meanwhile.
 */

#include <stdint.h>

#include "supervisor/store/peers.h"

struct claim;
struct claims;
struct event_base;

enum claim_state {
	CLAIM_WAITS,		/* for the worker */
	CLAIM_FREE,		/* the row may be changed, while it is held */
	CLAIM_REFUSED,		/* in the window, or no answer in time */
};

/* Who holds claims.  cb: one of them does not wait any more. */
struct claimant {
	unsigned	 waits;		/* how many of them wait */
	void		(*cb)(void *arg);
	void		*arg;
};

/* Borrows peers, and is told by them who comes and goes. */
struct claims *claims_new(struct event_base *, struct peers *);
void	claims_free(struct claims **);

/*
 * Claim a row of an owner; it may be free at once.  With ask 0 the worker is
 * not asked, only told afterwards.  cb is not called from in here.
 */
struct claim *claim_take(struct claims *, struct claimant *,
	    const uint8_t owner[OWNER_ID_LEN], int64_t row, int ask);
enum claim_state claim_state(const struct claim *);

/* All is done, or not: the worker looks at the row again.  Accepts NULL. */
void	claim_drop(struct claim **);

/* What a worker answered. */
void	claims_answer(struct claims *, const struct peer *, uint32_t seq,
	    const struct msg_claimed *);

/* For tests: how long a worker may take, in ms. */
void	claims_set_limit(struct claims *, int64_t ms);

#endif
