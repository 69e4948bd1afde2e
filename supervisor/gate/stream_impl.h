#ifndef GATE_STREAM_IMPL_H
#define GATE_STREAM_IMPL_H
#ifndef PROCESS_GATE
#error "supervisor/gate is private to the gate"
#endif

/* Inside of stream.c and stream_hear.c only. */

#include <sys/queue.h>

#include "supervisor/gate/stream.h"

struct stream {
	TAILQ_ENTRY(stream) next;
	struct streams	*all;
	struct request	*req;
	struct event	*ev_alive;
	int64_t		 cursor;	/* inbox sequence */
	int64_t		 newest;	/* that the store told of, and it sees */
	int64_t		 unread_to;	/* up to here, only what is not seen */
	int		 again;		/* look above the cursor in any case */
	int		 full;		/* until what is unwritten is written */
	int64_t		 lost;		/* events dropped meanwhile */
};

TAILQ_HEAD(stream_list, stream);

struct streams {
	struct gate	*gate;
	struct stream_list list;
	struct event	*ev_pump;
	const struct timeval *alive;
};

/* stream.c: write an event, or drop it when its reader is too slow. */
void	stream_tell(struct stream *, const char *event, const json_t *data);

/* stream.c: so many are dropped; told as soon as its reader can be. */
void	stream_drop(struct stream *, int64_t);

/* stream.c: look for rows to write, in so many milliseconds. */
void	streams_pump_soon(struct streams *, int ms);

#endif
