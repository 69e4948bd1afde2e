/* Fork and exec of one of our own programs. */

#include "supervisor/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/inherit.h"
#include "common/version.h"
#include "common/xalloc.h"

/* In the new process: descriptors, then exec.  Nothing that allocates. */
static void
spawn_exec(const char *path, char *const argv[], char *const envp[], int ctl,
    int err)
{
	sigset_t	none;
	int		null;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if ((null = open("/dev/null", O_RDWR)) == -1)
		_exit(126);
	/* Out of the way of 0 to 3 first. */
	if ((ctl = fcntl(ctl, F_DUPFD, 10)) == -1 ||
	    (err = fcntl(err, F_DUPFD, 10)) == -1 ||
	    dup2(null, 0) == -1 || dup2(null, 1) == -1 ||
	    dup2(err, 2) == -1 || dup2(ctl, INHERIT_CTL_FD) == -1)
		_exit(126);
	fd_close_from(INHERIT_CTL_FD + 1);
	execve(path, argv, envp);
	_exit(127);
}

#define ENV_MAX	5

/* Environment of a child: our protocol, and what sanitizers need. */
static void
spawn_environment(char *env[ENV_MAX])
{
	static const char *const keep[] = { "ASAN_OPTIONS", "UBSAN_OPTIONS",
	    "LSAN_OPTIONS" };
	size_t		 i, n = 0;

	xasprintf(&env[n++], INHERIT_PROTO_ENV "=%d", version_proto());
	for (i = 0; i < sizeof keep / sizeof keep[0]; i++) {
#ifdef WITH_SANITIZERS
		if (getenv(keep[i]) != NULL)
			xasprintf(&env[n++], "%s=%s", keep[i],
			    getenv(keep[i]));
#endif
	}
	env[n] = NULL;
}

pid_t
spawn_process(const char *path, const char *arg, int ctl, int err)
{
	char	*argv[3], *env[ENV_MAX] = { NULL };
	size_t	 i;
	pid_t	 pid;

	argv[0] = (char *)(uintptr_t)path;
	argv[1] = (char *)(uintptr_t)arg;
	argv[2] = NULL;
	spawn_environment(env);
	if ((pid = fork()) == 0)
		spawn_exec(path, argv, env, ctl, err);
	for (i = 0; env[i] != NULL; i++)
		free(env[i]);
	return pid;
}
