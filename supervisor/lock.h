#ifndef SUPERVISOR_LOCK_H
#define SUPERVISOR_LOCK_H

/*
 * Who owns a directory: a file in it, locked with flock for the life of the
 * process.  It holds "<pid> <state>\n" for those who are told that it is taken.
 */

#include <stddef.h>

/*
 * The descriptor that holds the lock, close-on-exec, or -1 with a sentence in
 * err, which names the pid of who has it.
 */
int	lock_take(const char *path, char *err, size_t errlen);

/* Say in the file what the holder does: "starting", "running", "stopping". */
void	lock_say(int fd, const char *state);

#endif
