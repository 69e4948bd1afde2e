#ifndef STORE_CHORES_H
#define STORE_CHORES_H

#ifndef PROCESS_STORE
#error "this header belongs to the store"
#endif

/*
 * What nobody waits for: expiry, retention, checkpoints, giving space back.
 * After the answers, and in slices of 5 ms, so that nobody waits because of it
 * either.
 */

#include <stdint.h>

#include "common/msg.h"
#include "supervisor/store/claims.h"
#include "supervisor/store/peers.h"
#include "supervisor/store/tables.h"

struct chores;
struct event_base;

/* No row of that owner is open any more, as chores_end_rows() was asked. */
typedef void (*chores_ended_cb)(void *arg, uint32_t seq,
	    const uint8_t owner[OWNER_ID_LEN]);

/* Borrows the first four.  Retention begins at once.  0 ms: for ever. */
struct chores *chores_new(struct event_base *, struct tables *,
	    struct peers *, struct claims *, int64_t retention_ms, int64_t max_age_ms,
	    chores_ended_cb, void *arg);
void	chores_free(struct chores **);

/* The open rows of an owner are to die; seq is for the callback. */
void	chores_end_rows(struct chores *, uint32_t seq,
	    const struct msg_end_rows *);

/* A batch has been committed and answered. */
void	chores_after_batch(struct chores *);

/* Before an exit: do what is due at once, until that monotonic time. */
void	chores_finish(struct chores *, int64_t end_ms);

/* For tests: make it time for what comes every minute and every hour. */
void	chores_minute(struct chores *);
void	chores_hour(struct chores *);

#endif
