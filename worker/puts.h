#ifndef WORKER_PUTS_H
#define WORKER_PUTS_H

/*
 * Rows for the inbox on their way to the store, kept until it has committed
 * them, and then the acknowledgements that the broker gets for them.
 */

#include "worker/broker.h"
#include "worker/peer.h"

#define PUTS_MAX	256		/* outstanding: stop reading */
#define PUTS_BYTES_MAX	(8 * 1024 * 1024)

struct puts;

/* room_cb: a put has ended, there may be room again. */
struct puts *puts_new(struct lws_context *, struct broker *,
	    void (*room_cb)(void *arg), void *arg);
void	puts_free(struct puts **);

/* The channel to the store; NULL: none now.  A new one gets everything. */
void	puts_store(struct puts *, struct peer *);
void	puts_store_room(struct puts *);

/*
 * Takes put->body.p, which was malloc'ed.  When the store has the row, the
 * broker is told: by ack_broker_id, or when that is "" by ack_client_id, or
 * not at all.  -1: there are far too many; nothing is kept (the broker will
 * push it again).
 */
int	puts_add(struct puts *, const struct msg_put *,
	    const char *ack_broker_id, const char *ack_client_id);

/* Acknowledge without storing. */
void	puts_ack(struct puts *, const char *broker_id, const char *client_id);

/* The last that was added, and whether the store has all up to one. */
uint32_t puts_last(const struct puts *);
int	puts_are_stored(const struct puts *, uint32_t last);

void	puts_stored(struct puts *, uint32_t seq, const struct msg_stored *);

/* In the writable callback.  0, or not: no more for now. */
int	puts_write_acks(struct puts *);

int	puts_is_full(const struct puts *);

#endif
