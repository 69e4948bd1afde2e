#ifndef BROKER_FRAME_H
#define BROKER_FRAME_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/*
 * Frames: JSON text that came in, and JSON text that goes out.
 *
 * What comes in is read by jansson, after a look at its depth.  What goes out
 * is written straight into the buffer that will be sent, with room before it
 * for the header that libwebsockets puts there.  A frame for many is one
 * buffer with many references.
 */

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_MAX	65536	/* bytes of a frame, and of a message */
#define FRAME_DEPTH_MAX	16
#define FRAME_HEADROOM	16	/* LWS_PRE */

/*
 * Workers take frames of up to 4 MiB, and pass answers of up to 3 MiB on.  To a
 * list nothing is added that begins above this; one entry has less than
 * FRAME_MAX bytes more than it came with.
 */
#define FRAME_ANSWER_MAX	(3 * 1024 * 1024 - 2 * FRAME_MAX)

struct frame {
	unsigned	 refs;
	size_t		 len, cap;
	char		*buf;		/* headroom, then len bytes */
};

/* An object with no deeper nesting than FRAME_DEPTH_MAX, or NULL. */
json_t	*frame_parse(const char *, size_t);

/*
 * A string member of 1 to max bytes, or NULL; borrowed.  frame_str_or_empty
 * also takes "".
 */
const char *frame_str(const json_t *, const char *name, size_t max);
const char *frame_str_or_empty(const json_t *, const char *name, size_t max,
	    size_t *len_r);

/*
 * At most max bytes of a string member, cut between characters, for the caller
 * to free.  NULL when it is absent or empty.
 */
char	*frame_str_cut(const json_t *, const char *name, size_t max);

/* {"type":"<type>" -- one reference, for the caller. */
struct frame *frame_new(const char *type);
struct frame *frame_copy(const struct frame *);
struct frame *frame_ref(struct frame *);
void	frame_unref(struct frame **);
/* Bytes of all frames that there are. */
size_t	frame_total(void);

static inline const char *
frame_text(const struct frame *f)
{
	return f->buf + FRAME_HEADROOM;
}

/* ,"name":value.  Those of strings and JSON skip a NULL. */
void	frame_str_add(struct frame *, const char *name, const char *);
void	frame_int_add(struct frame *, const char *name, int64_t);
void	frame_bool_add(struct frame *, const char *name, int);
void	frame_null_add(struct frame *, const char *name);
void	frame_json_add(struct frame *, const char *name, const json_t *);
/* The value is JSON text already. */
void	frame_text_add(struct frame *, const char *name, const char *);
/* ISO 8601. */
void	frame_time_add(struct frame *, const char *name, int64_t ms);

/* { -- an object in a list; index is its place in that. */
void	frame_item(struct frame *, unsigned index);

/* The _reqId of a request, for its answer. */
void	frame_req_id_add(struct frame *, const json_t *request);

/* Text that is JSON already. */
void	frame_raw(struct frame *, const char *, size_t);

/* A quoted and escaped string, without a name. */
void	frame_quote(struct frame *, const char *);

/* } */
void	frame_end(struct frame *);

#endif
