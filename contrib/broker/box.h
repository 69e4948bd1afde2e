#ifndef BROKER_BOX_H
#define BROKER_BOX_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/*
 * Boxes: where messages for one key are given out.  A box is there while a
 * reader sits at it.  Only deliver.c uses this.
 */

#include <stdint.h>
#include <sys/queue.h>

#include "contrib/broker/queue.h"
#include "contrib/broker/table.h"

struct reader;
struct seat;

#define NLANES	(PRIORITY_MAX + 1)

/* One priority of a box. */
struct lane {
	/*
	 * Every waiting message up to here is claimed, or was passed over
	 * because no reader may have it.
	 */
	int64_t	 cursor;
	int	 backlog;	/* there may be some above it */
	int	 passed;	/* some may have been passed over */
};

struct box {
	struct link		 link;		/* in boxes.table */
	TAILQ_ENTRY(box)	 all, ready;
	int			 is_ready;
	int64_t			 key;
	TAILQ_HEAD(, seat)	 seats;		/* first choice first */
	struct lane		 lanes[NLANES];
};

struct boxes {
	struct table		 table;
	TAILQ_HEAD(, box)	 all;
	TAILQ_HEAD(, box)	 ready;		/* to be looked at */
};

void	boxes_init(struct boxes *);
void	boxes_clear(struct boxes *);

struct box *box_find(const struct boxes *, int64_t key);
void	box_ready(struct boxes *, struct box *);
void	box_unready(struct boxes *, struct box *);
int	box_backlog(const struct box *);

/* Look at a lane again, from this sequence number. */
void	lane_rewind(struct boxes *, struct box *, int priority, int64_t seq);

/*
 * A reader sits down at the box of a key, which is made if need be, and leaves
 * it; the last one takes the box away.
 */
void	seat_take(struct boxes *, struct seat *, struct reader *, int64_t key);
void	seat_leave(struct boxes *, struct seat *);

/* Make a reader first choice, if the box is its own, or last. */
void	seat_first(struct seat *);
void	seat_last(struct seat *);

#endif
