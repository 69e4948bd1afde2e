/* One frame on its way out. */

#include "worker/outbuf.h"

#include <libwebsockets.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/encode.h"
#include "common/xalloc.h"

#define FIRST_SIZE	1024
#define KEEP_SIZE	(16 * 1024)	/* more is given back */

void
outbuf_init(struct outbuf *o)
{
	memset(o, 0, sizeof *o);
}

void
outbuf_clear(struct outbuf *o)
{
	if (o->base != NULL)
		freezero(o->base, LWS_PRE + o->size);
	memset(o, 0, sizeof *o);
}

void
outbuf_reset(struct outbuf *o)
{
	if (o->size > KEEP_SIZE)
		outbuf_clear(o);
	else if (o->base != NULL)
		sodium_memzero(o->base + LWS_PRE, o->len);
	o->len = 0;
	o->bad = 0;
}

uint8_t *
outbuf_data(struct outbuf *o)
{
	return o->base + LWS_PRE;
}

/* Room for more bytes behind the frame; returns where they go. */
static uint8_t *
outbuf_room(struct outbuf *o, size_t more)
{
	uint8_t	*base;
	size_t	 size = o->size > 0 ? o->size : FIRST_SIZE;

	if (o->base == NULL || o->size - o->len < more) {
		while (size - o->len < more)
			size *= 2;
		base = xmalloc(LWS_PRE + size);
		memset(base, 0, LWS_PRE);
		if (o->base != NULL) {
			memcpy(base + LWS_PRE, o->base + LWS_PRE, o->len);
			freezero(o->base, LWS_PRE + o->size);
		}
		o->base = base;
		o->size = size;
	}
	return o->base + LWS_PRE + o->len;
}

/* Bytes as they are. */
static void
outbuf_bytes(struct outbuf *o, const char *p, size_t len)
{
	memcpy(outbuf_room(o, len), p, len);
	o->len += len;
}

void
outbuf_add(struct outbuf *o, const char *s)
{
	outbuf_bytes(o, s, strlen(s));
}

void
outbuf_add_string(struct outbuf *o, const char *s)
{
	const char	*start;
	char		 esc[8];

	if (!utf8_valid(s, strlen(s), 0))
		o->bad = 1;
	outbuf_add(o, "\"");
	for (start = s; *s != '\0'; s++) {
		if ((unsigned char)*s >= 0x20 && *s != '"' && *s != '\\')
			continue;
		outbuf_bytes(o, start, (size_t)(s - start));
		start = s + 1;
		snprintf(esc, sizeof esc, "\\u%04x", (unsigned char)*s);
		outbuf_add(o, esc);
	}
	outbuf_bytes(o, start, (size_t)(s - start));
	outbuf_add(o, "\"");
}

void
outbuf_add_json(struct outbuf *o, const json_t *v)
{
	size_t	 size = json_dumpb(v, NULL, 0, JSON_COMPACT);

	o->len += json_dumpb(v, (char *)outbuf_room(o, size), size,
	    JSON_COMPACT);
}

void
outbuf_add_base64(struct outbuf *o, const void *p, size_t len)
{
	size_t	size = base64_size(len);
	char	*at;

	outbuf_add(o, "\"");
	at = (char *)outbuf_room(o, size);
	if (base64_encode(at, size, p, len) == NULL)
		abort();
	o->len += size - 1;
	outbuf_add(o, "\"");
}
