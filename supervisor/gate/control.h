#ifndef GATE_CONTROL_H
#define GATE_CONTROL_H
#ifndef PROCESS_GATE
#error "supervisor/gate is private to the gate"
#endif

/* Who may tell the gate what, and the supervisor's channel. */

#include "common/msg.h"

struct evpeer;
struct gate;
struct peer;

/* The channel to the supervisor; takes fd. */
struct evpeer *control_new(struct gate *, int fd);

/* A message from a peer of that kind (p NULL: the supervisor).  0, -1. */
int	control_dispatch(struct gate *, unsigned kind, struct peer *p,
	    struct msg *);

#endif
