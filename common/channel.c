/*
 * Packets and descriptors over a socketpair.
 *
 * A packet that is too large for the socket goes into a sealed memfd, and a
 * packet of its own announces it: LARGE_MARK (a byte that msgpack never uses)
 * and the size, with the descriptor.  It keeps its place in the order.
 */

#include "common/channel.h"

#include <sys/mman.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fd.h"
#include "common/xalloc.h"

#define LARGE_MARK	0xc1
#define LARGE_LEN	5
#define SOCKET_BUFFER	(1024 * 1024)
#define SEALS		(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

struct out_packet {
	TAILQ_ENTRY(out_packet) entry;
	int		 fd;
	size_t		 cost;		/* memory, that of a memfd too */
	size_t		 len;
	uint8_t		 data[];
};

struct channel {
	int		 fd;
	TAILQ_HEAD(, out_packet) queue;
	size_t		 queued;
	uint8_t		*big;		/* the last large packet received */
	size_t		 biglen;
};

/*
 * One for the process: a packet is handled before the next is received, and
 * wiped then, since some hold keys.
 */
static uint8_t	receive_buffer[CHANNEL_PACKET_MAX];
static size_t	received;		/* bytes of it in use */

/* A pair of ends. */
int
channel_pair(int fds[2])
{
	int	i, size = SOCKET_BUFFER;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == -1) {
		fds[0] = fds[1] = -1;
		return -1;
	}
	for (i = 0; i < 2; i++)		/* the kernel may grant less */
		(void)setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &size,
		    sizeof size);
	return 0;
}

struct channel *
channel_new(int fd)
{
	struct channel	*ch = xcalloc(1, sizeof *ch);

	ch->fd = fd;
	TAILQ_INIT(&ch->queue);
	(void)fd_nonblock(fd);
	(void)fd_cloexec(fd, 1);
	return ch;
}

/* Forget one queued packet. */
static void
channel_drop_first(struct channel *ch)
{
	struct out_packet	*p = TAILQ_FIRST(&ch->queue);

	TAILQ_REMOVE(&ch->queue, p, entry);
	ch->queued -= p->cost;
	fd_close(&p->fd);
	freezero(p, sizeof *p + p->len);
}

/* Nobody will read them. */
static void
channel_drop_queue(struct channel *ch)
{
	int	saved = errno;

	while (!TAILQ_EMPTY(&ch->queue))
		channel_drop_first(ch);
	errno = saved;
}

/* Forget the last large packet received. */
static void
channel_drop_big(struct channel *ch)
{
	freezero(ch->big, ch->biglen);
	ch->big = NULL;
	ch->biglen = 0;
}

void
channel_free(struct channel **chp)
{
	struct channel	*ch = *chp;

	if (ch == NULL)
		return;
	channel_drop_queue(ch);
	channel_drop_big(ch);
	fd_close(&ch->fd);
	free(ch);
	*chp = NULL;
}

int
channel_fd(const struct channel *ch)
{
	return ch->fd;
}

size_t
channel_queued(const struct channel *ch)
{
	return ch->queued;
}

/* One packet to the kernel.  1 sent, 0 no room now, -1 dead. */
static int
channel_write(struct channel *ch, const void *data, size_t len, int fd)
{
	union {
		struct cmsghdr	hdr;
		char		buf[CMSG_SPACE(sizeof(int))];
	} control = { .buf = { 0 } };
	struct iovec	 iov = { (void *)(uintptr_t)data, len };
	struct msghdr	 m = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr	*c;

	if (fd != -1) {
		m.msg_control = control.buf;
		m.msg_controllen = sizeof control.buf;
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof fd);
	}
	for (;;) {
		if (sendmsg(ch->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) != -1)
			return 1;
		if (errno == EINTR)
			continue;
		/* ETOOMANYREFS: too many descriptors under way; it passes. */
		if (errno == EAGAIN || errno == EWOULDBLOCK ||
		    errno == ENOBUFS || errno == ETOOMANYREFS)
			return 0;
		return -1;
	}
}

/* Put a large packet into a sealed memfd. */
static int
channel_seal(const void *data, size_t len)
{
	int	fd;

	if ((fd = memfd_create("packet", MFD_CLOEXEC | MFD_ALLOW_SEALING)) ==
	    -1)
		return -1;
	if (fd_write_all(fd, data, len) == -1 ||
	    fcntl(fd, F_ADD_SEALS, SEALS) == -1) {
		fd_close(&fd);
		return -1;
	}
	return fd;
}

/* Queue, and write at once when nothing waits. */
int
channel_send(struct channel *ch, const void *data, size_t len, int fd)
{
	struct out_packet	*p;
	uint8_t			 mark[LARGE_LEN];
	uint32_t		 size = (uint32_t)len;
	size_t			 cost = sizeof *p + len;
	int			 ret, saved;

	if (len == 0 || len > CHANNEL_BIG_MAX ||
	    (len > CHANNEL_PACKET_MAX && fd != -1)) {
		errno = EMSGSIZE;
		goto fail;
	}
	if (ch->queued + cost > CHANNEL_QUEUE_MAX) {
		errno = ENOBUFS;
		goto fail;
	}
	if (len > CHANNEL_PACKET_MAX) {
		/* No descriptor or memory left: it passes, as a full queue. */
		if ((fd = channel_seal(data, len)) == -1) {
			errno = ENOBUFS;
			goto fail;
		}
		mark[0] = LARGE_MARK;
		memcpy(mark + 1, &size, sizeof size);
		data = mark;
		len = sizeof mark;
	}
	if (TAILQ_EMPTY(&ch->queue)) {
		if ((ret = channel_write(ch, data, len, fd)) == -1)
			goto fail;
		if (ret == 1) {
			fd_close(&fd);
			return 0;
		}
	}
	p = xcalloc(1, sizeof *p + len);
	p->fd = fd;
	p->cost = cost;
	p->len = len;
	memcpy(p->data, data, len);
	TAILQ_INSERT_TAIL(&ch->queue, p, entry);
	ch->queued += cost;
	return 0;

fail:
	saved = errno;
	fd_close(&fd);
	errno = saved;
	return -1;
}

/* Write what is queued. */
int
channel_flush(struct channel *ch)
{
	struct out_packet	*p;
	int			 ret;

	while ((p = TAILQ_FIRST(&ch->queue)) != NULL) {
		ret = channel_write(ch, p->data, p->len, p->fd);
		if (ret == -1)
			channel_drop_queue(ch);
		if (ret != 1)
			return ret == 0 ? 1 : -1;
		channel_drop_first(ch);
	}
	return 0;
}

/* The one descriptor of a packet, or -1.  More than one: -2, all closed. */
static int
channel_take_fd(struct msghdr *m)
{
	struct cmsghdr	*c;
	size_t		 i, n;
	int		 fd, taken = -1, bad = 0;

	for (c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < n; i++) {
			memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
			if (taken == -1)
				taken = fd;
			else {
				close(fd);
				bad = 1;
			}
		}
	}
	if (bad) {
		fd_close(&taken);
		return -2;
	}
	return taken;
}

/* Read a large packet out of its memfd, which must be sealed. */
static int
channel_unseal(struct channel *ch, const uint8_t *mark, int *fd)
{
	struct stat	st;
	uint32_t	size;
	size_t		off = 0;
	ssize_t		n;
	int		seals;

	memcpy(&size, mark + 1, sizeof size);
	if (*fd == -1 || size <= CHANNEL_PACKET_MAX || size > CHANNEL_BIG_MAX ||
	    (seals = fcntl(*fd, F_GET_SEALS)) == -1 ||
	    (seals & SEALS) != SEALS || fstat(*fd, &st) == -1 ||
	    st.st_size != (off_t)size) {
		errno = EPROTO;
		return -1;
	}
	ch->big = xmalloc(size);
	ch->biglen = size;
	while (off < size) {
		n = pread(*fd, ch->big + off, size - off, (off_t)off);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = EPROTO;
			return -1;
		}
		off += (size_t)n;
	}
	fd_close(fd);
	return 0;
}

/* The next packet. */
int
channel_recv(struct channel *ch, struct packet *pkt)
{
	union {
		struct cmsghdr	hdr;
		char		buf[CMSG_SPACE(4 * sizeof(int))];
	} control;
	struct iovec	iov = { receive_buffer, sizeof receive_buffer };
	struct msghdr	m = { .msg_iov = &iov, .msg_iovlen = 1,
	    .msg_control = control.buf, .msg_controllen = sizeof control.buf };
	ssize_t		n;
	int		fd;

	channel_drop_big(ch);
	sodium_memzero(receive_buffer, received);
	received = 0;
	/* ECONNRESET, once: it died with unread packets; its own come next. */
	do
		n = recvmsg(ch->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n == -1 && (errno == EINTR || errno == ECONNRESET));
	if (n == -1)
		return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
	received = (size_t)n;
	if ((fd = channel_take_fd(&m)) == -2 ||
	    (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
		if (fd >= 0)
			close(fd);
		errno = EPROTO;
		return -1;
	}
	if (n == 0) {
		fd_close(&fd);
		errno = 0;
		return -1;
	}
	pkt->data = receive_buffer;
	pkt->len = (size_t)n;
	pkt->fd = fd;
	pkt->big = 0;
	if (n == LARGE_LEN && receive_buffer[0] == LARGE_MARK) {
		if (channel_unseal(ch, receive_buffer, &fd) == -1) {
			fd_close(&fd);
			return -1;
		}
		pkt->data = ch->big;
		pkt->len = ch->biglen;
		pkt->fd = -1;
		pkt->big = 1;
	}
	return 1;
}

/* A last word: write with waiting. */
int
channel_drain(struct channel *ch, int timeout_ms)
{
	struct pollfd	pfd = { .fd = ch->fd, .events = POLLOUT };
	int64_t		end = clock_mono_ms() + timeout_ms, left;
	int		ret;

	while ((ret = channel_flush(ch)) == 1) {
		if ((left = end - clock_mono_ms()) <= 0)
			return 1;
		(void)poll(&pfd, 1, (int)left);
	}
	return ret;
}
