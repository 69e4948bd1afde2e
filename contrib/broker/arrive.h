#ifndef BROKER_ARRIVE_H
#define BROKER_ARRIVE_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/* A peer arrives, once its hello was found good, and leaves. */

struct broker;
struct conn;
struct member;
struct mesh;
struct peer;

/*
 * The peer is complete but for its ids, which come from the file.  Whoever it
 * was before, in its grace or on a connection that is not known to have ended,
 * it goes on being.  Ends other connections with the same session id or
 * session key, answers hello_ack and tells the others, if they saw it leave.
 * 0, or -1: the file failed, the peer is the caller's.
 */
int	arrive(struct conn *, struct peer *, const struct member *,
	    const char *mesh_id);

/* A connection ends; its peer, if there is one, leaves or is in its grace. */
void	depart(struct conn *);

/*
 * Send a peer away, from its grace too: it ends now, and nobody is told.  code
 * and reason (static) are of the close.
 */
void	dismiss(struct broker *, struct peer *, int code, const char *reason);

/* A peer without a connection ends as peer->end says, and is freed. */
void	presence_end(struct broker *, struct peer *);

#endif
