#ifndef CLI_POLLSET_H
#define CLI_POLLSET_H

/* What a loop waits for: descriptors, and a time. */

#include <poll.h>
#include <stdint.h>

#define POLLSET_MAX	128

struct pollset {
	struct pollfd	 pfd[POLLSET_MAX];
	nfds_t		 n;
	int64_t		 until;		/* monotonic ms */
};

void	pollset_reset(struct pollset *);

/* fd may be -1.  Returns where it stands, -1: the set is full. */
int	pollset_add(struct pollset *, int fd, short events);

/* Wait no longer than until then. */
void	pollset_until(struct pollset *, int64_t ms);

/* What came for the one at a place, 0 also where there is none. */
short	pollset_came(const struct pollset *, int at);

/* 0, also when a signal came; -1 with errno. */
int	pollset_wait(struct pollset *);

#endif
