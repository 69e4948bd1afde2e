#ifndef GATE_REASON_H
#define GATE_REASON_H
#ifndef PROCESS_GATE
#error "supervisor/gate is private to the gate"
#endif

/* Why a message was given up, in words that a person can act on. */

#include <jansson.h>

/*
 * A sentence or two, and, in brackets, the reason as the row has it ("code" or
 * "code: what was said"): a new reference, or NULL when it is no UTF-8.
 */
json_t	*reason_json(const char *reason);

#endif
