/* A growing buffer that wipes. */

#include "supervisor/cli/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/xalloc.h"

#define BUF_FIRST	256

/* Room for len more bytes and a NUL.  Not realloc(): it would not wipe. */
static void
buf_reserve(struct buf *b, size_t len)
{
	size_t	 cap = b->cap == 0 ? BUF_FIRST : b->cap;
	char	*p;

	if (b->cap - b->len > len)
		return;
	while (cap - b->len <= len)
		cap *= 2;
	p = xmalloc(cap);
	if (b->len > 0)
		memcpy(p, b->p, b->len);
	freezero(b->p, b->cap);
	b->p = p;
	b->cap = cap;
}

void
buf_add(struct buf *b, const void *data, size_t len)
{
	buf_reserve(b, len);
	if (len > 0)
		memcpy(b->p + b->len, data, len);
	b->len += len;
	b->p[b->len] = '\0';
}

void
buf_adds(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void
buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list	 ap;
	int	 len;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len < 0)
		return;
	buf_reserve(b, (size_t)len);
	va_start(ap, fmt);
	vsnprintf(b->p + b->len, (size_t)len + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)len;
}

/* Letters, digits, "-", ".", "_", "~": what a URL carries as it is. */
static int
is_unreserved(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || (c != '\0' && strchr("-._~", c) != NULL);
}

void
buf_add_escaped(struct buf *b, const char *s)
{
	for (; *s != '\0'; s++) {
		if (is_unreserved((unsigned char)*s))
			buf_add(b, s, 1);
		else
			buf_addf(b, "%%%02X", (unsigned char)*s);
	}
}

void
buf_add_query(struct buf *b, const char *name, const char *value)
{
	if (value == NULL)
		return;
	buf_adds(b, b->p != NULL && strchr(b->p, '?') != NULL ? "&" : "?");
	buf_adds(b, name);
	buf_adds(b, "=");
	buf_add_escaped(b, value);
}

void
buf_reset(struct buf *b)
{
	if (b->p != NULL)
		explicit_bzero(b->p, b->len);
	b->len = 0;
}

void
buf_free(struct buf *b)
{
	freezero(b->p, b->cap);
	memset(b, 0, sizeof *b);
}
