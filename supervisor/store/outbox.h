#ifndef STORE_OUTBOX_H
#define STORE_OUTBOX_H

#ifndef PROCESS_STORE
#error "this header belongs to the store"
#endif

/* Rows to send.  Everything here happens inside the caller's transaction. */

#include <stdint.h>

#include "common/msg.h"
#include "supervisor/store/db.h"
#include "supervisor/store/inbox.h"
#include "supervisor/store/notes.h"
#include "supervisor/store/owner.h"

struct outbox;

/* Borrows all three. */
struct outbox *outbox_new(struct db *, struct inbox *, struct owners *);
void	outbox_free(struct outbox **);

/* Insert, or find what this client id has already. */
enum op	outbox_accept(struct outbox *, const struct msg_accept *,
	    int64_t now, struct notes *, struct msg_accepted *);

/*
 * What a worker says of a row of the owner.  An ended row is not changed, a
 * row that is gone counts as aborted, and a row of somebody else is nonsense.
 */
enum op	outbox_progress(struct outbox *, const uint8_t owner[OWNER_ID_LEN],
	    const struct msg_progress *, int64_t now, struct notes *,
	    struct msg_recorded *);

/* End the oldest open row of the owner.  *more_r: there was one. */
enum op	outbox_end_one(struct outbox *, const uint8_t owner[OWNER_ID_LEN],
	    const char *reason, int64_t now, struct notes *, int *more_r);

/* Where a walk over old rows stands; zero to begin. */
struct outbox_cursor {
	int64_t	 enqueued_at, seq;
};

/*
 * End the next row that was enqueued before that, unless spare says that it is
 * not ours to end yet.  *more_r: there was one.
 */
enum op	outbox_expire_one(struct outbox *, struct outbox_cursor *,
	    int64_t before,
	    int (*spare)(void *, const uint8_t *owner, int64_t row),
	    void *arg, int64_t now, struct notes *, int *more_r);

/* End this one, if it is still open. */
enum op	outbox_expire_row(struct outbox *, int64_t row, int64_t now,
	    struct notes *);

/* Delete at most n rows that ended before that.  *more_r: there are more. */
enum op	outbox_prune(struct outbox *, int64_t before, int n, int *more_r);

#endif
