#ifndef GATE_ROSTER_H
#define GATE_ROSTER_H
#ifndef PROCESS_GATE
#error "supervisor/gate is private to the gate"
#endif

/* A broker's list of who is on a mesh, as a worker passes it on. */

#include <jansson.h>

#include "common/msg.h"

/*
 * The objects of a peers_list: a new array.  NULL: it is none.  cut_r: there
 * are more than the broker could say.
 */
json_t	*roster_peers(const struct msg_slice *frame, int *cut_r);

/* Is it the connection of a member, which is nobody to talk to? */
int	 roster_is_control_plane(const json_t *peer);

#endif
