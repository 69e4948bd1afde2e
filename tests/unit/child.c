/* Runs a function in a child and reads what it says. */

#include "child.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void
child_body(void (*fn)(void), int out)
{
	dup2(out, STDERR_FILENO);
	close(out);
	fn();
	_exit(0);
}

int
child_run(void (*fn)(void), char *err, size_t size)
{
	size_t	 len = 0;
	ssize_t	 n;
	pid_t	 pid;
	int	 fds[2], status;

	fflush(NULL);		/* or exit() of the child says it again */
	if (pipe(fds) == -1 || (pid = fork()) == -1) {
		perror("child_run");
		abort();
	}
	if (pid == 0) {
		close(fds[0]);
		child_body(fn, fds[1]);
	}
	close(fds[1]);
	while (len < size - 1) {
		n = read(fds[0], err + len, size - 1 - len);
		if (n == 0 || (n == -1 && errno != EINTR))
			break;
		len += n > 0 ? n : 0;
	}
	err[len] = '\0';
	close(fds[0]);
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) :
	    128 + WTERMSIG(status);
}
