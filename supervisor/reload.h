#ifndef SUPERVISOR_RELOAD_H
#define SUPERVISOR_RELOAD_H

/*
 * Reload: the configuration and the meshes are read again, whole, and compared
 * with what runs.  When anything is wrong nothing changes; else only what
 * differs does: what is the same keeps its processes and connections.
 */

#include <jansson.h>

#include "supervisor/supervisor.h"

/*
 * {"ok", "applied", "needs_restart", "faults"}: lists of sentences and names
 * of options.  The same is logged.
 */
json_t	*reload_run(struct supervisor *);

/* SIGHUP: now, or as soon as it has started. */
void	reload_later(struct supervisor *);

/* Message. */
int	on_reload(void *child, struct msg *);

#endif
