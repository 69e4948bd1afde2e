#ifndef SUPERVISOR_LAUNCH_H
#define SUPERVISOR_LAUNCH_H

/*
 * The workers of all sessions, when meshsup starts: some at a time, so that
 * the API answers before the last of them runs.
 */

struct session;
struct supervisor;

/* Start what session_start() would start of each. */
void	launch_all(struct supervisor *);

/* It is about to go. */
void	launch_forget(struct session *);

void	launch_stop(struct supervisor *);

#endif
