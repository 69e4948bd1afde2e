#ifndef BROKER_ARRIVE_H
#define BROKER_ARRIVE_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/* A peer arrives, once its hello was found good, and leaves. */

struct conn;
struct member;
struct mesh;
struct peer;

/*
 * The peer is complete but for its ids, which come from the file.  Ends a
 * connection with the same session id or session key, answers hello_ack and
 * tells the others.  0, or -1: the file failed, the peer is the caller's.
 */
int	arrive(struct conn *, struct peer *, const struct member *,
	    const char *mesh_id);

/* The peer of a connection leaves, if it is there. */
void	depart(struct conn *);

#endif
