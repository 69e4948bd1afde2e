#ifndef BROKER_LISTEN_H
#define BROKER_LISTEN_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/* The listening socket: accepting what comes. */

#include <stddef.h>

struct listener;
struct server;

/*
 * A TCP socket that listens on "address:port" or "[address]:port"; port 0 is
 * any.  local_only: refuse an address that is not a loopback one.  -1 with a
 * sentence in err.
 */
int	listen_open(const char *where, int local_only, char *err,
	    size_t errlen);

/* Address and port of a socket: "127.0.0.1", "::1". */
int	listen_name(int fd, char *host, size_t hostlen, unsigned *port_r);

/* Accept from fd, which is taken, for a server.  NULL on failure. */
struct listener *listen_new(struct server *, int fd);
void	listen_free(struct listener **);

/* A place became free. */
void	listen_resume(struct listener *);

/* No more; what waits in the kernel stays there.  Accepts NULL. */
void	listen_stop(struct listener *);

#endif
