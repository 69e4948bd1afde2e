#ifndef WORKER_REQUEST_H
#define WORKER_REQUEST_H

/*
 * Questions of the gate to the broker, matched with their answers by _reqId.
 * What may be asked is the table of request_kind.c; what was set of our
 * presence is said again to a new one (standing.h).
 */

#include "worker/broker.h"
#include "worker/peer.h"

struct requests;

struct requests *requests_new(struct lws_context *, struct broker *);
void	requests_free(struct requests **);

/* The channel to the gate; NULL: none now.  Old questions are forgotten. */
void	requests_gate(struct requests *, struct peer *);

/*
 * A question, answered within 2.5 s: MSG_WRK_ANSWER with status 0
 * and the broker's frame ("{}" once it is written, where there is no answer),
 * or an HTTP status and an error, "code" or "code: what it says":
 *
 *	400	invalid_argument, with what is wrong; the broker's invalid_args
 *		and the like; too_many_groups
 *	403, 404, 409	the broker's forbidden, not_found, topic_not_found,
 *		ambiguous_prefix, limit_exceeded
 *	413	frame_too_large: over 65,536 bytes, and not sent
 *	501	not_supported: not in the table
 *	502	any other error of the broker; answer_too_large
 *	503	broker_unavailable, too_many_requests
 *	504	broker_timeout, also of a broker that does not know the question
 *
 * "roster" is list_peers, at most 5 s old.
 */
void	requests_ask(struct requests *, uint32_t seq, const struct msg_ask *);

/* In the writable callback.  0, or not: no more for now. */
int	requests_write(struct requests *);

/* A frame that may be an answer. */
void	requests_frame(struct requests *, const struct frame *);

/* Somebody came, went or changed: what we know of the peers is old. */
void	requests_peers_changed(struct requests *);

/* A hello was accepted; "": the broker names no presence. */
void	requests_open(struct requests *, const char *presence_id);

/* The connection is gone: nothing will be answered. */
void	requests_closed(struct requests *);

#endif
