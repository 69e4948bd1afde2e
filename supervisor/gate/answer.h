#ifndef GATE_ANSWER_H
#define GATE_ANSWER_H
#ifndef PROCESS_GATE
#error "supervisor/gate is private to the gate"
#endif

/* What the supervisor answers to a question becomes the request's answer. */

#include "supervisor/gate/call.h"

/* A call_cb for MSG_SUP_ANSWER. */
void	answer_cb(struct request *, void *arg, enum call_end,
	    const void *body);

/*
 * Ask it, and answer so; also at once, when it cannot be asked.  A question
 * that may take longer than others says how long (ms; 0: as others).
 */
void	answer_ask(struct request *, enum msg_type, const void *body,
	    int64_t ms);

#endif
