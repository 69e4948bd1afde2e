#ifndef CLI_SPAWN_H
#define CLI_SPAWN_H

/* Finding and starting the programs that belong to the command. */

#include <stddef.h>

/*
 * The program of that name: in libexec/meshsup beside the bin directory that
 * this command runs from, when it is there (an installed tree may be moved),
 * else where it was configured to be.  Allocated.
 */
char	*spawn_find(const char *program);

/*
 * Start argv detached: a session of its own, "/", /dev/null, no signal
 * ignored, no descriptor but the write end of a pipe whose number stands in
 * INHERIT_READY_ENV.  Returns the read end, or -1 with a sentence in err.
 * When the program cannot be executed, that is written to the pipe.
 */
int	 spawn_detached(char *const argv[], char *err, size_t errlen);

/* The first line of the pipe. */
enum spawn_word {
	SPAWN_READY,		/* "ok" */
	SPAWN_ERROR,		/* "error <sentence>", now in text */
	SPAWN_DIED,		/* the end, without a line */
	SPAWN_LATE,		/* nothing within the time */
};
enum spawn_word	spawn_wait(int fd, int timeout_ms, char *text, size_t len);

#endif
