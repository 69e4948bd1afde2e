#ifndef GATE_PULSE_H
#define GATE_PULSE_H
#ifndef PROCESS_GATE
#error "supervisor/gate is private to the gate"
#endif

/* Events that are no messages: made here, told by stream.c. */

#include <stddef.h>
#include <stdint.h>

#include "common/msg.h"

struct member;
struct session;
struct streams;

/* The state of a member's connection changed: broker_status. */
void	pulse_broker(struct streams *, const struct member *);

/* A session is parked, or connects again: broker_status of it alone. */
void	pulse_session(struct streams *, const struct session *);

/* A row of an outbox ended: send_status. */
void	pulse_outcome(struct streams *, const struct msg_outcome *);

/*
 * A system push that a member's worker passed on: peer_join, peer_leave or
 * system, with the members of its eventData at the top; or, of type "lost", how
 * many it could not pass on.  -1: it is no JSON object.
 */
int	pulse_event(struct streams *, const uint8_t member[OWNER_ID_LEN],
	    const char *json, size_t);

#endif
