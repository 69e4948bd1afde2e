#ifndef SUPERVISOR_CRASH_H
#define SUPERVISOR_CRASH_H

/*
 * How soon a child that died is started again: after 0, 1, 2, 4 ... 30 s; at
 * once when it was up for CRASH_STEADY_MS.  And when it is no more: after
 * CRASH_DEATHS deaths within CRASH_SPAN_MS, or so many in a row before it was
 * steady, however long the waits between made that take.  Reads no clock.
 */

#include <stdint.h>

#define CRASH_STEADY_MS		3000
#define CRASH_DELAY_MAX_MS	30000
#define CRASH_DEATHS		10
#define CRASH_SPAN_MS		60000

struct crash {
	unsigned	 failures;	/* in a row, for the delay */
	unsigned	 early;		/* deaths in a row before it was steady */
	unsigned	 n;		/* of all deaths */
	int64_t		 at[CRASH_DEATHS];	/* the last ones, a ring */
};

/*
 * It died at this time (monotonic, ms), and was not asked to; up for so many
 * ms, 0: it never was.
 */
void	crash_died(struct crash *, int64_t now, int64_t up_ms);

/* It could not even be started. */
void	crash_failed(struct crash *);

/* It was asked to, or a person wants it tried anew. */
void	crash_forget(struct crash *);

/* Ms until it is started again. */
int64_t	crash_delay(const struct crash *);

/* Is starting it again of no use? */
int	crash_is_loop(const struct crash *);

#endif
