#ifndef SUPERVISOR_LISTEN_H
#define SUPERVISOR_LISTEN_H

/*
 * The sockets that clients know.  They belong to the supervisor, so that a
 * restart of the gate or the broker queues connections instead of refusing
 * them.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define LISTEN_BACKLOG	512

/* A Unix stream socket at path, instead of what lies there.  -1 with err. */
int	listen_unix(const char *path, mode_t, char *err, size_t errlen);

/*
 * A TCP socket at "address:port", numeric, "[v6]:port" too; port 0 is any,
 * *port_r says which.  -1 with err.
 */
int	listen_tcp(const char *where, uint16_t *port_r, char *err,
	    size_t errlen);

/*
 * Could it be listened there?  Nothing does, not even for a moment: who binds
 * meanwhile is not hindered.  0, or -1 with err.
 */
int	listen_try(const char *where, int may_be_used, char *err,
	    size_t errlen);

#endif
