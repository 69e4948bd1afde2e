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

#include "supervisor/store/peers.h"
#include "supervisor/store/tables.h"

struct batch;

/* Borrows both. */
struct batch *batch_new(struct tables *, struct peers *);
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
