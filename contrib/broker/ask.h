#ifndef BROKER_ASK_H
#define BROKER_ASK_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/* What a frame asks for: a table of types. */

#include <stddef.h>

struct conn;

/* One whole frame. */
void	ask_frame(struct conn *, const char *, size_t);

#endif
