#ifndef BROKER_FATE_H
#define BROKER_FATE_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/*
 * What became of a message: message_status, for its sender only.  It is known
 * as long as repeats of the send are, for 7 days after it came.
 */

#include <jansson.h>

struct conn;

void	fate_ask(struct conn *, const json_t *);

#endif
