#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

/*
 * A command run as a child: held until it is told to go, then given every
 * signal that comes to us, and waited for.
 */

#include <signal.h>
#include <sys/types.h>

struct command {
	pid_t		 pid;
	int		 go_fd;		/* it waits for a byte from here */
	int		 error_fd;	/* why it could not be executed */
	sigset_t	 signals;	/* blocked from now on */
};

/*
 * Fork it; it has a pid, and waits.  Signals that are to be passed on stay
 * pending.  0, or -1 with errno; then nothing has changed.
 */
int	command_fork(struct command *, char *const argv[],
	    void (*setup)(void *arg), void *arg);

/*
 * Let it go.  0: it runs (or has ended already); else the errno of its
 * execution, and it is gone.
 */
int	command_go(struct command *);

/* It is not to run. */
void	command_drop(struct command *);

/* Until it ends, passing signals on.  Its wait status. */
int	command_wait(struct command *);

/* End as it ended: the same exit status, or killed by the same signal. */
void	command_end_as(const struct command *, int status)
	    __attribute__((__noreturn__));

#endif
