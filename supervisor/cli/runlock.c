/* What the lock file of a run directory says. */

#include "supervisor/cli/runlock.h"

#include <sys/file.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/paths.h"

int
runlock_parse(struct runlock *rl, const char *p, size_t len)
{
	char	 text[64], end;
	long	 pid;

	rl->pid = 0;
	*rl->state = '\0';
	if (len >= sizeof text)
		len = sizeof text - 1;
	memcpy(text, p, len);
	text[len] = '\0';
	if (sscanf(text, "%ld %15[a-z]%c", &pid, rl->state, &end) != 3 ||
	    end != '\n' || pid <= 1 || pid > INT_MAX) {
		*rl->state = '\0';
		return -1;
	}
	rl->pid = (pid_t)pid;
	return 0;
}

/*
 * Does that process hold the lock?  Trying it takes it for a moment, which
 * could refuse a supervisor that starts just then; so it is not tried when no
 * pid stands there yet, or when there is no such process any more.
 */
static int
is_held(int fd, pid_t pid)
{
	if (pid == 0 || (kill(pid, 0) == -1 && errno == ESRCH))
		return 0;
	if (flock(fd, LOCK_SH | LOCK_NB) == 0) {
		flock(fd, LOCK_UN);
		return 0;
	}
	return errno == EWOULDBLOCK ? 1 : -1;
}

/* Is there a pid file?  A supervisor that ends by itself removes it. */
static int
is_left(const char *run_dir)
{
	char	*path = paths_join(run_dir, PATHS_PID);
	int	 r = access(path, F_OK) == 0;

	free(path);
	return r;
}

int
runlock_read(struct runlock *rl, const char *run_dir, char *err,
    size_t errlen)
{
	char	*path = paths_join(run_dir, PATHS_RUN_LOCK);
	char	 text[64];
	ssize_t	 n;
	int	 fd, held = -1, absent = 0;

	memset(rl, 0, sizeof *rl);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) == -1)
		absent = errno == ENOENT || errno == ENOTDIR;
	else if ((n = read(fd, text, sizeof text)) != -1) {
		runlock_parse(rl, text, (size_t)n);
		held = is_held(fd, rl->pid);
	}
	if (held == -1 && !absent)
		snprintf(err, errlen, "%s: %s", path, strerror(errno));
	if (fd != -1)
		close(fd);
	free(path);
	if (held == -1 && !absent)
		return -1;
	if (held == 1)
		rl->held = RUNLOCK_HELD;
	else {
		memset(rl, 0, sizeof *rl);
		rl->held = is_left(run_dir) ? RUNLOCK_LEFT : RUNLOCK_FREE;
	}
	return 0;
}
