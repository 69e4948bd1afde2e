#ifndef BROKER_ROSTER_H
#define BROKER_ROSTER_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

#include <jansson.h>

struct conn;

/* list_peers */
void	roster_ask(struct conn *, const json_t *);

#endif
