#ifndef SUPERVISOR_PARK_H
#define SUPERVISOR_PARK_H

/*
 * What is parked keeps away from its broker until a person resumes it: a
 * session by itself, a member's own connection, or a whole mesh, the member
 * with all of its sessions.  The supervisor decides and keeps it, in
 * sessions.db, so that neither a new worker nor a restart forgets it; what is
 * registered again is still parked, unless it had ended.  Rows wait meanwhile;
 * nothing ends.
 */

#include "common/msg.h"

struct child;
struct member;
struct session;

#define PARK_PAUSED	"paused"	/* by `presence pause` */

/* Why it is parked; NULL: it is not.  A session may be with its mesh. */
const char *park_of_session(const struct session *);
const char *park_of_member(const struct member *);

/* Is it to have a worker?  Not when that died over and over. */
int	park_session_runs(const struct session *);
int	park_member_runs(const struct member *);

/*
 * Its worker said so, or is not to be started again.  The first reason stays,
 * but for a crash loop and for what concerns the whole mesh.
 */
void	park_session(struct session *, const char *reason);
void	park_member(struct member *, const char *reason, int whole);

/* "crash_loop: signal 11: what it said last". */
void	park_crash_reason(struct child *, char out[REASON_SIZE]);

/*
 * For people: pause, or undo whatever parks it.  -1: sessions.db cannot be
 * written, and nothing has changed.
 */
int	park_session_pause(struct session *);
int	park_session_resume(struct session *);
int	park_mesh_pause(struct member *);
int	park_mesh_resume(struct member *);

/* A member that nobody knows yet: its mesh was joined anew. */
void	park_forget(struct member *);

#endif
