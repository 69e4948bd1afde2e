#ifndef STORE_OPERATE_H
#define STORE_OPERATE_H

#ifndef PROCESS_STORE
#error "this header belongs to the store"
#endif

/*
 * What operators do to rows of the outbox.  Everything here happens inside the
 * caller's transaction, and may be repeated: it is answered like the first
 * time.
 */

#include <stdint.h>

#include "common/msg.h"
#include "supervisor/store/db.h"
#include "supervisor/store/notes.h"

struct operates;

struct operates *operates_new(struct db *);
void	operates_free(struct operates **);

/* Could an honest gate ask that? */
int	operate_sound(const struct msg_operate *);
int	operate_requeue_sound(const struct msg_requeue *);

/*
 * *open_r: the row can still be sent, so that its worker has to agree.  A row
 * that is not there is not open.
 */
enum op	operate_look(struct operates *, int64_t row,
	    uint8_t owner_r[OWNER_ID_LEN], int *open_r);

/* Change one row.  free: its worker agrees, if it has one. */
enum op	operate_row(struct operates *, enum operation, const char *by,
	    int64_t row, int free, int64_t now, struct notes *,
	    enum operate_result *);

enum op	operate_requeue(struct operates *, const struct msg_requeue *,
	    int free, int64_t now, struct notes *, struct msg_requeued *);

#endif
