#ifndef BROKER_ROUTE_H
#define BROKER_ROUTE_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/* Sends: from a target to those who get it, and the answer. */

#include <jansson.h>

struct conn;

void	route_send(struct conn *, const json_t *);

#endif
