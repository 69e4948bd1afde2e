#ifndef WORKER_STANDING_H
#define WORKER_STANDING_H

/*
 * What was set of our presence: status, summary, visibility, profile, stats,
 * groups joined and left since the hello.  A broker keeps it as long as the
 * presence; to a new one it is said again.
 */

#include <jansson.h>

#include "worker/broker.h"

struct standing;

struct standing *standing_new(struct broker *);
void	standing_free(struct standing **);

/* Can this frame, of a kind that is KIND_KEPT, be kept?  Not past 256 groups. */
int	standing_has_room(const struct standing *, const json_t *frame);

/* The broker has it. */
void	standing_keep(struct standing *, const json_t *frame);

/*
 * A hello was accepted as this presence ("": the broker does not say).
 * Another one than before needs to be told everything.
 */
void	standing_open(struct standing *, const char *presence_id);

/* In the writable callback.  As requests_write(). */
int	standing_write(struct standing *);

#endif
