#ifndef STORE_NOTES_H
#define STORE_NOTES_H

#ifndef PROCESS_STORE
#error "this header belongs to the store"
#endif

/*
 * What others are told once a transaction is committed.  What is noted of one
 * owner many times is told once.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/msg.h"

enum note_kind {
	NOTE_WAKE,		/* to its worker: new rows in the outbox */
	NOTE_HANDOVER,		/* to its worker: rows to open */
	NOTE_ROWS,		/* to the gate: inbox rows up to seq */
};

struct note {
	enum note_kind	 kind;
	uint8_t		 owner[OWNER_ID_LEN];
	int64_t		 seq;
};

struct notes {
	struct note	*v;
	size_t		 n, size;
	struct msg_outcome *ended;	/* rows of the outbox that have ended */
	size_t		 nended, endedsize;
};

void	notes_add(struct notes *, enum note_kind,
	    const uint8_t owner[OWNER_ID_LEN], int64_t seq);
void	notes_ended(struct notes *, const uint8_t owner[OWNER_ID_LEN],
	    const char *client_id, enum row_state, const char *reason);

/* One of each kind and owner is left, the one with the greatest sequence. */
void	notes_unique(struct notes *);

/* Forget them all; the memory is kept. */
void	notes_clear(struct notes *);
void	notes_free(struct notes *);

#endif
