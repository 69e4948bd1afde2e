/*
 * stop: SIGTERM to the supervisor, and wait for its end.  The pid comes from
 * the lock file and is held by a pidfd before the lock is looked at again, so
 * that a reused pid is never signalled.
 */

#include <sys/syscall.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "supervisor/cli/runlock.h"
#include "supervisor/cli/verbs.h"

#define STOP_DEFAULT_S	20
#define STOP_MAX_S	3600
#define QUIET_MS	1000	/* before progress is shown */
#define POLL_MS		50
#define FIND_TRIES	10

/* The process to be stopped; fd is -1 where the kernel has no pidfds. */
struct target {
	const struct cli *cli;
	pid_t		  pid;
	int		  fd;
};

/* Read the lock; open the holder; is it still the holder?  As target_find(). */
static int
target_try(struct target *t)
{
	const char	*dir = t->cli->paths.run_dir;
	struct runlock	 rl, again;
	char		 err[512];

	if (runlock_read(&rl, dir, err, sizeof err) == -1)
		goto fail;
	if (rl.held != RUNLOCK_HELD)
		return 1;
	t->pid = rl.pid;
	t->fd = (int)syscall(SYS_pidfd_open, rl.pid, 0);
	if (runlock_read(&again, dir, err, sizeof err) == -1)
		goto fail;
	return again.held == RUNLOCK_HELD && again.pid == rl.pid ? 0 : 2;

fail:
	cli_warn(t->cli, "%s", err);
	return -1;
}

/* 0 and the holder of the lock; 1: nobody holds it; -1: said why. */
static int
target_find(struct target *t)
{
	int	 i, r = 2;

	for (i = 0; i < FIND_TRIES && r == 2; i++) {
		if (i > 0)
			poll(NULL, 0, POLL_MS);
		if (t->fd != -1)
			close(t->fd);
		t->fd = -1;
		r = target_try(t);
	}
	if (r != 2)
		return r;
	cli_warn(t->cli, "the lock in %s does not stay in one hand",
	    t->cli->paths.run_dir);
	return -1;
}

static int
target_signal(const struct target *t)
{
	if (t->fd != -1 &&
	    syscall(SYS_pidfd_send_signal, t->fd, SIGTERM, NULL, 0) == 0)
		return 0;
	return kill(t->pid, SIGTERM);
}

/* Has it ended within ms? */
static int
target_ended(const struct target *t, int ms)
{
	struct pollfd	 pfd = { t->fd, POLLIN, 0 };
	struct runlock	 rl;
	char		 err[512];

	if (t->fd != -1)
		return poll(&pfd, 1, ms) > 0;
	poll(NULL, 0, ms < POLL_MS ? ms : POLL_MS);
	return runlock_read(&rl, t->cli->paths.run_dir, err,
	    sizeof err) == 0 && rl.held != RUNLOCK_HELD;
}

/* Wait with a word a second; on a terminal only, it is one line of dots. */
static int
target_wait(const struct target *t, long seconds)
{
	int64_t	 now = clock_mono_ms(), end = now + seconds * 1000;
	int64_t	 say = now + QUIET_MS;
	int	 dots = isatty(STDERR_FILENO), shown = 0, ended = 0;

	while (!ended && (now = clock_mono_ms()) < end) {
		if (now >= say && !shown)
			shown = fprintf(stderr, "waiting for pid %d to end%s",
			    (int)t->pid, dots ? " " : "\n") > 0;
		else if (now >= say && dots)
			fputs(".", stderr);
		if (now >= say)
			say += QUIET_MS;
		ended = target_ended(t,
		    (int)((say < end ? say : end) - now));
	}
	if (shown && dots)
		fputs("\n", stderr);
	return ended ? 0 : -1;
}

static int
say_stopped(const struct cli *c, const char *text, pid_t pid)
{
	json_t	*j;

	if (c->json) {
		j = json_pack("{s:s}", "state", "stopped");
		cli_print_json(c, j);
		json_decref(j);
	} else if (pid != 0)
		printf("%s (pid %d)\n", text, (int)pid);
	else
		printf("%s\n", text);
	return CLI_OK;
}

int
v_stop(struct cli *c)
{
	struct target	 t = { .cli = c, .fd = -1 };
	long		 seconds = STOP_DEFAULT_S;
	int		 r;

	if ((r = cli_number(c, OPT_TIMEOUT, "timeout", 1, STOP_MAX_S,
	    &seconds)) != CLI_OK)
		return r;
	r = target_find(&t);
	if (r == 0 && target_signal(&t) == -1) {
		if (errno == ESRCH)
			r = 1;
		else {
			cli_warn(c, "cannot signal pid %d: %s", (int)t.pid,
			    strerror(errno));
			r = -1;
		}
	}
	if (r == 0 && target_wait(&t, seconds) == -1) {
		cli_warn(c, "meshsup (pid %d) has not ended after %ld s; it "
		    "goes on stopping, and its log says what it waits for",
		    (int)t.pid, seconds);
		r = -1;
	}
	if (t.fd != -1)
		close(t.fd);
	if (r == -1)
		return CLI_FAIL;
	return r == 1 ? say_stopped(c, "meshsup is not running", 0) :
	    say_stopped(c, "meshsup has stopped", t.pid);
}
