#ifndef SUPERVISOR_TELL_H
#define SUPERVISOR_TELL_H

/*
 * What the gate is told of members and sessions.  A worker decides when its
 * state changes; so that none can fill the gate's queue, the gate hears of
 * that at most every 20 ms, of the last state always.
 */

#include <stdint.h>

struct event;
struct member;
struct session;
struct supervisor;

struct tell {
	struct event	*ev;
	int64_t		 told_ms;	/* monotonic */
	int		 due;		/* a new gate does not know it yet */
};

void	tell_init_member(struct member *);
void	tell_init_session(struct session *);
void	tell_deinit(struct tell *);

/* All about it, now. */
void	tell_member(struct member *);
void	tell_session(struct session *);

/* The gate hears no more of it. */
void	tell_member_gone(struct member *);
void	tell_members(struct supervisor *);

/* Who may use the socket. */
void	tell_allowed(struct supervisor *);

/*
 * A new gate is told of all sessions, as fast as it reads; then told_cb is
 * called.  tell_stop(): it has gone.
 */
void	tell_sessions(struct supervisor *, void (*told_cb)(struct supervisor *));
void	tell_stop(struct supervisor *);

/* Its state has changed. */
void	tell_member_state(struct member *);
void	tell_session_state(struct session *);

/* What waits to be told, now: before an answer that it explains. */
void	tell_hurry(struct supervisor *);

#endif
