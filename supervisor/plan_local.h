#ifndef SUPERVISOR_PLAN_LOCAL_H
#define SUPERVISOR_PLAN_LOCAL_H

/*
 * The mesh `local` of the embedded broker.  In system mode each uid has a
 * member of its own in it, so that users neither share a key nor see what the
 * others are sent; its file is in local.d, made at first sight, and counts only
 * as long as the daemon serves that uid for another reason.
 */

#include "supervisor/plan.h"

/* A member of it that is to be made; path is taken. */
void	plan_local_mesh(struct mesh *, const struct supervisor *, char *path,
	    uint64_t uid);

/* Those of all uids that have none, when there is the mesh at all. */
void	plan_locals(struct plan *, const struct supervisor *,
	    const struct conf *);

/* In plan.c: one more.  m is emptied. */
struct planned *plan_put(struct plan *, struct mesh *m);

#endif
