#ifndef SUPERVISOR_ACTIVATION_H
#define SUPERVISOR_ACTIVATION_H

/*
 * Listening sockets that a service manager made for us (sd_listen_fds(3)):
 * LISTEN_PID, LISTEN_FDS, and LISTEN_FDNAMES with the names that our own
 * units give: "daemon" for the API's socket, "admin" for the operator's.
 * A single socket needs no name: it is the API's.
 */

#include <stddef.h>

/*
 * Out of the environment.  *daemon_r and *admin_r get the descriptors, which
 * do not block and do not pass an exec; -1: none.  0, or -1 with a sentence in
 * err: what was passed is not what we listen on.
 */
int	activation_take(int *daemon_r, int *admin_r, char *err,
	    size_t errlen);

#endif
