#ifndef WORKER_BROKER_H
#define WORKER_BROKER_H

/*
 * One WebSocket to the broker: connects, says hello, watches, comes back.
 * What travels on it is others' business.
 */

#include <libwebsockets.h>

#include "worker/frame.h"
#include "worker/hello.h"
#include "worker/outbuf.h"
#include "worker/self.h"

struct broker;

/* All from the loop. */
struct broker_cbs {
	/* The hello was accepted. */
	void	(*open)(void *arg, const struct frame_hello_ack *);
	/* Any other frame but a hello_ack; may come before open. */
	void	(*frame)(void *arg, const struct frame *);
	/* There is room: broker_write() until it says no. */
	void	(*writable)(void *arg);
	/* A connection that had said hello is gone; 1009: a frame too large. */
	void	(*closed)(void *arg, int code);
	/* For the supervisor.  whole: PARKED, as is all of its mesh. */
	void	(*state)(void *arg, enum conn_state, const char *reason,
		    int whole);
	void	(*need_address)(void *arg);
	void	(*need_attest)(void *arg);
};

struct broker *broker_new(struct lws_context *, struct lws_vhost *,
	    const struct self *, const struct broker_cbs *, void *arg);
void	broker_free(struct broker **);

/* Begin to connect. */
void	broker_start(struct broker *);

/*
 * Keep away until broker_resume(), which connects at once; nothing is told the
 * supervisor, who wants it so.
 */
void	broker_park(struct broker *);
void	broker_resume(struct broker *);

/* What was asked for. */
void	broker_address(struct broker *, const struct msg_address *);
void	broker_attestation(struct broker *, const struct attestation *);

/* Is a hello accepted? */
int	broker_is_open(const struct broker *);

/* May acknowledgements of pushes be sent (it is open, or about to be)? */
int	broker_takes_acks(const struct broker *);

/* The frame under construction; reset it first. */
struct outbuf *broker_out(struct broker *);

/*
 * Send it; only inside the writable callback.  0, 1: sent, but no more for
 * now, -1: not sent, the connection is broken.
 */
int	broker_write(struct broker *);

/* Ask for the writable callback. */
void	broker_want_write(struct broker *);

/* Stop and start reading (back pressure). */
void	broker_pause(struct broker *, int paused);

/*
 * Give this connection up: nothing more of it is heard, and what is not
 * acknowledged comes again on the next one.
 */
void	broker_drop(struct broker *, const char *why);

/*
 * Close for good, with a close frame where possible.  ended: the session is
 * over, so that its broker need not keep its presence for when it comes back.
 * broker_is_down() says when the socket is closed.
 */
void	broker_stop(struct broker *, int ended);
int	broker_is_down(const struct broker *);

/* For the protocol's callback: events of the WebSocket end up here. */
int	broker_callback(struct broker *, struct lws *,
	    enum lws_callback_reasons, void *in, size_t len);

#endif
