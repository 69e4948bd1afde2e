#ifndef CLI_BUF_H
#define CLI_BUF_H

/*
 * A growing buffer for requests and answers.  It may hold tokens and message
 * bodies, so growing and freeing wipe what they leave behind.
 */

#include <stddef.h>

struct buf {
	char	*p;		/* NUL-terminated; NULL while empty */
	size_t	 len;
	size_t	 cap;
};

void	buf_add(struct buf *, const void *, size_t len);
void	buf_adds(struct buf *, const char *);
void	buf_addf(struct buf *, const char *, ...)
	    __attribute__((__format__(printf, 2, 3)));

/* Percent-encode everything but letters, digits, "-", ".", "_", "~". */
void	buf_add_escaped(struct buf *, const char *);

/* "?name=value" or "&name=value", escaped; nothing when value is NULL. */
void	buf_add_query(struct buf *, const char *name, const char *value);

/* Empty it, wiping what it held, but keep the memory. */
void	buf_reset(struct buf *);
void	buf_free(struct buf *);

#endif
