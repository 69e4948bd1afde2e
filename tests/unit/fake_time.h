#ifndef TESTS_UNIT_FAKE_TIME_H
#define TESTS_UNIT_FAKE_TIME_H

/*
 * A clock and the timers of libwebsockets, moved by hand.  Link with
 * -Wl,--wrap=clock_mono_ms,--wrap=clock_wall_ms.
 */

#include <stdint.h>

#define FAKE_WALL	1800000000000LL	/* wall clock at 0 */

extern int64_t	fake_us;		/* monotonic */
extern int64_t	fake_slept_ms;		/* the wall clock is so much ahead */

/* Begin anew, at one second. */
void	fake_time_reset(void);

/*
 * Let time pass; timers fire in order, step() is called before each look at
 * them.
 */
void	fake_time_advance(int64_t ms, void (*step)(void));

/* How many timers are set. */
int	fake_timers(void);

#endif
