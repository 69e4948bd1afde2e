#ifndef BENCH_PEER_H
#define BENCH_PEER_H

/* A bare session at a broker: what a worker does, without meshsup. */

#include <stddef.h>

#include "tests/bench/member.h"
#include "tests/bench/samples.h"
#include "tests/bench/ws.h"

struct peer {
	struct ws	 ws;
	struct key	 key;
};

/* Connect and say hello. */
void	peer_open(struct peer *, const struct member *, int port,
	    const char *name);
void	peer_close(struct peer *);

/* Text of a direct send of bodylen bytes, allocated, and its length. */
char	*peer_send_frame(const char *target, size_t bodylen, int first,
	    size_t *len_r);

/*
 * Sessions that send as a worker does, at most 64 unacknowledged, n each, to
 * 20 targets.  Returns acknowledgements in a second, of all together.
 */
double	peer_ack_rate(const struct member *, int port, unsigned sessions,
	    unsigned n);

/* Round trips of a WebSocket ping, in us. */
void	peer_ping(struct peer *, unsigned n, struct samples *us);

/* From a send of one to the push of the other, in us. */
void	peer_deliver(struct peer *from, struct peer *to, unsigned n,
	    struct samples *us);

#endif
