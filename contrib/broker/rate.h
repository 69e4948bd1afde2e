#ifndef BROKER_RATE_H
#define BROKER_RATE_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/*
 * How fast a member may send, all its connections together: a bucket of tokens
 * that fills at an even rate.  A member that leaves and comes back finds its
 * bucket as it left it.
 */

#include <stdint.h>

struct rates;

#define RATE_PER_MINUTE_MAX	60000
#define RATE_BURST_MAX		60000

/* per_minute 0: no limit. */
struct rates *rates_new(unsigned per_minute, unsigned burst);
void	rates_free(struct rates **);

/* A send of this member, at this monotonic time (ms): 1, and a token, or 0. */
int	rates_take(struct rates *, int64_t member, int64_t now);

/* Forget the buckets that are full again. */
void	rates_prune(struct rates *, int64_t now);

/* How many there are. */
unsigned rates_count(const struct rates *);

#endif
