#ifndef BROKER_FEED_H
#define BROKER_FEED_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/*
 * Topic messages, live: each goes to every connection of every member that
 * subscribes, but the one that sent it.
 *
 * They are numbered, and a peer has a cursor: it was given all that it should
 * get up to there.  Whoever cannot be given one now, because it does not read,
 * does not want to be disturbed or is in its grace, is behind; what it missed
 * is read from the history later, in order.  A push that was not acknowledged
 * when a connection ended is given again when the peer comes back; when more
 * than FEED_OWED_MAX were not, those before are left to the history, which
 * every subscriber may read.
 */

#include <stdint.h>
#include <sys/queue.h>

#include "contrib/broker/queue.h"

struct broker;
struct feed;
struct peer;
struct topic;

#define FEED_OWED_MAX	256

struct feed_owed {
	TAILQ_ENTRY(feed_owed)	 entry;
	int64_t			 seq;
	char			 id[QUEUE_ID_SIZE];
};

/* Lives in a peer. */
struct feed_seat {
	int		 behind;
	int64_t		 seq;		/* its cursor, when it is behind */
	/* And "now" ones, while it is not to be disturbed. */
	int64_t		 now_seq;
	int		 now_missed;
	int64_t		 kept;		/* the cursor in the file */
	TAILQ_HEAD(, feed_owed) owed;	/* pushed, not acknowledged */
	unsigned	 nowed;
	int		 is_ready, is_dirty;
	TAILQ_ENTRY(peer) ready, dirty;
};

void	feed_init(struct feed_seat *);
void	feed_clear(struct feed_seat *);

struct feed *feed_new(struct broker *);
void	feed_free(struct feed **);

/* A new presence: it gets what comes from now on. */
void	feed_open(struct feed *, struct peer *);
/* Its connection ends; the peer stays, for its grace. */
void	feed_close(struct feed *, struct peer *);
/* Another peer with a connection goes on where the old one is. */
void	feed_move(struct feed *, struct peer *to, struct peer *from);
/* It goes. */
void	feed_forget(struct feed *, struct peer *);

/* A message was stored in a topic.  0, or -1: the file failed. */
int	feed_publish(struct feed *, const struct topic *,
	    const struct message *, struct peer *sender);

/* A push was acknowledged.  1: it was one of these. */
int	feed_ack(struct feed *, struct peer *, const char *id);

/* It may be given more: there is room again, or it may be disturbed. */
void	feed_room(struct feed *, struct peer *);

/* Give what was missed, at most max.  1: there is more to do. */
int	feed_run(struct feed *, int max);

/* A transaction was rolled back: look again at all who are behind. */
void	feed_rewind(struct feed *);

/* Write cursors that have moved, now and then. */
void	feed_tick(struct feed *, int64_t now);

#endif
