#ifndef TESTS_STORE_RUN_H
#define TESTS_STORE_RUN_H

/* libexec/meshsup/store itself, as its supervisor runs it. */

#include <sys/resource.h>
#include <sys/types.h>

#include "common/channel.h"
#include "common/msg.h"

struct run {
	pid_t		 pid;
	struct channel	*ctl;
	char		 log[8192];	/* what it said, lines joined */
};

/* RLIMIT_FSIZE of the next ones. */
extern rlim_t	run_file_limit;

/* Start it; tell it about the directory; both, and wait until it is ready. */
void	run_spawn(struct run *);
void	run_setup(struct run *);
void	run_start(struct run *);

/* Wait for a message, at most a minute.  1, or -1 at the end of the channel. */
int	run_wait_msg(struct channel *, struct msg *);

/* Read the log until it is ready: 1, or until the channel ends: 0. */
int	run_wait_ready(struct run *);
void	run_read_log(struct run *);	/* what is there */

/* A channel to it: a gate's, or that of the worker of owner n. */
struct channel *run_introduce(struct run *, unsigned peer, int n);

/* Its end: the exit status, or minus the signal. */
int	run_stop(struct run *);
int	run_kill(struct run *);
int	run_reap(struct run *);

#endif
