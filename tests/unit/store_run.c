/* libexec/meshsup/store itself, as its supervisor runs it. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sys/resource.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/inherit.h"
#include "common/version.h"
#include "store_help.h"
#include "store_run.h"

rlim_t	run_file_limit = RLIM_INFINITY;

static void
exec_store(int fd)
{
	struct rlimit	rl = { run_file_limit, RLIM_INFINITY };
	char		proto[16];

	(void)setrlimit(RLIMIT_FSIZE, &rl);
	if (fd == INHERIT_CTL_FD)
		fcntl(fd, F_SETFD, 0);
	else if (dup2(fd, INHERIT_CTL_FD) == -1)
		_exit(126);
	snprintf(proto, sizeof proto, "%d", version_proto());
	setenv(INHERIT_PROTO_ENV, proto, 1);
	execl(STORE_BIN, "store", (char *)NULL);
	_exit(127);
}

void
run_spawn(struct run *r)
{
	int	fds[2];

	memset(r, 0, sizeof *r);
	assert_int_equal(channel_pair(fds), 0);
	if ((r->pid = fork()) == 0)
		exec_store(fds[1]);
	assert_true(r->pid > 0);
	close(fds[1]);
	r->ctl = channel_new(fds[0]);
}

void
run_setup(struct run *r)
{
	struct msg_setup_store	body;

	memset(&body, 0, sizeof body);
	body.log_level = LOG_LV_INFO;
	strcpy(body.dir, dir);
	body.retention_ms = 30LL * 24 * 3600 * 1000;
	body.max_age_ms = 7LL * 24 * 3600 * 1000;
	assert_int_equal(msg_send(r->ctl, MSG_SUP_SETUP_STORE, 0, &body, -1),
	    0);
}

/* Wait for a message, at most a minute.  1, or -1 at the end of the channel. */
int
run_wait_msg(struct channel *ch, struct msg *m)
{
	struct pollfd	pfd = { .fd = channel_fd(ch), .events = POLLIN };
	int64_t		end = clock_mono_ms() + 60000;
	int		ret;

	while ((ret = msg_recv(ch, m)) == 0) {
		assert_true(clock_mono_ms() < end);
		(void)channel_flush(ch);
		(void)poll(&pfd, 1, 50);
	}
	return ret;
}

static void
run_add_log(struct run *r, const struct msg *m)
{
	struct msg_log	line;

	assert_int_equal(m->type, MSG_LOG);
	assert_int_equal(msg_decode(m, &line), 0);
	strncat(r->log, line.text, sizeof r->log - strlen(r->log) - 1);
	strncat(r->log, "\n", sizeof r->log - strlen(r->log) - 1);
}

/* What comes over the control channel until READY: 1, or until its end: 0. */
int
run_wait_ready(struct run *r)
{
	struct msg	m;

	while (run_wait_msg(r->ctl, &m) == 1) {
		if (m.type == MSG_READY)
			return 1;
		run_add_log(r, &m);
	}
	return 0;
}

void
run_read_log(struct run *r)
{
	struct msg	m;

	while (msg_recv(r->ctl, &m) == 1)
		run_add_log(r, &m);
}

/* Its end.  The exit status, or minus the signal. */
int
run_reap(struct run *r)
{
	int64_t	end = clock_mono_ms() + 60000;
	int	status;
	pid_t	pid;

	while ((pid = waitpid(r->pid, &status, WNOHANG)) == 0) {
		assert_true(clock_mono_ms() < end);
		usleep(1000);
	}
	assert_int_equal(pid, r->pid);
	channel_free(&r->ctl);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

struct channel *
run_introduce(struct run *r, unsigned peer, int n)
{
	struct msg_channel	body;
	int			fds[2];

	assert_int_equal(channel_pair(fds), 0);
	make_channel(&body, OWNER_SESSION, n, 50);
	body.peer = peer;
	assert_int_equal(msg_send(r->ctl, MSG_SUP_CHANNEL, 0, &body, fds[0]),
	    0);
	return channel_new(fds[1]);
}

void
run_start(struct run *r)
{
	run_spawn(r);
	run_setup(r);
	assert_int_equal(run_wait_ready(r), 1);
}

int
run_stop(struct run *r)
{
	assert_int_equal(msg_send(r->ctl, MSG_SUP_STOP, 0, NULL, -1), 0);
	while (run_wait_ready(r))
		;
	return run_reap(r);
}

int
run_kill(struct run *r)
{
	kill(r->pid, SIGKILL);
	return run_reap(r);
}
