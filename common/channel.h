#ifndef COMMON_CHANNEL_H
#define COMMON_CHANNEL_H

/*
 * Packets and descriptors over one SOCK_SEQPACKET socketpair, never blocking,
 * with a bounded queue.  A packet is at most CHANNEL_PACKET_MAX bytes; a larger
 * one, up to CHANNEL_BIG_MAX, travels as a sealed memfd and arrives as if it
 * had been small.  At most one descriptor goes with a packet, and none with a
 * large one.  Knows nothing of event loops.
 */

#include <stddef.h>
#include <stdint.h>

#define CHANNEL_PACKET_MAX	65536
#define CHANNEL_BIG_MAX		(4 * 1024 * 1024)
#define CHANNEL_QUEUE_MAX	(8 * 1024 * 1024)	/* memory of the queue */

struct channel;

struct packet {
	const uint8_t	*data;		/* until the next channel_recv() */
	size_t		 len;
	int		 fd;		/* -1, or the receiver's to close */
	int		 big;		/* came as a memfd */
};

/* Both ends, close-on-exec, with buffers for several large packets. 0 or -1. */
int	channel_pair(int fds[2]);

/* Takes the descriptor and makes it non-blocking. */
struct channel *channel_new(int fd);
void	channel_free(struct channel **);
int	channel_fd(const struct channel *);

/*
 * Queue one packet and try to write.  fd is -1 or is taken (closed after it
 * was sent, or on failure).  -1 with errno: ENOBUFS the queue is full, or there
 * is no descriptor for a large packet (nothing was queued: stop reading what
 * makes you write), EMSGSIZE too large, else the channel is dead.
 */
int	channel_send(struct channel *, const void *, size_t, int fd);

/* Write what is queued.  0: all is written, 1: not yet, -1: dead, queue gone. */
int	channel_flush(struct channel *);
size_t	channel_queued(const struct channel *);

/*
 * 1: *packet is the next packet.  0: nothing there now.  -1: the other end is
 * gone (errno 0), or it broke the rules (errno EPROTO), or an error.
 */
int	channel_recv(struct channel *, struct packet *);

/* Write with waiting, at most timeout_ms; for a last word before exit. */
int	channel_drain(struct channel *, int timeout_ms);

#endif
