#ifndef WORKER_READER_H
#define WORKER_READER_H

/* A frame that arrives in pieces, up to FRAME_MAX bytes. */

#include <stddef.h>

struct reader {
	char	*buf;
	size_t	 len, size;
};

/* 0, or -1: the frame would be too large; it is forgotten. */
int	reader_add(struct reader *, const void *, size_t);

/* Forget the frame, wiping it; a large buffer is given back. */
void	reader_reset(struct reader *);
void	reader_clear(struct reader *);

#endif
