#ifndef COMMON_XALLOC_H
#define COMMON_XALLOC_H

/*
 * Allocation that dies, and allocation that wipes.
 *
 * x*() never return NULL: out of memory ends the process with a log line.
 * A size that a peer sent is checked against its limit before it gets here.
 */

#include <stddef.h>

void	*xmalloc(size_t);
void	*xcalloc(size_t, size_t);
void	*xreallocarray(void *, size_t, size_t);
char	*xstrdup(const char *);
char	*xstrndup(const char *, size_t);
int	 xasprintf(char **, const char *, ...)
	    __attribute__((__format__(printf, 2, 3)));

/* Wipe len bytes, then free.  NULL is accepted. */
void	 freezero(void *, size_t);

/* Wipe a string up to its end, then free.  NULL is accepted. */
void	 freezero_str(char *);

/*
 * Allocators that remember their size and wipe on free and on realloc, for
 * json_set_alloc_funcs() and event_set_mem_functions().  They return NULL
 * when there is no memory, as those libraries expect.
 */
void	*wipe_malloc(size_t);
void	*wipe_realloc(void *, size_t);
void	 wipe_free(void *);

#endif
