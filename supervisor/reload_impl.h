#ifndef SUPERVISOR_RELOAD_IMPL_H
#define SUPERVISOR_RELOAD_IMPL_H

/* Between reload.c, reload_conf.c and reload_mesh.c. */

#include <jansson.h>

#include "supervisor/plan.h"

struct reload {
	struct supervisor *sup;
	struct conf	 conf;		/* as it is to be */
	struct plan	 plan;
	json_t		*applied, *needs_restart;
};

/* One more of those lists. */
void	reload_say(json_t *list, const char *fmt, ...) LOG_FMT(2, 3);

/*
 * Options that count at once go into the running configuration, the others
 * are named as needing a restart.
 */
void	reload_take_conf(struct reload *);

/* What runs is told of those that counted. */
void	reload_tell_conf(struct reload *, const struct conf *before);

/*
 * Who has what; and the members that are new.  -1, with a fault of the plan:
 * nothing has changed.
 */
void	reload_match(struct reload *);
int	reload_prepare(struct reload *);

/* Change what differs.  It cannot fail. */
void	reload_meshes(struct reload *);

#endif
