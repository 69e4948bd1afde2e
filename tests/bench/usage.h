#ifndef BENCH_USAGE_H
#define BENCH_USAGE_H

/* What the processes of a world use. */

#include "tests/bench/result.h"
#include "tests/bench/world.h"

/* Proportional set size in KiB; -1: gone, or not ours to look at. */
double	usage_pss(long pid);

/* Time on a processor in us since its start; -1 as above. */
double	usage_cpu(long pid);

/*
 * The sum of one of these over the processes of a role, "store" or "worker"
 * for example; -1 when one of them cannot be read.  Each value is also added
 * to the result, which may be NULL.
 */
double	usage_role(const json_t *status, const char *role,
	    double (*usage)(long pid), struct result *each);

/* Processor time of a role so far, 0 when it cannot be read. */
double	usage_cpu_now(const struct world *, const char *role);

#endif
