#ifndef BROKER_DELIVER_H
#define BROKER_DELIVER_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/*
 * Who gets a stored message, and what happens until it is acknowledged.
 *
 * A recipient is a key.  Its box is there while a reader (a connection) may
 * take from it: the one with that key, and for a member's key also those of
 * the member's sessions.  Giving a message to a reader claims it for that
 * reader for a while; a claim ends with the acknowledgement, with the reader,
 * or by lapsing, and in the last two cases the message is given again.
 *
 * Order: messages of one sender to one recipient in one priority are a stream.
 * What is claimed of a stream is always its oldest part, by one reader.  So
 * when one claim lapses, the later ones of that stream end with it, and all
 * are given again in order.
 */

#include <stdint.h>
#include <sys/queue.h>

#include "contrib/broker/queue.h"

struct box;
struct deliver;
struct stream;

/* What one reader may have claimed at a time. */
#define DELIVER_WINDOW	512
#define DELIVER_HOLD_MS	30000

struct seat {
	TAILQ_ENTRY(seat)	 entry;
	struct box		*box;
	struct reader		*reader;
};

/* Lives in a connection. */
struct reader {
	int64_t	 key;		/* its own */
	int64_t	 member_key;	/* its member's; may be the same */
	/* May it be given more?  No: until deliver_room(). */
	int	 (*room)(struct reader *);
	void	 (*push)(struct reader *, const struct message *);

	/* deliver.c's own. */
	struct seat		 seats[2];
	LIST_HEAD(, stream)	 streams;
	unsigned		 claims;
	int			 quiet;
};

struct deliver *deliver_new(struct queue *, int64_t hold_ms);
void	deliver_free(struct deliver **);

/* A reader comes and goes.  What waits for it is given by deliver_run(). */
void	deliver_open(struct deliver *, struct reader *);
void	deliver_close(struct deliver *, struct reader *);

/*
 * It is not to be disturbed, or may be again: until then it gets messages of
 * priority "now" only.  A reader that has just come may be.
 */
void	deliver_quiet(struct deliver *, struct reader *, int on);

/* The reader has room again. */
void	deliver_room(struct deliver *, struct reader *);

/*
 * Is there anybody here who would be given a message of this sender to that
 * recipient?
 */
int	deliver_is_served(const struct deliver *, int64_t recipient,
	    int64_t sender);

/* A message was just stored. */
void	deliver_message(struct deliver *, const struct message *);

/*
 * A reader acknowledges, by id or, having been given none, by client id: then
 * all of that client id that it has claimed.  Others' messages are left alone.
 */
void	deliver_ack(struct deliver *, struct reader *, const char *id);
void	deliver_ack_client(struct deliver *, struct reader *,
	    const char *client_id);

/* Give at most max messages of those that wait.  1: there is more to do. */
int	deliver_run(struct deliver *, int max);

/*
 * End the claims that have lapsed by now (monotonic ms).  When to come again,
 * or -1 when nothing is claimed.
 */
int64_t	deliver_lapse(struct deliver *, int64_t now);

/* A transaction was rolled back: look at everything again. */
void	deliver_rewind(struct deliver *);

#endif
