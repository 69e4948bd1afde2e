#ifndef BROKER_CONTROL_H
#define BROKER_CONTROL_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/* The broker as a child of the supervisor: what it is told. */

#include "contrib/broker/broker.h"

struct control;

/*
 * On the control channel, with the log going there.  Waits for the set-up,
 * which fills in options; *listen_fd_r is the listening socket, the caller's.
 * Ends the process when the supervisor is gone or talks nonsense.
 */
struct control *control_new(struct options *, int *listen_fd_r);

/* Take part in the loop of a server, and tell the supervisor. */
void	control_run(struct control *, struct broker *);
void	control_free(struct control **);

#endif
