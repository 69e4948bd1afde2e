#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

/*
 * Many clients of the local API at once, each with a connection of its own and
 * one request under way.
 */

#include <stddef.h>

#include "tests/bench/samples.h"

#define LOAD_REQUEST_MAX	4096	/* bytes */

struct load {
	const char	*socket;
	unsigned	 clients;
	unsigned	 max_n;		/* requests in all; 0: no limit */
	int		 max_ms;	/* 0: no limit */
	int		 expect;	/* status */
	/* Write the n-th request of all into buf; returns its length. */
	size_t		 (*fill)(void *arg, unsigned client, unsigned n,
			    char *buf, size_t size);
	void		*arg;

	/* What came of it. */
	unsigned	 n;		/* answers as expected */
	unsigned	 others;	/* any other */
	int		 other;		/* status of the first of them */
	double		 seconds;
	struct samples	 us;		/* from request to answer */
};

/* Ends the bench when a connection breaks, or when no answer was right. */
void	load_run(struct load *);

/* Forget what came of it. */
void	load_clear(struct load *);

/* Right answers in a second. */
double	load_rate(const struct load *);

#endif
