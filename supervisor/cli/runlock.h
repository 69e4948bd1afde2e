#ifndef CLI_RUNLOCK_H
#define CLI_RUNLOCK_H

/*
 * The lock file of a run directory: flocked by the supervisor for life, its
 * text "<pid> <state>\n".  It tells what the API cannot, before it answers and
 * when it no longer does.
 */

#include <sys/types.h>

#include <stddef.h>

#define RUNLOCK_STATE_MAX	16

enum runlock_held {
	RUNLOCK_FREE,		/* by nobody: stopped */
	RUNLOCK_LEFT,		/* likewise, but the pid file is still there */
	RUNLOCK_HELD,		/* by the process that stands in it */
};

struct runlock {
	enum runlock_held held;
	pid_t		  pid;		/* 0 unless it is held */
	char		  state[RUNLOCK_STATE_MAX]; /* "" likewise */
};

/*
 * The text of the file, of which the first line counts: a longer one may be
 * behind it for a moment.  0, or -1 with pid 0 and no state.
 */
int	runlock_parse(struct runlock *, const char *, size_t len);

/* -1 with a sentence in err: the file cannot be read. */
int	runlock_read(struct runlock *, const char *run_dir, char *err,
	    size_t errlen);

#endif
