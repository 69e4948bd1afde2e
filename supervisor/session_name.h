#ifndef SUPERVISOR_SESSION_NAME_H
#define SUPERVISOR_SESSION_NAME_H

struct session;

/*
 * The sessionId towards the broker: the client's, when it is a UUID that no
 * other session of this host on that mesh uses, else the internal id.
 */
void	session_choose_wire_id(struct session *);

/*
 * Start its worker: at once, or when one that has its name or its rows, and
 * was told to stop, has gone.
 */
void	session_start(struct session *);

/*
 * What it says of itself is new: its worker starts again; one that has not
 * come up yet does so first, as its key may not be kept yet.
 */
void	session_restart(struct session *);

/* Another session has its name now: take the other id towards the broker. */
void	session_rename(struct session *);

/* Its worker has gone: start who waited for that. */
void	session_let_in(const struct session *);

#endif
