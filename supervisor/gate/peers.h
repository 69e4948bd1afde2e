#ifndef GATE_PEERS_H
#define GATE_PEERS_H
#ifndef PROCESS_GATE
#error "supervisor/gate is private to the gate"
#endif

/* The channels to the store and to the workers. */

#include "common/msg.h"

struct evpeer;
struct gate;
struct peer;
struct peers;

struct peers *peers_new(struct gate *);
void	peers_free(struct peers **);

/*
 * An end that the supervisor passed; takes fd.  It replaces the one of the
 * same owner, which is still read to its end.  -1: no such kind of peer.
 */
int	peers_add(struct peers *, int fd, const struct msg_channel *);

/* NULL: there is none now. */
struct peer *peers_store(struct peers *);
struct peer *peers_worker(struct peers *, const uint8_t owner[OWNER_ID_LEN]);

struct evpeer *peer_ev(struct peer *);
struct gate *peer_gate(struct peer *);

/* Who it is, as the supervisor said it. */
const struct msg_channel *peer_who(const struct peer *);

#endif
