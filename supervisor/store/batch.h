#ifndef STORE_BATCH_H
#define STORE_BATCH_H

#ifndef PROCESS_STORE
#error "this header belongs to the store"
#endif

/*
 * One transaction for all who wait: applied, committed once, then answered.
 * Nothing is waited for: a batch is what is there when it begins.
 */

#include <stdint.h>

#include "supervisor/store/claims.h"
#include "supervisor/store/peers.h"
#include "supervisor/store/tables.h"

struct batch;

/*
 * Borrows all.  The keys of deleted rows are kept for the retention, 0: for
 * ever.  ready_cb: there is work for a batch, of which no peer knows.
 */
struct batch *batch_new(struct tables *, struct peers *, struct claims *,
	    int64_t retention_ms, void (*ready_cb)(void *), void *arg);
void	batch_free(struct batch **);

/*
 * Returns how many answers there were.  Somebody may still be ready then: time
 * was up, and the next batch is to follow, from the loop.
 */
int	batch_run(struct batch *);

/* For tests: how long one transaction may be added to, in microseconds. */
void	batch_set_limit(struct batch *, int64_t us);
uint64_t batch_operations(const struct batch *);

#endif
