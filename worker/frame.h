#ifndef WORKER_FRAME_H
#define WORKER_FRAME_H

/*
 * Frames from a broker, which may lie: every field is checked for its type and
 * length before anybody looks at it.
 */

#include <jansson.h>
#include <stddef.h>

#include "common/rows.h"

#define FRAME_MAX	(4 * 1024 * 1024)	/* bytes of one frame */
#define FRAME_DEPTH_MAX	32
#define FRAME_VALUES_MAX 300000		/* what a frame may cost in memory */
#define FRAME_OUT_MAX	65536		/* bytes that a broker takes */
#define REQ_ID_SIZE	33

enum frame_type {
	FRAME_HELLO_ACK,
	FRAME_ACK,
	FRAME_PUSH,		/* push, inbound */
	FRAME_ERROR,
	FRAME_OTHER,		/* answers to requests, by name */
};

struct frame {
	enum frame_type	 type;
	char		 name[33];	/* its type as text; "": too long */
	json_t		*json;		/* an object */
	const char	*text;		/* the frame itself, borrowed */
	size_t		 len;
};

/* 0, or -1: no JSON object with a type, or deeper or larger than allowed. */
int	frame_parse(struct frame *, const char *, size_t);
void	frame_clear(struct frame *);

/*
 * Is the text cheap enough to be parsed: not deeper than FRAME_DEPTH_MAX, not
 * more values than FRAME_VALUES_MAX?  0 or -1.
 */
int	frame_scan(const char *, size_t);

/*
 * Copy a string of an object.  1, 0: absent or null, -1: of another type, too
 * long for out, or with control characters.  out is "" unless 1.
 */
int	frame_string(const json_t *, const char *name, char *out, size_t size);

struct frame_ack {
	char		 id[CLIENT_ID_SIZE];
	int		 queued;
	char		 message_id[BROKER_ID_SIZE];	/* "" unless queued */
	char		 error[REASON_SIZE];		/* "" when queued */
};
int	frame_get_ack(const struct frame *, struct frame_ack *);

struct frame_hello_ack {
	char		 presence_id[BROKER_ID_SIZE];
	int		 ordered, dedupe;
};
int	frame_get_hello_ack(const struct frame *, struct frame_hello_ack *);

struct frame_error {
	char		 code[65];
	char		 message[REASON_SIZE];
	char		 req_id[REQ_ID_SIZE];	/* of _reqId or id, or "" */
};
int	frame_get_error(const struct frame *, struct frame_error *);

#endif
