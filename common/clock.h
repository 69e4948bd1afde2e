#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

/*
 * Time.  Wall time is milliseconds since 1970 and may jump; waits inside a
 * process use monotonic time only.
 */

#include <stddef.h>
#include <stdint.h>

int64_t	clock_wall_ms(void);
int64_t	clock_mono_ms(void);
int64_t	clock_mono_us(void);

/*
 * How long a wait for a wall time may go on before the clock is looked at
 * again: a suspended host's timers stand still, and clocks are set.
 */
int64_t	clock_look_ms(void);

/* Tests move the wall clock of their process by this many ms. */
void	clock_shift(int64_t ms);

#define CLOCK_ISO_SIZE	25	/* "2026-11-23T22:05:09.754Z" and NUL */

/* ISO 8601 UTC with milliseconds.  Returns out. */
char	*clock_iso(int64_t ms, char out[CLOCK_ISO_SIZE]);

/*
 * "2026-11-23T22:05:09Z", with or without a fraction, Z or +hh:mm.
 * 0 and *ms_r, or -1.
 */
int	 clock_parse_iso(const char *, int64_t *ms_r);

#endif
