/*
 * Rows that the store wants to change: hold, abort, requeue, expire.  A row
 * that is under way is refused; any other is not sent until the store has
 * decided, and neither is what follows it to the same target.
 */

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "worker/drain_impl.h"

#define CLAIMS_MAX	4096

struct claim *
drain_claim_find(struct drain *d, int64_t row)
{
	struct claim	*c;

	TAILQ_FOREACH(c, &d->claims, entry)
		if (c->row == row)
			return c;
	return NULL;
}

/* Whoever waited for the row looks again. */
static void
drain_claim_free(struct drain *d, struct claim *c)
{
	if (c->target != NULL) {
		c->target->halted = 0;
		targets_update(&d->targets, c->target, clock_mono_ms());
	}
	TAILQ_REMOVE(&d->claims, c, entry);
	d->nclaims--;
	free(c);
}

void
drain_claims_clear(struct drain *d)
{
	while (!TAILQ_EMPTY(&d->claims))
		drain_claim_free(d, TAILQ_FIRST(&d->claims));
}

int
drain_claim(struct drain *d, int64_t row)
{
	struct claim	*c;

	if (window_find_row(&d->window, row) != NULL ||
	    report_has_ended(d->report, row) || d->nclaims >= CLAIMS_MAX)
		return 0;
	if (drain_claim_find(d, row) != NULL)
		return 1;
	c = xcalloc(1, sizeof *c);
	c->row = row;
	TAILQ_INSERT_TAIL(&d->claims, c, entry);
	d->nclaims++;
	return 1;
}

/* A row that was released is of a target that we may not know of. */
void
drain_unclaim(struct drain *d, int64_t row)
{
	struct claim	*c = drain_claim_find(d, row);
	int		 known = 0;

	if (c != NULL) {
		known = c->target != NULL;
		drain_claim_free(d, c);
	}
	if (!known)
		drain_rescan(d, 1);
	drain_kick(d);
}
