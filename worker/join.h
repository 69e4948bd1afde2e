#ifndef WORKER_JOIN_H
#define WORKER_JOIN_H

/*
 * The role join of this program, short-lived: reads an invite's link, verifies
 * it before anything is sent, mints the member's key, asks the broker to take
 * it in, and hands the supervisor what the mesh file needs.
 */

/* In place of the worker's main path; the exit code. */
int	join_main(void);

#endif
