#ifndef STORE_REFUSED_H
#define STORE_REFUSED_H

#ifndef PROCESS_STORE
#error "this header belongs to the store"
#endif

/*
 * Puts that were refused, because the disk was full or the file locked, come
 * again, in the worker's own time.  What the worker has sent behind them is in
 * the channel already: were it stored, later messages would stand before
 * earlier ones in the inbox.  So a worker's puts are taken only in their order,
 * from the first that was refused on, until none is awaited any more.
 */

#include <stddef.h>
#include <stdint.h>

#define REFUSED_MAX	4096	/* far more than a worker has outstanding */

struct refused {
	uint32_t	*seq;		/* in the order of the worker */
	size_t		 n, size;
};

/* May this put be taken now? */
int	refused_is_next(const struct refused *, uint32_t seq);

/* It was refused.  -1: too many for any worker that keeps the rules. */
int	refused_add(struct refused *, uint32_t seq);

/* It is being taken.  No harm when it was not awaited. */
void	refused_del(struct refused *, uint32_t seq);

void	refused_clear(struct refused *);

#endif
