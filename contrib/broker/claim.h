#ifndef BROKER_CLAIM_H
#define BROKER_CLAIM_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/*
 * Messages that were given to a reader and are not acknowledged yet, by stream:
 * one sender to one recipient in one priority.  Only deliver.c uses this.
 */

#include <stdint.h>
#include <sys/queue.h>

#include "contrib/broker/queue.h"
#include "contrib/broker/table.h"

struct box;
struct reader;

struct stream_key {
	int64_t	 recipient, sender, priority;
};

struct stream {
	struct link		 link;		/* in claims.streams */
	struct stream_key	 key;
	struct box		*box;
	struct reader		*owner;
	LIST_ENTRY(stream)	 of_owner;
	TAILQ_HEAD(, claim)	 claims;	/* in order; never empty */
};

struct claim {
	struct link		 link;		/* in claims.claims */
	TAILQ_ENTRY(claim)	 in_stream, by_time;
	struct stream		*stream;
	int64_t			 seq, at;
	char			*client_id;
	char			 id[QUEUE_ID_SIZE];
};

struct claims {
	struct table		 streams, claims;
	TAILQ_HEAD(, claim)	 by_time;	/* oldest first */
};

void	claims_init(struct claims *);
void	claims_clear(struct claims *);

/* By the id of the message, or NULL. */
struct claim *claim_find(const struct claims *, const char *id);

/* The stream of a message, or NULL when nothing of it is claimed. */
struct stream *stream_find(const struct claims *, const struct message *);

/* To be followed by a claim. */
struct stream *stream_open(struct claims *, struct box *,
	    struct reader *owner, const struct message *);

void	claim_add(struct claims *, struct stream *, const struct message *);

/* The last claim of a stream takes the stream with it. */
void	claim_free(struct claims *, struct claim *);

#endif
