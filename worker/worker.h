#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

/* The loop, and whom it hears: supervisor, store, gate, broker. */

struct worker;

/* Takes the control channel to the supervisor; logs go there from now on. */
struct worker *worker_new(int ctl_fd);

/* Wait for the set-up: identity, keys.  Ends the process when none comes. */
void	worker_recv_setup(struct worker *);

/* Open mesh.db and read once, so that no file is opened later. */
void	worker_open_rows(struct worker *);

/* Certificates are read here, for the same reason. */
void	worker_open_loop(struct worker *);

/* Until the supervisor says stop, or is gone. */
void	worker_loop(struct worker *);
void	worker_free(struct worker **);

#endif
