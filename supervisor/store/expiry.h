#ifndef STORE_EXPIRY_H
#define STORE_EXPIRY_H

#ifndef PROCESS_STORE
#error "this header belongs to the store"
#endif

/*
 * Rows that are too old.  Those whose worker is connected are claimed first,
 * as an operator would; what is not free comes again at the next walk.
 */

#include <stdint.h>

#include "supervisor/store/claims.h"
#include "supervisor/store/tables.h"

struct expiry;

/* Borrows all.  ready_cb: workers have answered, expiry_step has work. */
struct expiry *expiry_new(struct tables *, struct peers *, struct claims *,
	    void (*ready_cb)(void *), void *arg);
void	expiry_free(struct expiry **);

/* From the oldest row again. */
void	expiry_begin(struct expiry *);

/*
 * In a transaction: at most one row that was enqueued before that.  *more_r: go
 * on; 0: all is done, or waits for workers.
 */
enum op	expiry_step(struct expiry *, int64_t before, int64_t now,
	    struct notes *, int *more_r);

/* The transaction is over: rows are let go, all of them when it failed. */
void	expiry_settle(struct expiry *, int committed);

#endif
