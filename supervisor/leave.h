#ifndef SUPERVISOR_LEAVE_H
#define SUPERVISOR_LEAVE_H

/* Leaving a mesh: its file is removed, and all that belongs to it ends. */

#include "common/msg.h"

/* Message. */
int	on_leave(void *child, struct msg *);

#endif
