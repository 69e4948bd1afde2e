#ifndef GATE_BATCH_H
#define GATE_BATCH_H
#ifndef PROCESS_GATE
#error "supervisor/gate is private to the gate"
#endif

/* The next message events of a scope above a cursor, few at a time. */

#include <stddef.h>
#include <stdint.h>

#include "common/uuid.h"

struct evbuffer;
struct gate;
struct scope;

struct batch_piece {
	int64_t	 seq;
	char	*json;			/* NULL: a row that is no event */
};

struct batch {
	struct batch_piece *pieces;	/* in order */
	size_t		 n, room;
	int64_t		 cursor;	/* above which the next one reads */
	int		 more;		/* there may be a next one */
};

/*
 * Read; of rows up to unread_to only what was not seen.  -1: the database
 * failed.  To be cleared in any case.
 */
int	batch_read(struct batch *, struct gate *, const struct scope *,
	    int64_t after, int64_t unread_to);
void	batch_clear(struct batch *);

/* Append the events, each with its id. */
void	batch_write(const struct batch *, const char epoch[UUID_SIZE],
	    struct evbuffer *);

#endif
