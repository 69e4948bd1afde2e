/* A frame that arrives in pieces. */

#include "worker/reader.h"

#include <sodium.h>
#include <string.h>

#include "common/xalloc.h"
#include "worker/frame.h"

#define FIRST_SIZE	4096
#define KEEP_SIZE	(16 * 1024)

int
reader_add(struct reader *r, const void *p, size_t len)
{
	size_t	 size = r->size > 0 ? r->size : FIRST_SIZE;
	char	*buf;

	if (len > FRAME_MAX - r->len) {
		reader_clear(r);
		return -1;
	}
	if (r->size - r->len < len) {
		while (size - r->len < len)
			size *= 2;
		buf = xmalloc(size);
		if (r->len > 0)
			memcpy(buf, r->buf, r->len);
		freezero(r->buf, r->len);
		r->buf = buf;
		r->size = size;
	}
	if (len > 0)
		memcpy(r->buf + r->len, p, len);
	r->len += len;
	return 0;
}

void
reader_reset(struct reader *r)
{
	if (r->size > KEEP_SIZE)
		reader_clear(r);
	else if (r->len > 0)
		sodium_memzero(r->buf, r->len);
	r->len = 0;
}

void
reader_clear(struct reader *r)
{
	freezero(r->buf, r->len);
	memset(r, 0, sizeof *r);
}
