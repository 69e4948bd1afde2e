#ifndef SUPERVISOR_MEMBER_IMPL_H
#define SUPERVISOR_MEMBER_IMPL_H

/* Between member.c and the files that make, change and remove members. */

#include "supervisor/member.h"

struct child_ops;

extern const struct child_ops member_ops;

/*
 * A member that nobody knows yet; takes the mesh over.  NULL, with the mesh as
 * it was: its id cannot be kept in the registry.
 */
struct member *member_new(struct supervisor *, struct mesh *);
void	member_free(struct member *);

/* One of those that there are, from now on; its worker starts. */
void	member_attach(struct member *);

/* Its worker begins anew, as soon as its broker is known to know it. */
void	member_restart(struct member *);

#endif
