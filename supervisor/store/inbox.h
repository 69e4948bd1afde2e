#ifndef STORE_INBOX_H
#define STORE_INBOX_H

#ifndef PROCESS_STORE
#error "this header belongs to the store"
#endif

/* Rows received.  Everything here happens inside the caller's transaction. */

#include <stdint.h>

#include "common/msg.h"
#include "supervisor/store/db.h"
#include "supervisor/store/notes.h"

struct inbox;

struct inbox *inbox_new(struct db *);
void	inbox_free(struct inbox **);

/*
 * Store what came over a channel, or find that it is a copy (row 0: of a
 * deleted one).  The channel says whose row it is.  What replaces a row that
 * nobody had opened brings that row's id; a row that is quarantined stays as it
 * is, one that is opened gets a new sequence.
 */
enum op	inbox_put(struct inbox *, const struct msg_channel *,
	    const struct msg_put *, int64_t now, struct notes *,
	    struct msg_stored *);

/* A row of the outbox ended badly: tell its sender. */
struct inbox_notice {
	const uint8_t	*owner;		/* of the outbox row */
	enum row_kind	 kind;
	const char	*mesh;
	const uint8_t	*sender;	/* KEY_PUBLIC_LEN */
	const char	*client_id, *target, *reason;
};
enum op	inbox_notice(struct inbox *, const struct inbox_notice *,
	    int64_t now, struct notes *);

/* Has the owner rows in handover? */
enum op	inbox_has_handover(struct inbox *, const uint8_t owner[OWNER_ID_LEN],
	    int *has_r);

#endif
