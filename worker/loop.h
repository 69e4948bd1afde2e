#ifndef WORKER_LOOP_H
#define WORKER_LOOP_H

/* How every role of a worker opens libwebsockets' loop. */

#include <libwebsockets.h>

/*
 * With the caller's protocols, user, options and patience in info.  Little
 * memory: few descriptors, and only the certificates that are needed, which are
 * read here: those of ca_file, or, when it is "", the system's.  Ends the
 * process when that fails.
 */
void	loop_open(struct lws_context_creation_info *info, const char *name,
	    const char *ca_file, struct lws_context **ctx_r,
	    struct lws_vhost **vh_r);

#endif
