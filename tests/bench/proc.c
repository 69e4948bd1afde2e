/* Programs that a bench runs. */

#include "tests/bench/proc.h"

#include <sys/prctl.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"

/* In the child.  Does not return. */
static void
proc_exec(const char *const argv[], int out, const char *errfile)
{
	int	fd = -1;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (errfile != NULL)
		fd = open(errfile, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (dup2(out, STDOUT_FILENO) == -1 ||
	    (fd != -1 && dup2(fd, STDERR_FILENO) == -1) ||
	    (fd = open("/dev/null", O_RDONLY)) == -1 ||
	    dup2(fd, STDIN_FILENO) == -1)
		_exit(127);
	execv(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

pid_t
proc_spawn(const char *const argv[], const char *errfile, int *out_r)
{
	int	pair[2];
	pid_t	pid;

	if (pipe2(pair, O_CLOEXEC) == -1 || (pid = fork()) == -1)
		fatal("%s: start", argv[0]);
	if (pid == 0)
		proc_exec(argv, pair[1], errfile);
	close(pair[1]);
	*out_r = pair[0];
	return pid;
}

static int
proc_reap(pid_t pid)
{
	int	status;

	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			fatal("waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) :
	    128 + WTERMSIG(status);
}

int
proc_run(const char *const argv[], char *out, size_t size)
{
	char	 rest[512];
	size_t	 len = 0;
	ssize_t	 n;
	pid_t	 pid;
	int	 fd;

	pid = proc_spawn(argv, NULL, &fd);
	do {
		if (out != NULL && len + 1 < size) {
			n = read(fd, out + len, size - 1 - len);
			len += n > 0 ? (size_t)n : 0;
		} else
			n = read(fd, rest, sizeof rest);
	} while (n > 0 || (n == -1 && errno == EINTR));
	if (out != NULL)
		out[len] = '\0';
	close(fd);
	return proc_reap(pid);
}

void
proc_end(pid_t *pid)
{
	if (*pid <= 0)
		return;
	kill(*pid, SIGKILL);
	proc_reap(*pid);
	*pid = 0;
}

int
proc_line(int fd, char *line, size_t size, int ms)
{
	int64_t		 deadline = clock_mono_ms() + ms, left;
	struct pollfd	 p = { .fd = fd, .events = POLLIN };
	size_t		 len = 0;

	while (len + 1 < size && (left = deadline - clock_mono_ms()) > 0) {
		if (poll(&p, 1, (int)left) <= 0)
			continue;
		if (read(fd, line + len, 1) != 1)
			return -1;
		if (line[len] == '\n') {
			line[len] = '\0';
			return 0;
		}
		len++;
	}
	return -1;
}
