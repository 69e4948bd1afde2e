#ifndef SUPERVISOR_SESSION_IMPL_H
#define SUPERVISOR_SESSION_IMPL_H

/* Between session.c and session_worker.c. */

struct child_ops;
struct session;

#define LINGER_AGAIN_MS	1000	/* until the rows of a session are to end */

extern const struct child_ops session_ops;

#endif
