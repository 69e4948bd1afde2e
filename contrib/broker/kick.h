#ifndef BROKER_KICK_H
#define BROKER_KICK_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/* An admin ends connections of its mesh: for good (kick), or for now. */

#include <jansson.h>

struct conn;

/* Digits of a member's key that say whose it is. */
#define KICK_PREFIX_MIN	8

/* Requests. */
void	kick_kick(struct conn *, const json_t *);
void	kick_disconnect(struct conn *, const json_t *);

/* 0, or -1 after an error frame: only an admin of the mesh may do that. */
int	kick_allowed(struct conn *, const json_t *);

#endif
