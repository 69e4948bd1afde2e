#ifndef SUPERVISOR_JOIN_H
#define SUPERVISOR_JOIN_H

/*
 * Joining a mesh with an invite.  A worker of its own reads the link, talks to
 * the broker and mints the member's key; here it is only started, told where
 * hosts are, and, when it has become a member, its mesh file is written.
 */

#include "supervisor/supervisor.h"

#define JOIN_MS		30000	/* for all of it */
#define JOINS_MAX	16	/* at a time */
#define JOINS_UID_MAX	4	/* of one uid */

/* Messages. */
int	on_mesh_join(void *child, struct msg *);
int	on_join_at(void *child, struct msg *);
int	on_join_done(void *child, struct msg *);
int	on_join_refused(void *child, struct msg *);

/* The gate that asked is gone. */
void	join_forget_answers(struct supervisor *);
void	join_free_all(struct supervisor *);

#endif
