/*
 * channel.c: packets and descriptors arrive in order, or the channel says what
 * is wrong; no descriptor is ever left over, whoever fails; the queue has an
 * end; nothing that was sent or received stays in memory.  A raw socket plays
 * the peer that breaks the rules.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/channel.h"
#include "common/clock.h"
#include "common/fd.h"
#include "common/xalloc.h"
#include "fds.h"

#define ALL_SEALS	(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#define MARK		0xc1
#define LARGE		(CHANNEL_PACKET_MAX + 1)

static struct channel	*a, *b;		/* two ends */
static int		 raw = -1;	/* instead of a's end */
static int		 before;	/* descriptors at the start of a test */
static uint8_t		*buf;		/* CHANNEL_BIG_MAX + 1 bytes */

static int
ends(void **state)
{
	int	fds[2];

	(void)state;
	before = fds_count();
	assert_int_equal(channel_pair(fds), 0);
	a = channel_new(fds[0]);
	b = channel_new(fds[1]);
	return 0;
}

/* a's end is ours, to send what channel.c would not. */
static int
raw_end(void **state)
{
	int	fds[2];

	(void)state;
	before = fds_count();
	assert_int_equal(channel_pair(fds), 0);
	raw = fds[0];
	b = channel_new(fds[1]);
	return 0;
}

static int
no_ends(void **state)
{
	(void)state;
	channel_free(&a);
	channel_free(&b);
	fd_close(&raw);
	return fds_count() == before ? 0 : -1;
}

/* What a descriptor leads to, to know it again on the other side. */
static int
marked_fd(uint8_t mark)
{
	int	fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(write(fds[1], &mark, 1), 1);
	close(fds[1]);
	return fds[0];
}

static void
expect_marked(int fd, uint8_t mark)
{
	uint8_t	got = 0;

	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(read(fd, &got, 1), 1);
	assert_int_equal(got, mark);
	close(fd);
}

/* Bytes that differ from packet to packet and from place to place. */
static void
fill(size_t len, unsigned seed)
{
	size_t	i;

	for (i = 0; i < len; i++)
		buf[i] = (uint8_t)(i * 7 + i / 251 + seed * 31 + 1);
}

static void
send_filled(size_t len, unsigned seed)
{
	fill(len, seed);
	assert_int_equal(channel_send(a, buf, len, -1), 0);
}

static void
expect_filled(size_t len, unsigned seed)
{
	struct packet	p;

	assert_int_equal(channel_recv(b, &p), 1);
	fill(len, seed);
	assert_int_equal(p.len, len);
	assert_memory_equal(p.data, buf, len);
	assert_int_equal(p.fd, -1);
	assert_int_equal(p.big, len > CHANNEL_PACKET_MAX);
}

static void
expect_nothing(void)
{
	struct packet	p;

	assert_int_equal(channel_recv(b, &p), 0);
}

static void
expect_end(int error)
{
	struct packet	p;

	errno = EIO;
	assert_int_equal(channel_recv(b, &p), -1);
	assert_int_equal(errno, error);
}

static void
test_pair(void **state)
{
	int	fds[2], i, size;
	socklen_t len;

	(void)state;
	assert_int_equal(channel_pair(fds), 0);
	for (i = 0; i < 2; i++) {
		len = sizeof size;
		assert_int_equal(fcntl(fds[i], F_GETFD), FD_CLOEXEC);
		assert_int_equal(getsockopt(fds[i], SOL_SOCKET, SO_SNDBUF,
		    &size, &len), 0);
		assert_true(size > 2 * CHANNEL_PACKET_MAX);
		close(fds[i]);
	}
	assert_true(fcntl(channel_fd(a), F_GETFL) & O_NONBLOCK);
	channel_free(&(struct channel *){ NULL });
}

static void
test_sizes(void **state)
{
	static const size_t	sizes[] = { 1, 2, 5, 4096, CHANNEL_PACKET_MAX };
	unsigned		i, n = sizeof sizes / sizeof *sizes;

	(void)state;
	expect_nothing();
	for (i = 0; i < n; i++)
		send_filled(sizes[i], i);
	assert_int_equal(channel_queued(a), 0);
	for (i = 0; i < n; i++)
		expect_filled(sizes[i], i);
	expect_nothing();
}

static void
test_big(void **state)
{
	(void)state;
	send_filled(3, 0);
	send_filled(LARGE, 1);
	send_filled(4, 2);
	send_filled(CHANNEL_BIG_MAX, 3);
	send_filled(CHANNEL_PACKET_MAX, 4);
	expect_filled(3, 0);
	expect_filled(LARGE, 1);
	expect_filled(4, 2);
	expect_filled(CHANNEL_BIG_MAX, 3);
	expect_filled(CHANNEL_PACKET_MAX, 4);
	expect_nothing();
	assert_int_equal(fds_count(), before + 2);
}

static void
test_fd(void **state)
{
	struct packet	p;
	int		fd;

	(void)state;
	fd = marked_fd(1);
	assert_int_equal(channel_send(a, "x", 1, fd), 0);
	assert_false(fds_is_open(fd));
	assert_int_equal(channel_send(a, "y", 1, -1), 0);
	assert_int_equal(channel_send(a, "z", 1, marked_fd(2)), 0);

	assert_int_equal(channel_recv(b, &p), 1);
	assert_memory_equal(p.data, "x", 1);
	expect_marked(p.fd, 1);
	assert_int_equal(channel_recv(b, &p), 1);
	assert_memory_equal(p.data, "y", 1);
	assert_int_equal(p.fd, -1);
	assert_int_equal(channel_recv(b, &p), 1);
	expect_marked(p.fd, 2);
	assert_int_equal(fds_count(), before + 2);
}

static void
expect_not_sent(size_t len, int error)
{
	int	fd = marked_fd(0);

	assert_int_equal(channel_send(a, buf, len, fd), -1);
	assert_int_equal(errno, error);
	assert_false(fds_is_open(fd));
	assert_int_equal(channel_queued(a), 0);
}

static void
test_sizes_refused(void **state)
{
	(void)state;
	expect_not_sent(0, EMSGSIZE);
	expect_not_sent(LARGE, EMSGSIZE);	/* large, and a descriptor */
	expect_not_sent(CHANNEL_BIG_MAX + 1, EMSGSIZE);
	assert_int_equal(channel_send(a, buf, 0, -1), -1);
	assert_int_equal(errno, EMSGSIZE);
	assert_int_equal(channel_send(a, buf, CHANNEL_BIG_MAX + 1, -1), -1);
	assert_int_equal(errno, EMSGSIZE);
	expect_nothing();
}

/* The raw peer sends n descriptors, each in a header of its own or not. */
static void
raw_send(const void *data, size_t len, const int *fds, unsigned n, int apart)
{
	union {
		struct cmsghdr	hdr;
		char		buf[8 * CMSG_SPACE(sizeof(int))];
	} control = { .buf = { 0 } };
	struct iovec	 iov = { (void *)(uintptr_t)data, len };
	struct msghdr	 m = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr	*c = &control.hdr;
	unsigned	 i, each = apart ? 1 : n;

	m.msg_control = n > 0 ? control.buf : NULL;
	for (i = 0; i < n; i += each) {
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(each * sizeof(int));
		memcpy(CMSG_DATA(c), fds + i, each * sizeof(int));
		m.msg_controllen += CMSG_SPACE(each * sizeof(int));
		c = (void *)(control.buf + m.msg_controllen);
	}
	assert_int_equal(sendmsg(raw, &m, 0), len);
}

static void
test_many_fds(void **state)
{
	int		 fds[8];
	unsigned	 i, n;

	(void)state;
	for (n = 2; n <= 8; n++) {
		for (i = 0; i < n; i++)
			fds[i] = marked_fd((uint8_t)i);
		raw_send("x", 1, fds, n, n == 4);
		for (i = 0; i < n; i++)
			close(fds[i]);
		expect_end(EPROTO);
		assert_int_equal(fds_count(), before + 2);
	}
}

/* A memfd of this size with these seals, announced as a packet of size. */
static void
raw_large(uint32_t size, off_t real, int seals)
{
	uint8_t	mark[5] = { MARK };
	int	fd = memfd_create("t", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_int_not_equal(fd, -1);
	memcpy(mark + 1, &size, sizeof size);
	assert_int_equal(ftruncate(fd, real), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	raw_send(mark, sizeof mark, &fd, 1, 0);
	close(fd);
}

static void
expect_large_refused(uint32_t size, off_t real, int seals)
{
	raw_large(size, real, seals);
	expect_end(EPROTO);
	assert_int_equal(fds_count(), before + 2);
}

static void
test_large_refused(void **state)
{
	struct packet	p;

	(void)state;
	raw_large(LARGE, LARGE, ALL_SEALS);	/* this one is right */
	assert_int_equal(channel_recv(b, &p), 1);
	assert_int_equal(p.len, LARGE);
	assert_true(p.big);

	expect_large_refused(LARGE, LARGE, 0);
	expect_large_refused(LARGE, LARGE, F_SEAL_SEAL);
	expect_large_refused(LARGE, LARGE, ALL_SEALS & ~F_SEAL_SEAL);
	expect_large_refused(LARGE, LARGE, ALL_SEALS & ~F_SEAL_SHRINK);
	expect_large_refused(LARGE, LARGE, ALL_SEALS & ~F_SEAL_GROW);
	expect_large_refused(LARGE, LARGE, ALL_SEALS & ~F_SEAL_WRITE);
	expect_large_refused(LARGE, LARGE - 1, ALL_SEALS);
	expect_large_refused(LARGE, LARGE + 1, ALL_SEALS);
	expect_large_refused(LARGE, 0, ALL_SEALS);
	expect_large_refused(0, 0, ALL_SEALS);
	expect_large_refused(CHANNEL_PACKET_MAX, CHANNEL_PACKET_MAX,
	    ALL_SEALS);
	expect_large_refused(CHANNEL_BIG_MAX + 1, CHANNEL_BIG_MAX + 1,
	    ALL_SEALS);
	expect_large_refused(UINT32_MAX, UINT32_MAX, ALL_SEALS);
}

/* A mark with something else than a memfd, or with nothing. */
static void
test_large_without_memfd(void **state)
{
	uint8_t		mark[5] = { MARK };
	uint32_t	size = LARGE;
	int		fd;

	(void)state;
	memcpy(mark + 1, &size, sizeof size);
	raw_send(mark, sizeof mark, NULL, 0, 0);
	expect_end(EPROTO);

	fd = marked_fd(0);
	raw_send(mark, sizeof mark, &fd, 1, 0);
	close(fd);
	expect_end(EPROTO);

	fd = open("/tmp", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	if (fd == -1)
		fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	raw_send(mark, sizeof mark, &fd, 1, 0);
	close(fd);
	expect_end(EPROTO);
	assert_int_equal(fds_count(), before + 2);
}

static void
test_truncated(void **state)
{
	int	fd = marked_fd(0);

	(void)state;
	fill(LARGE, 0);
	raw_send(buf, LARGE, &fd, 1, 0);
	close(fd);
	expect_end(EPROTO);
	assert_int_equal(fds_count(), before + 2);
}

/* A packet without bytes cannot be told from the end, and ends it. */
static void
test_zero_length(void **state)
{
	int	fd = marked_fd(0);

	(void)state;
	raw_send("", 0, NULL, 0, 0);
	expect_end(0);
	raw_send("", 0, &fd, 1, 0);
	close(fd);
	expect_end(0);
	assert_int_equal(fds_count(), before + 2);
}

static void
test_eof(void **state)
{
	(void)state;
	send_filled(10, 0);
	send_filled(LARGE, 1);
	channel_free(&a);
	assert_null(a);
	expect_filled(10, 0);
	expect_filled(LARGE, 1);
	expect_end(0);
	expect_end(0);
}

/* It died with something unread; what it had said still counts. */
static void
test_reset(void **state)
{
	(void)state;
	send_filled(10, 0);
	send_filled(20, 1);
	assert_int_equal(channel_send(b, "unread", 6, -1), 0);
	channel_free(&a);
	expect_filled(10, 0);
	expect_filled(20, 1);
	expect_end(0);
}

static void
test_send_to_nobody(void **state)
{
	int	fd = marked_fd(0);

	(void)state;
	signal(SIGPIPE, SIG_DFL);
	channel_free(&b);
	assert_int_equal(channel_send(a, "x", 1, fd), -1);
	assert_int_equal(errno, EPIPE);
	assert_false(fds_is_open(fd));
	fill(LARGE, 0);
	assert_int_equal(channel_send(a, buf, LARGE, -1), -1);
	assert_int_equal(errno, EPIPE);
	assert_int_equal(fds_count(), before + 1);
}

/* Send packets of len until something is queued.  How many it took. */
static unsigned
send_until_queued(size_t len)
{
	unsigned	n = 0;

	while (channel_queued(a) == 0)
		send_filled(len, n++);
	return n;
}

/* The queue has an end, nothing is lost before it, and it opens again. */
static void
test_queue(void **state)
{
	unsigned	i = 0, n, flushed = 0;
	int		fd;

	(void)state;
	n = send_until_queued(60000);
	for (;;) {
		fill(60000, n);
		if (channel_send(a, buf, 60000, -1) == -1)
			break;
		n++;
	}
	assert_int_equal(errno, ENOBUFS);
	assert_true(channel_queued(a) <= CHANNEL_QUEUE_MAX);
	assert_true(channel_queued(a) > CHANNEL_QUEUE_MAX - 2 * 60000);
	fd = marked_fd(0);
	assert_int_equal(channel_send(a, buf, 60000, fd), -1);
	assert_int_equal(errno, ENOBUFS);
	assert_false(fds_is_open(fd));
	assert_int_equal(channel_flush(a), 1);

	while (i < n) {
		expect_filled(60000, i++);
		flushed += channel_flush(a) == 0;
	}
	expect_nothing();
	assert_true(flushed > 0);
	assert_int_equal(channel_queued(a), 0);
	send_filled(60000, 0);
	expect_filled(60000, 0);
}

/* There is room again, but what waits goes first. */
static void
test_queue_order(void **state)
{
	unsigned	i, n;

	(void)state;
	n = send_until_queued(60000);
	send_filled(60000, n++);
	expect_filled(60000, 0);
	expect_filled(60000, 1);
	send_filled(10, n);
	for (i = 2; i < n; i++) {
		assert_int_not_equal(channel_flush(a), -1);
		expect_filled(60000, i);
	}
	assert_int_equal(channel_flush(a), 0);
	expect_filled(10, n);
	expect_nothing();
}

/* Large packets count with what they hold, not with what announces them. */
static void
test_queue_big(void **state)
{
	unsigned	i, n, big = 0;

	(void)state;
	n = send_until_queued(60000);
	for (;;) {
		fill(1024 * 1024, 100 + big);
		if (channel_send(a, buf, 1024 * 1024, -1) == -1)
			break;
		big++;
		assert_true(big <= 8);
	}
	assert_int_equal(errno, ENOBUFS);
	assert_int_equal(big, 7);
	assert_true(channel_queued(a) > 7 * 1024 * 1024);
	assert_int_equal(fds_count(), before + 2 + 7);
	for (i = 0; i < n + big; i++) {
		if (i < n)
			expect_filled(60000, i);
		else
			expect_filled(1024 * 1024, 100 + i - n);
		assert_int_not_equal(channel_flush(a), -1);
	}
	assert_int_equal(channel_queued(a), 0);
	assert_int_equal(fds_count(), before + 2);
}

/* Small ones count with what they take here, or the end would be far. */
static void
test_queue_small(void **state)
{
	unsigned	n = 0;

	(void)state;
	send_until_queued(60000);
	while (channel_send(a, "x", 1, -1) == 0)
		n++;
	assert_int_equal(errno, ENOBUFS);
	assert_true(n < CHANNEL_QUEUE_MAX / 16);
}

/* Without a descriptor for a large one the channel is as good as before. */
static void
test_big_no_descriptor(void **state)
{
	struct rlimit	rl, none;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &rl), 0);
	none = rl;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	fill(LARGE, 1);
	assert_int_equal(channel_send(a, buf, LARGE, -1), -1);
	assert_int_equal(errno, ENOBUFS);
	assert_int_equal(channel_queued(a), 0);
	send_filled(60000, 2);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &rl), 0);
	send_filled(LARGE, 3);
	expect_filled(60000, 2);
	expect_filled(LARGE, 3);
}

static void
test_queue_fd(void **state)
{
	struct packet	p;
	unsigned	i, n;
	int		fd, unsent;

	(void)state;
	n = send_until_queued(60000);
	fd = marked_fd(7);
	assert_int_equal(channel_send(a, "fd", 2, fd), 0);
	assert_true(fds_is_open(fd));
	for (i = 0; i < n - 1; i++)
		expect_filled(60000, i);
	assert_int_equal(channel_flush(a), 0);
	assert_false(fds_is_open(fd));
	expect_filled(60000, n - 1);
	assert_int_equal(channel_recv(b, &p), 1);
	assert_memory_equal(p.data, "fd", 2);
	expect_marked(p.fd, 7);

	/* Never sent: closed with the channel. */
	send_until_queued(60000);
	unsent = marked_fd(0);
	assert_int_equal(channel_send(a, "fd", 2, unsent), 0);
	send_filled(LARGE, 0);
	channel_free(&a);
	assert_false(fds_is_open(unsent));
	assert_int_equal(fds_count(), before + 1);
}

/* Read all in a child, after a while; its status says whether it was right. */
static pid_t
slow_reader(unsigned n)
{
	struct packet	p;
	unsigned	i = 0;
	pid_t		pid = fork();

	assert_int_not_equal(pid, -1);
	if (pid != 0)
		return pid;
	while (i < n) {
		fill(60000, i);
		switch (channel_recv(b, &p)) {
		case -1:
			_exit(1);
		case 1:
			if (p.len != 60000 || memcmp(p.data, buf, p.len) != 0)
				_exit(2);
			i++;
		}
	}
	_exit(0);
}

static void
test_drain(void **state)
{
	int64_t		start = clock_mono_ms();
	unsigned	n;
	pid_t		pid;
	int		status;

	(void)state;
	assert_int_equal(channel_drain(a, 10000), 0);
	n = send_until_queued(60000);
	for (; n < 100; n++)
		send_filled(60000, n);
	assert_int_equal(channel_drain(a, 20), 1);
	assert_true(clock_mono_ms() - start >= 20);
	pid = slow_reader(n);
	assert_int_equal(channel_drain(a, 60000), 0);
	assert_int_equal(channel_queued(a), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(clock_mono_ms() - start < 60000);

	send_until_queued(60000);
	channel_free(&b);
	assert_int_equal(channel_drain(a, 10000), -1);
}

/* What was received is gone with the next look. */
static void
test_wiped(void **state)
{
	struct packet	p;
	const uint8_t	*old;
	size_t		i;

	(void)state;
	send_filled(CHANNEL_PACKET_MAX, 0);
	send_filled(10, 0);
	assert_int_equal(channel_recv(b, &p), 1);
	old = p.data;
	assert_int_equal(channel_recv(b, &p), 1);
	for (i = 10; i < CHANNEL_PACKET_MAX; i++)
		if (old[i] != 0)
			fail_msg("byte %zu is not wiped", i);
	assert_ptr_equal(old, p.data);
	expect_nothing();
	for (i = 0; i < 10; i++)
		assert_int_equal(old[i], 0);
}

#define TEST(f)	cmocka_unit_test_setup_teardown(f, ends, no_ends)
#define RAW(f)	cmocka_unit_test_setup_teardown(f, raw_end, no_ends)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		TEST(test_pair),
		TEST(test_sizes),
		TEST(test_big),
		TEST(test_fd),
		TEST(test_sizes_refused),
		RAW(test_many_fds),
		RAW(test_large_refused),
		RAW(test_large_without_memfd),
		RAW(test_truncated),
		RAW(test_zero_length),
		TEST(test_eof),
		TEST(test_reset),
		TEST(test_send_to_nobody),
		TEST(test_queue),
		TEST(test_queue_order),
		TEST(test_queue_big),
		TEST(test_queue_small),
		TEST(test_big_no_descriptor),
		TEST(test_queue_fd),
		TEST(test_drain),
		TEST(test_wiped),
	};
	int	ret;

	buf = xmalloc(CHANNEL_BIG_MAX + 1);
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	free(buf);
	return ret;
}
