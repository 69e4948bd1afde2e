/* Who owns a directory. */

#include "supervisor/lock.h"

#include <sys/file.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/log.h"

void
lock_say(int fd, const char *state)
{
	char	text[64];
	int	n;

	/* One write over the old text, so that a reader never sees neither. */
	n = snprintf(text, sizeof text, "%ld %s\n", (long)getpid(), state);
	if (pwrite(fd, text, (size_t)n, 0) != n || ftruncate(fd, n) == -1)
		log_warn("lock file: cannot write");
}

int
lock_take(const char *path, char *err, size_t errlen)
{
	char	text[64] = "";
	ssize_t	n;
	long	pid;
	int	fd;

	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd == -1) {
		snprintf(err, errlen, "%s: %s", path, strerror(errno));
		return -1;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		lock_say(fd, "starting");
		return fd;
	}
	if (errno != EWOULDBLOCK)
		snprintf(err, errlen, "%s: cannot lock: %s", path,
		    strerror(errno));
	else {
		n = pread(fd, text, sizeof text - 1, 0);
		pid = n > 0 ? strtol(text, NULL, 10) : 0;
		if (pid > 0)
			snprintf(err, errlen, "already running, pid %ld (it "
			    "holds %s)", pid, path);
		else
			snprintf(err, errlen, "already running (%s is locked)",
			    path);
	}
	fd_close(&fd);
	return -1;
}
