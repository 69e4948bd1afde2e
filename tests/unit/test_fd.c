/*
 * fd.c: files are read whole and written whole or not at all, with their mode,
 * and nothing is left open or lying about.  write, fsync and rename are
 * wrapped, to fail.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/xalloc.h"
#include "fds.h"
#include "scratch.h"

ssize_t	__wrap_write(int, const void *, size_t);
ssize_t	__real_write(int, const void *, size_t);
ssize_t	__wrap_read(int, void *, size_t);
ssize_t	__real_read(int, void *, size_t);
int	__wrap_fsync(int);
int	__real_fsync(int);
int	__wrap_rename(const char *, const char *);
int	__real_rename(const char *, const char *);

enum call { WRITE, READ, FSYNC, RENAME, N_CALLS };

static struct {
	int	calls, fail;		/* fail: the call of this number */
	int	error;
	size_t	most;			/* bytes that a call takes; 0: all */
} wrap[N_CALLS];

/* Shall this one fail? */
static int
fails(enum call c)
{
	if (++wrap[c].calls != wrap[c].fail)
		return 0;
	errno = wrap[c].error;
	return 1;
}

ssize_t
__wrap_write(int fd, const void *buf, size_t len)
{
	if (fails(WRITE))
		return -1;
	if (wrap[WRITE].most != 0 && len > wrap[WRITE].most)
		len = wrap[WRITE].most;
	return __real_write(fd, buf, len);
}

ssize_t
__wrap_read(int fd, void *buf, size_t len)
{
	if (fails(READ))
		return -1;
	if (wrap[READ].most != 0 && len > wrap[READ].most)
		len = wrap[READ].most;
	return __real_read(fd, buf, len);
}

int
__wrap_fsync(int fd)
{
	return fails(FSYNC) ? -1 : __real_fsync(fd);
}

int
__wrap_rename(const char *from, const char *to)
{
	return fails(RENAME) ? -1 : __real_rename(from, to);
}

static int	 before;

static int
setup(void **state)
{
	scratch_clean(state);
	memset(wrap, 0, sizeof wrap);
	before = fds_count();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	memset(wrap, 0, sizeof wrap);
	return fds_count() == before ? 0 : -1;
}

static void
test_close(void **state)
{
	int	fd = dup(0), copy = fd;

	(void)state;
	errno = ENOTTY;
	fd_close(&fd);
	assert_int_equal(fd, -1);
	assert_false(fds_is_open(copy));
	errno = ENOTTY;
	fd_close(&fd);
	assert_int_equal(errno, ENOTTY);
	fd = copy;			/* closed already: EBADF */
	fd_close(&fd);
	assert_int_equal(errno, ENOTTY);
}

static void
test_flags(void **state)
{
	int	fds[2];
	char	c;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(fd_cloexec(fds[0], 1), 0);
	assert_int_equal(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
	assert_int_equal(fd_cloexec(fds[0], 0), 0);
	assert_int_equal(fcntl(fds[0], F_GETFD), 0);
	assert_int_equal(fd_nonblock(fds[0]), 0);
	assert_int_equal(read(fds[0], &c, 1), -1);
	assert_int_equal(errno, EAGAIN);
	fd_close(&fds[0]);
	fd_close(&fds[1]);
	assert_int_equal(fd_nonblock(-1), -1);
	assert_int_equal(fd_cloexec(-1, 1), -1);
}

static void
test_close_from(void **state)
{
	pid_t	pid = fork();
	int	status, fd;

	(void)state;
	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		fd = fcntl(0, F_DUPFD, 900);
		if (fd < 900 || fcntl(0, F_DUPFD, 10) < 10)
			_exit(1);
		fd_close_from(3);
		if (fds_is_open(fd) || fds_is_open(10) || fds_is_open(3))
			_exit(2);
		_exit(fds_is_open(2) ? 0 : 3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
expect_file(const char *name, const char *text)
{
	size_t	 len;
	char	*buf = fd_read_file(scratch(name), 100, &len);

	assert_non_null(buf);
	assert_int_equal(len, strlen(text));
	assert_string_equal(buf, text);
	freezero(buf, len + 1);
}

static void
expect_no_file(const char *path, size_t max, int error)
{
	size_t	len = 4711;

	errno = 0;
	assert_null(fd_read_file(path, max, &len));
	assert_int_equal(errno, error);
	assert_int_equal(len, 4711);
}

static void
test_read(void **state)
{
	const char	*path;
	size_t		 len;
	char		*buf;

	(void)state;
	scratch_write("empty", 0600, "", 0);
	expect_file("empty", "");
	scratch_write("f", 0600, "hello\n", 6);
	expect_file("f", "hello\n");
	path = scratch_write("nul", 0600, "a\0b", 3);
	assert_non_null(buf = fd_read_file(path, 3, &len));
	assert_int_equal(len, 3);
	assert_memory_equal(buf, "a\0b", 4);
	freezero(buf, len + 1);

	/* In pieces, and interrupted. */
	wrap[READ].most = 2;
	wrap[READ].calls = 0;
	wrap[READ].fail = 2;
	wrap[READ].error = EINTR;
	expect_file("f", "hello\n");
	wrap[READ].calls = 0;
	wrap[READ].error = EIO;
	expect_no_file(scratch("f"), 100, EIO);
}

static void
test_read_refused(void **state)
{
	(void)state;
	scratch_write("f", 0600, "hello\n", 6);
	expect_no_file(scratch("f"), 5, EFBIG);
	expect_no_file(scratch("f"), 0, EFBIG);
	expect_no_file(scratch("none"), 100, ENOENT);
	expect_no_file(scratch(""), 100, EINVAL);	/* a directory */
	expect_no_file("/dev/zero", 100, EINVAL);
	/* Nobody will ever write to it: not waited for. */
	assert_int_equal(mkfifo(scratch("fifo"), 0600), 0);
	alarm(20);
	expect_no_file(scratch("fifo"), 100, EINVAL);
	alarm(0);
}

static void
test_write(void **state)
{
	mode_t	old = umask(0);

	(void)state;
	assert_int_equal(fd_write_file(scratch("f"), 0640, "one", 3), 0);
	expect_file("f", "one");
	assert_int_equal(scratch_mode("f"), 0640);
	/* Instead of what is there, whatever its mode and the umask. */
	umask(0777);
	assert_int_equal(fd_write_file(scratch("f"), 0600, "other", 5), 0);
	umask(old);
	expect_file("f", "other");
	assert_int_equal(scratch_mode("f"), 0600);
	assert_int_equal(wrap[FSYNC].calls, 4);	/* file and directory, twice */
	assert_int_equal(scratch_count(), 1);

	wrap[WRITE].most = 2;
	wrap[WRITE].calls = 0;
	wrap[WRITE].fail = 2;
	wrap[WRITE].error = EINTR;
	assert_int_equal(fd_write_file(scratch("f"), 0600, "piece by piece",
	    14), 0);
	expect_file("f", "piece by piece");
}

/* What is left from a crash is no obstacle; and a link is not followed. */
static void
test_write_over(void **state)
{
	(void)state;
	scratch_write("f.new", 0600, "left", 4);
	assert_int_equal(fd_write_file(scratch("f"), 0600, "one", 3), 0);
	expect_file("f", "one");
	assert_int_equal(scratch_count(), 1);

	scratch_write("victim", 0600, "victim", 6);
	assert_int_equal(symlink("victim", scratch("f.new")), 0);
	assert_int_equal(fd_write_file(scratch("f"), 0600, "two", 3), 0);
	expect_file("victim", "victim");
	expect_file("f", "two");
	assert_int_equal(unlink(scratch("f")), 0);
	assert_int_equal(symlink("victim", scratch("f")), 0);
	assert_int_equal(fd_write_file(scratch("f"), 0600, "three", 5), 0);
	expect_file("victim", "victim");
	expect_file("f", "three");
}

static void
expect_not_written(enum call call, int error)
{
	memset(wrap, 0, sizeof wrap);
	wrap[call].fail = 1;
	wrap[call].error = error;
	errno = 0;
	assert_int_equal(fd_write_file(scratch("f"), 0600, "new", 3), -1);
	assert_int_equal(errno, error);
	memset(wrap, 0, sizeof wrap);
	expect_file("f", "old");
	assert_int_equal(scratch_count(), 1);
	assert_int_equal(fds_count(), before);
}

static void
test_write_fails(void **state)
{
	(void)state;
	scratch_write("f", 0600, "old", 3);
	expect_not_written(WRITE, ENOSPC);
	expect_not_written(FSYNC, EIO);
	expect_not_written(RENAME, EACCES);
	assert_int_equal(fd_write_file(scratch("no/f"), 0600, "x", 1), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(mkdir(scratch("f.new"), 0700), 0);
	assert_int_equal(fd_write_file(scratch("f"), 0600, "new", 3), -1);
	expect_file("f", "old");
}

static void
test_write_all(void **state)
{
	char	buf[8] = "";
	int	fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	wrap[WRITE].most = 1;
	assert_int_equal(fd_write_all(fds[1], "abcdef", 6), 0);
	assert_int_equal(wrap[WRITE].calls, 6);
	assert_int_equal(read(fds[0], buf, sizeof buf), 6);
	assert_string_equal(buf, "abcdef");
	assert_int_equal(fd_write_all(fds[1], "", 0), 0);
	fd_close(&fds[1]);
	assert_int_equal(fd_write_all(fds[1], "x", 1), -1);
	assert_int_equal(errno, EBADF);
	fd_close(&fds[0]);
}

#define TEST(t)	cmocka_unit_test_setup_teardown(t, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		TEST(test_close),
		TEST(test_flags),
		TEST(test_close_from),
		TEST(test_read),
		TEST(test_read_refused),
		TEST(test_write),
		TEST(test_write_over),
		TEST(test_write_fails),
		TEST(test_write_all),
	};

	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
