#ifndef SUPERVISOR_SIGNALS_H
#define SUPERVISOR_SIGNALS_H

/*
 * Signals arrive as events: SIGTERM and SIGINT stop (a second one at once),
 * SIGCHLD reaps, SIGHUP reloads, it and SIGUSR1 open the log again, SIGUSR2
 * upgrades.
 */

struct supervisor;

/* Until signals_init() they wait, also those that are ignored so far. */
void	signals_hold(void);
void	signals_release(void);
void	signals_init(struct supervisor *);
void	signals_deinit(struct supervisor *);

#endif
