#ifndef BROKER_STATE_H
#define BROKER_STATE_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/* State: what a mesh agrees on, JSON values by name. */

#include <jansson.h>

struct conn;
struct db;
struct state;

#define STATE_KEY_MAX	256		/* bytes */
#define STATE_VALUE_MAX	(16 * 1024)	/* bytes of JSON text */

struct state *state_new(struct db *);
void	state_free(struct state **);

/* Requests. */
void	state_get(struct conn *, const json_t *);
void	state_list(struct conn *, const json_t *);
void	state_set(struct conn *, const json_t *);

#endif
