/*
 * supervisor/listen.c: sockets with the mode that was asked for, in the place
 * of stale ones; addresses that are numbers, and ports that are what they say.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "fds.h"
#include "scratch.h"
#include "supervisor/listen.h"

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
make(mode_t mode)
{
	int	fd = listen_unix(scratch("s"), mode, err, sizeof err);

	if (fd == -1)
		fail_msg("%s", err);
	return fd;
}

/* Connect to scratch("s"); -1 with errno. */
static int
dial(void)
{
	struct sockaddr_un	sun = { .sun_family = AF_UNIX };
	int			fd = socket(AF_UNIX, SOCK_STREAM, 0), saved;

	strncpy(sun.sun_path, scratch("s"), sizeof sun.sun_path - 1);
	if (connect(fd, (struct sockaddr *)&sun, sizeof sun) == -1) {
		saved = errno;
		fd_close(&fd);
		errno = saved;
	}
	return fd;
}

static void
expect_usable(int fd)
{
	int	client = dial(), served = accept(fd, NULL, NULL);

	assert_true(client >= 0 && served >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	close(client);
	close(served);
}

static void
test_unix(void **state)
{
	static const mode_t	modes[] = { 0600, 0660, 0666, 0620 };
	size_t			i;
	int			fd;

	(void)state;
	for (i = 0; i < sizeof modes / sizeof *modes; i++) {
		fd = make(modes[i]);
		assert_int_equal(scratch_mode("s"), (int)modes[i]);
		assert_int_equal(umask(022), 022);
		expect_usable(fd);
		close(fd);
	}
}

/* Of one that died, of one that lives, and a file. */
static void
test_unix_stale(void **state)
{
	int	old = make(0600), fd;

	(void)state;
	close(old);
	assert_int_equal(dial(), -1);
	assert_int_equal(errno, ECONNREFUSED);
	fd = make(0600);
	expect_usable(fd);

	old = fd;
	fd = make(0666);
	assert_int_equal(scratch_mode("s"), 0666);
	expect_usable(fd);
	assert_int_equal(accept(old, NULL, NULL), -1);
	close(old);
	close(fd);

	scratch_write("s", 0600, "x", 1);
	fd = make(0600);
	expect_usable(fd);
	close(fd);

	unlink(scratch("s"));
	scratch_write("other", 0600, "x", 1);
	assert_int_equal(symlink("other", scratch("s")), 0);
	fd = make(0600);
	expect_usable(fd);
	close(fd);
	assert_int_equal(scratch_count(), 2);
}

static void
expect_no_unix(const char *path, const char *why)
{
	assert_int_equal(listen_unix(path, 0600, err, sizeof err), -1);
	if (strstr(err, path) != err || strstr(err, why) == NULL)
		fail_msg("%s", err);
	assert_int_equal(fds_count(), before);
	assert_int_equal(umask(022), 022);
}

static void
test_unix_refused(void **state)
{
	char	path[1024];
	size_t	max = sizeof ((struct sockaddr_un *)NULL)->sun_path - 1;
	int	fd;

	(void)state;
	expect_no_unix(scratch("no/s"), "No such file");
	assert_int_equal(mkdir(scratch("s"), 0700), 0);
	expect_no_unix(scratch("s"), "cannot remove");
	rmdir(scratch("s"));

	/* As long as it may be, and one byte more. */
	snprintf(path, sizeof path, "%s/%0200d", scratch(""), 0);
	path[max + 1] = '\0';
	expect_no_unix(path, "too long for a socket (107 bytes");
	path[max] = '\0';
	fd = listen_unix(path, 0600, err, sizeof err);
	assert_true(fd >= 0);
	close(fd);
}

/* A good one: the port that it says is the port that it has. */
static void
expect_tcp(const char *where, int family, uint16_t asked)
{
	struct sockaddr_storage	 ss;
	socklen_t		 len = sizeof ss;
	uint16_t		 port = 0;
	int			 fd, on = 0;
	socklen_t		 onlen = sizeof on;

	fd = listen_tcp(where, &port, err, sizeof err);
	if (fd == -1)
		fail_msg("%s", err);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&ss, &len), 0);
	assert_int_equal(ss.ss_family, family);
	assert_int_equal(port, ntohs(family == AF_INET ?
	    ((struct sockaddr_in *)&ss)->sin_port :
	    ((struct sockaddr_in6 *)&ss)->sin6_port));
	assert_int_not_equal(port, 0);
	if (asked != 0)
		assert_int_equal(port, asked);
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on,
	    &onlen), 0);
	assert_int_equal(on, 1);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	close(fd);
}

static int
has_v6(void)
{
	struct sockaddr_in6	sin6 = { .sin6_family = AF_INET6,
				    .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int			fd = socket(AF_INET6, SOCK_STREAM, 0), ret;

	if (fd == -1)
		return 0;
	ret = bind(fd, (struct sockaddr *)&sin6, sizeof sin6);
	close(fd);
	return ret == 0;
}

static void
test_tcp(void **state)
{
	uint16_t	port;
	char		where[32];
	int		fd;

	(void)state;
	expect_tcp("127.0.0.1:0", AF_INET, 0);
	if (has_v6())
		expect_tcp("[::1]:0", AF_INET6, 0);

	/* One that is free, by its number; then it is not free. */
	fd = listen_tcp("127.0.0.1:0", &port, err, sizeof err);
	assert_true(fd >= 0);
	snprintf(where, sizeof where, "127.0.0.1:%u", port);
	assert_int_equal(listen_tcp(where, &port, err, sizeof err), -1);
	assert_non_null(strstr(err, ": cannot listen: Address already in use"));
	assert_ptr_equal(strstr(err, where), err);
	close(fd);
	expect_tcp(where, AF_INET, port);
}

static void
test_tcp_refused(void **state)
{
	static const char	*const bad[] = {
		"", ":", "127.0.0.1", "127.0.0.1:", ":80", "localhost:80",
		"127.0.0.1:http", "127.0.0.1:65536", "127.0.0.1:65616",
		"127.0.0.1:-1", "127.0.0.1:+80", "127.0.0.1: 80",
		"127.0.0.1:80 ", "127.0.0.1:0x50", "127.0.0.1:99999999999",
		"256.0.0.1:80", "[::1]", "[::1]80", "[]:80", "[::1:80",
		"*:80", "127.0.0.1:80:90",
		"1111111111111111111111111111111111111111111111111111111111"
		"1111111111:80",
	};
	uint16_t		 port = 4711;
	size_t			 i;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (listen_tcp(bad[i], &port, err, sizeof err) != -1)
			fail_msg("\"%s\" passed, port %u", bad[i], port);
		if (strstr(err, ": not a numeric address:port") == NULL)
			fail_msg("%s", err);
		assert_int_equal(port, 4711);
	}
	/* Documentation only: nobody has it. */
	assert_int_equal(listen_tcp("192.0.2.1:0", &port, err, sizeof err),
	    -1);
	assert_non_null(strstr(err, "192.0.2.1:0: cannot listen: "));
}

static int
group_setup(void **state)
{
	umask(022);
	return scratch_make(state);
}

#define TEST(t)	cmocka_unit_test_setup_teardown(t, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		TEST(test_unix),
		TEST(test_unix_stale),
		TEST(test_unix_refused),
		TEST(test_tcp),
		TEST(test_tcp_refused),
	};

	return cmocka_run_group_tests(tests, group_setup, scratch_remove);
}
