#ifndef GATE_REGISTRATION_H
#define GATE_REGISTRATION_H
#ifndef PROCESS_GATE
#error "supervisor/gate is private to the gate"
#endif

/* The body of POST /v1/sessions/register, checked. */

#include <jansson.h>

#include "common/msg.h"
#include "supervisor/gate/fault.h"

/*
 * Everything but uid and presence into *out, which is zeroed first; mesh may
 * be "", and is then for the caller to find.  *groups_r is text, allocated by
 * jansson's allocator, that out->groups points into, or NULL; free it with
 * wipe_free().  0, -1 (then *groups_r is NULL).
 */
int	registration_parse(const json_t *, struct msg_register *out,
	    char **groups_r, struct fault *);

/*
 * "@name", "@name:role" or {name, role?}, in an array, as a canonical array of
 * objects: a new reference.  NULL: refused.
 */
json_t	*registration_groups(const json_t *, struct fault *);

#endif
