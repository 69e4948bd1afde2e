#ifndef WORKER_PEER_H
#define WORKER_PEER_H

/* A channel on the loop of libwebsockets. */

#include <libwebsockets.h>

#include "common/msg.h"

struct peer;

/* A message came.  -1: nonsense. */
typedef int (*peer_msg_cb)(void *arg, struct msg *);

/*
 * The other end is gone, or talked nonsense (why says which).  Called once,
 * from the loop, never inside another call of this file.
 */
typedef void (*peer_gone_cb)(void *arg, const char *why, int nonsense);

/* What was queued is written. */
typedef void (*peer_room_cb)(void *arg);

/* Takes fd.  Any callback but msg_cb and gone_cb may be NULL. */
struct peer *peer_new(struct lws_context *, struct lws_vhost *, int fd,
	    peer_msg_cb, peer_gone_cb, peer_room_cb, void *arg);

/* Also inside the peer's own callbacks. */
void	peer_free(struct peer **);

/*
 * Encode and queue, as msg_send().  -1: the queue is full (ENOBUFS), the body
 * is out of its limits (EINVAL, EMSGSIZE), or the peer is dead, and gone_cb
 * follows from the loop.
 */
int	peer_send(struct peer *, enum msg_type, uint32_t seq,
	    const void *body);
size_t	peer_queued(const struct peer *);

/* Write what is queued, waiting at most timeout_ms. */
void	peer_drain(struct peer *, int timeout_ms);

/* For the protocol's callback: events of raw files end up here. */
int	peer_callback(struct lws *, enum lws_callback_reasons);

/* Name of the one protocol of this process, for adoption. */
#define WORKER_PROTOCOL	"meshsup"

#endif
