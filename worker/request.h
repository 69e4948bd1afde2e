#ifndef WORKER_REQUEST_H
#define WORKER_REQUEST_H

/*
 * Questions to the broker, of the gate and of our own, matched with their
 * answers by _reqId.  What may be asked is the table of request_kind.c; what
 * was set of our presence is said again to a new one (standing.h).
 */

#include "worker/broker.h"
#include "worker/peer.h"

struct requests;

/*
 * The broker has it: a question that it answered, not with an error, or one
 * without an answer that is written.  The frame is the question's.
 */
typedef void (*request_taken_cb)(void *arg, const char *type,
	    const json_t *frame);

/*
 * The answer to a question of our own, once, from the loop: status 0 and the
 * broker's frame (NULL: it was written, there is no answer to it), or an HTTP
 * status and an error as in MSG_WRK_ANSWER.
 */
typedef void (*request_cb)(void *arg, int64_t status, const json_t *frame,
	    const char *error);

/* taken_cb may be NULL. */
struct requests *requests_new(struct lws_context *, struct broker *,
	    request_taken_cb, void *arg);
void	requests_free(struct requests **);	/* calls nobody back */

/* The channel to the gate; NULL: none now.  Its questions are forgotten. */
void	requests_gate(struct requests *, struct peer *);

/*
 * A question of the gate, answered within 2.5 s: MSG_WRK_ANSWER with status 0
 * and the broker's frame ("{}" once it is written, where there is no answer),
 * or an HTTP status and an error, "code" or "code: what it says":
 *
 *	400	invalid_argument, with what is wrong; the broker's invalid_args
 *		and the like; too_many_groups
 *	403, 404, 409	the broker's forbidden, not_found, topic_not_found,
 *		ambiguous_prefix
 *	413	frame_too_large: over 65,536 bytes, and not sent
 *	501	not_supported: not in the table
 *	502	any other error of the broker; answer_too_large
 *	503	broker_unavailable, too_many_requests
 *	504	broker_timeout, also of a broker that does not know the question
 *
 * "roster" is list_peers, at most 5 s old.
 */
void	requests_ask(struct requests *, uint32_t seq, const struct msg_ask *);

/*
 * A question of our own; args (may be NULL) are the wire's fields.  0, or -1:
 * it cannot be asked now, and cb is not called.
 */
int	requests_ask_own(struct requests *, const char *what,
	    const json_t *args, request_cb, void *arg);

/* Forget the questions of our own that have this arg. */
void	requests_forget(struct requests *, const void *arg);

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
