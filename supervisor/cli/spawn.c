/* Finding and starting the programs that belong to the command. */

#include "supervisor/cli/spawn.h"

#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fd.h"
#include "common/inherit.h"
#include "common/paths.h"
#include "common/xalloc.h"

#define READY_FD	3

char *
spawn_find(const char *program)
{
	static const char	 tail[] = "/bin/meshsup";
	char			 self[PATH_MAX], *path;
	ssize_t			 n = readlink("/proc/self/exe", self,
				    sizeof self);
	size_t			 len = n > 0 ? (size_t)n : 0;
	size_t			 taillen = sizeof tail - 1;

	if (len > taillen && len < sizeof self &&
	    memcmp(self + len - taillen, tail, taillen) == 0) {
		xasprintf(&path, "%.*s/libexec/meshsup/%s",
		    (int)(len - taillen), self, program);
		if (access(path, X_OK) == 0)
			return path;
		free(path);
	}
	return paths_join(LIBEXECDIR, program);
}

/* Only what is safe between fork and exec; there is one thread. */
static void
signals_reset(void)
{
	sigset_t	 none;
	int		 sig;

	for (sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* stdin, stdout, stderr, the pipe as READY_FD, and nothing else. */
static int
descriptors_set(int ready)
{
	int	 null;

	if (ready != READY_FD && dup2(ready, READY_FD) == -1)
		return -1;
	if (fcntl(READY_FD, F_SETFD, 0) == -1 ||
	    (null = open("/dev/null", O_RDWR)) == -1 ||
	    dup2(null, 0) == -1 || dup2(null, 1) == -1 || dup2(null, 2) == -1)
		return -1;
	/* Whatever whoever called us left open. */
	fd_close_from(READY_FD + 1);
	return 0;
}

/* The grandchild.  Does not return. */
static void
exec_detached(char *const argv[], int ready)
{
	char	 number[16];

	signals_reset();
	snprintf(number, sizeof number, "%d", READY_FD);
	if (chdir("/") == 0 && descriptors_set(ready) == 0) {
		ready = READY_FD;
		if (setenv(INHERIT_READY_ENV, number, 1) == 0)
			execv(argv[0], argv);
	}
	dprintf(ready, "error cannot run %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

int
spawn_detached(char *const argv[], char *err, size_t errlen)
{
	int	 pipefd[2], status;
	pid_t	 pid;

	if (pipe2(pipefd, O_CLOEXEC) == -1) {
		snprintf(err, errlen, "pipe: %s", strerror(errno));
		return -1;
	}
	fflush(NULL);
	if ((pid = fork()) == -1) {
		snprintf(err, errlen, "fork: %s", strerror(errno));
		close(pipefd[0]);
		close(pipefd[1]);
		return -1;
	}
	if (pid == 0) {
		setsid();
		/* Once more, so that it is no session leader. */
		if ((pid = fork()) == 0)
			exec_detached(argv, pipefd[1]);
		if (pid == -1)
			dprintf(pipefd[1], "error fork: %s\n",
			    strerror(errno));
		_exit(0);
	}
	close(pipefd[1]);
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		;
	return pipefd[0];
}

/* A line, complete or not, as the program wrote it. */
static enum spawn_word
word_parse(char *text)
{
	static const char	 prefix[] = "error ";
	size_t			 n = sizeof prefix - 1;

	text[strcspn(text, "\n")] = '\0';
	if (strcmp(text, "ok") == 0)
		return SPAWN_READY;
	if (strncmp(text, prefix, n) != 0)
		return SPAWN_DIED;
	memmove(text, text + n, strlen(text + n) + 1);
	return SPAWN_ERROR;
}

enum spawn_word
spawn_wait(int fd, int timeout_ms, char *text, size_t size)
{
	int64_t		 deadline = clock_mono_ms() + timeout_ms, left;
	struct pollfd	 pfd = { fd, POLLIN, 0 };
	size_t		 len = 0;
	ssize_t		 n;

	text[0] = '\0';
	while (len < size - 1 && strchr(text, '\n') == NULL) {
		if ((left = deadline - clock_mono_ms()) <= 0)
			return SPAWN_LATE;
		if (poll(&pfd, 1, (int)left) <= 0)
			continue;
		if ((n = read(fd, text + len, size - 1 - len)) == -1 &&
		    errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
		text[len] = '\0';
	}
	return word_parse(text);
}
