/*
 * Allocation that dies, and allocation that wipes.
 *
 * The wiping allocators put a header before each block that holds its size,
 * because free() and realloc() of the libraries that use them are not told it.
 */

#include "common/xalloc.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

/* Keeps what follows it aligned as malloc() would. */
union wipe_header {
	size_t		 size;
	max_align_t	 align;
};

void *
xmalloc(size_t size)
{
	void	*p;

	/* malloc(0) may return NULL, which callers never expect. */
	if ((p = malloc(size != 0 ? size : 1)) == NULL)
		fatalx("xmalloc: no memory for %zu bytes", size);
	return p;
}

void *
xcalloc(size_t nmemb, size_t size)
{
	void	*p;

	if (nmemb == 0 || size == 0)
		nmemb = size = 1;
	if ((p = calloc(nmemb, size)) == NULL)
		fatalx("xcalloc: no memory for %zu * %zu bytes", nmemb, size);
	return p;
}

void *
xreallocarray(void *old, size_t nmemb, size_t size)
{
	void	*p;

	if (nmemb == 0 || size == 0)
		nmemb = size = 1;
	if ((p = reallocarray(old, nmemb, size)) == NULL)
		fatalx("xreallocarray: no memory for %zu * %zu bytes", nmemb,
		    size);
	return p;
}

char *
xstrdup(const char *s)
{
	char	*copy;

	if ((copy = strdup(s)) == NULL)
		fatalx("xstrdup: no memory");
	return copy;
}

char *
xstrndup(const char *s, size_t max)
{
	char	*copy;

	if ((copy = strndup(s, max)) == NULL)
		fatalx("xstrndup: no memory");
	return copy;
}

int
xasprintf(char **out_r, const char *fmt, ...)
{
	va_list	 ap;
	int	 n;

	va_start(ap, fmt);
	n = vasprintf(out_r, fmt, ap);
	va_end(ap);
	if (n == -1)
		fatalx("xasprintf: no memory");
	return n;
}

void
freezero(void *p, size_t len)
{
	if (p == NULL)
		return;
	sodium_memzero(p, len);
	free(p);
}

void
freezero_str(char *s)
{
	if (s != NULL)
		freezero(s, strlen(s));
}

void *
wipe_malloc(size_t size)
{
	union wipe_header	*h;

	if (size > SIZE_MAX - sizeof *h)
		return NULL;
	if ((h = malloc(sizeof *h + size)) == NULL)
		return NULL;
	h->size = size;
	return h + 1;
}

/*
 * Always moves: realloc() of the C library would move too when it has to, and
 * leave the old bytes behind.
 */
void *
wipe_realloc(void *old, size_t size)
{
	union wipe_header	*h;
	void			*p;

	if ((p = wipe_malloc(size)) == NULL || old == NULL)
		return p;
	h = (union wipe_header *)old - 1;
	memcpy(p, old, h->size < size ? h->size : size);
	wipe_free(old);
	return p;
}

void
wipe_free(void *p)
{
	union wipe_header	*h;

	if (p == NULL)
		return;
	h = (union wipe_header *)p - 1;
	freezero(h, sizeof *h + h->size);
}
