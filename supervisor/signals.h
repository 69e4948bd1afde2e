#ifndef SUPERVISOR_SIGNALS_H
#define SUPERVISOR_SIGNALS_H

/*
 * Signals arrive as events: SIGTERM and SIGINT stop (a second one at once),
 * SIGCHLD reaps, SIGHUP and SIGUSR1 open the log again.
 */

struct supervisor;

void	signals_init(struct supervisor *);
void	signals_deinit(struct supervisor *);

#endif
