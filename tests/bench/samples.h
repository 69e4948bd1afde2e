#ifndef BENCH_SAMPLES_H
#define BENCH_SAMPLES_H

/* Many measured values, and their quantiles.  Starts zeroed. */

#include <stddef.h>

struct samples {
	double	*v;
	size_t	 n, cap;
	int	 sorted;
};

void	samples_add(struct samples *, double);

/* The value at 0 < q <= 1 by nearest rank; 0 when there is none. */
double	samples_at(struct samples *, double q);

/* Empty it and free what it held. */
void	samples_clear(struct samples *);

#endif
