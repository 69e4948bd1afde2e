#ifndef COMMON_EVPEER_H
#define COMMON_EVPEER_H

/* A channel on a libevent loop, for supervisor, store, gate and resolver. */

#include <stdint.h>

#include "common/msg.h"

struct event_base;
struct evpeer;

/* A message came.  -1: nonsense; the peer is dropped and gone_cb called. */
typedef int (*evpeer_msg_cb)(void *arg, struct msg *);

/*
 * The other end is gone or was dropped.  Called once, from the loop, when what
 * it had said before has been read.
 */
typedef void (*evpeer_gone_cb)(void *arg, const char *why);

/* Takes fd. */
struct evpeer *evpeer_new(struct event_base *, int fd, evpeer_msg_cb,
	    evpeer_gone_cb, void *arg);

/* Also inside the peer's own callbacks: it is then freed from the loop. */
void	evpeer_free(struct evpeer **);

/*
 * Encode and queue.  body is the struct that the list in msg.h gives for the
 * type.  fd: -1, or taken.  -1: queue full (errno ENOBUFS) or peer dead; in
 * the latter case nothing is queued any more, and gone_cb follows from the
 * loop, once all that it said before has been read.
 */
int	evpeer_send(struct evpeer *, enum msg_type, uint32_t seq,
	    const void *body, int fd);
size_t	evpeer_queued(const struct evpeer *);

/*
 * Take one message by hand, for a process that schedules its reading itself
 * (evpeer_set_manual: msg_cb gets NULL when there is something to read, and
 * calls evpeer_take until it returns 0).  As channel_recv.
 */
void	evpeer_set_manual(struct evpeer *);
int	evpeer_take(struct evpeer *, struct msg *);

/* Stop and start to read (back pressure). */
void	evpeer_pause(struct evpeer *);
void	evpeer_resume(struct evpeer *);

/* Write what is queued, waiting at most timeout_ms. */
void	evpeer_drain(struct evpeer *, int timeout_ms);

/*
 * Install as log sink, until it is freed: lines go to the supervisor as
 * MSG_LOG.  NULL: to stderr again.
 */
void	evpeer_log_to(struct evpeer *);

#endif
