#ifndef SUPERVISOR_STOPPING_H
#define SUPERVISOR_STOPPING_H

/*
 * How it stops.  First nothing new is begun: the gate refuses sends, workers
 * send nothing more, and what the broker has not answered is waited for, at
 * most drain_timeout.  Then the children are told, and killed when they stay.
 */

#include "common/msg.h"

/* A worker has nothing unanswered any more. */
int	on_quiet(void *child, struct msg *);

#endif
