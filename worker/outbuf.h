#ifndef WORKER_OUTBUF_H
#define WORKER_OUTBUF_H

/*
 * One frame on its way out, with the room in front of it that libwebsockets
 * wants.  It may hold plain text (multicast), so it is wiped.
 */

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct outbuf {
	uint8_t	*base;		/* LWS_PRE bytes, then the frame */
	size_t	 len, size;	/* of the frame; room for one */
	int	 bad;		/* a string was no UTF-8 */
};

void	outbuf_init(struct outbuf *);
void	outbuf_clear(struct outbuf *);		/* wipes and frees */

/* Begin a new frame; wipes the old one. */
void	outbuf_reset(struct outbuf *);

void	outbuf_add(struct outbuf *, const char *);

/* A JSON string with its quotes.  Sets bad when it is not UTF-8. */
void	outbuf_add_string(struct outbuf *, const char *);

/* A value as compact JSON. */
void	outbuf_add_json(struct outbuf *, const json_t *);

/* Base64 of bytes, as a JSON string. */
void	outbuf_add_base64(struct outbuf *, const void *, size_t);

/* The frame; room for lws_write() is in front of it. */
uint8_t	*outbuf_data(struct outbuf *);

#endif
