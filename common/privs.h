#ifndef COMMON_PRIVS_H
#define COMMON_PRIVS_H

/* What a child of the supervisor gives up first, before it hears anything. */

/*
 * A supervisor of the same build, no new privileges, no core file, not dumpable (except under sanitizers),
 * death with the parent, no descriptor above the control channel, an empty
 * environment, own session, SIGPIPE ignored.  nofile is the limit of
 * descriptors, 0 to leave it.  Ends the process when it cannot.
 */
void	privs_child(int nofile);

/* Not dumpable (except under sanitizers), and no core file. */
void	privs_no_core(void);

#endif
