#ifndef WORKER_PACE_H
#define WORKER_PACE_H

/*
 * How long to wait: back-off of rows and of connections, and the rate that a
 * broker's refusal names.  Nothing here reads a clock; rnd is 32 random bits.
 */

#include <stdint.h>

#define PACE_ROW_MAX_MS		30000	/* delivery.md section 4 */
#define PACE_ABSENT_MAX_MS	300000	/* recipient not connected */
#define PACE_LONG_MS		60000	/* a refusal that may pass */
#define PACE_JITTER		20	/* per cent, either way */

/* min(max, 0.5 s * 2^attempts), jittered. */
int64_t	pace_row(int64_t attempts, int64_t max_ms, uint32_t rnd);

/* 1, 2, 4, 8, 16, 30, 30 ... s for tries 0, 1 ..., jittered. */
int64_t	pace_connect(unsigned tries, uint32_t rnd);

/* Any time, jittered. */
int64_t	pace_jitter(int64_t ms, uint32_t rnd);

/*
 * When may a row that is not in the window be due, by the wall clock?  Ms from
 * now; 0 also when next lies so far ahead that the clock must have gone back.
 */
int64_t	pace_wait(int64_t next_attempt_at, int64_t now_wall);

/*
 * What "rate_limit: max 60 msg/min (burst 10) ..." names; 0: it does not.
 */
void	pace_parse(const char *error, uint32_t *per_minute_r,
	    uint32_t *burst_r);

#endif
