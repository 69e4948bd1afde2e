#ifndef WORKER_TOPICS_H
#define WORKER_TOPICS_H

/*
 * The topics that our owner has joined.  A broker need not push what is said
 * there: on every connection, and every 30 s, the history of each is read back
 * to what was read last.
 */

#include "worker/broker.h"
#include "worker/peer.h"
#include "worker/puts.h"

#define TOPICS_READ_MS	30000		/* jittered */
#define TOPICS_PAGE	50		/* messages asked for at once */
#define TOPICS_ROUND	256		/* pages, then it is others' turn */
#define TOPICS_DEPTH	5000		/* pages that a walk goes back */

struct topics;

/* Borrows all. */
struct topics *topics_new(struct lws_context *, const struct self *,
	    struct rows *, struct broker *, struct puts *);
void	topics_free(struct topics **);

/*
 * The channel to the store; NULL: none now.  What is joined is read once the
 * store has woken us, for then it has heard all that a worker before us said.
 */
void	topics_store(struct topics *, struct peer *);
void	topics_store_room(struct topics *);
void	topics_wake(struct topics *);
void	topics_kept(struct topics *, uint32_t seq, const struct msg_count *);

/* The channel to the gate; NULL: none now.  Old questions are forgotten. */
void	topics_gate(struct topics *, struct peer *);

/*
 * A question about topics; 0: it is none.  Answered within 2.5 s by
 * MSG_WRK_ANSWER: status 0 and {"topic":{"id","name"}}, or an HTTP status and
 * an error code.  args are {"topic": id or name}.
 *
 *	topic		which one is meant
 *	topic_join	joined when it is answered: kept by the store, and
 *			everything that is said there from now on is received
 *	topic_leave
 *
 * Errors: 400 invalid_argument; 404 topic_not_found; 409 ambiguous_target,
 * too_many_topics; 502 what the broker says; 503 broker_unavailable,
 * store_busy, too_many_requests; 504 broker_timeout; 507 disk_full.
 */
int	topics_ask(struct topics *, uint32_t seq, const struct msg_ask *);

/* The connection to the broker. */
void	topics_open(struct topics *);
void	topics_closed(struct topics *);

/* In the writable callback.  0, or not: no more for now. */
int	topics_write(struct topics *);

/* 1: it was an answer to us. */
int	topics_frame(struct topics *, const struct frame *);

/* A put has ended: there may be room, or all may be stored. */
void	topics_room(struct topics *);

/* Nothing new is begun. */
void	topics_stop(struct topics *);

#endif
