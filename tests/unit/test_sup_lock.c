/*
 * supervisor/lock.c: one holder at a time, who is named to the others, and
 * who need not clean up.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/prctl.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/xalloc.h"
#include "fds.h"
#include "scratch.h"
#include "supervisor/lock.h"

static char	 err[512];
static int	 before;

static int
setup(void **state)
{
	scratch_clean(state);
	err[0] = '\0';
	before = fds_count();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	return fds_count() == before ? 0 : -1;
}

static int
take(void)
{
	return lock_take(scratch("lock"), err, sizeof err);
}

/* What the file says of this process. */
static void
expect_text(pid_t pid, const char *state)
{
	char	 text[64], *got;
	size_t	 len;

	snprintf(text, sizeof text, "%ld %s\n", (long)pid, state);
	assert_non_null(got = fd_read_file(scratch("lock"), 100, &len));
	assert_string_equal(got, text);
	freezero(got, len + 1);
}

static void
expect_taken(pid_t pid)
{
	char	text[64];

	assert_int_equal(take(), -1);
	snprintf(text, sizeof text, "already running, pid %ld ", (long)pid);
	assert_ptr_equal(strstr(err, text), err);
	assert_non_null(strstr(err, scratch("lock")));
}

static void
test_take(void **state)
{
	int	fd = take();

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(scratch_mode("lock"), 0600);
	expect_text(getpid(), "starting");
	expect_taken(getpid());
	lock_say(fd, "running");
	expect_text(getpid(), "running");
	expect_taken(getpid());
	lock_say(fd, "stopping");
	expect_text(getpid(), "stopping");
	lock_say(fd, "up");			/* shorter than before */
	expect_text(getpid(), "up");
	fd_close(&fd);

	/* Free, though the file is still there. */
	assert_true((fd = take()) >= 0);
	expect_text(getpid(), "starting");
	fd_close(&fd);
}

/* Hold it in a child until it is killed. */
static pid_t
hold(void)
{
	pid_t	pid;
	int	fds[2];
	char	c;

	assert_int_equal(pipe(fds), 0);
	assert_int_not_equal(pid = fork(), -1);
	if (pid == 0) {
		close(fds[0]);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (take() == -1)
			_exit(1);
		close(fds[1]);
		for (;;)
			pause();
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], &c, 1), 0);
	close(fds[0]);
	return pid;
}

static void
test_killed(void **state)
{
	pid_t	pid = hold();
	int	fd, status;

	(void)state;
	expect_taken(pid);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	expect_text(pid, "starting");		/* what it left behind */
	assert_true((fd = take()) >= 0);
	expect_text(getpid(), "starting");
	fd_close(&fd);
}

/* A child that inherits the descriptor, but execs, does not hold it. */
static void
test_exec(void **state)
{
	int	fd = take(), fds[2], status;
	pid_t	pid;
	char	c;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(pipe(fds), 0);
	assert_int_not_equal(pid = fork(), -1);
	if (pid == 0) {
		dup2(fds[0], STDIN_FILENO);
		dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
		fcntl(fds[1], F_SETFD, FD_CLOEXEC);
		execlp("cat", "cat", (char *)NULL);
		_exit(1);
	}
	close(fds[0]);
	fd_close(&fd);
	/* Until it has exec'ed, it holds it as well. */
	while ((fd = take()) == -1)
		assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	c = '\n';
	assert_int_equal(write(fds[1], &c, 1), 1);	/* cat still lives */
	close(fds[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	fd_close(&fd);
}

static void
test_unknown_holder(void **state)
{
	int	fd = take();

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, "x\n", 2, 0), 2);
	assert_int_equal(take(), -1);
	assert_non_null(strstr(err, "already running ("));
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(take(), -1);
	assert_non_null(strstr(err, "already running ("));
	fd_close(&fd);
}

static void
test_refused(void **state)
{
	(void)state;
	scratch_write("other", 0600, "x", 1);
	assert_int_equal(symlink("other", scratch("lock")), 0);
	assert_int_equal(take(), -1);
	assert_non_null(strstr(err, "lock: "));
	assert_int_equal(lock_take(scratch("no/lock"), err, sizeof err), -1);
	assert_non_null(strstr(err, "no/lock: No such file"));
	assert_int_equal(lock_take(scratch(""), err, sizeof err), -1);
	assert_non_null(strstr(err, ": Is a directory"));
}

#define TEST(t)	cmocka_unit_test_setup_teardown(t, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		TEST(test_take),
		TEST(test_killed),
		TEST(test_exec),
		TEST(test_unknown_holder),
		TEST(test_refused),
	};

	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
