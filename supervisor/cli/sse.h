#ifndef CLI_SSE_H
#define CLI_SSE_H

/*
 * A stream of server-sent events, piece by piece.  Pure: no sockets.  An
 * event of more than SSE_EVENT_MAX bytes ends the stream; a body of the mesh
 * is at most 64 KiB, and JSON makes at most six bytes of one.
 */

#include <stddef.h>

#define SSE_EVENT_MAX	(1024 * 1024)
#define SSE_ID_MAX	128
#define SSE_NAME_MAX	64

struct sse;

/* An event as it came. */
struct sse_event {
	const char	*event;		/* "message" when it was not named */
	const char	*id;		/* its own id, or NULL */
	const char	*data;		/* lines joined by LF; NUL-terminated */
	size_t		 len;
};

/* The event is only borrowed.  Returns -1 to end the stream. */
typedef int (*sse_event_cb)(void *arg, const struct sse_event *);

struct sse *sse_new(sse_event_cb, void *arg);
void	sse_free(struct sse **);

/* -1: an event is too large, or the callback said so. */
int	sse_feed(struct sse *, const char *, size_t len);

/*
 * A new connection begins: what was half read is dropped.  The last id stays.
 */
void	sse_reset(struct sse *);

/* The id of the last event that had one and was handed over; NULL: none. */
const char *sse_last_id(const struct sse *);

/* Start from this id.  -1: too long, or not printable ASCII without spaces. */
int	sse_set_last_id(struct sse *, const char *);

#endif
