/* Values and their quantiles. */

#include "tests/bench/samples.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

void
samples_add(struct samples *s, double v)
{
	if (s->n == s->cap) {
		s->cap = s->cap == 0 ? 1024 : 2 * s->cap;
		s->v = xreallocarray(s->v, s->cap, sizeof *s->v);
	}
	s->v[s->n++] = v;
	s->sorted = 0;
}

static int
double_cmp(const void *a, const void *b)
{
	double	x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double
samples_at(struct samples *s, double q)
{
	size_t	rank;

	if (s->n == 0)
		return 0;
	if (!s->sorted) {
		qsort(s->v, s->n, sizeof *s->v, double_cmp);
		s->sorted = 1;
	}
	rank = (size_t)(q * (double)s->n);
	if ((double)rank < q * (double)s->n)
		rank++;
	if (rank < 1)
		rank = 1;
	if (rank > s->n)
		rank = s->n;
	return s->v[rank - 1];
}

void
samples_clear(struct samples *s)
{
	free(s->v);
	memset(s, 0, sizeof *s);
}
