#ifndef SUPERVISOR_STATUS_H
#define SUPERVISOR_STATUS_H

/* What `meshsup status` shows: processes, meshes, sessions. */

#include "common/msg.h"

int	on_status(void *child, struct msg *);

#endif
