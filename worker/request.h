#ifndef WORKER_REQUEST_H
#define WORKER_REQUEST_H

/* Questions of the gate to the broker, matched with their answers by _reqId. */

#include "worker/broker.h"
#include "worker/peer.h"

struct requests;

struct requests *requests_new(struct lws_context *, struct broker *);
void	requests_free(struct requests **);

/* The channel to the gate; NULL: none now.  Old questions are forgotten. */
void	requests_gate(struct requests *, struct peer *);

/*
 * A question, answered within 2.5 s: MSG_WRK_ANSWER with status 0 and the
 * broker's frame, or an HTTP status and an error code.  What may be asked:
 *
 *	list_peers	peers_list, as it is now
 *	roster		peers_list, at most 5 s old
 *	message_status	message_status_result; args {"messageId":...}
 *
 * Statuses: 501 cannot be asked; 503 no connection, or too many questions;
 * 504 no answer (also of a broker that does not know the question); 400, 404,
 * 409 the broker's invalid_argument, not_found, ambiguous_prefix; 502 any
 * other error of the broker, whose code is the error.
 */
void	requests_ask(struct requests *, uint32_t seq, const struct msg_ask *);

/* In the writable callback.  0, or not: no more for now. */
int	requests_write(struct requests *);

/* A frame that may be an answer. */
void	requests_frame(struct requests *, const struct frame *);

/* Somebody came, went or changed: what we know of the peers is old. */
void	requests_peers_changed(struct requests *);

/* The connection is gone: nothing will be answered. */
void	requests_closed(struct requests *);

#endif
