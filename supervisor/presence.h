#ifndef SUPERVISOR_PRESENCE_H
#define SUPERVISOR_PRESENCE_H

/* People pause and resume: a session, or the meshes that are theirs. */

#include "common/msg.h"

int	on_presence(void *child, struct msg *);

#endif
