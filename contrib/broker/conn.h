#ifndef BROKER_CONN_H
#define BROKER_CONN_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/*
 * One WebSocket: frames in, frames out, and its end.
 *
 * Frames to be sent are held until the loop releases them, which it does after
 * the commit of what they say.  A connection that must end is marked, and
 * closed from the loop.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct broker;
struct conn;
struct frame;
struct lws;
struct peer;

/* Bytes waiting to be written to one connection. */
#define CONN_OUT_PUSH	(256 * 1024)	/* above: its messages stay stored */
#define CONN_OUT_READ	(1024 * 1024)	/* above: it is not read from */
#define CONN_OUT_MAX	(32 * 1024 * 1024)	/* above: it is dropped */

/*
 * Bytes of unfinished frames and of frames to be written, over all; a frame
 * for many counts once.  Above: who has much waiting is dropped.
 */
#define CONN_IN_TOTAL	(128 * 1024 * 1024)
#define CONN_OUT_TOTAL	(256 * 1024 * 1024)

/*
 * How long the frames of one connection may take in one turn; then the others
 * come first.
 */
#define CONN_TURN_US	3000

/* Reasons for a close of our own. */
#define CLOSE_NORMAL		1000
#define CLOSE_GOING_AWAY	1001
#define CLOSE_POLICY		1008
#define CLOSE_TOO_BIG		1009
#define CLOSE_INTERNAL		1011
#define CLOSE_TRY_LATER		1013
#define CLOSE_KICKED		4001
#define CLOSE_BANNED		4002

struct conn_out {
	STAILQ_ENTRY(conn_out)	 entry;
	struct frame		*frame;
};

struct conn {
	struct broker		*broker;
	struct lws		*wsi;
	TAILQ_ENTRY(conn)	 entry;		/* in a list of tick.c */
	TAILQ_ENTRY(conn)	 batched;	/* in a list of turn.c */
	int			 in_batch, in_later, greeted;
	int64_t			 opened_at, pinged_at, pong_at;	/* mono ms */
	int64_t			 heard_at;	/* a frame or pong */
	int64_t			 busy_us;	/* in this turn */
	struct peer		*peer;		/* NULL: no hello yet */

	STAILQ_HEAD(, conn_out)	 out;
	size_t			 out_bytes;
	unsigned		 nout, nready;	/* frames; released ones */
	int			 ping_due, paused;

	char			*in;		/* the pieces of a frame */
	size_t			 inlen, incap;

	int			 close_code;	/* 0: open */
	const char		*close_reason;	/* static text */
	int			 ended;		/* lws does the rest */
	int			 overflow;	/* to be dropped by the loop */
};

struct conn *conn_new(struct broker *, struct lws *);
void	conn_free(struct conn **);

/*
 * Queue a frame.  The reference is the caller's still.  Without a connection,
 * as of a peer in its grace, nothing is sent.
 */
void	conn_send(struct conn *, struct frame *);

/*
 * The same for what need not be there at once: it goes with the next frame
 * that is sent otherwise, in its order, or a quarter of a second later.
 */
void	conn_send_later(struct conn *, struct frame *);

/* As conn_send(), giving up the reference. */
void	conn_give(struct conn *, struct frame **);

/* What is queued may be written now. */
void	conn_release(struct conn *);

/* Is there room for more pushes?  NULL has none. */
int	conn_has_room(const struct conn *);

/* Close after what is queued (conn_close) or at once (conn_drop). */
void	conn_close(struct conn *, int code, const char *reason);
void	conn_drop(struct conn *, int code, const char *reason);

/*
 * The peer has closed it, with that in its close frame, or it broke: nothing
 * more is written.  Whoever closes with 1000 and CONN_LEAVING does not come
 * back; all others may.
 */
#define CONN_LEAVING	"session_ended"
void	conn_peer_closed(struct conn *, const void *, size_t);
void	conn_peer_gone(struct conn *);

/* libwebsockets calls: a piece of a message, and room to write. 0 or -1. */
int	conn_readable(struct conn *, const char *, size_t, int final);
int	conn_writable(struct conn *);

#endif
