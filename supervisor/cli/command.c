/* A command run as a child. */

#include "supervisor/cli/command.h"

#include <sys/resource.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/fd.h"

/* Those that somebody may send to us and mean the command with. */
static const int passed_on[] = {
	SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGWINCH,
};
#define NPASSED	(sizeof passed_on / sizeof *passed_on)

/* The child, up to the execution.  Does not return. */
static void
command_child(char *const argv[], int go, int error,
    void (*setup)(void *arg), void *arg, const sigset_t *mask)
{
	char	 byte;
	ssize_t	 n;
	int	 why;

	sigprocmask(SIG_SETMASK, mask, NULL);
	while ((n = read(go, &byte, 1)) == -1 && errno == EINTR)
		;
	if (n != 1)
		_exit(127);
	setup(arg);
	execvp(argv[0], argv);
	why = errno;
	(void)fd_write_all(error, &why, sizeof why);
	_exit(127);
}

int
command_fork(struct command *cmd, char *const argv[],
    void (*setup)(void *arg), void *arg)
{
	int		 go[2], error[2], saved;
	sigset_t	 mask;
	size_t		 i;

	if (pipe2(go, O_CLOEXEC) == -1)
		return -1;
	if (pipe2(error, O_CLOEXEC) == -1) {
		saved = errno;
		close(go[0]);
		close(go[1]);
		errno = saved;
		return -1;
	}
	sigemptyset(&cmd->signals);
	for (i = 0; i < NPASSED; i++)
		sigaddset(&cmd->signals, passed_on[i]);
	sigaddset(&cmd->signals, SIGCHLD);
	signal(SIGCHLD, SIG_DFL);	/* or it could not be waited for */
	fflush(NULL);
	sigprocmask(SIG_BLOCK, &cmd->signals, &mask);
	if ((cmd->pid = fork()) == 0) {
		close(go[1]);
		close(error[0]);
		command_child(argv, go[0], error[1], setup, arg, &mask);
	}
	saved = errno;
	close(go[0]);
	close(error[1]);
	cmd->go_fd = go[1];
	cmd->error_fd = error[0];
	if (cmd->pid != -1)
		return 0;
	close(cmd->go_fd);
	close(cmd->error_fd);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	errno = saved;
	return -1;
}

static int
command_reap(const struct command *cmd)
{
	int	 status = 0;

	while (waitpid(cmd->pid, &status, 0) == -1 && errno == EINTR)
		;
	return status;
}

int
command_go(struct command *cmd)
{
	ssize_t	 n;
	int	 why = 0;

	/* A command that was killed meanwhile is seen when it is waited for. */
	signal(SIGPIPE, SIG_IGN);
	(void)fd_write_all(cmd->go_fd, "", 1);
	signal(SIGPIPE, SIG_DFL);
	close(cmd->go_fd);
	while ((n = read(cmd->error_fd, &why, sizeof why)) == -1 &&
	    errno == EINTR)
		;
	close(cmd->error_fd);
	if (n != sizeof why)
		return 0;
	command_reap(cmd);
	return why;
}

void
command_drop(struct command *cmd)
{
	close(cmd->go_fd);
	close(cmd->error_fd);
	command_reap(cmd);
}

/*
 * What a terminal sends goes to its whole foreground group, the command
 * included; what the command itself sends to the group is not for it either.
 * But that the terminal is gone is said to its first process alone.
 */
static int
is_for_command(const struct command *cmd, const siginfo_t *si)
{
	if (si->si_code == SI_KERNEL)
		return si->si_signo == SIGHUP && getsid(0) == getpid();
	return si->si_pid != cmd->pid;
}

/*
 * The command stopped.  Where a shell waits for us to have its terminal back,
 * stop with it; it lets the whole group go on.  Not elsewhere: whoever stopped
 * the command there need not know of us when he lets it go on.
 */
static void
command_stopped(void)
{
	int	 tty = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);

	if (tty != -1 && tcgetpgrp(tty) == getpgrp())
		raise(SIGTSTP);		/* nothing, where no shell waits */
	fd_close(&tty);
}

int
command_wait(struct command *cmd)
{
	siginfo_t	 si;
	pid_t		 pid;
	int		 status;

	for (;;) {
		pid = waitpid(cmd->pid, &status, WNOHANG | WUNTRACED);
		if (pid == cmd->pid && WIFSTOPPED(status))
			command_stopped();
		else if (pid == cmd->pid || (pid == -1 && errno != EINTR))
			return pid == -1 ? 0 : status;
		else if (sigwaitinfo(&cmd->signals, &si) > 0 &&
		    si.si_signo != SIGCHLD && is_for_command(cmd, &si))
			kill(cmd->pid, si.si_signo);
	}
}

void
command_end_as(const struct command *cmd, int status)
{
	const struct rlimit	 none = { 0, 0 };
	int			 sig;

	fflush(NULL);
	if (WIFEXITED(status))
		_exit(WEXITSTATUS(status));
	sig = WTERMSIG(status);
	setrlimit(RLIMIT_CORE, &none);	/* one core file is enough */
	signal(sig, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &cmd->signals, NULL);
	raise(sig);
	_exit(128 + sig);
}
