#ifndef GATE_IDS_H
#define GATE_IDS_H
#ifndef PROCESS_GATE
#error "supervisor/gate is private to the gate"
#endif

/* The member "ids" of a request's body. */

#include <jansson.h>
#include <stddef.h>

#include "supervisor/gate/fault.h"

/* A list of 1 to max strings, into obj.  NULL: as the fault says. */
const json_t *ids_parse(const json_t *obj, size_t max, struct fault *);

#endif
