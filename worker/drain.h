#ifndef WORKER_DRAIN_H
#define WORKER_DRAIN_H

/*
 * The outbox to the broker: heads of targets, round robin, through a window,
 * delivery.md section 4.  Rows are read from the database, one at a time, when
 * they are sent.
 */

#include "worker/broker.h"
#include "worker/peer.h"

struct drain;

/*
 * rows, self and broker are borrowed.  rate_cb tells the supervisor of a rate
 * limit, and asks it for a send.
 */
struct drain *drain_new(struct lws_context *, const struct self *,
	    struct rows *, struct broker *,
	    void (*rate_cb)(void *arg, const struct msg_rate *), void *arg);
void	drain_free(struct drain **);

/*
 * The channel to the store; NULL: none now.  A new one is told what is not
 * recorded, and the table of targets is read anew.  Without one nothing is
 * sent, since nothing could be recorded, and not before its first wake.
 */
void	drain_store(struct drain *, struct peer *);
void	drain_store_room(struct drain *);

/* There are new rows, or released ones. */
void	drain_wake(struct drain *);
void	drain_recorded(struct drain *, uint32_t seq,
	    const struct msg_recorded *);

/*
 * May the store change a row?  1: it is not under way, and will not be sent
 * before it is unclaimed.
 */
int	drain_claim(struct drain *, int64_t row);
void	drain_unclaim(struct drain *, int64_t row);

/* What the supervisor says about the member's rate. */
void	drain_pace(struct drain *, const struct msg_pace *);

void	drain_open(struct drain *, int ordered);
void	drain_closed(struct drain *, int code);

/* 1, or 0: it is about no send of ours. */
int	drain_answer(struct drain *, const struct frame_ack *);

/* A peer connected: its rows need not wait. */
void	drain_peer_seen(struct drain *, const char *key_hex);

/* In the writable callback: send while there is room. */
void	drain_fill(struct drain *);

/* No row is open, and nothing is unrecorded. */
int	drain_is_dry(struct drain *);

/* Every send is answered, and the store has recorded it. */
int	drain_is_quiet(const struct drain *);

/* Send nothing more. */
void	drain_stop(struct drain *);

#endif
