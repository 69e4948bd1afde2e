#ifndef BENCH_RESULT_H
#define BENCH_RESULT_H

/*
 * What a bench measured: one row of the table, with a value of each run.  A
 * bench keeps a static array of them; a base is another row of that array.
 */

#include <stddef.h>

#define RESULT_RUNS_MAX	1000
#define RESULT_BASES	2

enum result_goal { GOAL_NONE, GOAL_BELOW, GOAL_ABOVE, GOAL_RATIO_BELOW };

struct result {
	const char	*name;		/* "accept.16.rate" */
	const char	*unit;
	const struct result *base[RESULT_BASES];	/* or NULL */
	enum result_goal goal;
	double		 limit;		/* of the median, or of its ratio to
					   the first base */
	double		 v[RESULT_RUNS_MAX];
	unsigned	 n;
};

void	result_add(struct result *, double);

/* One JSON object a line on stdout; rows without a value are left out. */
void	results_write(const struct result *, size_t n);

/*
 * Read such lines and print them, as a table or as one JSON object.  0, or -1:
 * a line is none of ours.
 */
int	results_print(int json);

#endif
