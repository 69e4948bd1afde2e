#ifndef SUPERVISOR_SPAWN_H
#define SUPERVISOR_SPAWN_H

/* Fork and exec of one of our own programs. */

#include <sys/types.h>

/*
 * Run path with one argument (NULL: none), ctl as its control channel and err
 * as its standard error; both stay open here.  The new process has nothing
 * else: no environment but the number of our protocol, no descriptors,
 * /dev/null for input and output.  -1 with errno.
 */
pid_t	spawn_process(const char *path, const char *arg, int ctl, int err);

#endif
