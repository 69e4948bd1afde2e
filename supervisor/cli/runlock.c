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
		return -1;
	memcpy(text, p, len);
	text[len] = '\0';
	if (sscanf(text, "%ld %15[a-z]%c", &pid, rl->state, &end) != 3 ||
	    strchr(text, '\n') != text + len - 1 || end != '\n' ||
	    pid <= 1 || pid > INT_MAX) {
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

int
runlock_read(struct runlock *rl, const char *run_dir, char *err,
    size_t errlen)
{
	char	*path = paths_join(run_dir, PATHS_RUN_LOCK);
	char	 text[64];
	ssize_t	 n;
	int	 fd, held, r = -1;

	memset(rl, 0, sizeof *rl);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) == -1) {
		if (errno == ENOENT || errno == ENOTDIR)
			r = 0;
		else
			snprintf(err, errlen, "%s: %s", path,
			    strerror(errno));
		free(path);
		return r;
	}
	if ((n = read(fd, text, sizeof text)) != -1) {
		runlock_parse(rl, text, (size_t)n);
		if ((held = is_held(fd, rl->pid)) != -1) {
			rl->held = held ? RUNLOCK_HELD :
			    rl->pid != 0 ? RUNLOCK_LEFT : RUNLOCK_FREE;
			r = 0;
		}
	}
	if (r == -1)
		snprintf(err, errlen, "%s: %s", path, strerror(errno));
	close(fd);
	free(path);
	return r;
}
