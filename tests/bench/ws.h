#ifndef BENCH_WS_H
#define BENCH_WS_H

/*
 * A bare WebSocket client on 127.0.0.1: no library, nothing between it and the
 * socket, so that what it measures is the broker's.  Whatever fails ends the
 * bench.
 */

#include <stddef.h>
#include <stdint.h>

#define WS_TEXT		1
#define WS_CLOSE	8
#define WS_PING		9
#define WS_PONG		10

struct ws {
	int	 fd;
	uint8_t	*in, *out;
	size_t	 inlen, inoff, incap;
	size_t	 outlen, outoff, outcap;
};

struct ws_frame {
	int		 op;
	const uint8_t	*data;		/* until the next call */
	size_t		 len;
};

/* Connect and upgrade, path /ws.  The socket does not block then. */
void	ws_open(struct ws *, int port);
void	ws_close(struct ws *);

/* Queue a frame; ws_flush() writes what the socket takes. */
void	ws_put(struct ws *, int op, const void *, size_t);
void	ws_flush(struct ws *);
int	ws_pending(const struct ws *);

/* Read what is there, without waiting. */
void	ws_read(struct ws *);

/* The next whole frame: 1; none yet: 0.  Pings are answered, not returned. */
int	ws_next(struct ws *, struct ws_frame *);

/* Wait for the next frame, at most 30 s. */
void	ws_wait(struct ws *, struct ws_frame *);

#endif
