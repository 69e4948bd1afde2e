#ifndef BROKER_HELLO_H
#define BROKER_HELLO_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/* The first frame of a connection: who it is, checked, or why not. */

#include <jansson.h>

struct conn;

/* hello of a member, session_hello of a session. */
void	hello_member(struct conn *, const json_t *);
void	hello_session(struct conn *, const json_t *);

#endif
